//! The audit log as a table.

use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{OperatorScope, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::audit;
use crate::error::Result;
use crate::ports::AuditEntry;

/// Writes a line in the transaction of the effect.
pub fn record(
    db: &Connection,
    operator: &OperatorScope,
    at: Timestamp,
    action: &str,
) -> Result<()> {
    let last: Option<(i64, [u8; 32])> = db
        .query_row(
            "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let last = last.map(|(sequence, hash)| (sequence.unsigned_abs(), hash));
    let entry = audit::following(last, operator, at, action);
    db.execute(
        "INSERT INTO audit (sequence, at, by, reason, action, hash) VALUES (?, ?, ?, ?, ?, ?)",
        params![
            i64::try_from(entry.sequence).unwrap_or(i64::MAX),
            entry.at.as_ms(),
            entry.by,
            entry.reason,
            entry.action,
            entry.hash
        ],
    )?;
    Ok(())
}

/// Reads the log.
pub fn list(db: &Connection, page: &PageRequest, after: i64) -> Result<Page<AuditEntry>> {
    let mut statement = db.prepare_cached(
        "SELECT sequence, at, by, reason, action, hash FROM audit WHERE sequence > ?
         ORDER BY sequence LIMIT ?",
    )?;
    let rows = statement.query_map(params![after, page.limit() as i64 + 1], |row| {
        Ok(AuditEntry {
            sequence: row.get::<_, i64>(0)?.unsigned_abs(),
            at: Timestamp::from_ms(row.get(1)?),
            by: row.get(2)?,
            reason: row.get(3)?,
            action: row.get(4)?,
            hash: row.get(5)?,
        })
    })?;
    let items = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Page::from_surplus(items, page.limit(), |entry| {
        entry.sequence.to_string()
    }))
}
