//! Training, and the models it made.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::{ModelId, Timestamp};
use leitmotif_recommend::heads::{HEADS, HEADS_FAMILY};
use leitmotif_recommend::service::PRODUCTION;
use leitmotif_recommend::train::point;
use leitmotif_storage::ports::ModelRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::analysis::QueuedAnswer;
use super::path_id;
use crate::middleware::auth::{AdminAccess, ReadAccess};
use crate::middleware::body::QueryParameters;
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
    /// The training report: data, settings and the ladder of quality on held-out listens.
    #[schema(value_type = Object)]
    pub report: serde_json::Value,
}

impl ModelAnswer {
    fn of(record: ModelRecord, in_use: &[ModelId]) -> Self {
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

/// Queues a training on the whole log; the new model goes into production when it is done.
#[utoipa::path(post, path = "/api/v1/training-runs", tag = "models", responses(
    (status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: AdminAccess,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    let job = NewJob {
        task: JobTask::Train,
        dedupe_key: "train".to_owned(),
    };
    let queued = state.jobs.enqueue(access.scope(), vec![job]).await?;
    state.wake_workers.notify_one();
    let job = queued
        .first()
        .ok_or_else(|| Problem::bug(&"nothing was queued"))?;
    Ok((
        StatusCode::ACCEPTED,
        Json(QueuedAnswer {
            job: job.to_string(),
        }),
    ))
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
    let mut in_use = Vec::new();
    for alias in [PRODUCTION, HEADS] {
        let record = state.models.alias(access.scope(), alias).await?;
        in_use.extend(record.map(|record| record.id));
    }
    let models = page.items.into_iter();
    let models = models
        .map(|record| ModelAnswer::of(record, &in_use))
        .collect();
    Ok(Json(ModelsAnswer { models, page: info }))
}

/// Puts a version of a family into use: forward, or back after a bad one.
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
    let alias = match record.name.as_str() {
        HEADS_FAMILY => HEADS,
        _ => PRODUCTION,
    };
    point(state.recommender.stores(), access.scope(), alias, record.id).await?;
    let in_use = [record.id];
    Ok(Json(ModelAnswer::of(record, &in_use)))
}
