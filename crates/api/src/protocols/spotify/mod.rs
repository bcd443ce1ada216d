//! The calls of the Spotify Web API that new applications lost in November 2024: same names and
//! ranges, our measurements. What we do not measure is `null`.
//!
//! - Source: the Web API reference as of 2024.

pub mod errors;
mod features;
mod objects;
mod recommendations;
mod sections;
mod segments;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use self::objects::{artist_object, find_all, find_artist, find_one, track_object};
use super::catalogue;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::Problem;
use crate::state::ApiState;

/// Related artists in an answer.
const RELATED_MAX: usize = 20;
/// Tracks of a search when nothing is said, and at most.
const SEARCH_DEFAULT: usize = 20;
const SEARCH_MAX: usize = 50;

/// The routes of the protocol.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/v1/audio-features/{id}", get(features::one))
        .route("/v1/audio-features", get(features::many))
        .route("/v1/audio-features/", get(features::many))
        .route("/v1/audio-analysis/{id}", get(features::analysis))
        .route("/v1/recommendations", get(recommendations::recommend))
        .route(
            "/v1/recommendations/available-genre-seeds",
            get(recommendations::genre_seeds),
        )
        .route("/v1/artists/{id}/related-artists", get(related_artists))
        .route("/v1/tracks/{id}", get(track))
        .route("/v1/tracks", get(tracks))
        .route("/v1/tracks/", get(tracks))
        .route("/v1/search", get(search))
}

/// Which tracks.
#[derive(Debug, Default, Deserialize)]
pub struct IdsQuery {
    ids: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct SearchQuery {
    q: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

async fn track(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let track = find_one(&state, access.scope(), &id).await?;
    Ok(Json(track_object(&track)))
}

async fn tracks(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<IdsQuery>,
) -> Result<Json<Value>, Problem> {
    let found = find_all(&state, access.scope(), query.ids.as_deref()).await?;
    let told: Vec<Value> = found
        .iter()
        .map(|track| track.as_ref().map_or(Value::Null, track_object))
        .collect();
    Ok(Json(json!({ "tracks": told })))
}

async fn related_artists(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let artist = find_artist(&state, access.scope(), &id).await?;
    let any = catalogue::Wanted::default();
    let near = catalogue::near_artists(&state, access.scope(), &artist, RELATED_MAX, &any).await?;
    let artists: Vec<Value> = near.iter().map(|one| artist_object(&one.track)).collect();
    Ok(Json(json!({ "artists": artists })))
}

async fn search(
    State(state): State<ApiState>,
    access: ReadAccess,
    headers: HeaderMap,
    RawQuery(asked): RawQuery,
    QueryParameters(query): QueryParameters<SearchQuery>,
) -> Result<Json<Value>, Problem> {
    let asked = asked.unwrap_or_default();
    let kind = query.kind.as_deref().unwrap_or("track");
    if !kind.split(',').any(|kind| kind == "track") {
        return Err(Problem::invalid("?type", "only type=track is known here"));
    }
    let text = query.q.unwrap_or_default();
    leitmotif_domain::track::check_text("q", &text)?;
    // `artist:x track:y` names fields; their words are looked for in all of them.
    let fields = ["artist:", "track:", "album:"];
    let words = fields.iter().fold(text.replace('"', " "), |text, field| {
        text.replace(field, " ")
    });
    if words.trim().is_empty() {
        return Err(Problem::invalid("?q", "No search query"));
    }
    let (limit, offset) = (
        query.limit.unwrap_or(SEARCH_DEFAULT),
        query.offset.unwrap_or(0),
    );
    if limit == 0 || limit > SEARCH_MAX {
        return Err(Problem::invalid("?limit", "Invalid limit"));
    }
    let (found, total) = catalogue::search(&state, access.scope(), &words, offset, limit).await?;
    let items: Vec<Value> = (found.iter())
        .map(|found| track_object(&found.track))
        .collect();
    let page = |offset: usize| page_address(&headers, &asked, limit, offset);
    let is_last = offset + items.len() >= total || items.is_empty();
    Ok(Json(json!({"tracks": {
        "href": page(offset),
        "items": items,
        "limit": limit,
        "offset": offset,
        "total": total,
        "next": (!is_last).then(|| page(offset + limit)),
        "previous": (offset > 0).then(|| page(offset.saturating_sub(limit))),
    }})))
}

/// The address of another page of what was asked, as clients follow it, at the host that they asked.
fn page_address(headers: &HeaderMap, query: &str, limit: usize, offset: usize) -> String {
    let said = |name: &str| headers.get(name)?.to_str().ok();
    let host = said("host").unwrap_or("localhost");
    let scheme = said("x-forwarded-proto").unwrap_or("http");
    let is_kept = |part: &&str| !part.starts_with("offset=") && !part.starts_with("limit=");
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    let kept = kept.join("&");
    format!("{scheme}://{host}/v1/search?{kept}&limit={limit}&offset={offset}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_same_question_from_another_offset() {
        let mut headers = HeaderMap::new();
        let asked = "q=a%20b&type=track&limit=2&offset=4&market=DE";
        let page = page_address(&headers, asked, 2, 6);
        assert_eq!(
            page,
            "http://localhost/v1/search?q=a%20b&type=track&market=DE&limit=2&offset=6"
        );
        headers.insert("host", "music.example".parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        let page = page_address(&headers, "q=a", 20, 0);
        assert_eq!(
            page,
            "https://music.example/v1/search?q=a&limit=20&offset=0"
        );
    }
}
