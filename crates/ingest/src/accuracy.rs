//! Accuracy cards: how right each family of descriptors is, as it was measured.
//!
//! The cards are made by `leitmotif-eval cards` and compiled in, so that a number and what is known of
//! its accuracy come out of one binary.

use std::sync::LazyLock;

use leitmotif_analysis::Analyzer;
use leitmotif_analysis::audio::{HarmonyAnalyzer, RhythmAnalyzer, SoundAnalyzer};
use leitmotif_analysis::lyrics::{MeaningAnalyzer, WordsAnalyzer};
use serde::{Deserialize, Serialize};

/// Compiles the cards of these names in.
macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../docs/accuracy/", $name, ".json")))),*]
    };
}

/// Name and text of every card, in the order of the names; a test compares them with the folder.
static EMBEDDED: [(&str, &str); 33] = embedded![
    "acousticness",
    "alliteration",
    "audio-embedding",
    "beats",
    "chords",
    "counts",
    "danceability",
    "downbeats",
    "emotions",
    "energy",
    "explicitness",
    "heads",
    "key",
    "language",
    "length",
    "letter-to-sound",
    "loudness",
    "lyrics-space",
    "metre",
    "onsets",
    "rap-pairs",
    "readability",
    "rhyme",
    "sentiment",
    "speechiness",
    "stress",
    "structure",
    "tempo",
    "themes",
    "timbre",
    "tuning",
    "vocabulary",
    "voices",
];

/// An accuracy card. What the fields mean is said in `docs/reference/accuracy.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Stable lower-case name.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// The analyzer that measures the descriptors.
    pub analyzer: String,
    /// Its version when the card was made.
    pub version: String,
    /// Names of the descriptors; empty where the result is no descriptor.
    pub descriptors: Vec<String>,
    /// What they are.
    pub what: String,
    /// Their unit.
    pub unit: String,
    /// `validated`, `unvalidated`, or `exact` for what is right by definition.
    pub status: String,
    /// Why it is unvalidated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unvalidated_because: Option<String>,
    /// What was measured on.
    pub data: Vec<Data>,
    /// The numbers, the headline first.
    pub scores: Vec<Score>,
    /// How far confidences are the share of right answers.
    pub confidences: Vec<Confidence>,
    /// Others on the same metric.
    pub peers: Vec<Peer>,
    /// Groups that do worst.
    pub failures: Vec<Failure>,
    /// What to know beside the numbers.
    pub notes: Vec<String>,
}

/// What was measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// What it is.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Of what.
    pub of: String,
    /// Synthesised, performed, recorded or written.
    pub origin: String,
    /// Licence.
    pub licence: String,
}

/// A number with its definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Name of the metric.
    pub metric: String,
    /// The part of the data.
    pub of: String,
    /// The value.
    pub value: f64,
    /// 95 % bootstrap interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Items it is over.
    pub count: u64,
    /// What the metric is.
    pub definition: String,
    /// Where it is defined.
    pub source: String,
}

/// Calibration of a confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Whose.
    pub of: String,
    /// What counts as right, on what data.
    pub definition: String,
    /// Expected calibration error over ten bins.
    pub ece: f64,
    /// Its 95 % bootstrap interval.
    pub ece_interval: [f64; 2],
    /// What a perfectly calibrated predictor would measure here: mean and 95th percentile.
    pub ece_of_perfect: [f64; 2],
    /// Mean squared distance of confidence and outcome.
    pub brier: f64,
    /// Answers.
    pub count: u64,
    /// Reliability curve.
    pub curve: Vec<Bin>,
}

/// One bin of a reliability curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Mean confidence.
    pub confidence: f64,
    /// Share of right answers.
    pub accuracy: f64,
    /// Answers.
    pub count: u64,
}

/// Somebody else's number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Who.
    pub name: String,
    /// Name of the metric.
    pub metric: String,
    /// The value.
    pub value: f64,
    /// How it was measured.
    pub note: String,
}

/// A group that does badly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Which.
    pub group: String,
    /// Name of the metric.
    pub metric: String,
    /// The value.
    pub value: f64,
    /// Items.
    pub count: u64,
}

/// Our own analyzers.
const ANALYZERS: [&dyn Analyzer; 5] = [
    &RhythmAnalyzer,
    &HarmonyAnalyzer,
    &SoundAnalyzer,
    &WordsAnalyzer,
    &MeaningAnalyzer,
];

