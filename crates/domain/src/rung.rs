//! How personal an answer is.

use serde::{Deserialize, Serialize};

/// The rungs of degradation, best first; every answer names the one it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// From the listener's own history and a trained model.
    Personalised,
    /// From the tracks of the present session or the given seeds.
    Session,
    /// From what the tracks sound and read like.
    Content,
    /// From what everybody plays.
    Popular,
    /// From the catalogue alone, when nothing has been played.
    Static,
}

impl Rung {
    /// The stable name, also a metric label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Personalised => "personalised",
            Self::Session => "session",
            Self::Content => "content",
            Self::Popular => "popular",
            Self::Static => "static",
        }
    }
}
