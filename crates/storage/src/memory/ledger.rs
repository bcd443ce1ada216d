//! Usage and replays.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use leitmotif_domain::{TenantScope, Timestamp, limits};

use super::MemoryStorage;
use crate::error::Result;
use crate::ports::{Ledger, ReplayBegin, StoredAnswer, UsageEntry, UsageRow};

/// What one tenant used and was answered.
#[derive(Default)]
pub struct Books {
    usage: BTreeMap<(String, String), u64>,
    seen: BTreeSet<String>,
    replays: BTreeMap<String, Replay>,
}

struct Replay {
    request_hash: [u8; 32],
    at: Timestamp,
    answer: Option<StoredAnswer>,
}

impl Books {
    /// Adds usage to the day of `at`.
    pub fn add(&mut self, at: Timestamp, entries: Vec<UsageEntry>) {
        let day: String = at.to_string().chars().take(10).collect();
        for entry in entries {
            let amount = self.usage.entry((day.clone(), entry.metric)).or_default();
            *amount = amount.saturating_add(entry.amount);
        }
    }
}

#[async_trait]
impl Ledger for MemoryStorage {
    async fn record_usage(
        &self,
        scope: &TenantScope,
        at: Timestamp,
        dedupe: Option<&str>,
        entries: Vec<UsageEntry>,
    ) -> Result<()> {
        self.with(scope, |state| {
            if dedupe.is_none_or(|name| state.ledger.seen.insert(name.to_owned())) {
                state.ledger.add(at, entries);
            }
            Ok(())
        })
    }

    async fn usage(&self, scope: &TenantScope, from: &str, to: &str) -> Result<Vec<UsageRow>> {
        self.with(scope, |state| {
            let rows = state.ledger.usage.iter();
            let rows = rows.filter(|((day, _), _)| day.as_str() >= from && day.as_str() <= to);
            let row = |((day, metric), amount): (&(String, String), &u64)| UsageRow {
                day: day.clone(),
                metric: metric.clone(),
                amount: *amount,
            };
            Ok(rows.map(row).collect())
        })
    }

    async fn replay_begin(
        &self,
        scope: &TenantScope,
        key: &str,
        request_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<ReplayBegin> {
        let oldest = now.plus_ms(-limits::IDEMPOTENCY_MS);
        self.with(scope, |state| {
            let replays = &mut state.ledger.replays;
            replays.retain(|_, replay| replay.at >= oldest);
            let Some(replay) = replays.get(key) else {
                let fresh = Replay {
                    request_hash,
                    at: now,
                    answer: None,
                };
                replays.insert(key.to_owned(), fresh);
                return Ok(ReplayBegin::Fresh);
            };
            Ok(match &replay.answer {
                _ if replay.request_hash != request_hash => ReplayBegin::Mismatch,
                Some(answer) => ReplayBegin::Stored(answer.clone()),
                None => ReplayBegin::Running,
            })
        })
    }

    async fn replay_finish(
        &self,
        scope: &TenantScope,
        key: &str,
        answer: StoredAnswer,
    ) -> Result<()> {
        self.with(scope, |state| {
            if let Some(replay) = state.ledger.replays.get_mut(key) {
                replay.answer = Some(answer);
            }
            Ok(())
        })
    }

    async fn replay_abandon(&self, scope: &TenantScope, key: &str) -> Result<()> {
        self.with(scope, |state| {
            let replays = &mut state.ledger.replays;
            replays.retain(|name, replay| name != key || replay.answer.is_some());
            Ok(())
        })
    }

    async fn replay_abandon_all(&self, scope: &TenantScope) -> Result<u64> {
        self.with(scope, |state| {
            let replays = &mut state.ledger.replays;
            let before = replays.len();
            replays.retain(|_, replay| replay.answer.is_some());
            Ok((before - replays.len()) as u64)
        })
    }
}
