//! Errors as clients of the service read them: those of FastAPI.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::problem::Problem;

/// Writes `{"detail": [{"type", "loc", "msg"}]}` with 422 for a field that is wrong, `{"detail": "…"}` for the rest.
pub fn body_of(problem: &Problem) -> (StatusCode, Value) {
    if problem.status() != StatusCode::BAD_REQUEST {
        return (problem.status(), json!({"detail": problem.detail()}));
    }
    let details = problem.fields().iter().map(|field| {
        let (part, pointer) = match field.pointer.strip_prefix('?') {
            Some(name) => ("query", name),
            None => ("body", field.pointer.trim_start_matches('/')),
        };
        let steps = pointer.split('/').filter(|step| !step.is_empty());
        let steps = steps.map(|step| match step.parse::<u64>() {
            Ok(index) => json!(index),
            Err(_) => json!(step),
        });
        let place: Vec<Value> = std::iter::once(json!(part)).chain(steps).collect();
        json!({"type": "value_error", "loc": place, "msg": field.detail})
    });
    let details: Vec<Value> = details.collect();
    (StatusCode::UNPROCESSABLE_ENTITY, json!({"detail": details}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_field_is_named_by_its_place() {
        let (status, body) = body_of(&Problem::invalid("/items/3/lyrics", "too short"));
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let place = json!(["body", "items", 3, "lyrics"]);
        assert_eq!(body["detail"][0]["loc"], place);
        assert_eq!(body["detail"][0]["msg"], "too short");
        let (status, body) = body_of(&Problem::not_found("batch", "x"));
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body["detail"].is_string());
    }
}
