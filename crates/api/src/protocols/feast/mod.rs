//! The online half of a Feast feature server, for `online_store: {type: remote}`.
//!
//! - Source: the calls of Feast's Python client and the answers of its own server. Where that server is
//!   lax this one is strict: a late row never takes the place of a newer one, a value older than the
//!   view's time to live is `OUTSIDE_MAX_AGE`, and an unknown feature or a missing join key is an error
//!   of the caller and not of the server.

pub mod errors;
mod rows;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use leitmotif_domain::{TenantScope, Timestamp};
use leitmotif_features::LiveView;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::native::features::entities::EntityColumns;
use crate::native::features::online::{FeatureColumn, read_columns};
use crate::native::features::pushes::push as write_rows;
use crate::problem::Problem;
use crate::state::ApiState;
use rows::{moment_of, pushed_of};

/// Where the protocol is spoken.
pub const PATHS: [&str; 5] = [
    "/get-online-features",
    "/push",
    "/write-to-online-store",
    "/materialize",
    "/materialize-incremental",
];

/// The routes of the protocol.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/get-online-features", post(get_online_features))
        .route("/push", post(push))
        .route("/write-to-online-store", post(write_to_online_store))
        .route("/materialize", post(materialize))
        .route("/materialize-incremental", post(materialize))
}

#[derive(Debug, Deserialize)]
struct OnlineRequest {
    #[serde(default)]
    features: Option<Vec<String>>,
    #[serde(default)]
    feature_service: Option<String>,
    #[serde(default)]
    entities: EntityColumns,
    #[serde(default)]
    full_feature_names: bool,
}

#[derive(Debug, Deserialize)]
struct PushRequest {
    push_source_name: String,
    df: BTreeMap<String, Vec<Value>>,
}

#[derive(Debug, Deserialize)]
struct WriteRequest {
    feature_view_name: String,
    df: BTreeMap<String, Vec<Value>>,
}

#[derive(Debug, Deserialize)]
struct MaterializeRequest {
    #[serde(default)]
    start_ts: Option<String>,
    end_ts: String,
    #[serde(default)]
    feature_views: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
struct MaterializeQuery {
    #[serde(rename = "async", default)]
    is_async: Option<String>,
}

async fn get_online_features(
    State(state): State<ApiState>,
    access: ReadAccess,
    JsonBody(request): JsonBody<OnlineRequest>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let names = match &request.feature_service {
        Some(service) => features_of(&state, scope, service).await?,
        None => request.features.unwrap_or_default(),
    };
    if let Some(wrong) = names.iter().find(|name| !name.contains(':')) {
        let detail = format!("`{wrong}` is no feature: write view:feature");
        return Err(Problem::invalid("/features", detail));
    }
    let read = read_columns(&state, scope, &names, &request.entities).await?;
    let mut feature_names: Vec<String> = Vec::new();
    let mut results: Vec<Value> = Vec::new();
    for (key, values) in &request.entities {
        let count = values.len();
        feature_names.push(key.clone());
        results.push(json!({
            "values": values,
            "statuses": vec!["PRESENT"; count],
            "event_timestamps": vec![EPOCH; count],
        }));
    }
    for column in &read.features {
        feature_names.push(if request.full_feature_names {
            format!("{}__{}", column.view, column.feature)
        } else {
            column.feature.clone()
        });
        results.push(result_of(column));
    }
    Ok(Json(json!({
        "metadata": {"feature_names": feature_names},
        "results": results,
    })))
}

/// The features that views list under a service. Feast's own registry of services never comes here, as its views do
/// not: both are defined on this side, under the same names.
async fn features_of(
    state: &ApiState,
    scope: &TenantScope,
    service: &str,
) -> Result<Vec<String>, Problem> {
    let views = state.features.level(scope).await?.views();
    let listed = views.iter().flat_map(|view| {
        let definition = &view.definition;
        let places = definition.services.get(service).into_iter().flatten();
        places.filter_map(|place| {
            let column = definition.columns().nth(*place)?;
            Some(format!("{}:{column}", definition.name))
        })
    });
    let names: Vec<String> = listed.collect();
    if names.is_empty() {
        let wanted = "feature service that a view lists under `[services]`:";
        return Err(Problem::not_found(wanted, service));
    }
    Ok(names)
}

/// When nothing happened.
const EPOCH: &str = "1970-01-01T00:00:00Z";

fn result_of(column: &FeatureColumn) -> Value {
    let status = |status: &&'static str| match *status {
        "present" => "PRESENT",
        "null_value" => "NULL_VALUE",
        "outside_max_age" => "OUTSIDE_MAX_AGE",
        _ => "NOT_FOUND",
    };
    let moment = |at: &Option<Timestamp>| at.map_or_else(|| EPOCH.to_owned(), |at| at.to_string());
    json!({
        "values": column.values,
        "statuses": column.statuses.iter().map(status).collect::<Vec<_>>(),
        "event_timestamps": column.newest.iter().map(moment).collect::<Vec<_>>(),
    })
}