impl Card {
    /// The version of its analyzer in this program; `None` when there is no such analyzer any more.
    pub fn current_version(&self) -> Option<String> {
        let described = ANALYZERS.iter().map(|analyzer| analyzer.describe());
        described
            .into_iter()
            .find(|manifest| manifest.name == self.analyzer)
            .map(|manifest| manifest.version)
    }

    /// Says that the card is of another version than the analyzer has, where it is.
    pub fn stale_note(&self) -> Option<String> {
        let current = self.current_version();
        let now = current.as_deref().unwrap_or("gone");
        (now != self.version).then(|| {
            format!(
                "this card is of version {} of the analyzer, which is {now}; make it anew: {COMMAND}",
                self.version
            )
        })
    }
}

/// Makes the cards anew.
pub const COMMAND: &str =
    "cargo run --release -p leitmotif-eval -- cards --data KITS --out docs/accuracy";

static CARDS: LazyLock<Vec<Card>> = LazyLock::new(|| {
    let read = |text| serde_json::from_str(text).expect("the embedded cards are covered by a test");
    EMBEDDED.iter().map(|(_, text)| read(text)).collect()
});

/// Every card, by name.
pub fn cards() -> &'static [Card] {
    &CARDS
}

/// The card of a name.
pub fn card(name: &str) -> Option<&'static Card> {
    cards().iter().find(|card| card.name == name)
}

/// The card that a descriptor belongs to.
pub fn card_of_descriptor(descriptor: &str) -> Option<&'static Card> {
    let has = |card: &&Card| card.descriptors.iter().any(|name| name == descriptor);
    cards().iter().find(has)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_folder_and_the_list_are_the_same() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/accuracy");
        let found: BTreeSet<String> = std::fs::read_dir(&folder)
            .expect("the folder is part of the repository")
            .map(|entry| entry.expect("reads").path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        let listed: BTreeSet<String> = EMBEDDED
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        assert_eq!(found, listed, "list them in EMBEDDED");
        for ((name, _), card) in EMBEDDED.iter().zip(cards()) {
            assert_eq!(*name, card.name);
            assert!(folder.join(name).with_extension("md").exists(), "{name}.md");
        }
        assert!(cards().is_sorted_by_key(|card| card.name.as_str()));
    }

    #[test]
    fn cards_are_of_the_present_versions() {
        let stale: Vec<String> = cards().iter().filter_map(Card::stale_note).collect();
        assert!(stale.is_empty(), "{stale:#?}");
    }

    #[test]
    fn a_card_of_an_older_version_says_so() {
        let mut card = cards()[0].clone();
        card.version = "0.0.1".to_owned();
        let note = card.stale_note().expect("is older");
        assert!(
            note.contains("0.0.1") && note.contains("leitmotif-eval"),
            "{note}"
        );
        card.analyzer = "nothing".to_owned();
        assert!(card.stale_note().expect("is gone").contains("gone"));
    }

    #[test]
    fn every_descriptor_has_a_card() {
        let ours = ANALYZERS
            .iter()
            .flat_map(|analyzer| analyzer.describe().descriptors);
        let told = ["genre", "mood", "valence", "liveness"].map(str::to_owned);
        for name in ours.chain(told) {
            assert!(card_of_descriptor(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_card_has_numbers_or_says_why_not() {
        for card in cards() {
            let is_validated = card.status == "validated";
            assert_eq!(is_validated, !card.scores.is_empty(), "{}", card.name);
            let is_unvalidated = card.status == "unvalidated";
            let says_why = card.unvalidated_because.is_some();
            assert_eq!(is_unvalidated, says_why, "{}", card.name);
            let is_exact = card.status == "exact" && !card.notes.is_empty();
            assert!(is_validated || is_unvalidated || is_exact, "{}", card.name);
            for score in &card.scores {
                let holds = |[low, high]: [f64; 2]| low <= score.value && score.value <= high;
                assert!(
                    score.interval.is_none_or(holds),
                    "{} {}",
                    card.name,
                    score.metric
                );
                assert!(!score.definition.is_empty() && !score.source.is_empty());
            }
        }
        assert_eq!(
            card_of_descriptor("mode").map(|card| card.name.as_str()),
            Some("key")
        );
        assert_eq!(card_of_descriptor("nothing"), None);
    }
}
