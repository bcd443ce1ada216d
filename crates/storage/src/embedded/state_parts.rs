//! The state of a consumer in parts: each part at the offsets at which it was written, of which the
//! newest that the checkpoint reaches counts.

use rusqlite::{Connection, OptionalExtension, params};

use super::events::to_i64;
use crate::arguments::further_already;
use crate::error::Result;
use crate::ports::{Checkpoint, StatePart};

/// Writes parts that nobody reads yet.
pub fn save(db: &Connection, consumer: &str, offset: u64, parts: &[StatePart]) -> Result<()> {
    if stored_offset(db, consumer)? >= offset {
        return Err(further_already(consumer));
    }
    let mut insert = db.prepare_cached(
        "INSERT OR REPLACE INTO checkpoint_parts (consumer, part, offset, state)
         VALUES (?, ?, ?, ?)",
    )?;
    for one in parts {
        insert.execute(params![consumer, one.part, to_i64(offset), one.state])?;
    }
    Ok(())
}

/// Makes the parts written at an offset the stored ones.
pub fn commit(db: &Connection, consumer: &str, since: u64, checkpoint: &Checkpoint) -> Result<()> {
    let (stored, offset) = (stored_offset(db, consumer)?, checkpoint.offset);
    if offset < since || ![since, offset].contains(&stored) {
        return Err(further_already(consumer));
    }
    db.execute(
        "INSERT OR REPLACE INTO checkpoints (consumer, offset, state) VALUES (?, ?, ?)",
        params![consumer, to_i64(offset), checkpoint.state],
    )?;
    // What is beyond was written by a process that died before it could commit.
    db.execute(
        "DELETE FROM checkpoint_parts AS old WHERE consumer = ?1 AND (offset > ?2 OR EXISTS (
             SELECT 1 FROM checkpoint_parts AS newer
             WHERE newer.consumer = ?1 AND newer.part = old.part
                 AND newer.offset > old.offset AND newer.offset <= ?2))",
        params![consumer, to_i64(offset)],
    )?;
    Ok(())
}

/// Reads the stored parts from a number on.
pub fn read(db: &Connection, consumer: &str, from: u32, limit: usize) -> Result<Vec<StatePart>> {
    let stored = to_i64(stored_offset(db, consumer)?);
    let mut statement = db.prepare_cached(
        "SELECT part, state FROM checkpoint_parts AS one
         WHERE consumer = ?1 AND part >= ?2 AND offset = (
             SELECT max(offset) FROM checkpoint_parts AS newest
             WHERE newest.consumer = ?1 AND newest.part = one.part AND newest.offset <= ?3)
         ORDER BY part LIMIT ?4",
    )?;
    let rows = statement.query_map(
        params![consumer, from, stored, to_i64(limit as u64)],
        |row| {
            Ok(StatePart {
                part: row.get(0)?,
                state: row.get(1)?,
            })
        },
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn stored_offset(db: &Connection, consumer: &str) -> Result<u64> {
    let sql = "SELECT offset FROM checkpoints WHERE consumer = ?";
    let found: Option<i64> = db.query_row(sql, [consumer], |row| row.get(0)).optional()?;
    Ok(found.map_or(0, i64::unsigned_abs))
}
