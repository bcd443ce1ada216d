//! Tracks: recordings in a catalogue, with or without audio, with or without lyrics.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::InvalidValue;
use crate::ids::TrackId;
use crate::limits;

/// Namespaces of media servers, in the order in which an id without one is looked for.
pub const MEDIA_SERVERS: [&str; 8] = [
    "navidrome",
    "subsonic",
    "ampache",
    "jellyfin",
    "emby",
    "lyrion",
    "plex",
    "mediaserver",
];

/// A recording in a catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Our id.
    pub id: TrackId,
    /// What the sender knows of it.
    #[serde(flatten)]
    pub details: TrackDetails,
    /// The audio, when there is some.
    pub audio: Option<AudioSource>,
    /// Whether lyrics are stored beside the track.
    pub has_lyrics: bool,
    /// When it entered the catalogue.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
}

/// What a sender says of a track; everything but the title may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackDetails {
    /// Title as printed.
    pub title: String,
    /// Artist as printed; empty when unknown.
    #[serde(default)]
    pub artist: String,
    /// Release it appeared on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album: Option<String>,
    /// Genre as the sender calls it; an opinion, not a measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genre: Option<String>,
    /// Release date with its precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_date: Option<ReleaseDate>,
    /// Length in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u32>,
    /// Whether the sender marks it explicit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explicit: Option<bool>,
    /// Position on its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_number: Option<u32>,
    /// How popular it is elsewhere, 0 to 100; counts only while nobody plays it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub popularity: Option<u8>,
    /// Ids elsewhere (`spotify`, `musicbrainz`, `path`, …), kept beside, never as our key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_ids: BTreeMap<String, String>,
    /// Ids of its artist elsewhere, by the same namespaces; of several artists the first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artist_ids: BTreeMap<String, String>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl TrackDetails {
    /// Checks every bound.
    ///
    /// - Errors: [`InvalidValue`] naming the first field that is wrong.
    pub fn check(&self) -> Result<(), InvalidValue> {
        if self.title.trim().is_empty() {
            return Err(InvalidValue::new("title", "must not be empty"));
        }
        check_text("title", &self.title)?;
        check_text("artist", &self.artist)?;
        check_text("album", self.album.as_deref().unwrap_or_default())?;
        check_text("genre", self.genre.as_deref().unwrap_or_default())?;
        if self
            .duration_ms
            .is_some_and(|length| length == 0 || length > limits::TRACK_MS_MAX)
        {
            let reason = format!("must be in 1..={} ms", limits::TRACK_MS_MAX);
            return Err(InvalidValue::new("duration_ms", reason));
        }
        if self
            .track_number
            .is_some_and(|number| number > limits::TRACK_NUMBER_MAX)
        {
            let reason = format!("must be at most {}", limits::TRACK_NUMBER_MAX);
            return Err(InvalidValue::new("track_number", reason));
        }
        if self.popularity.is_some_and(|popularity| popularity > 100) {
            return Err(InvalidValue::new("popularity", "must be in 0..=100"));
        }
        check_ids("external_ids", &self.external_ids)?;
        check_ids("artist_ids", &self.artist_ids)?;
        check_count("tags", self.tags.len(), limits::TAGS_MAX)?;
        self.tags.iter().try_for_each(|tag| check_text("tags", tag))
    }
}

/// Refuses text that is too long or carries control characters such as NUL.
pub fn check_text(field: &str, text: &str) -> Result<(), InvalidValue> {
    if text.len() > limits::NAME_BYTES_MAX {
        let reason = format!("{} bytes, at most {}", text.len(), limits::NAME_BYTES_MAX);
        return Err(InvalidValue::new(field, reason));
    }
    if let Some(position) = text
        .chars()
        .position(|c| c.is_control() && c != '\n' && c != '\t')
    {
        let reason = format!("control character at position {position}");
        return Err(InvalidValue::new(field, reason));
    }
    Ok(())
}

fn check_count(field: &str, count: usize, count_max: usize) -> Result<(), InvalidValue> {
    if count > count_max {
        return Err(InvalidValue::new(
            field,
            format!("{count} entries, at most {count_max}"),
        ));
    }
    Ok(())
}

fn check_ids(field: &str, ids: &BTreeMap<String, String>) -> Result<(), InvalidValue> {
    check_count(field, ids.len(), limits::EXTERNAL_IDS_MAX)?;
    for (namespace, value) in ids {
        check_namespace(field, namespace)?;
        if value.is_empty() {
            let field = format!("{field}/{namespace}");
            return Err(InvalidValue::new(field, "must not be empty"));
        }
        check_text(field, value)?;
    }
    Ok(())
}

/// Longest name of a catalogue elsewhere.
pub const NAMESPACE_CHARS_MAX: usize = 64;

fn check_namespace(field: &str, namespace: &str) -> Result<(), InvalidValue> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if namespace.is_empty()
        || namespace.len() > NAMESPACE_CHARS_MAX
        || !namespace.bytes().all(is_word)
    {
        let reason = format!("`{namespace}` is not a namespace of 1..=64 characters a-z 0-9 -");
        return Err(InvalidValue::new(field, reason));
    }
    Ok(())
}

/// A release date as precise as it is known: a year, a month or a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseDate(String);

