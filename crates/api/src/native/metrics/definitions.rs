//! The metrics of a tenant, in versions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::definition::{Definition, DefinitionKind, NewDefinition, Share, check_name};
use leitmotif_domain::page::Page;
use leitmotif_domain::{TenantScope, Timestamp};
use leitmotif_features::metrics::{Breakdown, LiveMetric, MetricDefinition};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::native::check_definition_text;
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

const KIND: DefinitionKind = DefinitionKind::Metric;
/// A name that stands in the address of a route.
const RESERVED: &str = "validate";

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

/// A new version of a metric.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricInput {
    /// The file.
    pub text: String,
    /// Why it was made.
    #[serde(default)]
    pub note: String,
}

/// A version.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MetricVersionAnswer {
    /// The metric.
    pub name: String,
    /// Counts from 1 for each metric.
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
pub struct MetricVersionsAnswer {
    /// The versions, newest first.
    pub versions: Vec<MetricVersionAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

impl MetricVersionAnswer {
    fn of(definition: Definition) -> Self {
        Self {
            name: definition.name,
            version: definition.version,
            text: definition.text,
            note: definition.note,
            created_at: definition.created_at,
        }
    }
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
    request_body = MetricInput, responses(
    (status = 200, body = MetricVersionAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn put(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(metric): Path<String>,
    JsonBody(input): JsonBody<MetricInput>,
) -> Result<Json<MetricVersionAnswer>, Problem> {
    let scope = access.scope();
    check_name(&metric)?;
    let definition = parsed(&input.text)?;
    if metric == RESERVED {
        return Err(Problem::invalid(
            "/text",
            format!("no metric can be called {RESERVED}"),
        ));
    }
    if definition.name != metric {
        let detail = format!(
            "the file is of the metric `{}`, not `{metric}`",
            definition.name
        );
        return Err(Problem::invalid("/text", detail));
    }
    let definition = NewDefinition {
        kind: KIND,
        name: metric.clone(),
        text: input.text,
        note: input.note,
        created_at: state.clock.now(),
    };
    let added = state.definitions.add_definition(scope, definition).await?;
    let share = Share {
        version: added.version,
        weight: 1,
    };
    let shares = [share];
    (state.definitions.set_shares(scope, KIND, &metric, &shares)).await?;
    Ok(Json(MetricVersionAnswer::of(added)))
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
        .set_shares(scope, KIND, &metric, &[])
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what a file defines, without adding it.
#[utoipa::path(post, path = "/api/v1/metrics/validate", tag = "metrics",
    request_body = MetricInput, responses(
    (status = 200, body = MetricSummary),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn validate(
    _access: ReadAccess,
    JsonBody(input): JsonBody<MetricInput>,
) -> Result<Json<MetricSummary>, Problem> {
    Ok(Json(MetricSummary::of(&parsed(&input.text)?, None)))
}

/// Lists the versions of a metric, newest first. A built-in metric has none.
#[utoipa::path(get, path = "/api/v1/metrics/{metric}/versions", tag = "metrics",
    params(("metric" = String, Path, description = "The metric"), PageQuery), responses(
    (status = 200, body = MetricVersionsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn versions(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(metric): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<MetricVersionsAnswer>, Problem> {
    let scope = access.scope();
    let listing = Listing {
        state: &state,
        scope,
        name: "metric versions",
        filter: metric.clone(),
    };
    let asked = listing.request(&query)?;
    let found = (state
        .definitions
        .list_versions(scope, KIND, &metric, &asked))
    .await?;
    let page = listing.info(&found);
    let versions = found
        .items
        .into_iter()
        .map(MetricVersionAnswer::of)
        .collect();
    Ok(Json(MetricVersionsAnswer { versions, page }))
}

/// Reads a version.
#[utoipa::path(get, path = "/api/v1/metrics/{metric}/versions/{version}", tag = "metrics", params(
    ("metric" = String, Path, description = "The metric"),
    ("version" = u32, Path, description = "The version")), responses(
    (status = 200, body = MetricVersionAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn version(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path((metric, version)): Path<(String, String)>,
) -> Result<Json<MetricVersionAnswer>, Problem> {
    let number = crate::native::path_id("version", &version)?;
    let found = (state
        .definitions
        .definition(access.scope(), KIND, &metric, number))
    .await?;
    let found = found.ok_or_else(|| Problem::not_found("version", &version))?;
    Ok(Json(MetricVersionAnswer::of(found)))
}

fn parsed(text: &str) -> Result<MetricDefinition, Problem> {
    check_definition_text(text)?;
    MetricDefinition::parse(text).map_err(|error| Problem::invalid("/text", error.to_string()))
}
