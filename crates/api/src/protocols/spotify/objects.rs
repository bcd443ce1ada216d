//! Tracks and artists as objects of the protocol.

use std::collections::HashMap;

use leitmotif_domain::track::{Track, TrackRef};
use leitmotif_domain::{TenantScope, TrackId};
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::protocols::catalogue;
use crate::state::ApiState;

/// Whose ids the protocol speaks.
const NAMESPACE: &str = "spotify";
/// Most ids in one request.
const IDS_MAX: usize = 100;

/// Finds tracks by Spotify's id, where the track carries it, or by ours; in the order of the ids.
///
/// - Errors: 400 for no ids or too many.
pub async fn find_all(
    state: &ApiState,
    scope: &TenantScope,
    ids: Option<&str>,
) -> Result<Vec<Option<Track>>, Problem> {
    let ids: Vec<&str> = ids
        .unwrap_or_default()
        .split(',')
        .filter(|id| !id.is_empty())
        .collect();
    if ids.is_empty() || ids.len() > IDS_MAX {
        let detail = format!("ids must name 1 to {IDS_MAX} tracks");
        return Err(Problem::invalid("?ids", detail));
    }
    let theirs: Vec<TrackRef> = ids
        .iter()
        .map(|id| TrackRef::External {
            namespace: NAMESPACE.to_owned(),
            value: (*id).to_owned(),
        })
        .collect();
    let found = state.catalog.resolve(scope, &theirs).await?;
    let named = found.into_iter().zip(&ids);
    let named: Vec<Option<TrackId>> = named
        .map(|(found, id)| found.or_else(|| id.parse().ok()))
        .collect();
    let known: Vec<TrackId> = named.iter().flatten().copied().collect();
    let tracks = state.catalog.tracks(scope, &known).await?;
    let tracks: HashMap<TrackId, Track> =
        tracks.into_iter().map(|track| (track.id, track)).collect();
    let track = |id: Option<TrackId>| tracks.get(&id?).cloned();
    Ok(named.into_iter().map(track).collect())
}

/// Finds one track.
///
/// - Errors: 404.
pub async fn find_one(state: &ApiState, scope: &TenantScope, id: &str) -> Result<Track, Problem> {
    let missing = || Problem::not_found("track", id);
    if id.contains(',') {
        return Err(missing());
    }
    let found = find_all(state, scope, Some(id)).await?.pop().flatten();
    found.ok_or_else(missing)
}

/// Finds an artist by Spotify's id, where a track carries it, or by the id of any of its tracks; answers
/// the name it is credited by.
///
/// - Errors: 404.
pub async fn find_artist(
    state: &ApiState,
    scope: &TenantScope,
    id: &str,
) -> Result<String, Problem> {
    if let Some(artist) = catalogue::artist_named(state, scope, NAMESPACE, id).await? {
        return Ok(artist);
    }
    let track = find_one(state, scope, id).await;
    let track = track.map_err(|problem| match problem.is_not_found() {
        true => Problem::not_found("artist", id),
        false => problem,
    })?;
    Ok(track.details.artist)
}

/// The id of a track: Spotify's where it is known, else ours.
pub fn id_of(track: &Track) -> String {
    plain(track.details.external_ids.get(NAMESPACE)).unwrap_or_else(|| track.id.to_string())
}

/// The id of a track's artist: Spotify's where it is known, else the track's, which names it too.
fn artist_id_of(track: &Track) -> String {
    plain(track.details.artist_ids.get(NAMESPACE)).unwrap_or_else(|| id_of(track))
}

/// An id as clients of the protocol accept it.
fn plain(id: Option<&String>) -> Option<String> {
    id.filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .cloned()
}

/// A track.
pub fn track_object(track: &Track) -> Value {
    let (details, id) = (&track.details, id_of(track));
    let artist_id = artist_id_of(track);
    let date = details.release_date.as_ref();
    json!({
        "id": id,
        "name": details.title,
        "type": "track",
        "uri": format!("spotify:track:{id}"),
        "href": format!("/v1/tracks/{id}"),
        "duration_ms": details.duration_ms,
        "explicit": details.explicit,
        "popularity": details.popularity,
        "track_number": details.track_number,
        "external_ids": {"isrc": details.external_ids.get("isrc")},
        "artists": [{
            "id": artist_id,
            "name": details.artist,
            "type": "artist",
            "uri": format!("spotify:artist:{artist_id}"),
            "href": format!("/v1/artists/{artist_id}"),
        }],
        "album": {
            "id": details.album.as_ref().map(|_| id.as_str()),
            "name": details.album,
            "type": "album",
            "images": [],
            "release_date": date.map(|date| date.as_str()),
            "release_date_precision": date.map(|date| date.precision()),
        },
    })
}

/// The artist of a track.
pub fn artist_object(track: &Track) -> Value {
    let id = artist_id_of(track);
    let genres: Vec<&String> = track.details.genre.iter().collect();
    json!({
        "id": id,
        "name": track.details.artist,
        "type": "artist",
        "uri": format!("spotify:artist:{id}"),
        "href": format!("/v1/artists/{id}"),
        "genres": genres,
        "popularity": null,
        "images": [],
        "followers": {"href": null, "total": null},
    })
}
