//! What an answer was made from and what was asked of it, as far as an exposure does not say it itself.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::TrackId;
use crate::limits;
use crate::rung::Rung;

/// Where an answer stood, and what was asked beyond a listener, a placement and a moment.
///
/// With model, pipeline and moment, which the exposure names, this is what an answer is worked out from again. An answer to a
/// plain request from a state of which all is counted keeps one number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AnswerBasis {
    /// The last event of the log that the listening state knew.
    pub log_offset: u64,
    /// The last event that popularity had been counted with, where something was played or changed after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_offset: Option<u64>,
    /// The last event that the sessions of all listeners had been read with, where something was played or changed after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_offset: Option<u64>,
    /// Where the features stood that were columns of the order; absent where none was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureBasis>,
    /// Whether a part was left out because it failed or came too late, so that the answer follows from more than what was known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_degraded: bool,
    /// What was asked; absent for a plain request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<Asked>>,
}

/// Where features stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FeatureBasis {
    /// The last event of the log that was counted.
    pub log_offset: u64,
    /// The moment they were read at.
    pub at: Timestamp,
    /// A number that follows from the definitions of the views that were read.
    pub definitions: u64,
}

/// What a request asked beyond a listener, a placement and a moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Tracks the list started from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<TrackId>,
    /// Tracks that were not to appear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<TrackId>,
    /// Whether tracks that the listener had heard might appear.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub include_heard: bool,
    /// Places wanted, where fewer were filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Rungs that were not to be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disabled_rungs: Vec<Rung>,
    /// Controls and objectives that the request turned.
    #[serde(default, skip_serializing_if = "TurnedControls::is_nothing")]
    pub controls: TurnedControls,
    /// Where controls stood that neither the request turned nor the pipeline.
    #[serde(default, skip_serializing_if = "TurnedControls::is_nothing")]
    pub usual_controls: TurnedControls,
    /// What every track had to satisfy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<AskedConstraint>,
    /// Whether words might be looked for in lyrics.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_read_lyrics: bool,
    /// Whether more was asked than is kept: over [`limits::ASKED_TRACKS_MAX`] tracks, or candidates that the caller brought.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_incomplete: bool,
}

impl Asked {
    /// Keeps what was asked within bounds; none for a plain request.
    pub fn bounded(mut self) -> Option<Box<Self>> {
        if self.seeds.len() + self.exclude.len() > limits::ASKED_TRACKS_MAX {
            (self.seeds, self.exclude) = (Vec::new(), Vec::new());
            self.is_incomplete = true;
        }
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// Controls as a request turns them; what is `None` stays as the pipeline has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnedControls {
    /// Towards artists that the listener plays (1) or away from them (−1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub familiarity: Option<f32>,
    /// Towards hits (1) or deep cuts (−1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub popularity: Option<f32>,
    /// Towards what is new in the catalogue (1) or old (−1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness: Option<f32>,
    /// Weight of variety, 0 to 1; where the pipeline seeks none, it is sought by maximal marginal relevance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diversity: Option<f32>,
}

impl TurnedControls {
    /// Whether nothing is turned.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Which answers are worked out again: the newest of those whose exposures lie in a part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerSelection {
    /// How many at most.
    pub count: u32,
    /// The first offset of an exposure; that of the log when absent.
    #[serde(default)]
    pub from_offset: Option<u64>,
    /// The last offset of an exposure; the newest when absent.
    #[serde(default)]
    pub through_offset: Option<u64>,
}

/// One thing that every track had to satisfy. Ranges include their ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedConstraint {
    /// Tempo in beats a minute from, to, and whether half and double count.
    TempoBpm(f32, f32, bool),
    /// Keys: pitch class of the tonic with C = 0, and whether it is minor.
    Keys(Vec<(u8, bool)>),
    /// Energy, 0 to 1.
    Energy(f32, f32),
    /// Length in milliseconds.
    DurationMs(u32, u32),
    /// Year of release.
    Year(u16, u16),
    /// The genre, folded.
    Genre(String),
    /// Per cent of the catalogue that is played less.
    Popularity(f32, f32),
    /// Words that the track holds, all of them.
    Text(String),
    /// A number of a descriptor; an end that is open is absent, for JSON has no infinity.
    Descriptor(String, Option<f32>, Option<f32>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_keeps_one_number() {
        let basis = AnswerBasis {
            log_offset: 7,
            asked: Asked::default().bounded(),
            ..AnswerBasis::default()
        };
        let text = serde_json::to_string(&basis).unwrap();
        assert_eq!(text, r#"{"log_offset":7}"#);
        assert_eq!(serde_json::from_str::<AnswerBasis>(&text).unwrap(), basis);
    }

    #[test]
    fn what_was_asked_reads_back_bit_by_bit() {
        let asked = Asked {
            seeds: vec![TrackId::from_u128(1)],
            count: Some(20),
            controls: TurnedControls {
                familiarity: Some(0.1),
                diversity: Some(1.0 / 3.0),
                ..TurnedControls::default()
            },
            constraints: vec![
                AskedConstraint::TempoBpm(99.9, 1_000.0, true),
                AskedConstraint::Keys(vec![(9, true)]),
                AskedConstraint::Text("rain".to_owned()),
            ],
            ..Asked::default()
        };
        let kept = asked.clone().bounded().unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Asked>(&text).unwrap(), asked);
        assert!(!text.contains("usual_controls"), "{text}");
    }

    #[test]
    fn beyond_the_bound_it_says_that_it_is_incomplete() {
        let asked = |count: usize| Asked {
            exclude: vec![TrackId::from_u128(1); count],
            ..Asked::default()
        };
        let whole = asked(limits::ASKED_TRACKS_MAX).bounded().unwrap();
        assert!(!whole.is_incomplete);
        let cut = asked(limits::ASKED_TRACKS_MAX + 1).bounded().unwrap();
        assert!(cut.is_incomplete && cut.exclude.is_empty());
    }
}