impl ReleaseDate {
    /// The text: `2020`, `2020-12` or `2020-12-11`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The year.
    pub fn year(&self) -> u16 {
        self.0
            .get(..4)
            .and_then(|year| year.parse().ok())
            .unwrap_or_default()
    }

    /// `year`, `month` or `day`.
    pub fn precision(&self) -> &'static str {
        match self.0.len() {
            4 => "year",
            7 => "month",
            _ => "day",
        }
    }
}

impl FromStr for ReleaseDate {
    type Err = InvalidValue;
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let padded = match text.len() {
            4 => format!("{text}-01-01"),
            7 => format!("{text}-01"),
            10 => text.to_owned(),
            _ => String::new(),
        };
        match padded.parse::<jiff::civil::Date>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => {
                let shown: String = text.chars().take(32).collect();
                let reason = format!("`{shown}` is not YYYY, YYYY-MM or YYYY-MM-DD");
                Err(InvalidValue::new("release_date", reason))
            }
        }
    }
}

impl TryFrom<String> for ReleaseDate {
    type Error = InvalidValue;
    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<ReleaseDate> for String {
    fn from(date: ReleaseDate) -> Self {
        date.0
    }
}

/// Where the bytes of a track lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioSource {
    /// In our blob store, or a file of the owner that is never moved.
    pub location: AudioLocation,
    /// SHA-256 of the bytes in hexadecimal; a renamed file is not analysed again.
    pub content_hash: String,
    /// Hash of the sound without the tags, where the container is understood; a file whose tags
    /// changed is not analysed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_hash: Option<String>,
    /// Bytes.
    pub size_bytes: u64,
    /// Lower-case file extension (`flac`), a hint for the decoder only.
    pub extension: String,
}

impl AudioSource {
    /// Names what is heard: the payload where it is known, else all bytes.
    pub fn sound_hash(&self) -> &str {
        self.payload_hash.as_deref().unwrap_or(&self.content_hash)
    }
}

/// Where audio lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioLocation {
    /// Under this key in the tenant's blobs.
    Blob(String),
    /// At this path on the server's disk.
    File(String),
}

/// Names a track by our id or by somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TrackRef {
    /// Our id.
    Id(TrackId),
    /// An external id such as `spotify:4uLU6hMCjMI75M1A2tKUQC`.
    External {
        /// Which catalogue.
        namespace: String,
        /// The id there.
        value: String,
    },
}

impl FromStr for TrackRef {
    type Err = InvalidValue;
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if let Some((namespace, value)) = text.split_once(':') {
            check_namespace("external_ids", namespace)?;
            check_text("track", value)?;
            if value.is_empty() {
                return Err(InvalidValue::new("track", format!("`{text}` names no id")));
            }
            return Ok(Self::External {
                namespace: namespace.to_owned(),
                value: value.to_owned(),
            });
        }
        text.parse().map(Self::Id).map_err(|_| {
            let shown: String = text.chars().take(64).collect();
            let reason = format!("`{shown}` is neither a track id nor `namespace:id`");
            InvalidValue::new("track", reason)
        })
    }
}

impl fmt::Display for TrackRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(formatter, "{id}"),
            Self::External { namespace, value } => write!(formatter, "{namespace}:{value}"),
        }
    }
}

/// A song text, private to its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lyrics {
    /// The words, one line of verse per line; LRC time tags are kept.
    pub text: String,
    /// SHA-256 of the text in hexadecimal.
    pub content_hash: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(title: &str) -> TrackDetails {
        TrackDetails {
            title: title.to_owned(),
            ..TrackDetails::default()
        }
    }

    #[test]
    fn details_are_checked_at_the_bound() {
        assert!(named("a").check().is_ok());
        assert_eq!(named("  ").check().unwrap_err().field, "title");
        assert!(named(&"x".repeat(limits::NAME_BYTES_MAX)).check().is_ok());
        assert!(
            named(&"x".repeat(limits::NAME_BYTES_MAX + 1))
                .check()
                .is_err()
        );
        assert!(named("nul\0").check().is_err());
        let mut track = named("a");
        track.duration_ms = Some(0);
        assert_eq!(track.check().unwrap_err().field, "duration_ms");
        track.duration_ms = Some(limits::TRACK_MS_MAX);
        track
            .external_ids
            .insert("Bad Space".to_owned(), "1".to_owned());
        assert_eq!(track.check().unwrap_err().field, "external_ids");
    }

    #[test]
    fn dates_keep_their_precision() {
        for (text, precision) in [
            ("2020", "year"),
            ("2020-12", "month"),
            ("2020-12-11", "day"),
        ] {
            let date: ReleaseDate = text.parse().unwrap();
            assert_eq!(
                (date.year(), date.precision(), date.as_str()),
                (2020, precision, text)
            );
        }
        for text in ["", "20", "2020-13", "2020-02-30", "soon", "2020-1-1"] {
            assert!(text.parse::<ReleaseDate>().is_err(), "{text}");
        }
    }

    #[test]
    fn references_name_ours_or_theirs() {
        let id = TrackId::from_u128(7);
        assert_eq!(
            id.to_string().parse::<TrackRef>().unwrap(),
            TrackRef::Id(id)
        );
        let theirs: TrackRef = "spotify:abc:def".parse().unwrap();
        assert_eq!(theirs.to_string(), "spotify:abc:def");
        assert!("spotify:".parse::<TrackRef>().is_err());
        assert!("nonsense".parse::<TrackRef>().is_err());
    }
}
