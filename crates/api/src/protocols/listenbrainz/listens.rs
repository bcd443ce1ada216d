//! What a listener heard, hears, and may like.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::event::EventPayload;
use leitmotif_domain::{Timestamp, TrackId};
use leitmotif_recommend::RecommendRequest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::find_user;
use super::submit::invalid;
use crate::metrics::RungLabels;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::native::privacy::may_see;
use crate::problem::Problem;
use crate::state::ApiState;

/// Listens in an answer when nothing is said, and at most; more is cut, not refused.
const LISTENS_DEFAULT: usize = 25;
const LISTENS_MAX: usize = 1_000;
/// Recommendations looked at; those without an id of MusicBrainz cannot be told.
const RECOMMENDATIONS_MAX: usize = leitmotif_domain::limits::RECOMMENDATIONS_MAX;
/// What statistics can be asked of.
const STATS: [&str; 4] = ["artists", "recordings", "releases", "release-groups"];

/// Which listens.
#[derive(Debug, Default, Deserialize)]
pub struct ListensQuery {
    count: Option<usize>,
    max_ts: Option<i64>,
    min_ts: Option<i64>,
}

/// Which part of a list.
#[derive(Debug, Default, Deserialize)]
pub struct PartQuery {
    count: Option<usize>,
    offset: Option<usize>,
}

/// Reads listens inside bounds that are not part of them, the latest first.
pub async fn listens(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(user): Path<String>,
    QueryParameters(query): QueryParameters<ListensQuery>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let listener = find_user(&state, &access.0, &user).await?;
    if let (Some(min), Some(max)) = (query.min_ts, query.max_ts)
        && min >= max
    {
        return Err(invalid("min_ts should be less than max_ts"));
    }
    let count = query.count.unwrap_or(LISTENS_DEFAULT);
    if count == 0 {
        return Err(invalid("'count' should be greater than zero"));
    }
    let moment = |seconds: i64| Timestamp::from_ms(seconds.saturating_mul(1_000));
    let bounds = (query.min_ts.map(moment), query.max_ts.map(moment));
    let page = state
        .scrobbles
        .listens(scope, listener.id, bounds, count.min(LISTENS_MAX))
        .await?;
    let told: Vec<Value> = page
        .scrobbles
        .iter()
        .filter(|recorded| may_see(&access.0, &recorded.event))
        .filter_map(|recorded| match &recorded.event.payload {
            EventPayload::Scrobble(scrobble) => Some(json!({
                "listened_at": seconds(recorded.event.occurred_at),
                "inserted_at": seconds(recorded.recorded_at),
                "recording_msid": scrobble.recording.to_uuid(),
                "user_name": listener.name,
                "track_metadata": scrobble.metadata,
            })),
            _ => None,
        })
        .collect();
    Ok(Json(json!({"payload": {
        "count": told.len(),
        "user_id": listener.name,
        "latest_listen_ts": page.latest.map_or(0, seconds),
        "oldest_listen_ts": page.oldest.map_or(0, seconds),
        "listens": told,
    }})))
}

/// Counts listens.
pub async fn listen_count(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(user): Path<String>,
) -> Result<Json<Value>, Problem> {
    let listener = find_user(&state, &access.0, &user).await?;
    let count = state.scrobbles.count(access.scope(), listener.id).await?;
    Ok(Json(json!({"payload": {"count": count}})))
}

/// What plays now.
pub async fn playing_now(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(user): Path<String>,
) -> Result<Json<Value>, Problem> {
    let listener = find_user(&state, &access.0, &user).await?;
    let playing = state.scrobbles.playing(access.scope(), listener.id);
    let listens: Vec<Value> = playing
        .iter()
        .map(|one| json!({"playing_now": true, "track_metadata": one.scrobble.metadata}))
        .collect();
    Ok(Json(json!({"payload": {
        "count": listens.len(),
        "user_id": listener.name,
        "playing_now": true,
        "listens": listens,
    }})))
}

/// Statistics are not kept in this form: 204 says that they are not there.
pub async fn stats(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path((user, entity)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    if !STATS.contains(&entity.as_str()) {
        return Err(Problem::not_found("statistic", &entity));
    }
    find_user(&state, &access.0, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Recommends recordings that MusicBrainz knows.
pub async fn recommendation(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(user): Path<String>,
    QueryParameters(query): QueryParameters<PartQuery>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let listener = find_user(&state, &access.0, &user).await?;
    let request = RecommendRequest {
        listener: Some(listener.id),
        count: RECOMMENDATIONS_MAX,
        placement: "listenbrainz".to_owned(),
        ..RecommendRequest::default()
    };
    // Ranked, not recorded: what of it the client shows, and in which order, is not known.
    let answered = state.recommender.rank(scope, request).await?;
    let rung = RungLabels {
        rung: answered.rung.name(),
    };
    state.metrics.recommendations.get_or_create(&rung).inc();
    let ids: Vec<TrackId> = answered.tracks.iter().map(|place| place.track).collect();
    let tracks = state.catalog.tracks(scope, &ids).await?;
    let mbids: HashMap<TrackId, String> = tracks
        .into_iter()
        .filter_map(|mut track| {
            let mbid = track.details.external_ids.remove("musicbrainz")?;
            Some((track.id, mbid))
        })
        .collect();
    let heard: HashMap<TrackId, Timestamp> = state
        .recommender
        .with_profile(scope, listener.id, |profile| {
            let of = |id: &TrackId| Some((*id, profile?.history(*id)?.last_played));
            ids.iter().filter_map(of).collect()
        })
        .await?;
    let told: Vec<Value> = answered
        .tracks
        .iter()
        .filter_map(|place| {
            let mbid = mbids.get(&place.track)?;
            let heard_at = heard.get(&place.track).map(Timestamp::to_string);
            let score = place.score;
            Some(json!({"recording_mbid": mbid, "score": score, "latest_listened_at": heard_at}))
        })
        .collect();
    let (offset, count) = (
        query.offset.unwrap_or(0),
        query.count.unwrap_or(LISTENS_DEFAULT),
    );
    let total = told.len();
    let part: Vec<Value> = told
        .into_iter()
        .skip(offset)
        .take(count.min(LISTENS_MAX))
        .collect();
    Ok(Json(json!({"payload": {
        "user_name": listener.name,
        "entity": "recording",
        "mbids": part,
        "count": part.len(),
        "total_mbid_count": total,
        "offset": offset,
        "last_updated": seconds(state.clock.now()),
    }})))
}

/// Whole seconds since 1970.
pub(super) fn seconds(at: Timestamp) -> i64 {
    at.as_ms().div_euclid(1_000)
}
