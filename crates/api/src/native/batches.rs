//! Recommendations for many listeners at once: asked for, made by a job, read as rows.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::track::check_text;
use leitmotif_domain::{JobId, TenantScope, Timestamp, limits};
use leitmotif_recommend::batch::{BatchRequest, BatchState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::{QueuedAnswer, is_open, newest_of_kind, queue_one};
use super::path_id;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A batch to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchInput {
    /// The placement whose pipeline makes the lists; `batch` when left out.
    #[serde(default)]
    pub placement: Option<String>,
    /// Tracks of each list, 1 to 500; 20 when left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 500)]
    pub count: Option<usize>,
    /// For whom, by the names the player uses; every listener when left out.
    #[serde(default)]
    #[schema(max_items = 100_000)]
    pub listeners: Option<Vec<String>>,
}

/// How far the batch is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// The last event that its lists know of.
    pub log_offset: u64,
    /// The moment that they are made for.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Listeners done.
    pub done: u64,
    /// Listeners to do.
    pub total: u64,
    /// Whether every listener is done and the rows can be read.
    pub is_done: bool,
    /// Lists made in a second.
    pub listeners_per_second: Option<f64>,
}

/// Queues a batch: a list for every listener, or for those named, all from what is known at one moment.
/// The last batch of a tenant is kept, a new one takes its place.
#[utoipa::path(post, path = "/api/v1/recommendation-batches", tag = "recommendations",
    request_body = BatchInput, responses((status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(input): JsonBody<BatchInput>,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    let count = input.count.unwrap_or(20);
    if count == 0 || count > limits::RECOMMENDATIONS_MAX {
        let detail = format!("{count} is not in 1..={}", limits::RECOMMENDATIONS_MAX);
        return Err(Problem::invalid("/count", detail));
    }
    let named = input.listeners.as_ref().map_or(0, Vec::len);
    if named > limits::BATCH_LISTENERS_MAX {
        let detail = format!("{named} listeners, at most {}", limits::BATCH_LISTENERS_MAX);
        return Err(Problem::invalid("/listeners", detail));
    }
    let placement = input.placement.unwrap_or_else(|| "batch".to_owned());
    check_text("placement", &placement)?;
    let scope = access.scope();
    let newest = newest_of_kind(&state, scope, &JobTask::RecommendBatch).await?;
    if let Some(job) = newest.filter(is_open) {
        let detail = format!("job `{}` makes a batch already", job.id);
        return Err(Problem::conflict(detail));
    }
    let request = BatchRequest {
        placement,
        count,
        listeners: input.listeners,
    };
    state.recommender.prepare_batch(scope, &request).await?;
    queue_one(&state, scope, NewJob::alone(JobTask::RecommendBatch)).await
}

/// Shows how far the last batch is, by its job.
#[utoipa::path(get, path = "/api/v1/recommendation-batches/{id}", tag = "recommendations",
    params(("id" = String, Path, description = "the job that makes it")), responses(
    (status = 200, body = BatchAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<BatchAnswer>, Problem> {
    let batch = find(&state, access.scope(), &id).await?;
    let seconds = batch.spent_ms as f64 / 1_000.0;
    Ok(Json(BatchAnswer {
        log_offset: batch.log_offset,
        at: batch.at,
        done: batch.done,
        total: batch.total,
        is_done: batch.is_done,
        listeners_per_second: (batch.spent_ms > 0).then(|| batch.done as f64 / seconds),
    }))
}

/// Streams the rows of the last batch as JSON lines, in the order of the listeners: `listener`, `rung`,
/// `model_version`, `pipeline_version`, and `tracks` with `id`, `score` and `expected_listened_share`.
#[utoipa::path(get, path = "/api/v1/recommendation-batches/{id}/rows", tag = "recommendations",
    params(("id" = String, Path, description = "the job that makes it")), responses(
    (status = 200, description = "one JSON object a line", body = String, content_type = "application/x-ndjson"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn rows(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let scope = access.scope().clone();
    let batch = find(&state, &scope, &id).await?;
    if !batch.is_done {
        let detail = format!("{} of {} listeners are done", batch.done, batch.total);
        return Err(Problem::conflict(detail));
    }
    // One part is held at a time; the next is read when the client has taken this one.
    let pieces = futures_util::stream::try_unfold(0_u32, move |part| {
        let (state, scope) = (state.clone(), scope.clone());
        async move {
            if part >= batch.parts {
                return Ok(None);
            }
            let read = state.recommender.batch_part(&scope, part).await;
            let bytes = read.map_err(std::io::Error::other)?;
            let gone = || std::io::Error::other("another batch took its place");
            Ok::<_, std::io::Error>(Some((bytes.ok_or_else(gone)?, part + 1)))
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// The batch of a job; one whose place another took is not there any more.
async fn find(state: &ApiState, scope: &TenantScope, id: &str) -> Result<BatchState, Problem> {
    let missing = || Problem::not_found("batch", id);
    let job: JobId = path_id("batch", id)?;
    let newest = newest_of_kind(state, scope, &JobTask::RecommendBatch).await?;
    newest
        .filter(|newest| newest.id == job)
        .ok_or_else(missing)?;
    let found = state.recommender.batch_state(scope).await?;
    found.ok_or_else(missing)
}
