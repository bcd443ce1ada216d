//! Usage and replays, in the tenant's own file so that they share a transaction with the effect.

use async_trait::async_trait;
use leitmotif_domain::{TenantScope, Timestamp, limits};
use rusqlite::{Connection, OptionalExtension, params};

use super::EmbeddedStorage;
use crate::error::Result;
use crate::ports::{Ledger, ReplayBegin, StoredAnswer, UsageEntry, UsageRow};

#[async_trait]
impl Ledger for EmbeddedStorage {
    async fn record_usage(
        &self,
        scope: &TenantScope,
        at: Timestamp,
        dedupe: Option<&str>,
        entries: Vec<UsageEntry>,
    ) -> Result<()> {
        let dedupe = dedupe.map(str::to_owned);
        let work = move |db: &Connection| add_usage(db, at, dedupe.as_deref(), &entries);
        self.files(scope)?.database.write(work).await
    }

    async fn usage(&self, scope: &TenantScope, from: &str, to: &str) -> Result<Vec<UsageRow>> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.files(scope)?
            .database
            .read(move |db| {
                let mut statement = db.prepare_cached(
                    "SELECT day, metric, amount FROM usage WHERE day BETWEEN ? AND ?
                     ORDER BY day, metric",
                )?;
                let rows = statement.query_map(params![from, to], |row| {
                    let amount = row.get::<_, i64>(2)?.unsigned_abs();
                    Ok(UsageRow {
                        day: row.get(0)?,
                        metric: row.get(1)?,
                        amount,
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn replay_begin(
        &self,
        scope: &TenantScope,
        key: &str,
        request_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<ReplayBegin> {
        let key = key.to_owned();
        let work = move |db: &Connection| begin_replay(db, &key, request_hash, now);
        self.files(scope)?.database.write(work).await
    }

    async fn replay_finish(
        &self,
        scope: &TenantScope,
        key: &str,
        answer: StoredAnswer,
    ) -> Result<()> {
        let key = key.to_owned();
        self.files(scope)?
            .database
            .write(move |db| {
                db.execute(
                    "UPDATE replays SET status = ?, content_type = ?, body = ? WHERE key = ?",
                    params![answer.status, answer.content_type, answer.body, key],
                )?;
                Ok(())
            })
            .await
    }

    async fn replay_abandon(&self, scope: &TenantScope, key: &str) -> Result<()> {
        let key = key.to_owned();
        self.files(scope)?
            .database
            .write(move |db| {
                db.execute(
                    "DELETE FROM replays WHERE key = ? AND status IS NULL",
                    [key],
                )?;
                Ok(())
            })
            .await
    }

    async fn replay_abandon_all(&self, scope: &TenantScope) -> Result<u64> {
        let work = |db: &Connection| {
            let freed = db.execute("DELETE FROM replays WHERE status IS NULL", [])?;
            Ok(freed as u64)
        };
        self.files(scope)?.database.write(work).await
    }
}

/// Adds usage in the transaction of the effect it pays for.
pub(super) fn add_usage(
    db: &Connection,
    at: Timestamp,
    dedupe: Option<&str>,
    entries: &[UsageEntry],
) -> Result<()> {
    if let Some(name) = dedupe {
        let is_new = db.execute(
            "INSERT OR IGNORE INTO usage_seen (name, at) VALUES (?, ?)",
            params![name, at.as_ms()],
        )?;
        if is_new == 0 {
            return Ok(());
        }
    }
    let day = at.to_string().chars().take(10).collect::<String>();
    let mut add = db.prepare_cached(
        "INSERT INTO usage (day, metric, amount) VALUES (?1, ?2, ?3)
         ON CONFLICT (day, metric) DO UPDATE SET amount = amount + ?3",
    )?;
    for entry in entries {
        let amount = i64::try_from(entry.amount).unwrap_or(i64::MAX);
        add.execute(params![day, entry.metric, amount])?;
    }
    Ok(())
}

fn begin_replay(
    db: &Connection,
    key: &str,
    request_hash: [u8; 32],
    now: Timestamp,
) -> Result<ReplayBegin> {
    let oldest = now.plus_ms(-limits::IDEMPOTENCY_MS);
    db.execute("DELETE FROM replays WHERE at < ?", [oldest.as_ms()])?;
    let found = db
        .query_row(
            "SELECT request_hash, status, content_type, body FROM replays WHERE key = ?",
            [key],
            |row| {
                let hash: [u8; 32] = row.get(0)?;
                let status: Option<u16> = row.get(1)?;
                let content_type: Option<String> = row.get(2)?;
                let body: Option<Vec<u8>> = row.get(3)?;
                Ok((hash, status, content_type, body))
            },
        )
        .optional()?;
    match found {
        None => {
            db.execute(
                "INSERT INTO replays (key, request_hash, at) VALUES (?, ?, ?)",
                params![key, request_hash, now.as_ms()],
            )?;
            Ok(ReplayBegin::Fresh)
        }
        Some((hash, ..)) if hash != request_hash => Ok(ReplayBegin::Mismatch),
        Some((_, Some(status), content_type, body)) => Ok(ReplayBegin::Stored(StoredAnswer {
            status,
            content_type: content_type.unwrap_or_default(),
            body: body.unwrap_or_default(),
        })),
        Some(_) => Ok(ReplayBegin::Running),
    }
}
