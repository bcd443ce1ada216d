//! Errors and rate headers as clients of ListenBrainz read them.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::middleware::quota::Quotas;
use crate::problem::Problem;

/// Writes `{"code", "error"}`.
pub fn body_of(problem: &Problem) -> (StatusCode, Value) {
    let status = problem.status();
    (
        status,
        json!({"code": status.as_u16(), "error": problem.detail()}),
    )
}

/// Adds `X-RateLimit-*` with what our own headers say; a request without a key is not counted and
/// has the whole burst before it.
pub fn add_rate_headers(quotas: &Quotas, response: &mut Response) {
    let told = response.headers().get("ratelimit");
    let told = told
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let number = |name: &str| {
        told.split(';')
            .find_map(|part| part.strip_prefix(name)?.parse::<u64>().ok())
    };
    let limit = quotas.burst();
    let numbers = [
        ("x-ratelimit-limit", limit),
        ("x-ratelimit-remaining", number("r=").unwrap_or(limit)),
        ("x-ratelimit-reset-in", number("t=").unwrap_or(0)),
    ];
    for (name, number) in numbers {
        let name = HeaderName::from_static(name);
        response
            .headers_mut()
            .insert(name, HeaderValue::from(number));
    }
}
