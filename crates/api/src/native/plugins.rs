//! Plugins: add, list, show, let run or not, remove.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use leitmotif_domain::plugin::{AudioNeed, DeclaredDescriptor, Plugin, ValueKind};
use leitmotif_domain::{Timestamp, limits};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::middleware::auth::{AdminAccess, ReadAccess};
use crate::middleware::body::{QueryParameters, read_bounded};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A plugin.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PluginAnswer {
    /// Its name, the first part of the names of its descriptors.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub description: String,
    /// Who made it.
    pub author: String,
    /// What it is given: `audio`, `lyrics`, and names of descriptors of ours.
    pub needs: Vec<String>,
    /// Rate of the sound that it hears.
    pub sample_rate_hz: Option<u32>,
    /// What it tells of a track.
    pub descriptors: Vec<PluginDescriptorAnswer>,
    /// Inputs with what it must tell of them, as in its manifest.
    #[schema(value_type = Vec<Object>)]
    pub examples: Vec<Value>,
    /// SHA-256 of its module, hexadecimal.
    pub module_hash: String,
    /// Bytes of its module.
    pub size_bytes: u64,
    /// When this version was added.
    #[schema(value_type = String, format = DateTime)]
    pub added_at: Timestamp,
    /// Whether it may run.
    pub is_enabled: bool,
    /// `trial`: it runs on a share of the tracks; `everywhere`; `stopped`: it failed too often on trial.
    pub stage: &'static str,
    /// Share of the tracks that it runs on while on trial.
    pub trial_share: f64,
    /// Tracks it was run on since its trial began.
    pub answers: u64,
    /// Those it failed on.
    pub failures: u64,
    /// Why it failed last.
    pub last_failure: Option<String>,
    /// Why it was stopped.
    pub stopped_because: Option<String>,
}

/// A descriptor that a plugin tells.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PluginDescriptorAnswer {
    /// The name under which it is shown beside ours: `PLUGIN.descriptor`.
    pub name: String,
    /// `number`, `integer`, `text` or `boolean`.
    pub kind: &'static str,
    /// Unit of numbers; empty for none.
    pub unit: String,
    /// What it means.
    pub description: String,
    /// Least value of a number.
    pub minimum: Option<f64>,
    /// Greatest value of a number.
    pub maximum: Option<f64>,
    /// The only values of a text; any when empty.
    pub values: Vec<String>,
}

/// A page of plugins.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PluginsAnswer {
    /// The plugins, by name.
    pub plugins: Vec<PluginAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

impl PluginAnswer {
    fn of(plugin: Plugin) -> Self {
        let manifest = plugin.manifest;
        let inputs = [
            ("audio", manifest.needs.audio.is_some()),
            ("lyrics", manifest.needs.lyrics),
        ];
        let inputs = inputs.into_iter().filter(|(_, is_needed)| *is_needed);
        let needs = inputs.map(|(name, _)| name.to_owned());
        let tell = |one: &DeclaredDescriptor| PluginDescriptorAnswer {
            name: format!("{}.{}", manifest.name, one.name),
            kind: kind_name(one.kind),
            unit: one.unit.clone(),
            description: one.description.clone(),
            minimum: one.minimum,
            maximum: one.maximum,
            values: one.values.clone(),
        };
        Self {
            descriptors: manifest.descriptors.iter().map(tell).collect(),
            examples: manifest.examples.iter().map(|one| json!(one)).collect(),
            name: manifest.name,
            version: manifest.version,
            description: manifest.description,
            author: manifest.author,
            needs: needs.chain(manifest.needs.descriptors).collect(),
            sample_rate_hz: manifest
                .needs
                .audio
                .map(|AudioNeed { sample_rate_hz }| sample_rate_hz),
            module_hash: plugin.module_hash,
            size_bytes: plugin.size_bytes,
            added_at: plugin.added_at,
            is_enabled: plugin.is_enabled,
            stage: plugin.stage.name(),
            trial_share: f64::from(plugin.trial_share) / 10_000.0,
            answers: plugin.answers,
            failures: plugin.failures,
            last_failure: plugin.last_failure,
            stopped_because: plugin.stopped_because,
        }
    }
}

