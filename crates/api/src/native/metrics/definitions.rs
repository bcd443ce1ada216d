//! The metrics of a tenant, in versions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::TenantScope;
use leitmotif_domain::definition::{DefinitionKind, check_name};
use leitmotif_domain::page::Page;
use leitmotif_features::metrics::{Breakdown, LiveMetric, MetricDefinition};
use serde::Serialize;
use utoipa::ToSchema;

use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::native::check_definition_text;
use crate::native::versions::{
    DefinitionInput, DefinitionVersionAnswer, DefinitionVersionsAnswer, Versioned,
};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// How its definitions are called.
const METRICS: Versioned = Versioned {
    kind: DefinitionKind::Metric,
    noun: "metric",
    listing: "metric versions",
    reserved: &["validate"],
};

/// A page of metrics.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MetricsAnswer {
    /// The metrics, by name.
    pub metrics: Vec<MetricSummary>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// A metric.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MetricSummary {
    /// Its name.
    pub name: String,
    /// What it says.
    pub description: String,
    /// What is counted once: `exposed_track`, `answer`, `listener_day`, `play` or `catalogue_track`.
    pub observation: &'static str,
    /// `higher`, `lower` or `neither`.
    pub better: &'static str,
    /// The unit of its values.
    pub unit: String,
    /// How long after an exposure an outcome may follow from it, in seconds; `null` where nothing is attributed.
    pub window_s: Option<i64>,
    /// What it may be broken down by: `day`, `placement`, `rung`, `model`, `pipeline`.
    pub breakdowns: Vec<&'static str>,
    /// The version that answers; `null` for a built-in metric.
    pub version: Option<u32>,
}

/// A metric with its file.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MetricAnswer {
    /// The metric.
    #[serde(flatten)]
    pub summary: MetricSummary,
    /// The file, with its comments.
    pub text: String,
}

impl MetricSummary {
    pub(super) fn of(definition: &MetricDefinition, version: Option<u32>) -> Self {
        let has = |by: &Breakdown| by.is_of(definition.observation);
        let breakdowns = Breakdown::ALL.into_iter().filter(has).map(Breakdown::name);
        Self {
            name: definition.name.clone(),
            description: definition.description.clone(),
            observation: definition.observation.name(),
            better: definition.better.name(),
            unit: definition.unit.clone(),
            window_s: (definition.window_ms > 0).then_some(definition.window_ms / 1_000),
            breakdowns: breakdowns.collect(),
            version,
        }
    }
}

/// Finds a metric in service.
pub(super) async fn metric_of(
    state: &ApiState,
    scope: &TenantScope,
    name: &str,
) -> Result<LiveMetric, Problem> {
    let metrics = state.metric_registry.metrics(scope).await?;
    let found = metrics.into_iter().find(|one| one.definition.name == name);
    found.ok_or_else(|| Problem::not_found("metric", name))
}