/// Takes rows in under the name of a push source. `to` makes no difference: the log is both the online
/// and the offline store.
async fn push(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(request): JsonBody<PushRequest>,
) -> Result<StatusCode, Problem> {
    let scope = access.scope();
    let views = state.features.level(scope).await?.views();
    let is_asked = |view: &LiveView| {
        let definition = &view.definition;
        let is_pushed = definition
            .features
            .iter()
            .any(|one| one.event.name() == "push");
        is_pushed && definition.push_source == request.push_source_name
    };
    let views: Vec<LiveView> = views.into_iter().filter(is_asked).collect();
    if views.is_empty() {
        let detail = format!("unable to find push source `{}`", request.push_source_name);
        return Err(Problem::unprocessable(detail));
    }
    for view in views {
        let rows = pushed_of(&request.df, state.clock.now())?;
        write_rows(&state, scope, &view, rows).await?;
    }
    Ok(StatusCode::OK)
}

/// Takes rows of a view in.
async fn write_to_online_store(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(request): JsonBody<WriteRequest>,
) -> Result<Json<Value>, Problem> {
    let scope = access.scope();
    let view = state
        .features
        .level(scope)
        .await?
        .view(&request.feature_view_name);
    let view =
        view.ok_or_else(|| Problem::not_found("feature view", &request.feature_view_name))?;
    let rows = pushed_of(&request.df, state.clock.now())?;
    write_rows(&state, scope, &view, rows).await?;
    Ok(Json(Value::Null))
}

/// Checks what is asked; there is nothing to do, for what is read is level with the log at all times.
async fn materialize(
    State(state): State<ApiState>,
    access: WriteAccess,
    QueryParameters(query): QueryParameters<MaterializeQuery>,
    JsonBody(request): JsonBody<MaterializeRequest>,
) -> Result<Response, Problem> {
    let end = moment_of(&Value::from(request.end_ts.as_str()))?;
    if let Some(text) = &request.start_ts
        && moment_of(&Value::from(text.as_str()))? > end
    {
        return Err(Problem::invalid(
            "/start_ts",
            "`start_ts` is after `end_ts`",
        ));
    }
    let level = state.features.level(access.scope()).await?;
    let named = request.feature_views.unwrap_or_default();
    for name in &named {
        if level.view(name).is_none() {
            return Err(Problem::not_found("feature view", name));
        }
    }
    if query.is_async.as_deref() != Some("true") {
        return Ok(Json(Value::Null).into_response());
    }
    let views: Vec<String> = if named.is_empty() {
        let all = level.views().into_iter();
        all.map(|view| view.definition.name.clone()).collect()
    } else {
        named
    };
    let body = json!({"status": "accepted", "feature_views": views});
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}
