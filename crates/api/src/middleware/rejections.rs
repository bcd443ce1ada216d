//! What the router itself refuses, said like every other problem.

use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::body::read_bounded;
use crate::problem::Problem;

/// Longest text of a refusal that is passed on.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Turns a plain refusal of an API route (a path that is no UTF-8, a query parameter that does not
/// parse) into a problem document.
pub async fn explain(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let response = next.run(request).await;
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_plain = content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    if !is_api || !response.status().is_client_error() || !is_plain {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = read_bounded(&parts.headers, body, TEXT_BYTES_MAX).await;
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    Problem::rejected(parts.status, text).into_response()
}
