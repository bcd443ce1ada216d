//! Answers that were given, worked out again and held against what was shown.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::asked::AnswerSelection;
use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::{JobId, TrackId, limits};
use leitmotif_recommend::replay::{Difference, Outcome, ReplayReport, ShownPlace};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::{QueuedAnswer, is_open, newest_of_kind, queue_one};
use super::path_id;
use crate::middleware::auth::AdminAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Answers that are looked at when nothing is said.
const COUNT_DEFAULT: usize = 1_000;

/// Which answers are given again.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerReplayInput {
    /// The newest so many; 1,000 when left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000)]
    pub count: Option<usize>,
    /// Only answers whose exposure lies at this offset of the log or behind it.
    #[serde(default)]
    pub from_offset: Option<u64>,
    /// Only answers whose exposure lies at this offset or before it.
    #[serde(default)]
    pub through_offset: Option<u64>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnswerReplayAnswer {
    /// The last event of the log then.
    pub log_offset: u64,
    /// Answers that were looked at.
    pub answers: u64,
    /// Those with the same tracks in the same order and the same scores, bit for bit.
    pub identical: u64,
    /// Those that differ, though nothing they hang on was changed since.
    pub different: u64,
    /// Those that differ, and tracks were changed, removed or joined to one recording since.
    pub catalogue_changed: u64,
    /// Those that differ, and vectors or measurements they hang on came or changed since.
    pub vectors_changed: u64,
    /// Answers that were not given again.
    pub left_out: AnswersLeftOut,
    /// The first differences: those without a reason first.
    pub differences: Vec<DifferenceAnswer>,
    /// The time it took.
    pub elapsed_ms: u64,
}

/// Answers that were not given again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnswersLeftOut {
    /// Their model is gone or does not read.
    pub model_gone: u64,
    /// Their pipeline is gone or does not read.
    pub pipeline_gone: u64,
    /// Views whose features they read were changed or removed since.
    pub features_changed: u64,
    /// A part of them failed or came too late.
    pub degraded: u64,
    /// More was asked than the log keeps: over 1,000 tracks, or candidates that the caller brought.
    pub incomplete: u64,
    /// They are playlists, whose order is made elsewhere.
    pub playlists: u64,
    /// They were written before the log kept what answers were made from.
    pub early: u64,
}

/// The first place at which an answer differs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DifferenceAnswer {
    /// The answer.
    pub request_id: String,
    /// Where its exposure is in the log.
    pub offset: u64,
    /// The place, from 1.
    pub position: u32,
    /// What was shown there; `null` where nothing was.
    pub was: Option<ShownPlaceAnswer>,
    /// What would be shown; `null` where nothing would.
    pub is: Option<ShownPlaceAnswer>,
    /// `different`, `catalogue_changed` or `vectors_changed`.
    pub reason: &'static str,
}

/// A place of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShownPlaceAnswer {
    /// The track.
    #[schema(value_type = String)]
    pub track: TrackId,
    /// The score it was ranked by.
    pub score: Option<f32>,
}

impl From<ShownPlace> for ShownPlaceAnswer {
    fn from(place: ShownPlace) -> Self {
        let ShownPlace { track, score } = place;
        Self { track, score }
    }
}

impl From<Difference> for DifferenceAnswer {
    fn from(difference: Difference) -> Self {
        Self {
            request_id: difference.request_id.to_string(),
            offset: difference.offset,
            position: difference.position,
            was: difference.was.map(ShownPlaceAnswer::from),
            is: difference.is.map(ShownPlaceAnswer::from),
            reason: match difference.outcome {
                Outcome::CatalogueChanged => "catalogue_changed",
                Outcome::VectorsChanged => "vectors_changed",
                _ => "different",
            },
        }
    }
}

impl From<ReplayReport> for AnswerReplayAnswer {
    fn from(report: ReplayReport) -> Self {
        let counts = report.counts;
        Self {
            log_offset: report.log_offset,
            answers: counts.total(),
            identical: counts.identical,
            different: counts.different,
            catalogue_changed: counts.catalogue_changed,
            vectors_changed: counts.vectors_changed,
            left_out: AnswersLeftOut {
                model_gone: counts.model_gone,
                pipeline_gone: counts.pipeline_gone,
                features_changed: counts.features_changed,
                degraded: counts.degraded,
                incomplete: counts.incomplete,
                playlists: counts.playlists,
                early: counts.early,
            },
            differences: (report.differences.into_iter())
                .map(DifferenceAnswer::from)
                .collect(),
            elapsed_ms: report.spent_ms,
        }
    }
}

/// Queues a replay: answers of the past are given again from the log up to where they stood, by the model and the pipeline of
/// then, and compared with what was shown. Nothing changes, and requests are answered meanwhile.
#[utoipa::path(post, path = "/api/v1/answer-replays", tag = "events",
    request_body = AnswerReplayInput, responses((status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: AdminAccess,
    JsonBody(input): JsonBody<AnswerReplayInput>,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    let count = input.count.unwrap_or(COUNT_DEFAULT);
    if count == 0 || count > limits::REPLAYED_ANSWERS_MAX {
        let detail = format!("{count} is not in 1..={}", limits::REPLAYED_ANSWERS_MAX);
        return Err(Problem::invalid("/count", detail));
    }
    let selection = AnswerSelection {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        from_offset: input.from_offset,
        through_offset: input.through_offset,
    };
    let scope = access.scope();
    let task = JobTask::ReplayAnswers(selection);
    if let Some(job) = newest_of_kind(&state, scope, &task).await?.filter(is_open) {
        let detail = format!("job `{}` replays answers already", job.id);
        return Err(Problem::conflict(detail));
    }
    queue_one(&state, scope, NewJob::alone(task)).await
}

/// Tells what came of the last replay, by its job.
#[utoipa::path(get, path = "/api/v1/answer-replays/{id}", tag = "events",
    params(("id" = String, Path, description = "the job that replays")), responses(
    (status = 200, body = AnswerReplayAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(id): Path<String>,
) -> Result<Json<AnswerReplayAnswer>, Problem> {
    let job: JobId = path_id("answer replay", &id)?;
    let report = state.search.replay_report(access.scope()).await?;
    let found = report.filter(|(made_by, _)| *made_by == job);
    let (_, report) = found.ok_or_else(|| Problem::not_found("answer replay", &id))?;
    Ok(Json(report.into()))
}
