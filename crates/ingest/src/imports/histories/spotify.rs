//! Streams as Spotify's extended streaming history has them.

use leitmotif_domain::Timestamp;
use leitmotif_domain::event::ListenOutcome;
use serde_json::{Map, Value, json};

use super::{HistoryListen, HistoryRow, track_ms};
use crate::imports::cells::{text_at, truth_at, whole_at};

/// Maps a stream. `ts` is the moment at which it stopped, so that it started `ms_played` before;
/// an incognito session is private. Addresses, countries and devices are left where they are.
///
/// How it ended: `trackdone` is heard to the end; the button for the next track, or `skipped`, is a
/// skip; everything else (another track was chosen, the app was closed, an error) was stopped
/// without a judgement.
pub fn row_of(row: &Map<String, Value>) -> Result<HistoryRow, String> {
    let stopped = text_at(row, "ts").ok_or("no `ts`")?;
    let stopped = Timestamp::parse(&stopped).map_err(|wrong| wrong.to_string())?;
    let played = whole_at(row, "ms_played").filter(|played| *played >= 0);
    let played = played.ok_or("no `ms_played` in whole milliseconds")?;
    let Some(title) = text_at(row, "master_metadata_track_name") else {
        return Ok(HistoryRow::Other);
    };
    let artist = text_at(row, "master_metadata_album_artist_name");
    let artist = artist.ok_or("no `master_metadata_album_artist_name`")?;
    let album = text_at(row, "master_metadata_album_album_name");
    let uri = text_at(row, "spotify_track_uri");
    let id = uri
        .as_deref()
        .and_then(|uri| uri.strip_prefix("spotify:track:"));
    let ended = text_at(row, "reason_end").unwrap_or_default();
    let outcome = match ended.as_str() {
        "trackdone" => ListenOutcome::Completed,
        "fwdbtn" => ListenOutcome::Skipped,
        _ if truth_at(row, "skipped") == Some(true) => ListenOutcome::Skipped,
        _ => ListenOutcome::Partial,
    };
    let link = id.map(|id| format!("https://open.spotify.com/track/{id}"));
    let metadata = json!({"track_name": title, "artist_name": artist, "release_name": album,
        "additional_info": {"music_service": "spotify.com", "spotify_id": link}});
    Ok(HistoryRow::Listen(Box::new(HistoryListen {
        listener: None,
        at: stopped.plus_ms(-played),
        title,
        artist,
        album,
        duration_ms: None,
        played_ms: Some(track_ms(Some(played)).unwrap_or(0)),
        outcome: Some(outcome),
        reason: Some(ended).filter(|reason| !reason.is_empty()),
        is_private: truth_at(row, "incognito_mode") == Some(true),
        external_ids: id
            .map(|id| ("spotify".to_owned(), id.to_owned()))
            .into_iter()
            .collect(),
        metadata: Some(metadata),
    })))
}
