//! Probes and metrics, without a credential.

use std::sync::atomic::Ordering;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::metrics::{OPEN_METRICS, PLAIN_TEXT};
use crate::state::ApiState;

/// How a probe answers.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProbeQuery {
    /// Lists the checks.
    pub verbose: Option<String>,
    /// Leaves a check out.
    pub exclude: Option<String>,
}

/// Says whether the process lives; asks nothing else.
#[utoipa::path(get, path = "/livez", tag = "probes", security(()), responses(
    (status = 200, body = String, content_type = "text/plain")))]
pub async fn livez() -> &'static str {
    "ok"
}

/// Says whether the server takes requests and answers at its usual speed: 503 while it starts, while it reads
/// the tenants that have a model in production into memory, and from the moment it stops. A server that is
/// not ready for its views answers all the same, later.
#[utoipa::path(get, path = "/readyz", tag = "probes", security(()), params(ProbeQuery), responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 503, body = String, content_type = "text/plain")))]
pub async fn readyz(State(state): State<ApiState>, Query(query): Query<ProbeQuery>) -> Response {
    let excluded = |name: &str| query.exclude.as_deref() == Some(name);
    let mut checks = Vec::new();
    if !excluded("serving") {
        checks.push(("serving", state.is_ready.load(Ordering::Acquire)));
    }
    if !excluded("views") {
        checks.push(("views", state.is_warm.load(Ordering::Acquire)));
    }
    if !excluded("control-plane") {
        checks.push(("control-plane", state.accounts.find_key("").await.is_ok()));
    }
    let is_ready = checks.iter().all(|(_, passed)| *passed);
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    if query.verbose.is_none() && is_ready {
        return (status, "ok").into_response();
    }
    let lines: String = checks
        .iter()
        .map(|(name, passed)| match passed {
            true => format!("[+]{name} ok\n"),
            false => format!("[-]{name} failed\n"),
        })
        .collect();
    (status, lines).into_response()
}

/// The platform's metrics, as Prometheus text 0.0.4 or as OpenMetrics when the header asks.
#[utoipa::path(get, path = "/metrics", tag = "probes", security(()), responses(
    (status = 200, body = String, content_type = "text/plain")))]
pub async fn metrics(State(state): State<ApiState>, headers: HeaderMap) -> Response {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accept.is_some_and(|text| text.contains("application/openmetrics-text")) {
        let text = state.metrics.to_open_metrics();
        return ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response();
    }
    (
        [(header::CONTENT_TYPE, PLAIN_TEXT)],
        state.metrics.to_plain_text(),
    )
        .into_response()
}
