//! The feature views of a tenant, in versions.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::definition::{DefinitionKind, check_name};
use leitmotif_domain::page::Page;
use leitmotif_domain::{TenantScope, Timestamp, limits};
use leitmotif_features::definition::Combination;
use leitmotif_features::service::Level;
use leitmotif_features::{EntityKey, LiveView, ViewDefinition};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::entities::shown;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::native::versions::{
    DefinitionInput, DefinitionVersionAnswer, DefinitionVersionsAnswer, Versioned,
};
use crate::native::{check_definition_text, off_thread};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// How its definitions are called.
const VIEWS: Versioned = Versioned {
    kind: DefinitionKind::FeatureView,
    noun: "view",
    listing: "feature view versions",
    reserved: &["online", "preview", "parity"],
};
/// Entities that are looked at to describe a view and to count a distribution.
pub(super) const SAMPLE_MAX: usize = limits::FEATURE_ROWS_MAX;

/// The views of a tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ViewsAnswer {
    /// The views, by name; at most 256 besides the built-in ones, so they come at once.
    pub views: Vec<ViewSummary>,
    /// The last event that counts in them.
    pub through_offset: u64,
    /// Memory of what views share: names, and who tracks are credited to.
    pub shared_bytes: u64,
}

/// A view with what it holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ViewSummary {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it is about: `listener`, `track`, `artist`, `listener_artist`, `context_cell`, `request` or
    /// `named`.
    pub entity: &'static str,
    /// How the parts of an entity are called.
    pub join_keys: Vec<String>,
    /// The version that answers; absent for a built-in view.
    pub version: Option<u32>,
    /// An entity without an event for so many seconds has no values.
    pub ttl_s: Option<i64>,
    /// How many features it has.
    pub feature_count: u64,
    /// Entities in memory.
    pub entity_count: u64,
    /// Events of entities that were refused, a million being there already.
    pub refused: u64,
    /// Memory of its states.
    pub memory_bytes: u64,
}

/// A view in full.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ViewAnswer {
    /// The view.
    #[serde(flatten)]
    pub summary: ViewSummary,
    /// Its features, derived ones last.
    pub features: Vec<FeatureAnswer>,
    /// The last event that counts in it.
    pub through_offset: u64,
    /// When the newest event of a sampled entity happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub newest: Option<Timestamp>,
    /// The file, with its comments.
    pub text: String,
}

/// A feature.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FeatureAnswer {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// `number`, `moment`, `text`, `texts`, `vector` or `any`.
    pub value_type: &'static str,
    /// The kind of event it is computed of; absent for a derived feature.
    pub event: Option<&'static str>,
    /// The features it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made_of: Vec<String>,
    /// How: `ratio` or `difference`.
    pub combination: Option<&'static str>,
    /// The services that list it; features of `ranker` are columns of the learnt order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
}

/// A page of entities.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EntitiesAnswer {
    /// How the parts are called.
    pub join_keys: Vec<String>,
    /// The parts of each entity, in that order.
    #[schema(value_type = Vec<Vec<Object>>)]
    pub entities: Vec<Vec<Value>>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

fn summary(view: &LiveView, level: &Level) -> ViewSummary {
    let definition = &view.definition;
    let size = level.size(&definition.name);
    ViewSummary {
        name: definition.name.clone(),
        description: definition.description.clone(),
        entity: definition.entity.name(),
        join_keys: definition.join_keys.clone(),
        version: view.version,
        ttl_s: definition.ttl_ms.map(|ttl| ttl / 1_000),
        feature_count: definition.width() as u64,
        entity_count: size.map_or(0, |size| size.entities as u64),
        refused: size.map_or(0, |size| size.refused),
        memory_bytes: size.map_or(0, |size| size.memory_bytes as u64),
    }
}

fn features_of(definition: &ViewDefinition) -> Vec<FeatureAnswer> {
    let plain = definition.features.iter().map(|feature| FeatureAnswer {
        name: feature.name.clone(),
        description: feature.description.clone(),
        value_type: feature.value_type().name(),
        event: Some(feature.event.name()),
        made_of: Vec::new(),
        combination: None,
        services: Vec::new(),
    });
    let names: Vec<&str> = definition.columns().collect();
    let derived = definition.derived.iter().map(|derived| FeatureAnswer {
        name: derived.name.clone(),
        description: derived.description.clone(),
        value_type: "number",
        event: None,
        made_of: (derived.inputs.iter())
            .filter_map(|input| names.get(*input).map(|name| (*name).to_owned()))
            .collect(),
        combination: Some(match derived.combination {
            Combination::Ratio => "ratio",
            Combination::Difference => "difference",
        }),
        services: Vec::new(),
    });
    let with_services = |(column, feature): (usize, FeatureAnswer)| FeatureAnswer {
        services: services_of(definition, column),
        ..feature
    };
    let all = plain.chain(derived).enumerate();
    all.map(with_services).collect()
}

fn services_of(definition: &ViewDefinition, column: usize) -> Vec<String> {
    let services = definition.services.iter();
    let lists = services.filter(|(_, columns)| columns.contains(&column));
    lists.map(|(name, _)| name.clone()).collect()
}

/// Finds a view that answers.
pub(super) fn view_of(level: &Level, name: &str) -> Result<LiveView, Problem> {
    level
        .view(name)
        .ok_or_else(|| Problem::not_found("feature view", name))
}

