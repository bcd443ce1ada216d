//! Why a track stands where it stands.

use leitmotif_domain::TrackId;
use serde::{Deserialize, Serialize};

/// Where a candidate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The listener's taste, by matrix factorisation.
    Taste,
    /// Listeners who play this also play that.
    Neighbours,
    /// It sounds or reads alike.
    Content,
    /// Many play it.
    Popular,
    /// It is new in the catalogue.
    Fresh,
    /// The listener knows it already; shown when there is nothing else.
    Familiar,
}

impl Source {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Taste => "taste",
            Self::Neighbours => "neighbours",
            Self::Content => "content",
            Self::Popular => "popular",
            Self::Fresh => "fresh",
            Self::Familiar => "familiar",
        }
    }
}

/// One reason; the contributions of a track's reasons sum to its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// Where it comes from.
    pub source: Source,
    /// How much of the score it carries.
    pub contribution: f32,
    /// The track of the listener that it follows from, where there is one.
    pub because_of: Option<TrackId>,
}
