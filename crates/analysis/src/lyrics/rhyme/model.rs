//! The learned rhyme model: weights of pair features and how common schemes are.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::confidence::{self, Kind};
use super::end_word::{EndWord, PAIR_FEATURE_COUNT, pair_features};
use super::fit::AnnotatedPoem;
use super::scheme::{Decoder, Evidence, Scheme};
use super::spelled::SpelledRime;
use crate::lyrics::french::FrenchEnd;
use crate::lyrics::russian::RussianEnd;

static EMBEDDED: &str = include_str!("../../../data/rhyme_model.json");

/// Why a rhyme model cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RhymeModelError {
    /// The text is not the expected JSON.
    #[error("cannot read the rhyme model")]
    Parse(#[source] serde_json::Error),
    /// The weights belong to another set of features.
    #[error("the rhyme model has {found} weights, need {needed}")]
    WeightCount {
        /// Weights in the text.
        found: usize,
        /// Weights needed.
        needed: usize,
    },
}

/// How often a whole scheme occurs among stanzas of its length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SchemePrior {
    /// One letter per line, `abab`.
    pub scheme: String,
    /// Natural logarithm of its share.
    pub log_share: f32,
}

/// Weights of the stanza decoder, chosen by cross-validation over authors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DecoderSettings {
    /// Trust in sound and spelling against the scheme's commonness.
    pub evidence_weight: f32,
    /// Log share given to a scheme outside the table, per stanza.
    pub free_base: f32,
    /// The same, per line.
    pub free_per_line: f32,
    /// How many imagined stanzas the table counts for when a poem's own stanzas vote.
    pub table_weight: f32,
}

/// Judges rhyme between words and finds the scheme of stanzas.
///
/// - Source: logistic regression on pairs, naive-Bayes scheme prior; in the spirit of Reddy and
///   Knight, "Unsupervised discovery of rhyme schemes" (ACL 2011), but supervised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RhymeModel {
    /// One weight per pair feature, in log odds against chance.
    pub pair_weights: Vec<f32>,
    /// Known schemes.
    pub schemes: Vec<SchemePrior>,
    /// Decoder weights.
    pub settings: DecoderSettings,
}

