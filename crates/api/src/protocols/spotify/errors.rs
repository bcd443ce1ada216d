//! Errors as clients of the Spotify Web API read them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::problem::Problem;

/// Writes `{"error": {"status", "message"}}`.
pub fn body_of(problem: &Problem) -> (StatusCode, Value) {
    let status = problem.status();
    let error = json!({"status": status.as_u16(), "message": problem.detail()});
    (status, json!({ "error": error }))
}
