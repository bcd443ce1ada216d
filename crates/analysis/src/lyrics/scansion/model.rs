//! The learned weights of the scanner.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::features::WORDS;
use super::fit::ScannedLine;
use super::form::FORM_COUNT;

static EMBEDDED: &str = include_str!("../../../data/scansion_model.json");

/// Syllables from either end of a line that have weights of their own.
pub(super) const ENDS: usize = 4;
/// Lines are told apart by their number of syllables up to here.
pub(super) const LENGTHS: usize = 18;

/// Why a scansion model cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScansionModelError {
    /// The text is not the expected JSON.
    #[error("cannot read the scansion model")]
    Parse(#[source] serde_json::Error),
    /// The weights belong to another set of features.
    #[error("the scansion model has {found} weights, need {needed}")]
    WeightCount {
        /// Weights in the text.
        found: usize,
        /// Weights needed.
        needed: usize,
    },
}

/// How one form lays stress; all in log odds, stresses counted 0 weak and 1 strong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct FormWeights {
    /// Of three syllables in a row: `first * 4 + second * 2 + third`.
    pub triples: [f64; 8],
    /// Of the first two of a line.
    pub opening: [f64; 4],
    /// Of the last two.
    pub close: [f64; 4],
    /// For stress on the first syllables.
    pub from_start: [f64; ENDS],
    /// For stress on the last syllables, the last first.
    pub from_end: [f64; ENDS],
    /// Share of the lines fitted on that have this form.
    pub share: f64,
    /// How usual the number of syllables is in this form.
    pub lengths: [f64; LENGTHS],
}

/// Scans lines of English verse.
///
/// - Source: a conditional random field over stresses with the form of the line as a hidden class:
///   Lafferty, McCallum and Pereira, "Conditional random fields", ICML 2001; the classes as in Quattoni
///   et al., "Hidden conditional random fields", 2007, but known when it is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScansionModel {
    /// Words of one syllable with weights of their own, sorted.
    pub(super) words: Vec<String>,
    /// One weight for stress per feature.
    pub(super) features: Vec<f64>,
    /// One set a form, in the order of their places.
    pub(super) forms: [FormWeights; FORM_COUNT],
}

impl ScansionModel {
    /// Returns the model built into the program.
    pub fn embedded() -> &'static Self {
        static MODEL: OnceLock<ScansionModel> = OnceLock::new();
        MODEL.get_or_init(|| {
            Self::from_json(EMBEDDED).expect("the embedded file is covered by a test")
        })
    }

    /// Reads a model.
    ///
    /// - Errors: [`ScansionModelError`] for other JSON or another count of weights.
    pub fn from_json(text: &str) -> Result<Self, ScansionModelError> {
        let model: Self = serde_json::from_str(text).map_err(ScansionModelError::Parse)?;
        let needed = WORDS + 2 * model.words.len();
        match model.features.len() {
            found if found == needed => Ok(model),
            found => Err(ScansionModelError::WeightCount { found, needed }),
        }
    }

    /// Learns to scan; lines whose words and stresses differ in number are left out.
    ///
    /// - Cost: 150 passes over the lines, about a second for 900; deterministic.
    pub fn fit(lines: &[ScannedLine]) -> Self {
        super::fit::fit(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_model_reads_and_broken_text_does_not() {
        assert!(ScansionModel::from_json(EMBEDDED).is_ok());
        assert!(ScansionModel::from_json("{}").is_err());
        let mut short = ScansionModel::embedded().clone();
        short.features.pop();
        let text = serde_json::to_string(&short).expect("plain data");
        assert!(matches!(
            ScansionModel::from_json(&text),
            Err(ScansionModelError::WeightCount { .. })
        ));
        assert!(ScansionModel::embedded().words.is_sorted());
    }
}
