//! Why a track stands where it stands.

use std::fmt;
use std::sync::Arc;

use leitmotif_domain::TrackId;
use serde::{Deserialize, Serialize, Serializer};

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
    /// Others played it in sessions like the running one.
    Sessions,
    /// It is played more than usual in these days.
    Trending,
    /// The listener plays its artist.
    Artist,
    /// It is new in the catalogue.
    Fresh,
    /// The listener knows it already; shown when there is nothing else.
    Familiar,
    /// It is played more at moments like this one.
    Moment,
    /// A control was turned towards it, or away.
    Control,
    /// A rule of the placement moved it.
    Rule,
    /// It, or its artist, was skipped lately.
    Skips,
    /// Features of the tenant's views speak for it.
    Features,
}

impl Source {
    /// All sources; a source's number is its place here.
    pub const ALL: [Self; 15] = [
        Self::Taste,
        Self::Neighbours,
        Self::Content,
        Self::Popular,
        Self::Session,
        Self::Sessions,
        Self::Trending,
        Self::Artist,
        Self::Fresh,
        Self::Familiar,
        Self::Moment,
        Self::Control,
        Self::Rule,
        Self::Skips,
        Self::Features,
    ];
    /// How many of them, from the first on, offer candidates to a learned ranker.
    pub const LEARNT: usize = 7;

    /// Whether it is asked though it counts nothing in the blend, because a ranker may learn from what it
    /// says. The others are asked only where training found that they help: an answer pays for each.
    pub fn is_asked_unweighed(self) -> bool {
        !matches!(self, Self::Sessions | Self::Trending)
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Taste => "taste",
            Self::Neighbours => "neighbours",
            Self::Content => "content",
            Self::Popular => "popular",
            Self::Session => "session",
            Self::Sessions => "sessions",
            Self::Trending => "trending",
            Self::Artist => "artist",
            Self::Fresh => "fresh",
            Self::Familiar => "familiar",
            Self::Moment => "moment",
            Self::Control => "control",
            Self::Rule => "rule",
            Self::Skips => "skips",
            Self::Features => "features",
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

/// A reason as a sentence, written where it is wanted: an answer has some hundred of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonText {
    /// Where the track comes from.
    pub source: Source,
    /// Title of the track of the listener that it follows from.
    pub title: Option<Arc<str>>,
}

/// A reason as a sentence in three parts, of which the middle one is the title of the track that it follows from, or
/// empty. The other two hold nothing that JSON or HTML would escape.
pub fn sentence(source: Source, title: Option<&str>) -> (&'static str, &str, &'static str) {
    let whole = |text| (text, "", "");
    match (source, title) {
        (Source::Neighbours, Some(title)) => ("played by listeners of “", title, "”"),
        (Source::Content, Some(title)) => ("sounds or reads like “", title, "”"),
        (Source::Session, Some(title)) => ("often follows “", title, "”"),
        (Source::Neighbours, None) => whole("played by listeners of similar tracks"),
        (Source::Content, None) => whole("sounds or reads alike"),
        (Source::Session, None) => whole("often follows what was just played"),
        (Source::Sessions, _) => whole("played in sessions like this one"),
        (Source::Trending, _) => whole("played more than usual in these days"),
        (Source::Taste, _) => whole("fits the taste shown so far"),
        (Source::Artist, _) => whole("by an artist played before"),
        (Source::Popular, _) => whole("played a lot lately"),
        (Source::Fresh, _) => whole("new in the catalogue"),
        (Source::Familiar, _) => whole("not heard for a while"),
        (Source::Moment, _) => whole("played more at moments like this one"),
        (Source::Control, _) => whole("moved by the controls"),
        (Source::Rule, _) => whole("moved by a rule of this placement"),
        (Source::Skips, _) => whole("skipped lately, or its artist was"),
        (Source::Features, _) => whole("by features of your own"),
    }
}

impl fmt::Display for ReasonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, title, after) = sentence(self.source, self.title.as_deref());
        f.write_str(before)?;
        f.write_str(title)?;
        f.write_str(after)
    }
}

impl Serialize for ReasonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
