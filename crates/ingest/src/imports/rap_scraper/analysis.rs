//! Rows of `analysis_results` and `ml_features` as statements.

use leitmotif_domain::statement::{StatementKind, StatementStatus};
use serde_json::{Map, Value, json};

use super::statement::{MappedStatement, moment_at};
use crate::imports::cells::{number_at, text_at, whole_at};
use crate::imports::literal::read_list;

/// Analyzers that compute; every other one is a language model, and so has opinions.
const MEASURING: [&str; 5] = [
    "simplified_features",
    "algorithmic_basic",
    "advanced_algorithmic",
    "emotion_analyzer",
    "ml_features",
];
/// The stand-in that the language models' program writes when an answer could not be parsed.
const FALLBACK_QUALITY: f64 = 0.3;
const FALLBACK_AI_LIKELIHOOD: f64 = 0.5;

/// A mapped row.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedAnalysis {
    /// The id of the track over there.
    pub track_row_id: i64,
    /// What it says.
    pub statement: MappedStatement,
    /// Parts of the row that could not be read; the rest is used.
    pub warnings: Vec<String>,
}

/// Maps a row of `analysis_results`.
///
/// - Errors: no track, no analyzer.
pub fn map_analysis(row: &Map<String, Value>) -> Result<MappedAnalysis, String> {
    let track_row_id = whole_at(row, "track_id").ok_or("no `track_id`")?;
    let author = text_at(row, "analyzer_type").ok_or("no `analyzer_type`")?;
    let mut warnings = Vec::new();
    let data = match row.get("analysis_data") {
        Some(Value::String(text)) if !text.trim().is_empty() => serde_json::from_str(text)
            .unwrap_or_else(|error| {
                warnings.push(format!("`analysis_data` is no JSON: {error}"));
                Value::Null
            }),
        Some(value) => value.clone(),
        None => Value::Null,
    };
    let judged = Judged {
        author: &author,
        sentiment: text_at(row, "sentiment"),
        confidence: number_at(row, "confidence"),
        themes: read_list(row.get("themes").unwrap_or(&Value::Null)),
        data,
    };
    let status = judged.status();
    let content = json!({
        "sentiment": judged.sentiment,
        "confidence": judged.confidence,
        "themes": judged.themes,
        "complexity_score": number_at(row, "complexity_score"),
        "data": judged.data,
    });
    Ok(MappedAnalysis {
        track_row_id,
        statement: MappedStatement {
            kind: kind_of(&author),
            version: text_at(row, "model_version").unwrap_or_default(),
            author,
            status,
            said_at: moment_at(row, "created_at"),
            content,
        },
        warnings,
    })
}

/// Maps a row of `ml_features`: what it has besides keys and times.
///
/// - Errors: no track.
pub fn map_features(row: &Map<String, Value>) -> Result<MappedAnalysis, String> {
    let track_row_id = whole_at(row, "track_id").ok_or("no `track_id`")?;
    let is_feature = |name: &str| {
        !matches!(
            name,
            "id" | "track_id" | "feature_version" | "created_at" | "updated_at"
        )
    };
    let features: Map<String, Value> = row
        .iter()
        .filter(|(name, value)| is_feature(name) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let version = text_at(row, "feature_version").unwrap_or_default();
    let content = json!({ "data": { "features": features } });
    let kind = StatementKind::Measured;
    let mut statement = MappedStatement::good("ml_features", &version, kind, content);
    statement.said_at = moment_at(row, "updated_at");
    Ok(MappedAnalysis {
        track_row_id,
        statement,
        warnings: Vec::new(),
    })
}

/// The parts of a row by which it is judged.
pub struct Judged<'r> {
    /// The analyzer.
    pub author: &'r str,
    /// Its one-word verdict.
    pub sentiment: Option<String>,
    /// How sure it says it is.
    pub confidence: Option<f64>,
    /// Its themes.
    pub themes: Vec<String>,
    /// Everything else it says.
    pub data: Value,
}

impl Judged<'_> {
    /// Whether the row counts: not when it comes from a mock, and not when it is the stand-in of an
    /// analyzer that had failed.
    pub fn status(&self) -> StatementStatus {
        if self.author.starts_with("mock_") {
            return StatementStatus::Quarantined;
        }
        let is_neutral = self
            .sentiment
            .as_deref()
            .is_some_and(|sentiment| sentiment.eq_ignore_ascii_case("neutral"));
        let is_empty_handed = self.confidence == Some(0.0) && is_neutral && self.themes.is_empty();
        if is_empty_handed || self.is_literal_stand_in() {
            return StatementStatus::Fallback;
        }
        StatementStatus::Good
    }

    /// The fixed pair of scores without a single theme; with themes it may be an honest answer.
    fn is_literal_stand_in(&self) -> bool {
        let score = |name| {
            self.data
                .pointer(&format!("/quality_metrics/{name}"))?
                .as_f64()
        };
        let main_themes = self.data.pointer("/content_analysis/main_themes");
        score("overall_quality") == Some(FALLBACK_QUALITY)
            && score("ai_generated_likelihood") == Some(FALLBACK_AI_LIKELIHOOD)
            && self.themes.is_empty()
            && main_themes.is_none_or(|themes| read_list(themes).is_empty())
    }
}

/// Measured by a program or said by a language model.
pub fn kind_of(author: &str) -> StatementKind {
    if MEASURING.iter().any(|name| author.starts_with(name)) {
        StatementKind::Measured
    } else {
        StatementKind::Opinion
    }
}
