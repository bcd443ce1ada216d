//! Pipelines: how the lists of each placement are made, in versions.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::Timestamp;
use leitmotif_domain::definition::{Definition, DefinitionKind, Share, check_name, check_shares};
use leitmotif_recommend::PipelineDefinition;
use leitmotif_recommend::pipeline::BUILT_IN;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check_definition_text;
use super::recommendations::{RecommendAnswer, RecommendInput, present, request_of};
use super::versions::{DefinitionInput, Versioned};
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::paging::{PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// How its definitions are called.
const PIPELINES: Versioned = Versioned {
    kind: DefinitionKind::Pipeline,
    noun: "pipeline",
    listing: "pipeline versions",
    reserved: &[],
};

/// Every placement with what answers there.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PipelinesAnswer {
    /// The placements that have a pipeline of their own, by name.
    pub pipelines: Vec<PipelineAnswer>,
    /// The pipeline of every other placement, with its comments.
    pub built_in: &'static str,
}

/// A placement.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PipelineAnswer {
    /// The placement.
    pub placement: String,
    /// The newest version, in service or not.
    pub newest_version: u32,
    /// The versions in service; none when the built-in answers.
    pub shares: Vec<ShareDocument>,
}

/// How much of the traffic a version answers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareDocument {
    /// The version.
    pub version: u32,
    /// Its weight beside the others.
    pub weight: u32,
}

/// A version.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PipelineVersionAnswer {
    /// The placement.
    pub placement: String,
    /// Counts from 1 for each placement.
    pub version: u32,
    /// The file.
    pub text: String,
    /// Why it was made.
    pub note: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A page of versions.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PipelineVersionsAnswer {
    /// The versions, newest first.
    pub versions: Vec<PipelineVersionAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// The versions to put into service.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SharesInput {
    /// They take the place of all former ones; none puts the built-in back.
    pub shares: Vec<ShareDocument>,
}

/// A pipeline to try.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewInput {
    /// The file.
    pub text: String,
    /// What is asked of it.
    #[serde(default)]
    pub request: RecommendInput,
}

impl PipelineVersionAnswer {
    fn of(definition: Definition) -> Self {
        Self {
            placement: definition.name,
            version: definition.version,
            text: definition.text,
            note: definition.note,
            created_at: definition.created_at,
        }
    }
}

/// Lists the placements that have a pipeline of their own.
///
/// There are at most 256, so they come at once.
#[utoipa::path(get, path = "/api/v1/pipelines", tag = "recommendations", responses(
    (status = 200, body = PipelinesAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
) -> Result<Json<PipelinesAnswer>, Problem> {
    let live = state
        .definitions
        .live_definitions(access.scope(), PIPELINES.kind)
        .await?;
    let pipelines = live.into_iter().map(|one| PipelineAnswer {
        placement: one.name,
        newest_version: one.newest_version,
        shares: one
            .shares
            .iter()
            .map(|share| ShareDocument {
                version: share.version,
                weight: share.weight,
            })
            .collect(),
    });
    Ok(Json(PipelinesAnswer {
        pipelines: pipelines.collect(),
        built_in: BUILT_IN,
    }))
}

/// Lists the versions of a placement's pipeline, newest first.
#[utoipa::path(get, path = "/api/v1/pipelines/{placement}/versions", tag = "recommendations",
    params(("placement" = String, Path, description = "The placement"), PageQuery), responses(
    (status = 200, body = PipelineVersionsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn versions(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(placement): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<PipelineVersionsAnswer>, Problem> {
    let (found, page) = PIPELINES
        .listed(&state, access.scope(), &placement, &query)
        .await?;
    let versions = found.into_iter().map(PipelineVersionAnswer::of).collect();
    Ok(Json(PipelineVersionsAnswer { versions, page }))
}

/// Reads a version.
#[utoipa::path(get, path = "/api/v1/pipelines/{placement}/versions/{version}",
    tag = "recommendations", params(
    ("placement" = String, Path, description = "The placement"),
    ("version" = u32, Path, description = "The version")), responses(
    (status = 200, body = PipelineVersionAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn version(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path((placement, version)): Path<(String, String)>,
) -> Result<Json<PipelineVersionAnswer>, Problem> {
    let found = PIPELINES
        .version(&state, access.scope(), &placement, &version)
        .await?;
    Ok(Json(PipelineVersionAnswer::of(found)))
}

/// Adds a version. It answers nothing until it is given a share.
///
/// A file that does not read is refused with line and column. The newest version sent again is that
/// version.
#[utoipa::path(post, path = "/api/v1/pipelines/{placement}/versions", tag = "recommendations",
    params(("placement" = String, Path, description = "The placement")),
    request_body = DefinitionInput, responses(
    (status = 201, body = PipelineVersionAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(placement): Path<String>,
    JsonBody(input): JsonBody<DefinitionInput>,
) -> Result<(StatusCode, Json<PipelineVersionAnswer>), Problem> {
    check_name(&placement)?;
    parsed(&input.text)?;
    let added = PIPELINES
        .add(&state, access.scope(), &placement, input)
        .await?;
    Ok((StatusCode::CREATED, Json(PipelineVersionAnswer::of(added))))
}

/// Puts versions into service, at once for every request that follows.
///
/// Listeners are divided by a hash of placement and listener, so that each keeps their version while
/// the shares stay as they are.
#[utoipa::path(put, path = "/api/v1/pipelines/{placement}/shares", tag = "recommendations",
    params(("placement" = String, Path, description = "The placement")),
    request_body = SharesInput, responses(
    (status = 204, description = "In service"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn set_shares(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(placement): Path<String>,
    JsonBody(input): JsonBody<SharesInput>,
) -> Result<StatusCode, Problem> {
    let shares: Vec<Share> = input
        .shares
        .iter()
        .map(|share| Share {
            version: share.version,
            weight: share.weight,
        })
        .collect();
    if !shares.is_empty() {
        check_shares(&shares)?;
    }
    state
        .definitions
        .set_shares(access.scope(), PIPELINES.kind, &placement, &shares)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers a request by a pipeline that is not in service. Nothing is written to the log; the answer
/// can be explained like any other.
#[utoipa::path(post, path = "/api/v1/pipelines/preview", tag = "recommendations",
    request_body = PreviewInput, responses(
    (status = 200, body = RecommendAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn preview(
    State(state): State<ApiState>,
    access: ReadAccess,
    JsonBody(input): JsonBody<PreviewInput>,
) -> Result<Json<RecommendAnswer>, Problem> {
    let scope = access.scope();
    let definition = parsed(&input.text)?;
    let mut request = request_of(&state, &access, input.request).await?;
    request.draft = Some(Arc::new(definition));
    let answered = state.recommender.rank(scope, request).await?;
    Ok(Json(present(answered, true)))
}

fn parsed(text: &str) -> Result<PipelineDefinition, Problem> {
    check_definition_text(text)?;
    PipelineDefinition::parse(text).map_err(|error| Problem::invalid("/text", error.to_string()))
}
