//! W3C trace context: one id in the answer, the log and the problem document.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;

use crate::state::ApiState;

tokio::task_local! {
    static TRACE_ID: String;
}

/// The trace of the request being answered, if there is one.
pub fn current_trace_id() -> Option<String> {
    TRACE_ID.try_with(Clone::clone).ok()
}

/// Carries a trace into work that runs in a task of its own.
pub async fn in_trace<F: Future>(trace_id: Option<String>, work: F) -> F::Output {
    match trace_id {
        Some(trace_id) => TRACE_ID.scope(trace_id, work).await,
        None => work.await,
    }
}

/// Takes the caller's `traceparent` on, or starts a trace, and names it in the answer.
pub async fn trace(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    let trace_id = given
        .and_then(parse_traceparent)
        .unwrap_or_else(|| format!("{:032x}", state.entropy.next_u128() | 1));
    let span_id = format!("{:016x}", (state.entropy.next_u128() as u64) | 1);
    let header = format!("00-{trace_id}-{span_id}-01");
    let mut response = TRACE_ID.scope(trace_id, next.run(request)).await;
    if let Ok(value) = HeaderValue::from_str(&header) {
        response.headers_mut().insert("traceparent", value);
    }
    response
}

/// The trace id of a valid `traceparent`; all-zero ids and the reserved version ff are not.
fn parse_traceparent(text: &str) -> Option<String> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_zero = |part: &str| part.bytes().all(|b| b == b'0');
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && !is_zero(trace)
        && is_hex(span, 16)
        && !is_zero(span)
        && is_hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    is_valid.then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_parents_are_taken_on() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parse_traceparent(text).as_deref(), expected, "{text}");
        };
        check(&format!("00-{trace}-00f067aa0ba902b7-01"), Some(trace));
        check(
            &format!("cc-{trace}-00f067aa0ba902b7-01-later"),
            Some(trace),
        );
        check(&format!("00-{trace}-00f067aa0ba902b7-01-extra"), None);
        check(&format!("ff-{trace}-00f067aa0ba902b7-01"), None);
        check(&format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None);
        check(&format!("00-{trace}-0000000000000000-01"), None);
        check("00-XYZ-1-1", None);
        check("", None);
    }
}