/// Lists the feature views with what they hold.
#[utoipa::path(get, path = "/api/v1/features", tag = "features", responses(
    (status = 200, body = ViewsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
) -> Result<Json<ViewsAnswer>, Problem> {
    let level = state.features.level(access.scope()).await?;
    let views = level.views();
    Ok(Json(ViewsAnswer {
        views: views.iter().map(|view| summary(view, &level)).collect(),
        through_offset: level.offset(),
        shared_bytes: level.shared_bytes() as u64,
    }))
}

/// Describes a view: its features, its file, how fresh it is.
#[utoipa::path(get, path = "/api/v1/features/{view}", tag = "features",
    params(("view" = String, Path, description = "The view")), responses(
    (status = 200, body = ViewAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn describe(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(view): Path<String>,
) -> Result<Json<ViewAnswer>, Problem> {
    let level = state.features.level(access.scope()).await?;
    let view = view_of(&level, &view)?;
    let keys = level.entities(&view.definition.name, None, SAMPLE_MAX);
    let read = level.read(&view.definition.name, &keys, &[]);
    Ok(Json(ViewAnswer {
        summary: summary(&view, &level),
        features: features_of(&view.definition),
        through_offset: level.offset(),
        newest: read.and_then(|read| read.rows.newest.into_iter().flatten().max()),
        text: view.text.to_string(),
    }))
}

/// Lists the versions of a view, newest first. A built-in view has none.
#[utoipa::path(get, path = "/api/v1/features/{view}/versions", tag = "features",
    params(("view" = String, Path, description = "The view"), PageQuery), responses(
    (status = 200, body = DefinitionVersionsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn versions(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(view): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<DefinitionVersionsAnswer>, Problem> {
    let (found, page) = VIEWS.listed(&state, access.scope(), &view, &query).await?;
    let versions = found.into_iter().map(DefinitionVersionAnswer::of).collect();
    Ok(Json(DefinitionVersionsAnswer { versions, page }))
}

/// Reads a version.
#[utoipa::path(get, path = "/api/v1/features/{view}/versions/{version}", tag = "features", params(
    ("view" = String, Path, description = "The view"),
    ("version" = u32, Path, description = "The version")), responses(
    (status = 200, body = DefinitionVersionAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn version(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path((view, version)): Path<(String, String)>,
) -> Result<Json<DefinitionVersionAnswer>, Problem> {
    let found = VIEWS
        .version(&state, access.scope(), &view, &version)
        .await?;
    Ok(Json(DefinitionVersionAnswer::of(found)))
}

/// Adds a version and puts it into service. The answer comes when its features are computed from the
/// whole log, so that the next read has them; the former version answers meanwhile.
///
/// A file that does not read is refused with line and column. The newest version sent again is that
/// version. A view of the name of a built-in one takes its place.
#[utoipa::path(post, path = "/api/v1/features/{view}/versions", tag = "features",
    params(("view" = String, Path, description = "The view")),
    request_body = DefinitionInput, responses(
    (status = 201, body = DefinitionVersionAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(view): Path<String>,
    JsonBody(input): JsonBody<DefinitionInput>,
) -> Result<(StatusCode, Json<DefinitionVersionAnswer>), Problem> {
    let scope = access.scope();
    check_name(&view)?;
    let named = parsed(&input.text)?.name;
    let added = VIEWS.serve(&state, scope, &view, &named, input).await?;
    rebuild(&state, scope).await?;
    Ok((
        StatusCode::CREATED,
        Json(DefinitionVersionAnswer::of(added)),
    ))
}

/// Builds the features anew on a thread that may take its time.
pub(crate) async fn rebuild(
    state: &ApiState,
    scope: &TenantScope,
) -> Result<leitmotif_storage::ports::Checkpoint, Problem> {
    let (features, scope) = (Arc::clone(&state.features), scope.clone());
    off_thread(async move { Ok(features.rebuild(&scope).await?) }).await
}

/// Lists the entities of a view in the order of their ids.
#[utoipa::path(get, path = "/api/v1/features/{view}/entities", tag = "features",
    params(("view" = String, Path, description = "The view"), PageQuery), responses(
    (status = 200, body = EntitiesAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn entities(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(view): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<EntitiesAnswer>, Problem> {
    let scope = access.scope();
    let level = state.features.level(scope).await?;
    let view = view_of(&level, &view)?;
    let listing = Listing {
        state: &state,
        scope,
        name: "feature entities",
        filter: view.definition.name.clone(),
    };
    let asked = listing.request(&query)?;
    let after = asked.after.as_deref().and_then(key_of_cursor);
    let keys = level.entities(&view.definition.name, after, asked.limit() + 1);
    let found = Page::from_surplus(keys, asked.limit(), |key| {
        let [first, second] = key.parts();
        format!("{first:x}.{second:x}")
    });
    let page = listing.info(&found);
    let shown = found
        .items
        .iter()
        .map(|key| shown(&view.definition, *key, &level));
    Ok(Json(EntitiesAnswer {
        join_keys: view.definition.join_keys.clone(),
        entities: shown.collect(),
        page,
    }))
}

fn key_of_cursor(text: &str) -> Option<EntityKey> {
    let (first, second) = text.split_once('.')?;
    let part = |text: &str| u128::from_str_radix(text, 16).ok();
    Some(EntityKey::pair(part(first)?, part(second)?))
}

/// Reads a file.
///
/// - Errors: 400 with line and column.
pub(super) fn parsed(text: &str) -> Result<ViewDefinition, Problem> {
    check_definition_text(text)?;
    ViewDefinition::parse(text).map_err(|error| Problem::invalid("/text", error.to_string()))
}