fn kind_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Number => "number",
        ValueKind::Integer => "integer",
        ValueKind::Text => "text",
        ValueKind::Boolean => "boolean",
    }
}

/// Adds an analyzer of a third party, or puts another version in its place.
///
/// The body is a WebAssembly module of at most 4 MiB with its manifest in it. What it imports, exports and
/// declares is checked, and its own examples are run; what does not hold is refused with a sentence. It then
/// runs on a share of the tracks until 20 answers are in, and on all of them unless more than 2 of those failed.
#[utoipa::path(post, path = "/api/v1/plugins", tag = "plugins",
    request_body(content = Vec<u8>, content_type = "application/wasm"), responses(
    (status = 201, body = PluginAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn add(
    State(state): State<ApiState>,
    access: AdminAccess,
    request: Request,
) -> Result<(StatusCode, Json<PluginAnswer>), Problem> {
    let (parts, body) = request.into_parts();
    let module = read_bounded(&parts.headers, body, limits::PLUGIN_BYTES_MAX).await?;
    let added = state.plugins.add(access.scope(), module).await?;
    state.wake_workers.notify_one();
    Ok((StatusCode::CREATED, Json(PluginAnswer::of(added))))
}

/// Lists plugins, by name.
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins", params(PageQuery), responses(
    (status = 200, body = PluginsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<PluginsAnswer>, Problem> {
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "plugins",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let store = &state.catalogue.plugins;
    let page = store.list_plugins(access.scope(), &asked).await?;
    let info = listing.info(&page);
    let plugins = page.items.into_iter().map(PluginAnswer::of);
    Ok(Json(PluginsAnswer {
        plugins: plugins.collect(),
        page: info,
    }))
}

/// Reads a plugin and how its trial goes.
#[utoipa::path(get, path = "/api/v1/plugins/{name}", tag = "plugins",
    params(("name" = String, Path, description = "Name of the plugin")), responses(
    (status = 200, body = PluginAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(name): Path<String>,
) -> Result<Json<PluginAnswer>, Problem> {
    let found = state
        .catalogue
        .plugins
        .plugin(access.scope(), &name)
        .await?;
    shown(found, &name)
}

/// Lets a plugin run. One that was stopped begins its trial anew.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/enable", tag = "plugins",
    params(("name" = String, Path, description = "Name of the plugin")), responses(
    (status = 200, body = PluginAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn enable(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(name): Path<String>,
) -> Result<Json<PluginAnswer>, Problem> {
    let enabled = state.plugins.enable(access.scope(), &name, true).await?;
    state.wake_workers.notify_one();
    shown(enabled, &name)
}

/// Keeps a plugin from running. What it told of tracks stays.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/disable", tag = "plugins",
    params(("name" = String, Path, description = "Name of the plugin")), responses(
    (status = 200, body = PluginAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn disable(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(name): Path<String>,
) -> Result<Json<PluginAnswer>, Problem> {
    let disabled = state.plugins.enable(access.scope(), &name, false).await?;
    shown(disabled, &name)
}

fn shown(found: Option<Plugin>, name: &str) -> Result<Json<PluginAnswer>, Problem> {
    let found = found.ok_or_else(|| Problem::not_found("plugin", name))?;
    Ok(Json(PluginAnswer::of(found)))
}

/// Removes a plugin, and by and by what it told of tracks.
#[utoipa::path(delete, path = "/api/v1/plugins/{name}", tag = "plugins",
    params(("name" = String, Path, description = "Name of the plugin")), responses(
    (status = 204, description = "Removed"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn delete(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    if !state.plugins.remove(access.scope(), &name).await? {
        return Err(Problem::not_found("plugin", &name));
    }
    state.wake_workers.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
