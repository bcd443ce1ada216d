//! Talking to the platform as any client does.

use async_trait::async_trait;
use serde_json::Value;

use super::TourError;

/// A request to the public API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// HTTP method.
    pub method: &'static str,
    /// Path with query.
    pub path: String,
    /// Media type of the body, empty for none.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// The public API of a running platform, and patience.
#[async_trait]
pub trait PublicApi: Send + Sync {
    /// Sends a request with the client's credential.
    async fn call(&self, call: Call) -> Result<Answer, TourError>;

    /// Waits a moment before looking again.
    async fn pause(&self, milliseconds: u64);
}

/// Reads a JSON document.
pub async fn get(api: &dyn PublicApi, path: &str) -> Result<Value, TourError> {
    let call = Call {
        method: "GET",
        path: path.to_owned(),
        ..Call::default()
    };
    json(api, call).await
}

/// Sends a JSON document.
pub async fn post(api: &dyn PublicApi, path: &str, document: &Value) -> Result<Value, TourError> {
    let call = Call {
        method: "POST",
        path: path.to_owned(),
        content_type: "application/json",
        body: document.to_string().into_bytes(),
    };
    json(api, call).await
}

/// Sends a request and parses the answer.
///
/// - Errors: `Refused` for a status of 400 and above, with the problem's own words.
pub async fn json(api: &dyn PublicApi, call: Call) -> Result<Value, TourError> {
    let name = format!("{} {}", call.method, call.path);
    let answer = api.call(call).await?;
    let parsed = serde_json::from_slice::<Value>(&answer.body);
    if answer.status >= 400 {
        let detail = parsed
            .ok()
            .and_then(|problem| problem.get("detail")?.as_str().map(str::to_owned))
            .unwrap_or_default();
        return Err(TourError::Refused {
            call: name,
            status: answer.status,
            detail,
        });
    }
    parsed.map_err(|error| TourError::Unexpected {
        call: name,
        reason: error.to_string(),
    })
}

/// Follows a path of names into a document.
pub fn at<'v>(document: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(document, |value, name| {
        value.get(name).unwrap_or(&Value::Null)
    })
}
