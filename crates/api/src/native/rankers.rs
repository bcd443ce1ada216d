//! Rankers of models as files of LightGBM.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::TenantScope;
use leitmotif_recommend::ranker_files::{RankerFile, ranker_of, with_ranker};
use leitmotif_storage::ports::ModelRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::path_id;
use super::training::ModelAnswer;
use crate::middleware::auth::{AdminAccess, ReadAccess};
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// The family that rankers belong to.
const FAMILY: &str = "recommender";

/// A ranker.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RankerAnswer {
    /// The model it is of.
    pub model: String,
    /// What the blended score counts beside the trees; LightGBM takes it as `init_score`.
    pub blend_weight: f32,
    /// The trees in LightGBM's text form.
    pub trees: String,
}

/// A ranker to put beside the sources of a model.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RankerInput {
    /// The trees in LightGBM's text form, fitted on the columns that `GET` names, in their order.
    pub trees: String,
    /// What the blended score counts beside the trees; 0 when left out.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub blend_weight: f32,
}

/// Reads the ranker of a model.
#[utoipa::path(get, path = "/api/v1/models/{id}/ranker", tag = "models",
    params(("id" = String, Path, description = "model id")), responses(
    (status = 200, body = RankerAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<RankerAnswer>, Problem> {
    let record = recommender(&state, access.scope(), &id).await?;
    let found = ranker_of(state.recommender.stores(), access.scope(), record.id).await?;
    let ranker = found.ok_or_else(|| Problem::not_found("ranker of model", &id))?;
    Ok(Json(RankerAnswer {
        model: record.id.to_string(),
        blend_weight: ranker.blend_weight,
        trees: ranker.trees,
    }))
}

/// Registers a new model: the sources of this one with another ranker.
///
/// Nothing judges it here, and it is not in production until somebody puts it there. A file that is cut, has a
/// threshold that is no number or was fitted on other columns is refused, and says where.
#[utoipa::path(post, path = "/api/v1/models/{id}/ranker", tag = "models",
    params(("id" = String, Path, description = "the model whose sources it stands on")),
    request_body = RankerInput, responses(
    (status = 201, body = ModelAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn put_beside(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(id): Path<String>,
    JsonBody(input): JsonBody<RankerInput>,
) -> Result<(StatusCode, Json<ModelAnswer>), Problem> {
    let base = recommender(&state, access.scope(), &id).await?;
    let file = RankerFile {
        trees: input.trees,
        blend_weight: input.blend_weight,
    };
    let record = with_ranker(state.recommender.stores(), access.scope(), &base, &file).await?;
    Ok((StatusCode::CREATED, Json(ModelAnswer::of(record, &[]))))
}

async fn recommender(
    state: &ApiState,
    scope: &TenantScope,
    id: &str,
) -> Result<ModelRecord, Problem> {
    let record = state.models.model(scope, path_id("model", id)?).await?;
    let record = record.filter(|record| record.name == FAMILY);
    record.ok_or_else(|| Problem::not_found("recommender model", id))
}
