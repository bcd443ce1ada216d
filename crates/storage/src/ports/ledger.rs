//! What was used, and what was answered to requests that may come again.

use async_trait::async_trait;
use leitmotif_domain::{TenantScope, Timestamp};

use crate::error::Result;

/// An amount to add to the usage of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageEntry {
    /// What is counted: `requests`, `events`, `tracks_analysed`, `audio_seconds`.
    pub metric: String,
    /// How much, in whole units.
    pub amount: u64,
}

impl UsageEntry {
    /// So many events of clients.
    pub fn events(amount: u64) -> Self {
        Self {
            metric: "events".to_owned(),
            amount,
        }
    }
}

/// The usage of one metric on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The UTC day, `YYYY-MM-DD`.
    pub day: String,
    /// What is counted.
    pub metric: String,
    /// How much, in whole units.
    pub amount: u64,
}

/// An answer that is given again to the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What an Idempotency-Key says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayBegin {
    /// New: do the work, then call `replay_finish` or `replay_abandon`.
    Fresh,
    /// Done before: answer with this.
    Stored(StoredAnswer),
    /// The first request with this key still runs.
    Running,
    /// The key was used for another request.
    Mismatch,
}

/// Usage and replays of a tenant.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Adds usage to the day of `at`. `dedupe` names the effect that is paid for: the same name
    /// counts once.
    async fn record_usage(
        &self,
        scope: &TenantScope,
        at: Timestamp,
        dedupe: Option<&str>,
        entries: Vec<UsageEntry>,
    ) -> Result<()>;

    /// Reads usage between two days, both included, by day and metric.
    async fn usage(&self, scope: &TenantScope, from: &str, to: &str) -> Result<Vec<UsageRow>>;

    /// Claims an Idempotency-Key for a request with this hash.
    async fn replay_begin(
        &self,
        scope: &TenantScope,
        key: &str,
        request_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<ReplayBegin>;

    /// Stores the answer of a claimed key.
    async fn replay_finish(
        &self,
        scope: &TenantScope,
        key: &str,
        answer: StoredAnswer,
    ) -> Result<()>;

    /// Frees a claimed key after a failure of ours, so that a retry does the work.
    async fn replay_abandon(&self, scope: &TenantScope, key: &str) -> Result<()>;

    /// Frees every claimed key without an answer; called at a start, when whoever claimed them is
    /// dead. Returns how many there were.
    async fn replay_abandon_all(&self, scope: &TenantScope) -> Result<u64>;
}
