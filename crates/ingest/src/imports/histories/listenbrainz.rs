//! Listens as ListenBrainz exports and dumps them.

use std::collections::BTreeMap;

use leitmotif_domain::{RecordingId, Timestamp};
use serde_json::{Map, Value};

use super::{HistoryListen, HistoryRow, track_ms};
use crate::imports::cells::{text_at, whole_at};

/// Largest metadata that is kept as it is: what the platform takes.
const METADATA_BYTES_MAX: usize = 10_240;

/// Maps a listen: `listened_at` in seconds and `track_metadata` with its `additional_info`.
pub fn row_of(row: &Map<String, Value>) -> Result<HistoryRow, String> {
    let seconds = whole_at(row, "listened_at").ok_or("no `listened_at` in whole seconds")?;
    let metadata = row.get("track_metadata").and_then(Value::as_object);
    let metadata = metadata.ok_or("no `track_metadata`")?;
    let title = text_at(metadata, "track_name").ok_or("no `track_name`")?;
    let artist = text_at(metadata, "artist_name").ok_or("no `artist_name`")?;
    let nothing = Map::new();
    let more = metadata.get("additional_info").and_then(Value::as_object);
    let more = more.unwrap_or(&nothing);
    let seconds_long = || whole_at(more, "duration").map(|seconds| seconds.saturating_mul(1_000));
    let duration = whole_at(more, "duration_ms").or_else(seconds_long);
    let mapping = metadata.get("mbid_mapping").and_then(Value::as_object);
    let told = metadata.clone();
    let kept = Value::Object(told);
    let is_small = kept.to_string().len() <= METADATA_BYTES_MAX;
    Ok(HistoryRow::Listen(Box::new(HistoryListen {
        listener: text_at(row, "user_name"),
        at: Timestamp::from_ms(seconds.saturating_mul(1_000)),
        title,
        artist,
        album: text_at(metadata, "release_name"),
        duration_ms: track_ms(duration),
        played_ms: None,
        outcome: None,
        reason: None,
        is_private: false,
        external_ids: external_ids(more, mapping),
        metadata: is_small.then_some(kept),
    })))
}

/// The recording as the player named it, or as ListenBrainz found it.
fn external_ids(
    more: &Map<String, Value>,
    mapping: Option<&Map<String, Value>>,
) -> BTreeMap<String, String> {
    let is_uuid = |text: &String| RecordingId::of_uuid(text).is_some();
    let mbid = |from: &Map<String, Value>| text_at(from, "recording_mbid").filter(is_uuid);
    let mbid = mbid(more).or_else(|| mbid(mapping?));
    let spotify = text_at(more, "spotify_id");
    let spotify = spotify.and_then(|url| Some(url.rsplit('/').next()?.to_owned()));
    let known = [
        ("musicbrainz", mbid.map(|id| id.to_lowercase())),
        ("spotify", spotify),
        ("isrc", text_at(more, "isrc")),
    ];
    let given = known.into_iter();
    given
        .filter_map(|(name, id)| Some((name.to_owned(), id?)))
        .collect()
}
