//! Errors as plugins of AudioMuse-AI read them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::problem::Problem;

/// Writes `{"error"}`.
pub fn body_of(problem: &Problem) -> (StatusCode, Value) {
    (problem.status(), json!({"error": problem.detail()}))
}
