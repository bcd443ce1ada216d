//! `Idempotency-Key`: the same request sent again is answered again, not done again.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use leitmotif_domain::limits;
use leitmotif_storage::ports::{ReplayBegin, StoredAnswer};
use sha2::{Digest, Sha256};

use crate::middleware::auth::Caller;
use crate::middleware::body::read_bounded;
use crate::middleware::trace::{current_trace_id, in_trace};
use crate::problem::Problem;
use crate::state::ApiState;

const HEADER: &str = "idempotency-key";

/// Replays the stored answer of a POST whose key was seen before.
pub async fn replay(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let key = request.headers().get(HEADER).cloned();
    let caller = request.extensions().get::<Caller>().cloned();
    match (key, caller) {
        (Some(key), Some(caller)) if request.method() == Method::POST => {
            // In a task of its own: a caller who hangs up must not leave the key claimed for ever,
            // and what it asked for is done and kept for its retry.
            let work = in_trace(current_trace_id(), async move {
                replay_as(&state, &caller, &key, request, next).await
            });
            match tokio::spawn(work).await {
                Ok(Ok(response)) => response,
                Ok(Err(problem)) => problem.into_response(),
                Err(error) => Problem::bug(&error).into_response(),
            }
        }
        _ => next.run(request).await,
    }
}

async fn replay_as(
    state: &ApiState,
    caller: &Caller,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = key
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= limits::IDEMPOTENCY_KEY_BYTES_MAX);
    let Some(key) = key else {
        let detail = format!(
            "Idempotency-Key must be 1..={} characters",
            limits::IDEMPOTENCY_KEY_BYTES_MAX
        );
        return Err(Problem::invalid("", detail));
    };
    let (parts, body) = request.into_parts();
    let bytes = read_bounded(&parts.headers, body, limits::BODY_BYTES_MAX).await?;
    let name = format!("{}:POST:{}:{key}", caller.principal.key(), parts.uri.path());
    let hash: [u8; 32] = Sha256::digest(&bytes).into();
    let begun = state
        .ledger
        .replay_begin(&caller.scope, &name, hash, state.clock.now())
        .await?;
    match begun {
        ReplayBegin::Stored(answer) => return Ok(response_of(answer)),
        ReplayBegin::Running => {
            return Err(Problem::conflict(
                "the first request with this key still runs",
            ));
        }
        ReplayBegin::Mismatch => {
            return Err(Problem::unprocessable(
                "this key was used for another request",
            ));
        }
        ReplayBegin::Fresh => {}
    }
    let mut parts = parts;
    // The body is plain by now.
    parts.headers.remove(header::CONTENT_ENCODING);
    parts.headers.remove(header::CONTENT_LENGTH);
    let request = Request::from_parts(parts, Body::from(bytes));
    // A panic is answered like any failure of ours, here, so that the claim is given back.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => store(state, caller, &name, response).await,
        Err(_) => {
            state.ledger.replay_abandon(&caller.scope, &name).await?;
            Err(Problem::bug(&"a handler panicked"))
        }
    }
}

async fn store(
    state: &ApiState,
    caller: &Caller,
    name: &str,
    response: Response,
) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    // An answer with a secret in it is never written down; the same request makes a new secret.
    let is_secret = parts
        .headers
        .get(header::CACHE_CONTROL)
        .is_some_and(|value| value == "no-store");
    let no_headers = axum::http::HeaderMap::new();
    let read = read_bounded(&no_headers, body, limits::IDEMPOTENCY_BODY_BYTES_MAX);
    let body = match read.await {
        Ok(body) if !parts.status.is_server_error() && !is_secret => body,
        outcome => {
            state.ledger.replay_abandon(&caller.scope, name).await?;
            let body = outcome?;
            return Ok(Response::from_parts(parts, Body::from(body)));
        }
    };
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    let answer = StoredAnswer {
        status: parts.status.as_u16(),
        content_type: content_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
        body: body.to_vec(),
    };
    state
        .ledger
        .replay_finish(&caller.scope, name, answer)
        .await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn response_of(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    if let Ok(value) = HeaderValue::from_str(&answer.content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
        .headers_mut()
        .insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}
