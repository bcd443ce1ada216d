//! The turn of an import whose rows a client reads and sends. Imports of a tenant go one after the other, folders and
//! tables alike: each decides by what is in the catalogue what a row of it is.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::job::{Job, JobTask, Progress};
use leitmotif_domain::limits;
use leitmotif_domain::track::check_text;
use leitmotif_storage::ports::LeasedJob;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::path_id;
use crate::middleware::auth::WriteAccess;
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// An import that wants its turn.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportTurnInput {
    /// What is imported, as a person would call it: the path of a table. Others are told it while they wait.
    pub source: String,
}

/// The turn of an import.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImportTurnAnswer {
    /// The import as a job: it is listed with the others, and `/api/v1/jobs/{id}` tells its progress.
    pub job: String,
    /// Proves that the turn is the caller's.
    pub lease: String,
    /// The turn is lost when it is not kept for so long.
    pub lease_ms: i64,
}

/// A sign of life.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportProgressInput {
    /// `lease` of the turn.
    pub lease: String,
    /// Rows sent so far.
    pub progress_done: u64,
    /// Rows known; 0 while nobody knows.
    pub progress_total: u64,
}

/// Whose turn ends.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportEndQuery {
    /// `lease` of the turn.
    pub lease: String,
}

/// Begins an import; 409, naming the other, while another one runs.
#[utoipa::path(post, path = "/api/v1/import-turns", tag = "imports", request_body = ImportTurnInput, responses(
    (status = 201, body = ImportTurnAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(input): JsonBody<ImportTurnInput>,
) -> Result<(StatusCode, Json<ImportTurnAnswer>), Problem> {
    check_text("source", &input.source)?;
    let (source, lease_ms) = (input.source.as_str(), limits::JOB_LEASE_MS);
    let begun = state.jobs.begin(access.scope(), source, lease_ms).await?;
    let answer = ImportTurnAnswer {
        job: begun.job.id.to_string(),
        lease: format!("{:016x}", begun.lease),
        lease_ms,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Keeps the turn for another while; 409 when it was lost.
#[utoipa::path(put, path = "/api/v1/import-turns/{id}", tag = "imports",
    params(("id" = String, Path, description = "job of the import")), request_body = ImportProgressInput, responses(
    (status = 204, description = "kept"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn keep(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
    JsonBody(input): JsonBody<ImportProgressInput>,
) -> Result<StatusCode, Problem> {
    let leased = turn_of(&state, &access, &id, &input.lease).await?;
    let progress = Progress {
        done: input.progress_done,
        total: input.progress_total,
    };
    let scope = access.scope();
    let kept = state
        .jobs
        .progress(scope, &leased, progress, limits::JOB_LEASE_MS);
    kept.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends an import, so that the next may begin.
#[utoipa::path(delete, path = "/api/v1/import-turns/{id}", tag = "imports",
    params(("id" = String, Path, description = "job of the import"), ImportEndQuery), responses(
    (status = 204, description = "ended"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn end(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<ImportEndQuery>,
) -> Result<StatusCode, Problem> {
    let leased = turn_of(&state, &access, &id, &query.lease).await?;
    state.jobs.complete(access.scope(), &leased).await?;
    state.wake_workers.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// The job of a turn in the hands of its caller; the queue says whether it still is.
async fn turn_of(
    state: &ApiState,
    access: &WriteAccess,
    id: &str,
    lease: &str,
) -> Result<LeasedJob, Problem> {
    let missing = || Problem::not_found("import", id);
    let known = state.jobs.job(access.scope(), path_id("import", id)?);
    let is_import = |job: &Job| matches!(job.task, JobTask::ImportTracks { .. });
    let job = known.await?.filter(is_import).ok_or_else(missing)?;
    // Of another form it is nobody's, and the queue answers as it does for one that was lost.
    let lease = u64::from_str_radix(lease, 16).unwrap_or(u64::MAX);
    Ok(LeasedJob { job, lease })
}
