//! Recommendations from seeds, with bounds and wishes on what was measured.

use std::collections::{BTreeSet, HashMap};

use axum::Json;
use axum::extract::State;
use leitmotif_domain::track::Track;
use leitmotif_domain::{TenantScope, TrackId, limits};
use leitmotif_recommend::RecommendRequest;
use leitmotif_storage::ports::TrackFilter;
use serde_json::{Value, json};

use super::features::{Measured, analyses_of};
use super::objects::{find_all, find_artist, track_object};
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::Problem;
use crate::protocols::catalogue;
use crate::state::ApiState;

/// Tracks in an answer when nothing is said, and at most.
const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 100;
/// Most seeds of all kinds.
const SEEDS_MAX: usize = 5;
/// Tracks that stand for an artist or a genre.
const STAND_INS: usize = 5;
/// Tracks whose genres are told.
const GENRE_TRACKS_MAX: usize = 10_000;
/// Attributes with the width of their range, by which distances to a wish are compared.
const ATTRIBUTES: [(&str, f64); 14] = [
    ("acousticness", 1.0),
    ("danceability", 1.0),
    ("duration_ms", 600_000.0),
    ("energy", 1.0),
    ("instrumentalness", 1.0),
    ("key", 11.0),
    ("liveness", 1.0),
    ("loudness", 60.0),
    ("mode", 1.0),
    ("popularity", 100.0),
    ("speechiness", 1.0),
    ("tempo", 200.0),
    ("time_signature", 4.0),
    ("valence", 1.0),
];

/// A bound or a wish on one attribute.
struct Wish {
    attribute: &'static str,
    width: f64,
    min: Option<f64>,
    max: Option<f64>,
    target: Option<f64>,
}

/// Recommends tracks.
pub async fn recommend(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<HashMap<String, String>>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let limit = match query.get("limit") {
        None => LIMIT_DEFAULT,
        Some(text) => text.parse().unwrap_or(0),
    };
    if limit == 0 || limit > LIMIT_MAX {
        return Err(Problem::invalid("?limit", "Invalid limit"));
    }
    let wishes = wishes_of(&query)?;
    let (seeds, mut told) = seeds_of(&state, scope, &query).await?;
    let request = RecommendRequest {
        seeds: seeds.clone(),
        count: limits::RECOMMENDATIONS_MAX,
        placement: "spotify".to_owned(),
        exclude: seeds,
        include_heard: true,
        ..RecommendRequest::default()
    };
    let ranked = state.recommender.rank(scope, request).await?;
    let ids: Vec<TrackId> = ranked.tracks.iter().map(|place| place.track).collect();
    let tracks = state.catalog.tracks(scope, &ids).await?;
    let pool_size = tracks.len();
    let kept = kept_of(&state, scope, tracks, &wishes).await?;
    for seed in &mut told {
        seed["initialPoolSize"] = json!(pool_size);
        seed["afterFilteringSize"] = json!(kept.len());
        seed["afterRelinkingSize"] = json!(kept.len());
    }
    let tracks: Vec<Value> = kept.iter().take(limit).map(track_object).collect();
    Ok(Json(json!({"tracks": tracks, "seeds": told})))
}

/// Tells the genres of the catalogue.
pub async fn genre_seeds(
    State(state): State<ApiState>,
    access: ReadAccess,
) -> Result<Json<Value>, Problem> {
    let all = TrackFilter::default();
    let tracks = catalogue::listed(&state, access.scope(), &all, 0, GENRE_TRACKS_MAX).await?;
    let genres: BTreeSet<String> = tracks
        .into_iter()
        .filter_map(|track| track.details.genre)
        .map(|genre| genre.to_lowercase())
        .collect();
    Ok(Json(json!({ "genres": genres })))
}

fn wishes_of(query: &HashMap<String, String>) -> Result<Vec<Wish>, Problem> {
    let mut wishes = Vec::new();
    for (attribute, width) in ATTRIBUTES {
        let number = |prefix: &str| -> Result<Option<f64>, Problem> {
            let name = format!("{prefix}_{attribute}");
            let Some(text) = query.get(&name) else {
                return Ok(None);
            };
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number
                .map(Some)
                .ok_or_else(|| Problem::invalid(format!("?{name}"), format!("invalid {name}")))
        };
        let wish = Wish {
            attribute,
            width,
            min: number("min")?,
            max: number("max")?,
            target: number("target")?,
        };
        if wish.min.or(wish.max).or(wish.target).is_some() {
            wishes.push(wish);
        }
    }
    Ok(wishes)
}

