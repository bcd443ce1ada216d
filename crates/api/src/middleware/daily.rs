//! Requests of a tenant by day: counted for the bill, and bounded where the operator set a bound.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use leitmotif_domain::{TenantId, TenantScope, Timestamp};
use leitmotif_storage::ports::{Ledger, UsageEntry};
use parking_lot::Mutex;

use crate::middleware::auth::Caller;
use crate::problem::Problem;
use crate::state::ApiState;

/// Name of the count in the ledger.
const METRIC: &str = "requests";
/// Requests counted in memory before they are written down: what a crash forgives at most.
const UNWRITTEN_MAX: u64 = 256;
pub(crate) const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// Counts requests by tenant and UTC day.
pub struct DailyRequests {
    /// Requests of one tenant a day; 0 for no bound.
    limit: u64,
    ledger: Arc<dyn Ledger>,
    counts: Mutex<HashMap<TenantId, Count>>,
}

/// What is known of a tenant's day.
#[derive(Debug, Clone, Copy)]
struct Count {
    at: Timestamp,
    /// All requests of the day.
    total: u64,
    /// Those the ledger does not have yet.
    unwritten: u64,
}

impl Count {
    /// Counts one more request unless the day is full.
    fn admit(&mut self, limit: u64) -> bool {
        let is_admitted = limit == 0 || self.total < limit;
        if is_admitted {
            self.total += 1;
            self.unwritten += 1;
        }
        is_admitted
    }
}

impl DailyRequests {
    /// Counts into `ledger` and permits `limit` requests of one tenant a day, 0 for any number.
    pub fn new(limit: u64, ledger: Arc<dyn Ledger>) -> Self {
        Self {
            limit,
            ledger,
            counts: Mutex::default(),
        }
    }

    /// Counts one request at `now`; `false` when the day is full.
    ///
    /// - Cost: a look into memory; the first request of a day and every 256th go to the ledger.
    pub(crate) async fn admit(&self, scope: &TenantScope, now: Timestamp) -> Result<bool, Problem> {
        if let Some((is_admitted, due)) = self.admit_known(scope.tenant(), now) {
            if let Some(due) = due {
                self.write_or_keep(scope, due).await;
            }
            return Ok(is_admitted);
        }
        let day = day_text(now);
        let rows = self.ledger.usage(scope, &day, &day).await?;
        let counted = rows.iter().find(|row| row.metric == METRIC);
        let mut fresh = Count {
            at: now,
            total: counted.map_or(0, |row| row.amount),
            unwritten: 0,
        };
        let (is_admitted, ended) = {
            let mut counts = self.counts.lock();
            match counts.get_mut(&scope.tenant()) {
                // Another request opened the day meanwhile.
                Some(count) if is_same_day(count.at, now) => (count.admit(self.limit), None),
                _ => {
                    let is_admitted = fresh.admit(self.limit);
                    (is_admitted, counts.insert(scope.tenant(), fresh))
                }
            }
        };
        if let Some(ended) = ended.filter(|count| count.unwritten > 0) {
            self.write_or_keep(scope, ended).await;
        }
        Ok(is_admitted)
    }

    /// Requests of the day at `now` and their bound; none without a bound, or before the day's first request.
    pub fn spent(&self, tenant: TenantId, now: Timestamp) -> Option<(u64, u64)> {
        let counts = self.counts.lock();
        let count = counts.get(&tenant).filter(|_| self.limit > 0)?;
        is_same_day(count.at, now).then_some((count.total, self.limit))
    }

    /// Counts in memory when the day is open; with the count to be written when enough came.
    fn admit_known(&self, tenant: TenantId, now: Timestamp) -> Option<(bool, Option<Count>)> {
        let mut counts = self.counts.lock();
        let count = (counts.get_mut(&tenant)).filter(|count| is_same_day(count.at, now))?;
        let is_admitted = count.admit(self.limit);
        // A multiple, so that a ledger that refuses is not asked again by every request.
        let is_due = count.unwritten > 0 && count.unwritten.is_multiple_of(UNWRITTEN_MAX);
        let due = is_due.then_some(*count);
        if due.is_some() {
            count.unwritten = 0;
        }
        Some((is_admitted, due))
    }

    /// Writes down what is only in memory, before a planned end.
    ///
    /// - Errors: those of the ledger.
    pub async fn flush(&self, scopes: &[TenantScope]) -> Result<(), leitmotif_storage::Error> {
        for scope in scopes {
            let due = (self.counts.lock().get_mut(&scope.tenant())).map(|count| {
                let due = *count;
                count.unwritten = 0;
                due
            });
            if let Some(due) = due.filter(|count| count.unwritten > 0) {
                self.write(scope, due).await?;
            }
        }
        Ok(())
    }

    /// Writes a count down; one the ledger refuses, say because its disk is full, is kept for later
    /// and does not fail the request that happened to bring it.
    async fn write_or_keep(&self, scope: &TenantScope, due: Count) {
        let Err(error) = self.write(scope, due).await else {
            return;
        };
        tracing::warn!(tenant = %scope.tenant(), %error, "requests of the day not written yet");
        if let Some(count) = self.counts.lock().get_mut(&scope.tenant()) {
            count.unwritten = count.unwritten.saturating_add(due.unwritten);
        }
    }

    async fn write(&self, scope: &TenantScope, due: Count) -> Result<(), leitmotif_storage::Error> {
        let entry = UsageEntry {
            metric: METRIC.to_owned(),
            amount: due.unwritten,
        };
        (self.ledger.record_usage(scope, due.at, None, vec![entry])).await
    }
}

fn is_same_day(one: Timestamp, other: Timestamp) -> bool {
    one.as_ms().div_euclid(DAY_MS) == other.as_ms().div_euclid(DAY_MS)
}

/// `YYYY-MM-DD` in UTC.
pub(crate) fn day_text(at: Timestamp) -> String {
    at.to_string().chars().take("YYYY-MM-DD".len()).collect()
}

/// Counts the request to its tenant's day. What asks how the server is, such as `/livez` with a
/// key, is nobody's use of it.
pub async fn limit(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let is_use = request.uri().path().trim_start_matches('/').contains('/');
    let Some(caller) = (request.extensions().get::<Caller>()).filter(|_| is_use) else {
        return next.run(request).await;
    };
    let now = state.clock.now();
    match state.daily.admit(&caller.scope, now).await {
        Ok(true) => next.run(request).await,
        Ok(false) => {
            let left_ms = DAY_MS - now.as_ms().rem_euclid(DAY_MS);
            let left_s = left_ms.unsigned_abs().div_ceil(1_000);
            Problem::day_is_full(state.daily.limit, left_s).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}
