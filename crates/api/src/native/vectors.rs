//! Vectors of somebody else's model.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::limits;
use leitmotif_storage::ports::VectorSpace;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::statements::resolve_all;
use crate::middleware::auth::WriteAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// How the names of the spaces of our own analysis begin.
const OWN_PREFIX: &str = "leitmotif-";

/// A track's vector.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VectorInput {
    /// The track: our id or `namespace:id`.
    pub track: String,
    /// The vector; its space takes its dimension from the first one.
    pub vector: Vec<f32>,
}

/// Vectors to be kept.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VectorsInput {
    /// The vectors, at most 500.
    pub vectors: Vec<VectorInput>,
}

/// What became of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VectorsWrittenAnswer {
    /// New or changed.
    pub changed: u64,
    /// There already.
    pub unchanged: u64,
}

/// Keeps vectors of tracks in a space, all or none. A space stands for one model in one version: its
/// vectors are compared with each other and with no others. The spaces of our own analysis are not
/// written to.
#[utoipa::path(post, path = "/api/v1/spaces/{name}/vectors", tag = "similar", request_body = VectorsInput,
    params(("name" = String, Path, description = "1 to 64 characters a-z 0-9 -")), responses(
    (status = 200, body = VectorsWrittenAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(name): Path<String>,
    JsonBody(input): JsonBody<VectorsInput>,
) -> Result<Json<VectorsWrittenAnswer>, Problem> {
    let space: VectorSpace = name.parse()?;
    if is_own(&space) {
        let detail = format!("`{space}` holds vectors of our own analysis");
        return Err(Problem::conflict(detail));
    }
    if input.vectors.len() > limits::VECTORS_PER_BATCH_MAX {
        let detail = format!(
            "{} vectors, at most {}",
            input.vectors.len(),
            limits::VECTORS_PER_BATCH_MAX
        );
        return Err(Problem::invalid("/vectors", detail));
    }
    let names = input.vectors.iter().map(|one| one.track.as_str());
    let tracks = resolve_all(&state, &access, "vectors", names).await?;
    let sent = input.vectors.len() as u64;
    let mut changed = Vec::new();
    for (one, track) in input.vectors.into_iter().zip(tracks) {
        let known = state.vectors.vector(access.scope(), &space, track).await?;
        if known.as_ref() != Some(&one.vector) {
            changed.push((track, one.vector));
        }
    }
    let count = changed.len() as u64;
    if !changed.is_empty() {
        let written = state.vectors.upsert(access.scope(), &space, changed);
        written.await?;
    }
    Ok(Json(VectorsWrittenAnswer {
        changed: count,
        unchanged: sent.saturating_sub(count),
    }))
}

/// Whether a space belongs to our own analysis.
pub(super) fn is_own(space: &VectorSpace) -> bool {
    space.as_str().starts_with(OWN_PREFIX)
}
