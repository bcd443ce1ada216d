//! Tracks that are near in an embedding space.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::{TenantScope, limits};
use leitmotif_storage::ports::VectorSpace;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::find_track;
use super::vectors::is_own;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// What is near.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SimilarQuery {
    /// Tracks wanted; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// Embedding space; the first the track is in when left out, our own before imported ones.
    pub space: Option<String>,
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
}

/// Finds the tracks nearest to a track.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/similar", tag = "similar",
    params(("id" = String, Path, description = "track id or `namespace:id`"), SimilarQuery), responses(
    (status = 200, body = SimilarAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn similar(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<SimilarQuery>,
) -> Result<Json<SimilarAnswer>, Problem> {
    similar_tracks(&state, access.scope(), &id, &query)
        .await
        .map(Json)
}

/// See [`similar`].
pub async fn similar_tracks(
    state: &ApiState,
    scope: &TenantScope,
    id: &str,
    query: &SimilarQuery,
) -> Result<SimilarAnswer, Problem> {
    let limit = query.limit.unwrap_or(limits::PAGE_ITEMS_DEFAULT);
    if limit == 0 || limit > limits::PAGE_ITEMS_MAX {
        let detail = format!("must be in 1..={}", limits::PAGE_ITEMS_MAX);
        return Err(Problem::invalid("?limit", detail));
    }
    let track = find_track(state, scope, id).await?;
    let spaces = match &query.space {
        Some(name) => vec![
            name.parse::<VectorSpace>()
                .map_err(|error| Problem::invalid("?space", error.reason))?,
        ],
        None => {
            let found = state.vectors.spaces(scope).await?.into_iter();
            let mut spaces: Vec<VectorSpace> = found.map(|(space, _)| space).collect();
            // What we measured ourselves comes before what was imported.
            spaces.sort_by_key(|space| !is_own(space));
            spaces
        }
    };
    for space in spaces {
        let Some(vector) = state.vectors.vector(scope, &space, track).await? else {
            continue;
        };
        let near = state
            .vectors
            .nearest(scope, &space, &vector, limit + 1, None)
            .await?;
        let ids: Vec<_> = near
            .iter()
            .map(|one| one.track)
            .filter(|other| *other != track)
            .collect();
        let tracks = state.catalog.tracks(scope, &ids).await?;
        let found = tracks.into_iter().take(limit).filter_map(|found| {
            let distance = near.iter().find(|one| one.track == found.id)?.distance;
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
        });
    }
    let wanted = query.space.as_deref().map_or("any space", |name| name);
    Err(Problem::not_found("embedding of the track in", wanted))
}
