//! What can be read of an event.

use serde::{Deserialize, Serialize};

/// The kinds of events that features are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A play. Private plays and inferred skips count in no feature.
    Listen,
    /// A judgement.
    Feedback,
    /// A track shown: an exposure of ten tracks counts ten times.
    Exposure,
    /// A search.
    Search,
    /// Values that somebody else computed.
    Push,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Listen,
        Self::Feedback,
        Self::Exposure,
        Self::Search,
        Self::Push,
    ];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Feedback => "feedback",
            Self::Exposure => "exposure",
            Self::Search => "search",
            Self::Push => "push",
        }
    }

    /// What can be read of it.
    pub fn fields(self) -> &'static [Field] {
        use Field::{
            Activity, Artist, Cell, Device, Hour, Listener, Opinion, Outcome, Placement, PlayedMs,
            Position, Reason, Request, ResultCount, Rung, Share, Signal, Source, Track, TrackMs,
            Weekday,
        };
        match self {
            Self::Listen => &[
                Track, Artist, Listener, Outcome, Source, Reason, Device, Activity, Cell, Hour,
                Weekday, PlayedMs, TrackMs, Share, Signal, Request,
            ],
            Self::Feedback => &[Track, Artist, Listener, Opinion, Hour, Weekday],
            Self::Exposure => &[
                Track, Artist, Listener, Placement, Rung, Position, Request, Device, Activity,
                Hour, Weekday,
            ],
            Self::Search => &[Listener, ResultCount, Hour, Weekday],
            Self::Push => &[],
        }
    }
}

/// One property of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The track.
    Track,
    /// Who it is credited to, as the catalogue had it when the event came.
    Artist,
    /// Who played, judged or was shown something.
    Listener,
    /// `completed`, `skipped` or `partial`.
    Outcome,
    /// Who asked for the track.
    Source,
    /// Why a play ended, in the player's words.
    Reason,
    /// Device class.
    Device,
    /// Activity.
    Activity,
    /// Geohash of a coarse place.
    Cell,
    /// Hour on the listener's clock, 0 to 23; UTC where their zone is not known.
    Hour,
    /// Day on the listener's clock, 1 for Monday to 7.
    Weekday,
    /// Milliseconds heard.
    PlayedMs,
    /// Length of the track in milliseconds.
    TrackMs,
    /// Share heard, 0 to 1.
    Share,
    /// What a play says of taste, −1 to 1.
    Signal,
    /// `like`, `dislike` or `cleared`.
    Opinion,
    /// How many tracks answered a search.
    ResultCount,
    /// Where tracks were shown.
    Placement,
    /// How personal the answer was.
    Rung,
    /// At which place it was shown, from 0.
    Position,
    /// The answer that showed it, or led to the play.
    Request,
}

/// How the values of a field are written down and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// One of our ids.
    Id,
    /// A text, compared without case.
    Text,
    /// An integer that is the value times this.
    Number {
        /// Parts of one.
        scale: i64,
    },
}

impl Field {
    /// How many fields there are.
    pub const COUNT: usize = Self::Request as usize + 1;

    /// The name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Artist => "artist",
            Self::Listener => "listener",
            Self::Outcome => "outcome",
            Self::Source => "source",
            Self::Reason => "reason",
            Self::Device => "device",
            Self::Activity => "activity",
            Self::Cell => "cell",
            Self::Hour => "hour",
            Self::Weekday => "weekday",
            Self::PlayedMs => "played_ms",
            Self::TrackMs => "track_ms",
            Self::Share => "share",
            Self::Signal => "signal",
            Self::Opinion => "opinion",
            Self::ResultCount => "result_count",
            Self::Placement => "placement",
            Self::Rung => "rung",
            Self::Position => "position",
            Self::Request => "request",
        }
    }

    /// How its values are compared.
    pub fn kind(self) -> FieldKind {
        match self {
            Self::Track | Self::Listener | Self::Request => FieldKind::Id,
            Self::Share | Self::Signal => FieldKind::Number { scale: 1_000 },
            Self::Hour
            | Self::Weekday
            | Self::PlayedMs
            | Self::TrackMs
            | Self::ResultCount
            | Self::Position => FieldKind::Number { scale: 1 },
            _ => FieldKind::Text,
        }
    }

    /// Parts of one in its integers; 1 for what is no number.
    pub fn scale(self) -> i64 {
        match self.kind() {
            FieldKind::Number { scale } => scale,
            FieldKind::Id | FieldKind::Text => 1,
        }
    }

    /// Whether its values add up.
    pub fn is_number(self) -> bool {
        matches!(self.kind(), FieldKind::Number { .. })
    }

    /// Finds a field of an event by its name.
    ///
    /// - Errors: a sentence with the fields there are.
    pub fn find(event: EventKind, name: &str) -> Result<Self, String> {
        let fields = event.fields();
        let found = fields.iter().find(|field| field.name() == name);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
            let event = event.name();
            format!("no field `{name}` of `{event}`: has {}", names.join(", "))
        })
    }
}

/// A value read of an event: integers alone, so that sums do not depend on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scalar {
    /// An id, or that of a text.
    Id(u128),
    /// A number times the scale of its field.
    Number(i64),
}

impl Scalar {
    /// The 128 bits it is counted under.
    pub fn bits(self) -> u128 {
        match self {
            Self::Id(bits) => bits,
            Self::Number(value) => value as u128,
        }
    }
}

/// The id that a text always has, without regard to case and outer blanks.
///
/// - Source: FNV-1a of 128 bits over the bytes in lower case.
pub fn text_id(text: &str) -> u128 {
    let trimmed = text.trim();
    if trimmed.is_ascii() {
        return fnv(trimmed.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    fnv(trimmed.to_lowercase().bytes())
}

/// The id of parts that are joined by a character, all of them trimmed ASCII.
pub(crate) fn ascii_text_id(parts: &[&str], between: u8) -> u128 {
    let joined = parts.iter().enumerate().flat_map(|(place, part)| {
        let before = (place > 0).then_some(between);
        before.into_iter().chain(part.bytes())
    });
    fnv(joined.map(|byte| byte.to_ascii_lowercase()))
}

fn fnv(bytes: impl Iterator<Item = u8>) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_one_id_whatever_their_case() {
        assert_eq!(text_id(" Björk "), text_id("BJÖRK"));
        assert_ne!(text_id("phone"), text_id("phones"));
        // The published value for the empty text and for `a`.
        assert_eq!(text_id(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(text_id("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn an_unknown_field_is_told_with_those_there_are() {
        let error = Field::find(EventKind::Search, "colour").unwrap_err();
        assert_eq!(
            error,
            "no field `colour` of `search`: has listener, result_count, hour, weekday"
        );
        assert_eq!(Field::find(EventKind::Listen, "hour"), Ok(Field::Hour));
    }
}
