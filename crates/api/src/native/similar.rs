//! Tracks that are near in an embedding space.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::{TenantScope, TrackId, limits};
use leitmotif_recommend::search::{Constraint, Constraints, NearRequest};
use leitmotif_storage::ports::{VectorSpace, current_spaces};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::constraints::{ConstraintQuery, ShortfallAnswer};
use super::find_track;
use super::vectors::is_own;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Widest tempo range about the track's own, per cent: wider ones are named by their ends.
const BPM_NEAR_MAX: f32 = 50.0;

/// What is near.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SimilarQuery {
    /// Tracks wanted; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// Embedding space; the first the track is in when left out, our own before imported ones.
    pub space: Option<String>,
    /// Tempo within so many per cent of the track's own, halves and doubles counting as it.
    #[param(minimum = 0, maximum = 50)]
    pub bpm_near: Option<f32>,
}

/// A near track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SimilarTrack {
    /// The track.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
    /// Cosine distance, 0 to 2.
    pub distance: f32,
}

/// The near tracks, nearest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SimilarAnswer {
    /// The space they were found in; distances of two spaces are never compared.
    pub space: String,
    /// The tracks.
    pub tracks: Vec<SimilarTrack>,
    /// Why they are fewer than asked for, when constraints are the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortfall: Option<ShortfallAnswer>,
}

/// Finds the tracks nearest to a track, among those that satisfy constraints.
///
/// Constraints are always kept to: rather fewer tracks come back, and the answer says why. `key_match`
/// without `key` means the track's own key.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/similar", tag = "similar",
    params(("id" = String, Path, description = "track id or `namespace:id`"), SimilarQuery,
        ConstraintQuery), responses(
    (status = 200, body = SimilarAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn similar(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<SimilarQuery>,
    QueryParameters(wanted): QueryParameters<ConstraintQuery>,
) -> Result<Json<SimilarAnswer>, Problem> {
    similar_tracks(&state, &access, &id, &query, &wanted)
        .await
        .map(Json)
}

/// See [`similar`].
pub async fn similar_tracks(
    state: &ApiState,
    access: &ReadAccess,
    id: &str,
    query: &SimilarQuery,
    wanted: &ConstraintQuery,
) -> Result<SimilarAnswer, Problem> {
    let scope = access.scope();
    let limit = query.limit.unwrap_or(limits::PAGE_ITEMS_DEFAULT);
    if limit == 0 || limit > limits::PAGE_ITEMS_MAX {
        let detail = format!("must be in 1..={}", limits::PAGE_ITEMS_MAX);
        return Err(Problem::invalid("?limit", detail));
    }
    let track = find_track(state, scope, id).await?;
    let constraints = constraints_beside(state, scope, track, wanted, query.bpm_near).await?;
    for space in spaces_of(state, scope, query).await? {
        let request = NearRequest {
            track,
            space: space.clone(),
            constraints: constraints.clone(),
            may_read_lyrics: access.may_read_lyrics(),
            count: limit,
        };
        let Some(near) = state.search.near(scope, request).await? else {
            continue;
        };
        let ids: Vec<_> = near.tracks.iter().map(|one| one.track).collect();
        let tracks = state.catalog.tracks(scope, &ids).await?;
        let found = tracks.into_iter().filter_map(|found| {
            let distance = near
                .tracks
                .iter()
                .find(|one| one.track == found.id)?
                .distance;
            Some(SimilarTrack {
                id: found.id.to_string(),
                title: found.details.title,
                artist: found.details.artist,
                distance,
            })
        });
        return Ok(SimilarAnswer {
            space: space.to_string(),
            tracks: found.collect(),
            shortfall: near.shortfall.map(ShortfallAnswer::from),
        });
    }
    let wanted = query.space.as_deref().map_or("any space", |name| name);
    Err(Problem::not_found("embedding of the track in", wanted))
}

/// The spaces to look in, in order.
async fn spaces_of(
    state: &ApiState,
    scope: &TenantScope,
    query: &SimilarQuery,
) -> Result<Vec<VectorSpace>, Problem> {
    if let Some(name) = &query.space {
        let space = name.parse::<VectorSpace>();
        return Ok(vec![
            space.map_err(|error| Problem::invalid("?space", error.reason))?,
        ]);
    }
    let found = current_spaces(state.vectors.as_ref(), scope)
        .await?
        .into_iter();
    let mut spaces: Vec<VectorSpace> = found.map(|(space, _)| space).collect();
    // What we measured ourselves comes before what was imported.
    spaces.sort_by_key(|space| !is_own(space));
    Ok(spaces)
}

/// Reads the constraints; those that compare with the track itself read what was measured of it.
pub async fn constraints_beside(
    state: &ApiState,
    scope: &TenantScope,
    track: TrackId,
    wanted: &ConstraintQuery,
    bpm_near: Option<f32>,
) -> Result<Constraints, Problem> {
    let is_set = |text: &Option<String>| text.as_deref().is_some_and(|t| !t.trim().is_empty());
    let compares = bpm_near.is_some() || is_set(&wanted.key_match) && !is_set(&wanted.key);
    if !compares {
        return wanted.read(None);
    }
    let own = state.search.facts(scope, &[track]).await?;
    let own = own.first().copied().unwrap_or_default();
    let mut constraints = wanted.read(own.key)?;
    if let Some(percent) = bpm_near {
        if !(0.0..=BPM_NEAR_MAX).contains(&percent) {
            let detail = format!("{percent} is not in 0..={BPM_NEAR_MAX}");
            return Err(Problem::invalid("?bpm_near", detail));
        }
        let unknown = || Problem::invalid("?bpm_near", "the tempo of the track is unknown");
        let tempo_bpm = own.tempo_bpm.ok_or_else(unknown)?;
        constraints.0.push(Constraint::TempoBpm {
            min: tempo_bpm * (1.0 - percent / 100.0),
            max: tempo_bpm * (1.0 + percent / 100.0),
            with_octaves: true,
        });
    }
    Ok(constraints)
}