impl RhymeModel {
    /// Returns the model built into the program.
    pub fn embedded() -> &'static Self {
        static MODEL: OnceLock<RhymeModel> = OnceLock::new();
        MODEL.get_or_init(|| {
            Self::from_json(EMBEDDED).expect("the embedded file is covered by a test")
        })
    }

    /// Reads a model.
    ///
    /// - Errors: [`RhymeModelError`] for other JSON or another count of weights.
    pub fn from_json(text: &str) -> Result<Self, RhymeModelError> {
        let model: Self = serde_json::from_str(text).map_err(RhymeModelError::Parse)?;
        match model.pair_weights.len() {
            PAIR_FEATURE_COUNT => Ok(model),
            found => Err(RhymeModelError::WeightCount {
                found,
                needed: PAIR_FEATURE_COUNT,
            }),
        }
    }

    /// Returns the log likelihood ratio that two words were set to rhyme; above zero speaks for it.
    pub fn log_odds(&self, left: &EndWord, right: &EndWord) -> f32 {
        pair_features(left, right)
            .into_iter()
            .filter_map(|feature| self.pair_weights.get(usize::from(feature)))
            .sum()
    }

    /// Learns a model from annotated poems; the decoder's settings are as given.
    ///
    /// - Shape: stanzas whose words and labels differ in number are left out.
    /// - Cost: linear in pairs of lines; some seconds for two thousand poems; deterministic.
    pub fn fit(poems: &[&AnnotatedPoem], settings: DecoderSettings) -> Self {
        super::fit::fit(poems, settings)
    }

    /// Finds the schemes of the stanzas of one poem or song; stanzas of one length vote together.
    ///
    /// - Shape: `stanzas` holds the end word of each line; the result has one scheme per stanza.
    /// - Cost: O(lines²) per stanza in the word comparisons, lines beyond 24 apart are not compared.
    pub fn schemes(&self, stanzas: &[Vec<EndWord>]) -> Vec<Scheme> {
        self.decoded(Kind::Verse, stanzas, |a, b| self.log_odds(a, b))
    }

    /// Finds the schemes of sung stanzas: as [`RhymeModel::schemes`], but the ear decides: lines that
    /// do not sound alike are not joined by the habits of verse, and lines that do are not held apart.
    pub fn sung_schemes(&self, stanzas: &[Vec<EndWord>]) -> Vec<Scheme> {
        self.decoded(Kind::Sung, stanzas, |a, b| self.log_odds(a, b))
    }

    /// Finds the schemes of sung stanzas in a language known by spelling only.
    ///
    /// - Shape and cost: as [`RhymeModel::schemes`].
    pub fn spelled_sung_schemes(&self, stanzas: &[Vec<SpelledRime>]) -> Vec<Scheme> {
        self.decoded(Kind::SpelledSung, stanzas, SpelledRime::log_odds)
    }

    /// Finds the schemes of stanzas in a language known by spelling only.
    ///
    /// - Shape and cost: as [`RhymeModel::schemes`].
    pub fn spelled_schemes(&self, stanzas: &[Vec<SpelledRime>]) -> Vec<Scheme> {
        self.decoded(Kind::SpelledVerse, stanzas, SpelledRime::log_odds)
    }

    /// Finds the schemes of sung stanzas of French, known by rule.
    ///
    /// - Shape and cost: as [`RhymeModel::schemes`].
    pub fn french_sung_schemes(&self, stanzas: &[Vec<FrenchEnd>]) -> Vec<Scheme> {
        self.decoded(Kind::FrenchSung, stanzas, FrenchEnd::log_odds_sung)
    }

    /// Finds the schemes of stanzas of French verse, known by rule.
    ///
    /// - Shape and cost: as [`RhymeModel::schemes`].
    pub fn french_schemes(&self, stanzas: &[Vec<FrenchEnd>]) -> Vec<Scheme> {
        self.decoded(Kind::FrenchVerse, stanzas, FrenchEnd::log_odds)
    }

    /// Finds the schemes of sung stanzas of Russian, known by rule.
    ///
    /// - Shape and cost: as [`RhymeModel::schemes`]. The confidence is that of languages known by
    ///   spelling: no sung Russian is annotated.
    pub fn russian_sung_schemes(&self, stanzas: &[Vec<RussianEnd>]) -> Vec<Scheme> {
        self.decoded(Kind::SpelledSung, stanzas, RussianEnd::log_odds)
    }

    /// Finds the schemes of stanzas of Russian verse, known by rule.
    ///
    /// - Shape and cost: as [`RhymeModel::schemes`]; the confidence is that of languages known by spelling.
    pub fn russian_schemes(&self, stanzas: &[Vec<RussianEnd>]) -> Vec<Scheme> {
        self.decoded(Kind::SpelledVerse, stanzas, RussianEnd::log_odds)
    }

    fn decoded<W>(
        &self,
        kind: Kind,
        stanzas: &[Vec<W>],
        judge: impl Fn(&W, &W) -> f32,
    ) -> Vec<Scheme> {
        let judged = |words: &Vec<W>| Evidence::new(words, &judge);
        let evidence: Vec<Evidence> = stanzas.iter().map(judged).collect();
        let decoder = Decoder::new(self, &evidence);
        let mut schemes = match kind {
            Kind::Verse | Kind::FrenchVerse | Kind::SpelledVerse => decoder.decode(&evidence),
            Kind::Sung | Kind::FrenchSung | Kind::SpelledSung => decoder.decode_heard(&evidence),
        };
        confidence::judge(kind, &mut schemes, &evidence);
        schemes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_model_reads_and_broken_text_does_not() {
        assert!(RhymeModel::from_json(EMBEDDED).is_ok());
        assert!(RhymeModel::from_json("{}").is_err());
        let short = RhymeModel {
            pair_weights: vec![0.0],
            ..RhymeModel::embedded().clone()
        };
        let text = serde_json::to_string(&short).expect("plain data");
        assert!(matches!(
            RhymeModel::from_json(&text),
            Err(RhymeModelError::WeightCount { found: 1, .. })
        ));
    }

    #[test]
    fn finds_common_schemes() {
        for (words, expected) in [
            (vec!["day", "night", "way", "light"], "abab"),
            (vec!["day", "way", "night", "light"], "aabb"),
            (vec!["love", "tree", "prove", "sea"], "abab"),
            (vec!["nation", "station", "vacation", "dedication"], "aaaa"),
            (vec!["table", "orange", "window", "music"], "abcd"),
            (vec!["stone", "light", "green", "night"], "abcb"),
            (vec!["cat"], "a"),
        ] {
            let stanza: Vec<EndWord> = words.iter().map(|word| EndWord::new(word)).collect();
            let schemes = RhymeModel::embedded().sung_schemes(&[stanza]);
            assert_eq!(
                schemes.first().map(Scheme::letters),
                Some(expected.to_owned())
            );
        }
    }
}
