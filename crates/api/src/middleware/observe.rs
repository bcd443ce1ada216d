//! Counting and timing requests, and one structured line for each that failed on our side.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::metrics::{RequestLabels, RouteLabels};
use crate::state::ApiState;

/// Counts and times a request under its route's template.
pub async fn observe(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
    .to_owned();
    let started = Instant::now();
    state.metrics.in_flight.inc();
    let response = next.run(request).await;
    state.metrics.in_flight.dec();
    let status = response.status();
    let seconds = started.elapsed().as_secs_f64();
    state
        .metrics
        .latency
        .get_or_create(&RouteLabels {
            route: route.clone(),
        })
        .observe(seconds);
    if status.is_server_error() {
        let trace_id = super::trace::current_trace_id();
        tracing::warn!(%method, %route, status = status.as_u16(), seconds, trace_id, "answered");
    }
    let labels = RequestLabels {
        method,
        route,
        status: status.as_u16(),
    };
    state.metrics.requests.get_or_create(&labels).inc();
    response
}
