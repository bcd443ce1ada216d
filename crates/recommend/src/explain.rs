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
    /// It usually follows what was just played.
    Session,
    /// The listener plays its artist.
    Artist,
    /// It is new in the catalogue.
    Fresh,
    /// The listener knows it already; shown when there is nothing else.
    Familiar,
    /// A control was turned towards it, or away.
    Control,
    /// A rule of the placement moved it.
    Rule,
}

impl Source {
    /// All sources; a source's number is its place here.
    pub const ALL: [Self; 10] = [
        Self::Taste,
        Self::Neighbours,
        Self::Content,
        Self::Popular,
        Self::Session,
        Self::Artist,
        Self::Fresh,
        Self::Familiar,
        Self::Control,
        Self::Rule,
    ];
    /// How many of them, from the first on, offer candidates to a learned ranker.
    pub const LEARNT: usize = 5;

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Taste => "taste",
            Self::Neighbours => "neighbours",
            Self::Content => "content",
            Self::Popular => "popular",
            Self::Session => "session",
            Self::Artist => "artist",
            Self::Fresh => "fresh",
            Self::Familiar => "familiar",
            Self::Control => "control",
            Self::Rule => "rule",
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

/// A sentence for a reason.
pub fn sentence(source: Source, because_of: Option<&str>) -> String {
    match (source, because_of) {
        (Source::Taste, _) => "fits the taste shown so far".to_owned(),
        (Source::Neighbours, Some(title)) => format!("played by listeners of “{title}”"),
        (Source::Neighbours, None) => "played by listeners of similar tracks".to_owned(),
        (Source::Content, Some(title)) => format!("sounds or reads like “{title}”"),
        (Source::Content, None) => "sounds or reads alike".to_owned(),
        (Source::Session, Some(title)) => format!("often follows “{title}”"),
        (Source::Session, None) => "often follows what was just played".to_owned(),
        (Source::Artist, _) => "by an artist played before".to_owned(),
        (Source::Popular, _) => "played a lot lately".to_owned(),
        (Source::Fresh, _) => "new in the catalogue".to_owned(),
        (Source::Familiar, _) => "not heard for a while".to_owned(),
        (Source::Control, _) => "moved by the controls".to_owned(),
        (Source::Rule, _) => "moved by a rule of this placement".to_owned(),
    }
}