/// The tracks that the seeds stand for, and the seeds as they are told.
async fn seeds_of(
    state: &ApiState,
    scope: &TenantScope,
    query: &HashMap<String, String>,
) -> Result<(Vec<TrackId>, Vec<Value>), Problem> {
    let named = |name: &str| -> Vec<String> {
        let text = query.get(name).map(String::as_str).unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|one| !one.is_empty());
        names.map(str::to_owned).collect()
    };
    let (tracks, artists, genres) = (
        named("seed_tracks"),
        named("seed_artists"),
        named("seed_genres"),
    );
    if !(1..=SEEDS_MAX).contains(&(tracks.len() + artists.len() + genres.len())) {
        let detail = format!("1 to {SEEDS_MAX} seeds are needed");
        return Err(Problem::invalid("?seed_tracks", detail));
    }
    let told =
        |kind: &str, id: &str, href: Option<String>| json!({"id": id, "type": kind, "href": href});
    let (mut ids, mut seeds) = (Vec::new(), Vec::new());
    if !tracks.is_empty() {
        let found = find_all(state, scope, Some(&tracks.join(","))).await?;
        for (track, id) in found.into_iter().zip(&tracks) {
            let track = track.ok_or_else(|| Problem::not_found("track", id))?;
            ids.push(track.id);
            seeds.push(told("TRACK", id, Some(format!("/v1/tracks/{id}"))));
        }
    }
    for id in &artists {
        let artist = find_artist(state, scope, id).await?;
        let songs = catalogue::artist_tracks(state, scope, &artist).await?;
        ids.extend(songs.iter().take(STAND_INS).map(|track| track.id));
        seeds.push(told("ARTIST", id, Some(format!("/v1/artists/{id}"))));
    }
    for genre in &genres {
        let filter = TrackFilter {
            genre: Some(genre.clone()),
            ..TrackFilter::default()
        };
        let songs = catalogue::listed(state, scope, &filter, 0, STAND_INS).await?;
        ids.extend(songs.iter().map(|track| track.id));
        seeds.push(told("GENRE", genre, None));
    }
    Ok((ids, seeds))
}

/// The tracks inside the bounds, those nearest to the wishes first. What was not measured is not
/// inside a bound, and as far from a wish as can be.
async fn kept_of(
    state: &ApiState,
    scope: &TenantScope,
    tracks: Vec<Track>,
    wishes: &[Wish],
) -> Result<Vec<Track>, Problem> {
    if wishes.is_empty() {
        return Ok(tracks);
    }
    let ids: Vec<TrackId> = tracks.iter().map(|track| track.id).collect();
    let analyses = analyses_of(state, scope, &ids).await?;
    let mut kept: Vec<(f64, Track)> = Vec::new();
    for (track, analysis) in tracks.into_iter().zip(analyses) {
        let measured = Measured::new(analysis.as_ref());
        let value = |wish: &Wish| value_of(&track, &measured, wish.attribute);
        let is_inside = wishes.iter().all(|wish| match value(wish) {
            Some(value) => {
                wish.min.is_none_or(|min| value >= min) && wish.max.is_none_or(|max| value <= max)
            }
            None => wish.min.is_none() && wish.max.is_none(),
        });
        if !is_inside {
            continue;
        }
        let missed = wishes.iter().filter_map(|wish| {
            let target = wish.target?;
            let apart = value(wish).map(|value| (value - target).abs() / wish.width);
            Some(apart.unwrap_or(1.0).min(1.0))
        });
        kept.push((missed.sum(), track));
    }
    // Stable: tracks that are as near keep their rank.
    kept.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(kept.into_iter().map(|(_, track)| track).collect())
}

/// An attribute of a track: measured, except for what only its sender knows.
fn value_of(track: &Track, measured: &Measured<'_>, attribute: &str) -> Option<f64> {
    let details = &track.details;
    match attribute {
        "popularity" => details.popularity.map(f64::from),
        "duration_ms" => (measured.number(attribute)).or(details.duration_ms.map(f64::from)),
        _ => measured.number(attribute),
    }
}
