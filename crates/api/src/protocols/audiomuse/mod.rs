//! The calls that plugins of media servers make to AudioMuse-AI: similar tracks, paths, artists.
//!
//! - Source: the calls of its Navidrome plugin.

pub mod errors;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use leitmotif_domain::limits;
use leitmotif_domain::track::Track;
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalogue::{self, IdSpace, Wanted};
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::native::constraints::ConstraintQuery;
use crate::problem::Problem;
use crate::state::ApiState;

/// Tracks in an answer when nothing is said.
const COUNT_DEFAULT: usize = 10;
/// Tracks of a path when nothing is said.
const STEPS_DEFAULT: usize = 25;
/// Most tracks searched through at once.
const SEARCH_MAX: usize = limits::RECOMMENDATIONS_MAX;
/// Neighbours read beyond those wanted, for copies and for tracks the media server does not have.
const SURPLUS: usize = 4;

/// The routes of the protocol.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/similar_tracks", get(similar_tracks))
        .route("/api/search_tracks", get(search_tracks))
        .route("/api/find_path", get(find_path))
        .route("/api/similar_artists", get(similar_artists))
}

#[derive(Debug, Default, Deserialize)]
struct SimilarQuery {
    item_id: Option<String>,
    title: Option<String>,
    artist: Option<String>,
    n: Option<usize>,
    eliminate_duplicates: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct SearchQuery {
    search_query: Option<String>,
    title: Option<String>,
    artist: Option<String>,
    start: Option<usize>,
    end: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
struct PathQuery {
    start_song_id: Option<String>,
    end_song_id: Option<String>,
    max_steps: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
struct ArtistsQuery {
    artist: Option<String>,
    artist_id: Option<String>,
    n: Option<usize>,
    include_component_matches: Option<String>,
}

/// Finds the tracks that sound like one, among those that satisfy constraints of our own API.
async fn similar_tracks(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<SimilarQuery>,
    QueryParameters(constraints): QueryParameters<ConstraintQuery>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let (track, space) = match (&query.item_id, &query.title, &query.artist) {
        (Some(id), _, _) if !id.is_empty() => catalogue::find(&state, scope, id).await?,
        (_, Some(title), Some(artist)) => {
            let track = catalogue::find_by_words(&state, scope, title, artist).await?;
            let space = space_of(&track);
            (track, space)
        }
        _ => {
            return Err(Problem::invalid(
                "",
                "item_id, or title and artist, are needed",
            ));
        }
    };
    let count = bounded(query.n, COUNT_DEFAULT)?;
    let wanted = wanted_of(&access, constraints);
    let mut near = catalogue::near(&state, scope, &track, count * SURPLUS, &wanted).await?;
    if query.eliminate_duplicates.as_deref() == Some("true") {
        near = catalogue::without_copies(near);
    }
    let told = near.iter().filter_map(|one| {
        let mut told = told(&space, &one.track)?;
        told["distance"] = json!(one.distance);
        Some(told)
    });
    Ok(Json(told.take(count).collect()))
}

/// Finds tracks by words.
async fn search_tracks(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<SearchQuery>,
) -> Result<Json<Value>, Problem> {
    let words = [query.search_query, query.title, query.artist.clone()];
    let words: Vec<String> = words.into_iter().flatten().collect();
    let text = words.join(" ");
    if text.trim().is_empty() {
        return Ok(Json(json!([])));
    }
    leitmotif_domain::track::check_text("search_query", &text)?;
    let (start, end) = (query.start.unwrap_or(0), query.end);
    let count = end.map_or(COUNT_DEFAULT * 2, |end| end.saturating_sub(start));
    if start.saturating_add(count) > SEARCH_MAX {
        let detail = format!("end must be at most {SEARCH_MAX}");
        return Err(Problem::invalid("?end", detail));
    }
    let (found, _) = catalogue::search(&state, access.scope(), &text, start, count).await?;
    let told = found
        .iter()
        .filter_map(|found| told(&space_of(&found.track), &found.track));
    Ok(Json(told.collect()))
}

/// Finds a way through the sound, over tracks that satisfy constraints.
async fn find_path(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PathQuery>,
    QueryParameters(constraints): QueryParameters<ConstraintQuery>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let (Some(start), Some(end)) = (query.start_song_id, query.end_song_id) else {
        let detail = "start_song_id and end_song_id are needed";
        return Err(Problem::invalid("", detail));
    };
    let (from, space) = catalogue::find(&state, scope, &start).await?;
    let (to, _) = catalogue::find(&state, scope, &end).await?;
    if from.id == to.id {
        return Err(Problem::invalid("", "the two songs must differ"));
    }
    let wanted = wanted_of(&access, constraints);
    let steps = bounded(query.max_steps, STEPS_DEFAULT)?.max(2);
    let path = catalogue::path(&state, scope, (from.id, to.id), steps, &wanted).await?;
    let total: f32 = path.iter().map(|(_, _, from_before)| from_before).sum();
    let told: Vec<Value> = path
        .iter()
        .filter_map(|(track, _, _)| told(&space, track))
        .collect();
    Ok(Json(json!({"path": told, "total_distance": total})))
}

/// Finds artists whose songs sound like those of one, by songs that satisfy constraints.
async fn similar_artists(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<ArtistsQuery>,
    QueryParameters(constraints): QueryParameters<ConstraintQuery>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let asked = query
        .artist
        .or(query.artist_id)
        .filter(|asked| !asked.trim().is_empty())
        .ok_or_else(|| Problem::invalid("", "artist or artist_id is needed"))?;
    // An artist is named as it is credited, by its id, or by any of its tracks.
    let (name, space) = match catalogue::find_artist(&state, scope, &asked).await {
        Ok((name, space)) => (name, Some(space)),
        Err(problem) if problem.is_not_found() => (asked, None),
        Err(problem) => return Err(problem),
    };
    let count = bounded(query.n, COUNT_DEFAULT)?;
    let has_pairs = query.include_component_matches.as_deref() == Some("true");
    let wanted = wanted_of(&access, constraints);
    let near = catalogue::near_artists(&state, scope, &name, count, &wanted).await?;
    let song = |track: &Track| {
        let space = space.clone().unwrap_or_else(|| space_of(track));
        let id = space.id_of(track)?;
        Some(json!({"item_id": id, "title": track.details.title}))
    };
    let told = near.iter().map(|artist| {
        let told_in = (space.clone()).unwrap_or_else(|| space_of(&artist.track));
        let mut told = json!({
            "artist": artist.track.details.artist,
            "artist_id": told_in.artist_id_of(&artist.track),
            "divergence": artist.distance,
        });
        if has_pairs {
            let (asked, other): (Vec<_>, Vec<_>) = artist
                .pairs
                .iter()
                .filter_map(|(asked, other)| Some((song(asked)?, song(other)?)))
                .unzip();
            told["component_matches"] = json!([{
                "artist1_representative_songs": asked,
                "artist2_representative_songs": other,
            }]);
        }
        told
    });
    Ok(Json(told.collect()))
}

/// The constraints of our own API beside the parameters of a call.
fn wanted_of(access: &ReadAccess, constraints: ConstraintQuery) -> Wanted {
    Wanted {
        constraints,
        may_read_lyrics: access.may_read_lyrics(),
    }
}

fn told(space: &IdSpace, track: &Track) -> Option<Value> {
    Some(json!({
        "item_id": space.id_of(track)?,
        "title": track.details.title,
        "author": track.details.artist,
        "album": track.details.album,
    }))
}

fn space_of(track: &Track) -> IdSpace {
    let id = catalogue::server_id(track);
    let ids = &track.details.external_ids;
    let namespace = ids.iter().find(|(_, value)| **value == id);
    namespace.map_or(IdSpace::Ours, |(namespace, _)| {
        IdSpace::Of(namespace.clone())
    })
}

fn bounded(given: Option<usize>, otherwise: usize) -> Result<usize, Problem> {
    let count = given.unwrap_or(otherwise);
    if count == 0 || count > limits::PAGE_ITEMS_MAX {
        let detail = format!("{count} is not in 1..={}", limits::PAGE_ITEMS_MAX);
        return Err(Problem::invalid("", detail));
    }
    Ok(count)
}
