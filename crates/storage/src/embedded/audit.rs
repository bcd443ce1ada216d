//! The hash-chained audit log of operator work.

use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{OperatorScope, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

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
    let (sequence, former) = last.map_or((1, [0; 32]), |(sequence, hash)| (sequence + 1, hash));
    let hash = chain(
        &former,
        sequence,
        at,
        operator.by(),
        operator.reason(),
        action,
    );
    db.execute(
        "INSERT INTO audit (sequence, at, by, reason, action, hash) VALUES (?, ?, ?, ?, ?, ?)",
        params![
            sequence,
            at.as_ms(),
            operator.by(),
            operator.reason(),
            action,
            hash
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

/// The hash of a line: over the former hash and every field, lengths first.
pub fn chain(
    former: &[u8; 32],
    sequence: i64,
    at: Timestamp,
    by: &str,
    reason: &str,
    action: &str,
) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(former);
    hasher.update(sequence.to_be_bytes());
    hasher.update(at.as_ms().to_be_bytes());
    for field in [by, reason, action] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().into()
}
