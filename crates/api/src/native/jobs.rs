//! Queued work: how far it is, what failed, another try.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::job::{Job, JobCounts, JobState, JobTask, NewJob};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::{TenantScope, Timestamp};
use leitmotif_recommend::train::Stage;
use leitmotif_storage::ports::JobFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::path_id;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::QueryParameters;
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A queued job.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct QueuedAnswer {
    /// The job; its progress is at `/api/v1/jobs/{id}`.
    pub job: String,
}

/// Queues one job and wakes the workers; a job of the same key that waits already is answered instead.
pub(super) async fn queue_one(
    state: &ApiState,
    scope: &TenantScope,
    job: NewJob,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    let queued = state.jobs.enqueue(scope, vec![job]).await?;
    state.wake_workers.notify_one();
    let job = queued
        .first()
        .ok_or_else(|| Problem::bug(&"nothing was queued"))?;
    let answer = QueuedAnswer {
        job: job.to_string(),
    };
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// The newest job that does what a task does.
pub(super) async fn newest_of_kind(
    state: &ApiState,
    scope: &TenantScope,
    task: &JobTask,
) -> Result<Option<Job>, Problem> {
    let filter = JobFilter {
        state: None,
        kind: Some(task.kind().to_owned()),
    };
    let page = PageRequest::new(Some(1), None)?;
    let mut found = state.jobs.list_jobs(scope, &filter, &page).await?;
    Ok(found.items.pop())
}

/// Whether a job waits or runs.
pub(super) fn is_open(job: &Job) -> bool {
    matches!(job.state, JobState::Waiting | JobState::Running)
}

/// A job.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct JobAnswer {
    /// Its id.
    pub id: String,
    /// `analyze_track`, `scan_folder`, `import_tracks`, `train`, `find_duplicates`, `train_heads`, `learn_lyrics`,
    /// `encode_lyrics`, `recommend_batch` or `replay_answers`.
    pub kind: &'static str,
    /// The track, folder or table it is about.
    pub subject: Option<String>,
    /// `waiting`, `running`, `done` or `dead`.
    pub state: &'static str,
    /// Attempts begun.
    pub attempts: u32,
    /// Steps finished.
    pub progress_done: u64,
    /// Steps known.
    pub progress_total: u64,
    /// What a running training does now: `validate`, `split`, `fit_sources`, `build_rows`,
    /// `fit_ranker`, `evaluate`, `measure` or `register`. Its steps are shares of the cost.
    pub stage: Option<&'static str>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was queued.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<Job> for JobAnswer {
    fn from(job: Job) -> Self {
        let subject = match &job.task {
            JobTask::AnalyzeTrack { track } => Some(track.to_string()),
            JobTask::ScanFolder { path } => Some(path.clone()),
            JobTask::ImportTracks { source } => Some(source.clone()),
            JobTask::Train(_)
            | JobTask::FindDuplicates
            | JobTask::TrainHeads
            | JobTask::LearnLyrics
            | JobTask::EncodeLyrics
            | JobTask::RecommendBatch
            | JobTask::ReplayAnswers(_)
            | JobTask::AnalyzeTexts { .. }
            | JobTask::SpreadPlugins => None,
        };
        let stage = match &job.task {
            JobTask::Train(request) if job.state == JobState::Running => {
                Stage::at(request, job.progress).map(Stage::name)
            }
            _ => None,
        };
        Self {
            id: job.id.to_string(),
            kind: job.task.kind(),
            subject,
            state: job.state.name(),
            attempts: job.attempts,
            progress_done: job.progress.done,
            progress_total: job.progress.total,
            stage,
            error: job.error,
            created_at: job.created_at,
            updated_at: job.updated_at,
        }
    }
}

/// How many jobs stand where.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct JobCountsAnswer {
    /// Waiting.
    pub waiting: u64,
    /// Running.
    pub running: u64,
    /// Done.
    pub done: u64,
    /// Failed for good.
    pub dead: u64,
}

impl From<JobCounts> for JobCountsAnswer {
    fn from(counts: JobCounts) -> Self {
        Self {
            waiting: counts.waiting,
            running: counts.running,
            done: counts.done,
            dead: counts.dead,
        }
    }
}

/// A page of jobs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct JobsAnswer {
    /// Counts over all jobs.
    pub counts: JobCountsAnswer,
    /// The jobs, newest first.
    pub jobs: Vec<JobAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// Which jobs.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobsQuery {
    /// Only jobs in this state: `waiting`, `running`, `done` or `dead`.
    #[param(value_type = Option<String>)]
    pub state: Option<JobState>,
    /// Only jobs of this kind.
    pub kind: Option<String>,
    /// Items wanted, 1 to 200; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Lists jobs, newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobsQuery), responses(
    (status = 200, body = JobsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<JobsQuery>,
) -> Result<Json<JobsAnswer>, Problem> {
    let filter = JobFilter {
        state: query.state,
        kind: query.kind,
    };
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "jobs",
        filter: format!("{filter:?}"),
    };
    let asked = listing.request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let page = state
        .jobs
        .list_jobs(access.scope(), &filter, &asked)
        .await?;
    let info = listing.info(&page);
    let counts = state.jobs.job_counts(access.scope()).await?.into();
    let jobs = page.items.into_iter().map(JobAnswer::from).collect();
    Ok(Json(JobsAnswer {
        counts,
        jobs,
        page: info,
    }))
}

/// Reads a job.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "job id")), responses(
    (status = 200, body = JobAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<JobAnswer>, Problem> {
    let job = state.jobs.job(access.scope(), path_id("job", &id)?).await?;
    job.map(|job| Json(job.into()))
        .ok_or_else(|| Problem::not_found("job", &id))
}

/// Gives a dead job another try.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs",
    params(("id" = String, Path, description = "job id")), responses(
    (status = 200, body = JobAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn retry(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
) -> Result<Json<JobAnswer>, Problem> {
    let job = path_id("job", &id)?;
    if !state.jobs.revive(access.scope(), job).await? {
        let known = state.jobs.job(access.scope(), job).await?;
        let known = known.ok_or_else(|| Problem::not_found("job", &id))?;
        let detail = match &known.task {
            JobTask::ImportTracks { .. } => {
                "no worker reads that table: run the import again".to_owned()
            }
            _ => format!(
                "the job is {}, only a dead one can be tried again",
                known.state.name()
            ),
        };
        return Err(Problem::conflict(detail));
    }
    state.wake_workers.notify_one();
    get(State(state), ReadAccess(access.0), Path(id)).await
}
