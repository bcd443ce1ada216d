//! Quotas by key: GCRA, answered in the IETF draft's headers.

use std::collections::HashMap;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use leitmotif_domain::KeyId;
use leitmotif_domain::tenant::{Gcra, QuotaDecision};
use parking_lot::Mutex;

use crate::middleware::auth::Caller;
use crate::problem::Problem;
use crate::state::ApiState;

/// Keys whose state is kept; at the bound the full buckets are dropped, which changes nothing.
const KEYS_MAX: usize = 100_000;

/// The quota of every key.
pub struct Quotas {
    rate: Gcra,
    arrivals_ns: Mutex<HashMap<KeyId, u64>>,
}

impl Quotas {
    /// Permits `per_second` requests a second and `burst` at once to each key.
    pub fn new(per_second: u64, burst: u64) -> Self {
        Self {
            rate: Gcra::new(per_second, burst),
            arrivals_ns: Mutex::new(HashMap::new()),
        }
    }

    /// Requests a key may make at once.
    pub fn burst(&self) -> u64 {
        self.rate.burst()
    }

    fn decide(&self, key: KeyId, now_ns: u64) -> QuotaDecision {
        let mut arrivals = self.arrivals_ns.lock();
        if arrivals.len() >= KEYS_MAX {
            arrivals.retain(|_, arrival| *arrival > now_ns);
        }
        self.rate
            .decide(arrivals.entry(key).or_default(), now_ns, 1)
    }
}

/// Counts the request against its key's quota.
pub async fn limit(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>() else {
        return next.run(request).await;
    };
    let now_ns = state
        .clock
        .now()
        .as_ms()
        .max(0)
        .unsigned_abs()
        .saturating_mul(1_000_000);
    let decision = state.quotas.decide(caller.principal.key(), now_ns);
    let mut response = if decision.is_allowed {
        next.run(request).await
    } else {
        Problem::too_many_requests(decision.retry_after_ms.div_ceil(1_000).max(1)).into_response()
    };
    let rate = &state.quotas.rate;
    let policy = format!("\"default\";q={};w={}", rate.burst(), rate.window_s());
    let reset_s = decision.reset_after_ms.div_ceil(1_000);
    let left = format!("\"default\";r={};t={reset_s}", decision.remaining);
    for (name, text) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
