//! The tables of an export and what their columns mean.

use leitmotif_storage::tables::{Column, ColumnKind};

/// A table of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportTable {
    /// One row a track.
    Tracks,
    /// One row a measured property of a track.
    Descriptors,
    /// One row a vector of a track.
    Embeddings,
    /// One row a play.
    Listens,
}

impl ExportTable {
    /// Every table, in the order in which an export names them.
    pub const ALL: [Self; 4] = [
        Self::Tracks,
        Self::Descriptors,
        Self::Embeddings,
        Self::Listens,
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tracks => "tracks",
            Self::Descriptors => "descriptors",
            Self::Embeddings => "embeddings",
            Self::Listens => "listens",
        }
    }

    /// The columns, with the words of the tracks or without.
    pub fn columns(self, with_lyrics: bool) -> Vec<Column> {
        match self {
            Self::Tracks if with_lyrics => [&TRACKS[..], &[LYRICS]].concat(),
            Self::Tracks => TRACKS.to_vec(),
            Self::Descriptors => DESCRIPTORS.to_vec(),
            Self::Embeddings => EMBEDDINGS.to_vec(),
            Self::Listens => LISTENS.to_vec(),
        }
    }
}

use ColumnKind::{Flag, Integer, Json, Real, Reals, Text};

const TRACK: Column = Column::new("track", Text, "id of the track");

const TRACKS: [Column; 19] = [
    TRACK,
    Column::new("title", Text, "title as printed"),
    Column::new("artist", Text, "artist as printed, empty when unknown"),
    Column::new("album", Text, "release it appeared on"),
    Column::new("genre", Text, "genre as the sender calls it"),
    Column::new(
        "release_date",
        Text,
        "YYYY, YYYY-MM or YYYY-MM-DD, as known",
    ),
    Column::new("duration_ms", Integer, "length").in_unit("ms"),
    Column::new("explicit", Flag, "whether the sender marks it explicit"),
    Column::new("track_number", Integer, "position on its release"),
    Column::new("popularity", Integer, "popularity elsewhere, 0 to 100"),
    Column::new(
        "external_ids",
        Json,
        "ids elsewhere by namespace, as an object",
    ),
    Column::new(
        "artist_ids",
        Json,
        "ids of the artist elsewhere by namespace, as an object",
    ),
    Column::new("tags", Json, "free labels, as a list"),
    Column::new("audio_sha256", Text, "hash of the audio file"),
    Column::new(
        "audio_payload_sha256",
        Text,
        "hash of the sound without tags",
    ),
    Column::new("audio_bytes", Integer, "size of the audio file").in_unit("B"),
    Column::new("audio_extension", Text, "ending of the audio file"),
    Column::new(
        "lyrics_sha256",
        Text,
        "hash of the words, which moves whenever they change",
    ),
    Column::new(
        "created_at",
        Text,
        "when the track entered the catalogue, RFC 3339",
    ),
];

const LYRICS: Column = Column::new("lyrics", Text, "the words");

const DESCRIPTORS: [Column; 10] = [
    TRACK,
    Column::new(
        "source",
        Text,
        "audio, lyrics, or plugin for what third parties told",
    ),
    Column::new("name", Text, "name of the property, its unit last"),
    Column::new(
        "value",
        Json,
        "the value; null when it could not be measured",
    ),
    Column::new("value_number", Real, "the value where it is one number"),
    Column::new(
        "confidence",
        Real,
        "probability that the value is right, where the method can tell",
    ),
    Column::new("method", Text, "how it was measured"),
    Column::new("version", Text, "version of the analyzer"),
    Column::new("n", Integer, "how much the value was computed from"),
    Column::new("n_unit", Text, "what n counts: frames, beats, words, lines"),
];

const EMBEDDINGS: [Column; 3] = [
    TRACK,
    Column::new(
        "space",
        Text,
        "embedding space; vectors of two spaces are never compared",
    ),
    Column::new("vector", Reals, "the vector; likeness is the cosine"),
];

const LISTENS: [Column; 10] = [
    Column::new(
        "listener",
        Text,
        "pseudonym of the listener, the same in every export of this installation",
    ),
    TRACK,
    Column::new(
        "kind",
        Text,
        "`listen`, or `taken_back` for a play that was deleted later",
    ),
    Column::new("occurred_at", Text, "when it happened, RFC 3339"),
    Column::new("outcome", Text, "completed, skipped or partial"),
    Column::new("played_ms", Integer, "time heard").in_unit("ms"),
    Column::new("track_ms", Integer, "length as the player knew it").in_unit("ms"),
    Column::new("source", Text, "who asked for the track"),
    Column::new("request_id", Text, "the recommendation that led to it"),
    Column::new("reason", Text, "why it ended, in the player's words"),
];