/// Lists the metrics by name: the tenant's own, and the built-in ones of other names.
#[utoipa::path(get, path = "/api/v1/metrics", tag = "metrics", params(PageQuery), responses(
    (status = 200, body = MetricsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<MetricsAnswer>, Problem> {
    let scope = access.scope();
    let listing = Listing {
        state: &state,
        scope,
        name: "metrics",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let mut metrics = state.metric_registry.metrics(scope).await?;
    if let Some(after) = &asked.after {
        metrics.retain(|metric| metric.definition.name > *after);
    }
    metrics.truncate(asked.limit() + 1);
    let found = Page::from_surplus(metrics, asked.limit(), |one| one.definition.name.clone());
    let page = listing.info(&found);
    let metrics = (found.items.iter()).map(|one| MetricSummary::of(&one.definition, one.version));
    Ok(Json(MetricsAnswer {
        metrics: metrics.collect(),
        page,
    }))
}

/// Describes a metric, with its file.
#[utoipa::path(get, path = "/api/v1/metrics/{metric}", tag = "metrics",
    params(("metric" = String, Path, description = "The metric")), responses(
    (status = 200, body = MetricAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn describe(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(metric): Path<String>,
) -> Result<Json<MetricAnswer>, Problem> {
    let found = metric_of(&state, access.scope(), &metric).await?;
    Ok(Json(MetricAnswer {
        summary: MetricSummary::of(&found.definition, found.version),
        text: found.text.to_string(),
    }))
}

/// Adds a version of a metric and puts it into service at once; values follow from the whole log, so that the past is
/// told by the new version too.
///
/// A file that does not read is refused with line and column. The newest version sent again is that version. A metric
/// of the name of a built-in one takes its place.
#[utoipa::path(put, path = "/api/v1/metrics/{metric}", tag = "metrics",
    params(("metric" = String, Path, description = "The metric")),
    request_body = DefinitionInput, responses(
    (status = 200, body = DefinitionVersionAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn put(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(metric): Path<String>,
    JsonBody(input): JsonBody<DefinitionInput>,
) -> Result<Json<DefinitionVersionAnswer>, Problem> {
    let scope = access.scope();
    check_name(&metric)?;
    let named = parsed(&input.text)?.name;
    let added = METRICS.serve(&state, scope, &metric, &named, input).await?;
    Ok(Json(DefinitionVersionAnswer::of(added)))
}

/// Takes a metric of the tenant out of service; the built-in of that name answers again, if there is one. Its versions
/// stay.
#[utoipa::path(delete, path = "/api/v1/metrics/{metric}", tag = "metrics",
    params(("metric" = String, Path, description = "The metric")), responses(
    (status = 204, description = "Out of service"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn withdraw(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(metric): Path<String>,
) -> Result<StatusCode, Problem> {
    let scope = access.scope();
    if metric_of(&state, scope, &metric).await?.version.is_none() {
        return Err(Problem::not_found("metric of your own", &metric));
    }
    state
        .definitions
        .set_shares(scope, METRICS.kind, &metric, &[])
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what a file defines, without adding it.
#[utoipa::path(post, path = "/api/v1/metrics/validate", tag = "metrics",
    request_body = DefinitionInput, responses(
    (status = 200, body = MetricSummary),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn validate(
    _access: ReadAccess,
    JsonBody(input): JsonBody<DefinitionInput>,
) -> Result<Json<MetricSummary>, Problem> {
    Ok(Json(MetricSummary::of(&parsed(&input.text)?, None)))
}

/// Lists the versions of a metric, newest first. A built-in metric has none.
#[utoipa::path(get, path = "/api/v1/metrics/{metric}/versions", tag = "metrics",
    params(("metric" = String, Path, description = "The metric"), PageQuery), responses(
    (status = 200, body = DefinitionVersionsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn versions(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(metric): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<DefinitionVersionsAnswer>, Problem> {
    let (found, page) = METRICS
        .listed(&state, access.scope(), &metric, &query)
        .await?;
    let versions = found.into_iter().map(DefinitionVersionAnswer::of).collect();
    Ok(Json(DefinitionVersionsAnswer { versions, page }))
}

/// Reads a version.
#[utoipa::path(get, path = "/api/v1/metrics/{metric}/versions/{version}", tag = "metrics", params(
    ("metric" = String, Path, description = "The metric"),
    ("version" = u32, Path, description = "The version")), responses(
    (status = 200, body = DefinitionVersionAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn version(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path((metric, version)): Path<(String, String)>,
) -> Result<Json<DefinitionVersionAnswer>, Problem> {
    let found = METRICS
        .version(&state, access.scope(), &metric, &version)
        .await?;
    Ok(Json(DefinitionVersionAnswer::of(found)))
}

fn parsed(text: &str) -> Result<MetricDefinition, Problem> {
    check_definition_text(text)?;
    MetricDefinition::parse(text).map_err(|error| Problem::invalid("/text", error.to_string()))
}
