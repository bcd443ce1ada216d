//! Batches of lyrics: taken, measured by a job, and asked after.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::job::{JobState, JobTask};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::{ErrorKind, JobId, RequestId, limits};
use leitmotif_ingest::jobs::texts::{BatchText, queue_texts, text_results};
use leitmotif_storage::ports::JobFilter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::analysis::analysis_of;
use super::check_lyrics;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;

/// Most texts of a batch, as the service has it.
const ITEMS_MAX: usize = 1_000;
/// What may be done with texts; both read them, and a text that was read is valid.
const OPERATIONS: [&str; 2] = ["analyze", "validate"];

#[derive(Debug, Deserialize)]
pub struct BatchRequest {
    items: Vec<BatchText>,
    #[serde(default)]
    operation: Option<String>,
}

/// Takes a batch of texts.
pub async fn submit(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(request): JsonBody<BatchRequest>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (scope, count) = (access.scope(), request.items.len());
    if count == 0 || count > ITEMS_MAX {
        let detail = format!("{count} items, must be 1..={ITEMS_MAX}");
        return Err(Problem::invalid("/items", detail));
    }
    for (place, item) in request.items.iter().enumerate() {
        check_lyrics(&format!("/items/{place}/lyrics"), &item.lyrics)?;
        let id = item.id.as_deref().unwrap_or_default();
        leitmotif_domain::track::check_text("id", id)?;
    }
    if let Some(operation) = request
        .operation
        .filter(|name| !OPERATIONS.contains(&name.as_str()))
    {
        let detail = format!("`{operation}` is none of {}", OPERATIONS.join(", "));
        return Err(Problem::invalid("/operation", detail));
    }
    refuse_too_many(&state, &access).await?;
    let batch = RequestId::generate(state.clock.as_ref(), state.entropy.as_ref());
    let job = queue_texts(&state.catalogue, scope, batch, &request.items).await?;
    let job = job.ok_or_else(|| Problem::bug(&"nothing was queued"))?;
    state.wake_workers.notify_one();
    let answer = json!({
        "batch_id": job.to_string(),
        "status": "queued",
        "items_count": count,
        "timestamp": state.clock.now().to_string(),
    });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

async fn refuse_too_many(state: &ApiState, access: &WriteAccess) -> Result<(), Problem> {
    let waiting = JobFilter {
        state: Some(JobState::Waiting),
        kind: Some("analyze_texts".to_owned()),
    };
    let page = PageRequest::new(Some(limits::TEXT_BATCHES_WAITING_MAX), None)?;
    let found = state
        .jobs
        .list_jobs(access.scope(), &waiting, &page)
        .await?;
    if found.items.len() < limits::TEXT_BATCHES_WAITING_MAX {
        return Ok(());
    }
    let detail = format!("{} batches wait already", found.items.len());
    Err(Problem::of_kind(ErrorKind::Exhausted, detail))
}

/// Says how far a batch is; with its results at the end, while they are kept.
pub async fn status(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let unknown = || Problem::not_found("batch", &id);
    let job: JobId = id.parse().map_err(|_| unknown())?;
    let job = state.jobs.job(scope, job).await?.ok_or_else(unknown)?;
    let JobTask::AnalyzeTexts { batch, count } = job.task else {
        return Err(unknown());
    };
    let done = match job.state {
        JobState::Done => u64::from(count),
        _ => job.progress.done,
    };
    let status = match job.state {
        JobState::Waiting => "queued",
        JobState::Running => "processing",
        JobState::Done => "completed",
        JobState::Dead => "failed",
    };
    let mut answer = json!({
        "batch_id": id,
        "status": status,
        "progress": done * 100 / u64::from(count.max(1)),
        "completed_items": done,
        "total_items": count,
        "timestamp": state.clock.now().to_string(),
    });
    if job.state == JobState::Done
        && let Some(results) = text_results(&state.catalogue, scope, batch).await?
    {
        let told = results
            .iter()
            .map(|one| json!({"id": one.id, "analysis": analysis_of(&one.descriptors)}));
        answer["results"] = told.collect();
    }
    Ok(Json(answer))
}
