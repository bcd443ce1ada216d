//! Errors on the wire: RFC 9457 problem documents. The one place that chooses HTTP status codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leitmotif_domain::ErrorKind;
use leitmotif_domain::error::InvalidValue;
use leitmotif_storage::Error as StorageError;
use serde::Serialize;
use utoipa::ToSchema;

/// A problem document (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// Stable URI of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, in general.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable lower-case code for programs.
    pub code: String,
    /// What happened this time and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The trace this request belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Which fields are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    pub pointer: String,
    /// What is wrong and what would do.
    pub detail: String,
}

/// A refused or failed request.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Option<String>,
    errors: Vec<FieldProblem>,
    retry_after_s: Option<u64>,
    /// Size of the object whose range was asked for.
    range_of: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = Some(detail.into());
        Self {
            status,
            code,
            detail,
            errors: Vec::new(),
            retry_after_s: None,
            range_of: None,
        }
    }

    /// The request is wrong in one field; `pointer` is empty for the whole body.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let field = FieldProblem {
            pointer: pointer.into(),
            detail: detail.clone(),
        };
        Self {
            errors: vec![field],
            ..Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
        }
    }

    /// The router refused the request before a handler saw it.
    pub fn rejected(status: StatusCode, detail: String) -> Self {
        Self {
            status,
            ..Self::invalid("", detail)
        }
    }

    /// The object is not there, or is a stranger's.
    pub fn not_found(noun: &str, id: &str) -> Self {
        let shown: String = id.chars().take(64).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("no {noun} `{shown}`"),
        )
    }

    /// There is nothing of this name; there is under the known ones.
    pub fn unknown_name(noun: &str, name: &str, known: &[&str]) -> Self {
        let shown: String = name.chars().take(64).collect();
        let detail = format!("no {noun} `{shown}`; there are {}", known.join(", "));
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// No such route.
    pub fn no_route(path: &str) -> Self {
        let detail = format!("no route `{path}`; the routes are listed at /openapi.json");
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Another process answers requests.
    pub fn other_role() -> Self {
        let detail = "this process has a role that answers no requests but `/livez`, `/readyz` and `/metrics`; ask one \
                      that is started with `--role api` or without a role";
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// The route exists, the method does not.
    pub fn method_not_allowed() -> Self {
        let detail = "this route does not know the method; see the Allow header";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// No credential, or one that opens nothing.
    pub fn unauthenticated(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// The credential is known but too weak.
    pub fn denied(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "denied", detail)
    }

    /// The request contradicts the present state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// The request is understood and cannot be carried out.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", detail)
    }

    /// The body is beyond its bound.
    pub fn too_large(bytes_max: u64) -> Self {
        let detail = format!("the body is larger than {bytes_max} bytes; send it in parts");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// The range does not touch the object.
    pub fn range_not_satisfiable(size_bytes: u64) -> Self {
        let detail = format!("the object has {size_bytes} bytes");
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        Self {
            range_of: Some(size_bytes),
            ..Self::new(status, "range_not_satisfiable", detail)
        }
    }

    /// The quota is used up.
    pub fn too_many_requests(retry_after_s: u64) -> Self {
        let detail = format!("the quota is used up, try again in {retry_after_s} s");
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        Self {
            retry_after_s: Some(retry_after_s),
            ..problem
        }
    }

    /// The tenant's requests of the day are used up.
    pub fn day_is_full(limit: u64, retry_after_s: u64) -> Self {
        let detail = format!(
            "all {limit} requests of this day are used up; the next day begins in {retry_after_s} s (UTC)"
        );
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "daily_quota_used", detail);
        Self {
            retry_after_s: Some(retry_after_s),
            ..problem
        }
    }

    /// A part does not answer for now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        Self {
            retry_after_s: Some(1),
            ..problem
        }
    }

    /// A mistake of ours; what happened goes to the log, not to the caller.
    pub fn bug(reason: &dyn std::fmt::Display) -> Self {
        tracing::error!(%reason, "request failed");
        let detail = "something went wrong on our side; the log has the details under the trace id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Chooses the status of an error kind.
    pub fn of_kind(kind: ErrorKind, message: String) -> Self {
        match kind {
            ErrorKind::Invalid => Self::invalid("", message),
            ErrorKind::NotFound => Self::new(StatusCode::NOT_FOUND, "not_found", message),
            ErrorKind::Conflict => Self::conflict(message),
            ErrorKind::Denied => Self::denied(message),
            ErrorKind::Exhausted => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "exhausted", message)
            }
            ErrorKind::Unavailable => Self::unavailable(message),
            ErrorKind::Corrupt | ErrorKind::Bug => Self::bug(&message),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Which fields are wrong.
    pub fn fields(&self) -> &[FieldProblem] {
        &self.errors
    }

    /// Whether it says that something is not there.
    pub fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// What happened, for a page.
    pub fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or_default()
    }

    /// Puts what was read as parameters of a query under a pointer, where it came in a body.
    pub fn in_body(mut self, pointer: &str) -> Self {
        for field in &mut self.errors {
            if let Some(name) = field.pointer.strip_prefix('?') {
                field.pointer = format!("{pointer}/{name}");
            }
        }
        self
    }

    /// Puts the fields of an inner problem under a pointer, for one item of a list.
    pub fn under(mut self, pointer: &str) -> Self {
        for field in &mut self.errors {
            field.pointer = format!("{pointer}{}", field.pointer);
        }
        self
    }
}

