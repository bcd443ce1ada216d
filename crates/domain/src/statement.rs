//! What others say of a track, and how far it counts.

use serde::{Deserialize, Serialize};

/// How a statement came about, and so what it may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// Computed from the lyrics or the audio by a program.
    Measured,
    /// What a language model said; never mixed with measured values.
    Opinion,
    /// How popular the track was elsewhere at a moment; of use while nobody has played it here.
    Prior,
    /// What a catalogue says of the track: ids, credits, flags.
    Provenance,
}

impl StatementKind {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Opinion => "opinion",
            Self::Prior => "prior",
            Self::Provenance => "provenance",
        }
    }
}

/// Whether a statement counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementStatus {
    /// It does.
    Good,
    /// Its author had failed and wrote a stand-in; kept for the record, used nowhere.
    Fallback,
    /// Its author is not to be trusted; kept for the record, used nowhere.
    Quarantined,
}

impl StatementStatus {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fallback => "fallback",
            Self::Quarantined => "quarantined",
        }
    }
}
