//! A row of the one-table export (`quick_dataset.csv`), which joins a track with one analysis.

use leitmotif_domain::statement::StatementKind;
use serde_json::{Map, Value, json};

use super::analysis::Judged;
use super::statement::{MappedStatement, filled_columns};
use super::track::{MappedTrack, map_track};
use crate::imports::cells::{number_at, text_at};
use crate::imports::literal::read_list;

/// Whose columns begin with `qwen_`.
pub const TABLE_ANALYZER: &str = "qwen";
/// Labels that a script derived.
const LABEL_COLUMNS: [&str; 4] = [
    "artist_style",
    "mood_label",
    "quality_score",
    "theme_category",
];
/// Numbers that a script counted.
const COUNT_COLUMNS: [&str; 3] = ["avg_words_per_line", "lines_count", "lyrics_length"];

/// Maps a row; the first statement is the analysis, when the row has one.
///
/// - Errors: as those of a row of `tracks`.
pub fn map_table_row(
    row: &Map<String, Value>,
) -> Result<(MappedTrack, Option<MappedStatement>), String> {
    let mut track = map_track(row)?;
    let has_analysis = [
        "qwen_sentiment",
        "qwen_confidence",
        "qwen_themes",
        "qwen_complexity",
    ]
    .iter()
    .any(|name| row.get(*name).is_some_and(|value| !value.is_null()));
    let analysis = has_analysis.then(|| analysis_of(row));
    let labels = filled_columns(row, &LABEL_COLUMNS);
    if !labels.is_empty() {
        let content = Value::Object(labels);
        let mut statement =
            MappedStatement::good("table-labels", "", StatementKind::Opinion, content);
        // Labels that were derived from a stand-in are no better than it.
        statement.status = analysis
            .as_ref()
            .map_or(statement.status, |analysis| analysis.status);
        track.statements.push(statement);
    }
    let counts = filled_columns(row, &COUNT_COLUMNS);
    if !counts.is_empty() {
        let content = Value::Object(counts);
        let kind = StatementKind::Measured;
        track
            .statements
            .push(MappedStatement::good("table-counts", "", kind, content));
    }
    Ok((track, analysis))
}

fn analysis_of(row: &Map<String, Value>) -> MappedStatement {
    let judged = Judged {
        author: TABLE_ANALYZER,
        sentiment: text_at(row, "qwen_sentiment"),
        confidence: number_at(row, "qwen_confidence"),
        themes: read_list(row.get("qwen_themes").unwrap_or(&Value::Null)),
        data: Value::Null,
    };
    let content = json!({
        "sentiment": judged.sentiment,
        "confidence": judged.confidence,
        "themes": judged.themes,
        "complexity_score": number_at(row, "qwen_complexity"),
        "data": null,
    });
    let kind = StatementKind::Opinion;
    let mut statement = MappedStatement::good(TABLE_ANALYZER, "", kind, content);
    statement.status = judged.status();
    statement
}
