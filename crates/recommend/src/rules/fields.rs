//! What a condition may ask of a candidate and of the request.

/// What sort of value a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A number.
    Number,
    /// Words.
    Text,
    /// True or false.
    Flag,
    /// Several texts.
    List,
}

impl FieldType {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Flag => "true or false",
            Self::List => "a list",
        }
    }
}

/// A value of a field for one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'v> {
    /// Nobody knows.
    Unknown,
    /// A number.
    Number(f64),
    /// Words.
    Text(&'v str),
    /// True or false.
    Flag(bool),
    /// Several texts.
    List(&'v [String]),
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal: $sort:ident;)+) => {
        /// A field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Field {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in a rule.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What sort of value it has.
            pub fn field_type(self) -> FieldType {
                match self {
                    $(Self::$variant => FieldType::$sort,)+
                }
            }

            /// What it means.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

fields! {
    /// Title as printed.
    Title = "track.title": Text;
    /// Artist as printed.
    Artist = "track.artist": Text;
    /// Release it appeared on.
    Album = "track.album": Text;
    /// Genre as the sender calls it.
    Genre = "track.genre": Text;
    /// Free labels of the sender.
    Tags = "track.tags": List;
    /// Year of release.
    Year = "track.year": Number;
    /// Length in seconds.
    DurationS = "track.duration_s": Number;
    /// Whether the sender marks it explicit.
    Explicit = "track.explicit": Flag;
    /// Days since it entered the catalogue.
    AgeDays = "track.age_days": Number;
    /// Decayed plays of all listeners, as a share of those of the most played track.
    Popularity = "track.popularity": Number;
    /// How much more than usual it is played in these days: 1 is twice as much, 0 is no more.
    Trend = "track.trend": Number;
    /// Skips per play of all listeners, drawn towards the usual rate where there are few plays.
    SkipRate = "track.skip_rate": Number;
    /// Plays by this listener.
    TrackPlays = "listener.track_plays": Number;
    /// Plays of its artist by this listener.
    ArtistPlays = "listener.artist_plays": Number;
    /// Whether anything is known of the listener.
    IsKnown = "listener.known": Flag;
    /// Where the list is shown.
    Placement = "request.placement": Text;
    /// Device class, when the player names it.
    Device = "request.device": Text;
    /// Activity, when the player names it.
    Activity = "request.activity": Text;
    /// Hour of the day where the listener is, 0 to 23, when the player names it.
    Hour = "request.hour": Number;
    /// Day of the week where the listener is, 1 (Monday) to 7, when the player names it.
    Weekday = "request.weekday": Number;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_every_field() {
        let page = include_str!("../../../../docs/reference/pipelines.md");
        for field in Field::ALL {
            let row = format!("| `{}` |", field.name());
            let told = page
                .lines()
                .any(|line| line.starts_with(&row) && line.contains(field.meaning()));
            assert!(
                told,
                "put `{}` into docs/reference/pipelines.md",
                field.name()
            );
        }
    }
}
