//! Training, and the models it made.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::training::{Promotion, ReportDepth, SearchBudget, TrainingRequest};
use leitmotif_domain::{ModelId, TenantScope, Timestamp, limits};
use leitmotif_recommend::Error;
use leitmotif_recommend::heads::HEADS;
use leitmotif_recommend::service::PRODUCTION;
use leitmotif_recommend::train::{alias_of, check_readable, point};
use leitmotif_storage::ports::ModelRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::jobs::{QueuedAnswer, queue_one};
use super::path_id;
use crate::middleware::auth::{AdminAccess, ReadAccess};
use crate::middleware::body::{OptionalJsonBody, QueryParameters};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A model version.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModelAnswer {
    /// Its id.
    pub id: String,
    /// The family.
    pub name: String,
    /// When it was trained.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The last log offset it learnt from.
    pub log_offset: u64,
    /// Whether answers come from it: of each family one version is in use.
    pub is_production: bool,
    /// The training report: data, settings, the ladder of quality on held-out listens, the comparison
    /// with the model that was in production, and what each stage took. A listing leaves the long parts
    /// out: `ablation`, `pareto`, `search` and `stages`.
    #[schema(value_type = Object)]
    pub report: Value,
}

/// The parts of a report that a listing leaves out.
const LONG_PARTS: [&str; 4] = ["ablation", "pareto", "search", "stages"];

impl ModelAnswer {
    pub(super) fn of(record: ModelRecord, in_use: &[ModelId]) -> Self {
        Self {
            is_production: in_use.contains(&record.id),
            id: record.id.to_string(),
            name: record.name,
            created_at: record.created_at,
            log_offset: record.log_offset,
            report: record.metrics,
        }
    }
}

/// A page of models.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModelsAnswer {
    /// The versions, newest first.
    pub models: Vec<ModelAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// What a training is to do; everything may be left out.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingInput {
    /// `brief` for the ladder and the comparison, `full` for the ablation and the Pareto curve too.
    #[schema(value_type = Option<String>)]
    pub report: Option<ReportDepth>,
    /// `if_not_worse` puts the new model into production unless it is measurably worse than the one
    /// that is there, `always` whatever was measured.
    #[schema(value_type = Option<String>)]
    pub promotion: Option<Promotion>,
    /// Searches for settings: by time, or by trials.
    pub search: Option<SearchBudgetInput>,
}

/// How long settings are searched for: `seconds`, or both counts of trials.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchBudgetInput {
    /// Seconds, 1 to 86,400. The first trial says how many fit in; the report names the counts, which
    /// give the same model again.
    pub seconds: Option<u32>,
    /// Trials of the settings of the sources, 1 to 500.
    pub source_trials: Option<u32>,
    /// Trials of the settings of the ranker, 1 to 500.
    pub ranker_trials: Option<u32>,
}

impl SearchBudgetInput {
    fn budget(self) -> Result<SearchBudget, Problem> {
        let within = |field: &str, value: u32, most: u32| {
            if (1..=most).contains(&value) {
                return Ok(value);
            }
            let pointer = format!("/search/{field}");
            Err(Problem::invalid(
                pointer,
                format!("{value} is not within 1 to {most}"),
            ))
        };
        let most = limits::TRAINING_TRIALS_MAX;
        match (self.seconds, self.source_trials, self.ranker_trials) {
            (Some(seconds), None, None) => {
                let seconds = within("seconds", seconds, limits::TRAINING_SEARCH_S_MAX)?;
                Ok(SearchBudget::Seconds(seconds))
            }
            (None, Some(sources), Some(ranker)) => Ok(SearchBudget::Trials {
                sources: within("source_trials", sources, most)?,
                ranker: within("ranker_trials", ranker, most)?,
            }),
            _ => {
                let detail = "give `seconds` alone, or both `source_trials` and `ranker_trials`";
                Err(Problem::invalid("/search", detail))
            }
        }
    }
}

/// Queues a training on the whole log. The new model is always registered; it goes into production
/// unless it is measurably worse than the model that is there. While a training waits or runs, another
/// is not queued: the answer names the one that is there.
#[utoipa::path(post, path = "/api/v1/training-runs", tag = "models",
    request_body = Option<TrainingInput>, responses(
    (status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: AdminAccess,
    OptionalJsonBody(input): OptionalJsonBody<TrainingInput>,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    let request = TrainingRequest {
        report: input.report.unwrap_or_default(),
        promotion: input.promotion.unwrap_or_default(),
        search: input.search.map(SearchBudgetInput::budget).transpose()?,
    };
    queue_one(
        &state,
        access.scope(),
        NewJob::alone(JobTask::Train(request)),
    )
    .await
}

/// Lists model versions, newest first.
#[utoipa::path(get, path = "/api/v1/models", tag = "models", params(PageQuery), responses(
    (status = 200, body = ModelsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<ModelsAnswer>, Problem> {
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "models",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let page = state.models.list_models(access.scope(), &asked).await?;
    let info = listing.info(&page);
    let in_use = in_use(&state, access.scope()).await?;
    let models = page.items.into_iter().map(|mut record| {
        if let Some(parts) = record.metrics.as_object_mut() {
            parts.retain(|name, _| !LONG_PARTS.contains(&name.as_str()));
        }
        ModelAnswer::of(record, &in_use)
    });
    Ok(Json(ModelsAnswer {
        models: models.collect(),
        page: info,
    }))
}

/// Reads a version with its whole report.
#[utoipa::path(get, path = "/api/v1/models/{id}", tag = "models",
    params(("id" = String, Path, description = "model id")), responses(
    (status = 200, body = ModelAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<ModelAnswer>, Problem> {
    let model = path_id("model", &id)?;
    let found = state.models.model(access.scope(), model).await?;
    let record = found.ok_or_else(|| Problem::not_found("model", &id))?;
    let in_use = in_use(&state, access.scope()).await?;
    Ok(Json(ModelAnswer::of(record, &in_use)))
}

/// The versions that answers come from, one of each family at most.
async fn in_use(state: &ApiState, scope: &TenantScope) -> Result<Vec<ModelId>, Problem> {
    let mut in_use = Vec::new();
    for alias in [PRODUCTION, HEADS] {
        let record = state.models.alias(scope, alias).await?;
        in_use.extend(record.map(|record| record.id));
    }
    Ok(in_use)
}

/// Puts a version of a family into use: forward, or back after a bad one. One whose bytes are damaged
/// or lost is refused and the version in use stays.
#[utoipa::path(put, path = "/api/v1/models/{id}/production", tag = "models",
    params(("id" = String, Path, description = "model id")), responses(
    (status = 200, body = ModelAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn set_production(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(id): Path<String>,
) -> Result<Json<ModelAnswer>, Problem> {
    let found = state
        .models
        .model(access.scope(), path_id("model", &id)?)
        .await?;
    let record = found.ok_or_else(|| Problem::not_found("model", &id))?;
    let stores = state.recommender.stores();
    check_readable(stores, access.scope(), &record)
        .await
        .map_err(|error| match error {
            Error::DamagedModel { .. } => Problem::conflict(error.to_string()),
            other => other.into(),
        })?;
    point(stores, access.scope(), alias_of(&record), record.id).await?;
    let in_use = [record.id];
    Ok(Json(ModelAnswer::of(record, &in_use)))
}