impl From<InvalidValue> for Problem {
    fn from(invalid: InvalidValue) -> Self {
        Self::invalid(format!("/{}", invalid.field), invalid.to_string())
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Invalid(invalid) => invalid.into(),
            other => Self::of_kind(other.kind(), other.to_string()),
        }
    }
}

impl From<leitmotif_recommend::Error> for Problem {
    fn from(error: leitmotif_recommend::Error) -> Self {
        match error {
            leitmotif_recommend::Error::Storage(inner) => inner.into(),
            other => Self::of_kind(other.kind(), other.to_string()),
        }
    }
}

impl From<leitmotif_ingest::Error> for Problem {
    fn from(error: leitmotif_ingest::Error) -> Self {
        match error {
            leitmotif_ingest::Error::Storage(inner) => inner.into(),
            leitmotif_ingest::Error::Invalid(invalid) => invalid.into(),
            other => Self::of_kind(other.kind(), other.to_string()),
        }
    }
}

impl From<leitmotif_features::Error> for Problem {
    fn from(error: leitmotif_features::Error) -> Self {
        match error {
            leitmotif_features::Error::Storage(inner) => inner.into(),
            other => Self::of_kind(other.kind(), other.to_string()),
        }
    }
}

impl From<leitmotif_features::service::Error> for Problem {
    fn from(error: leitmotif_features::service::Error) -> Self {
        match error {
            leitmotif_features::service::Error::Storage(inner) => inner.into(),
            other => Self::of_kind(other.kind(), other.to_string()),
        }
    }
}

impl From<leitmotif_features::metrics::registry::Error> for Problem {
    fn from(error: leitmotif_features::metrics::registry::Error) -> Self {
        match error {
            leitmotif_features::metrics::registry::Error::Storage(inner) => inner.into(),
            other => Self::of_kind(other.kind(), other.to_string()),
        }
    }
}

impl From<leitmotif_features::offline::Error> for Problem {
    fn from(error: leitmotif_features::offline::Error) -> Self {
        match error {
            leitmotif_features::offline::Error::Storage(inner) => inner.into(),
            other => Self::of_kind(other.kind(), other.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let problem = self.clone();
        let document = ProblemDocument {
            kind: format!("urn:leitmotif:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail,
            trace_id: crate::middleware::trace::current_trace_id(),
            errors: self.errors,
        };
        let mut response = (self.status, Json(document)).into_response();
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"leitmotif\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(size) = self.range_of
            && let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}"))
        {
            headers.insert(header::CONTENT_RANGE, value);
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // A foreign protocol writes the same problem in its own shape.
        response.extensions_mut().insert(problem);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_status() {
        let check = |kind, status: u16| {
            assert_eq!(
                Problem::of_kind(kind, String::new()).status().as_u16(),
                status
            );
        };
        check(ErrorKind::Invalid, 400);
        check(ErrorKind::NotFound, 404);
        check(ErrorKind::Conflict, 409);
        check(ErrorKind::Denied, 403);
        check(ErrorKind::Exhausted, 507);
        check(ErrorKind::Unavailable, 503);
        check(ErrorKind::Corrupt, 500);
        check(ErrorKind::Bug, 500);
    }

    #[test]
    fn a_nested_field_keeps_its_whole_pointer() {
        let problem = Problem::invalid("/title", "must not be empty").under("/3");
        assert_eq!(problem.errors[0].pointer, "/3/title");
    }
}
