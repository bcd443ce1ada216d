//! Errors as Feast's client reads them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::problem::Problem;

/// Writes a JSON string that holds JSON: `"{\"module\", \"class\", \"message\"}"`.
pub fn body_of(problem: &Problem) -> (StatusCode, Value) {
    let class = match problem.status() {
        StatusCode::NOT_FOUND if problem.detail().contains("feature view") => {
            "FeatureViewNotFoundException"
        }
        StatusCode::UNPROCESSABLE_ENTITY if problem.detail().contains("push source") => {
            "PushSourceNotFoundException"
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "FeastPermissionError",
        _ => "FeastError",
    };
    let told = json!({"module": "feast.errors", "class": class, "message": problem.detail()});
    (problem.status(), Value::from(told.to_string()))
}
