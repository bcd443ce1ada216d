//! The event log as an append-only table.

use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::event::{Event, EventPayload, RecordedEvent};
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{EventId, ListenerId, TenantScope, Timestamp, limits};
use rusqlite::{Connection, OptionalExtension, Row, Rows, params};

use super::EmbeddedStorage;
use super::event_index::EventIndex;
use super::event_tail::Entry;
use super::ledger::add_usage;
use super::state_parts;
use crate::arguments::{check_event_count, further_already, page_position};
use crate::error::{Error, Result};
use crate::ports::{
    Appended, Checkpoint, ConsumerPosition, EventLog, EventSelection, EventSlice, EventWindow,
    StatePart, UsageEntry,
};

const COLUMNS: &str =
    "offset, event_id, occurred_at, recorded_at, listener, schema_version, payload";

#[async_trait]
impl EventLog for EmbeddedStorage {
    async fn append(&self, scope: &TenantScope, events: Vec<Event>) -> Result<Vec<Appended>> {
        check_event_count(events.len())?;
        let files = self.files(scope)?;
        let recorded_at = self.clock.now();
        let (log, index) = (Arc::clone(&files.log), Arc::clone(&files.log));
        let append = move |db: &Connection| append_all(db, &log, &events, recorded_at);
        let advance = move |batch: &Batch| index.advance(&batch.entries);
        Ok(files.database.write_then(append, advance).await?.appended)
    }

    async fn read(
        &self,
        scope: &TenantScope,
        after_offset: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>> {
        let files = self.files(scope)?;
        files
            .database
            .read(move |db| {
                let sql = format!(
                    "SELECT {COLUMNS} FROM events WHERE offset > ? ORDER BY offset LIMIT ?"
                );
                let mut statement = db.prepare_cached(&sql)?;
                let arguments = params![to_i64(after_offset), to_i64(limit as u64)];
                events_of(statement.query(arguments)?, limit)
            })
            .await
    }

    async fn select(
        &self,
        scope: &TenantScope,
        selection: &EventSelection,
        from: u64,
        limit: usize,
    ) -> Result<EventSlice> {
        let (files, selection) = (self.files(scope)?, selection.clone());
        let log = Arc::clone(&files.log);
        let read = move |db: &Connection| select(db, &log, &selection, from, limit);
        files.database.read(read).await
    }

    async fn head(&self, scope: &TenantScope) -> Result<u64> {
        Ok(self.files(scope)?.log.head())
    }

    async fn of_listener(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        page: &PageRequest,
    ) -> Result<Page<RecordedEvent>> {
        let before = page_position(page, i64::MAX)?.max(0).unsigned_abs();
        let (files, limit) = (self.files(scope)?, page.limit());
        let log = Arc::clone(&files.log);
        let read = move |db: &Connection| {
            let found = log.in_span(db, (listener, None), 0..before, true, limit + 1)?;
            events_at(db, &found)
        };
        let items: Vec<RecordedEvent> = files.database.read(read).await?;
        Ok(Page::from_surplus(items, limit, |event| {
            event.offset.to_string()
        }))
    }

    async fn of_kind(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        window: &EventWindow,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>> {
        let (files, window) = (self.files(scope)?, window.clone());
        let log = Arc::clone(&files.log);
        let read = move |db: &Connection| {
            let found = log.of_kind(db, listener, &window, limit)?;
            events_at(db, &found)
        };
        files.database.read(read).await
    }

    async fn event(&self, scope: &TenantScope, id: EventId) -> Result<Option<RecordedEvent>> {
        let files = self.files(scope)?;
        let log = Arc::clone(&files.log);
        let read = move |db: &Connection| {
            let found = log.find(db, id)?;
            Ok(events_at(db, found.as_slice())?.pop())
        };
        files.database.read(read).await
    }

    async fn count_of_kind(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        kind: &str,
    ) -> Result<u64> {
        let (files, kind) = (self.files(scope)?, kind.to_owned());
        let log = Arc::clone(&files.log);
        let read = move |db: &Connection| log.count_of_kind(db, listener, &kind);
        files.database.read(read).await
    }

    async fn checkpoint(&self, scope: &TenantScope, consumer: &str) -> Result<Option<Checkpoint>> {
        let (files, consumer) = (self.files(scope)?, consumer.to_owned());
        let sql = "SELECT offset, state FROM checkpoints WHERE consumer = ?";
        let read = move |db: &Connection| {
            let found = db.query_row(sql, [consumer], |row| {
                let offset = row.get::<_, i64>(0)?.unsigned_abs();
                Ok(Checkpoint {
                    offset,
                    state: row.get(1)?,
                })
            });
            Ok(found.optional()?)
        };
        files.database.read(read).await
    }

    async fn consumers(&self, scope: &TenantScope) -> Result<Vec<ConsumerPosition>> {
        let files = self.files(scope)?;
        let sql = "SELECT consumer, offset, length(state) + (
                SELECT coalesce(sum(length(state)), 0) FROM checkpoint_parts AS part
                WHERE part.consumer = checkpoints.consumer)
            FROM checkpoints ORDER BY consumer";
        let read = move |db: &Connection| {
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(ConsumerPosition {
                    consumer: row.get(0)?,
                    offset: row.get::<_, i64>(1)?.unsigned_abs(),
                    state_bytes: row.get::<_, i64>(2)?.unsigned_abs(),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        files.database.read(read).await
    }

    async fn save_checkpoint(
        &self,
        scope: &TenantScope,
        consumer: &str,
        checkpoint: Checkpoint,
    ) -> Result<()> {
        let (files, consumer) = (self.files(scope)?, consumer.to_owned());
        files
            .database
            .write(move |db| {
                let changed = db.execute(
                    "INSERT INTO checkpoints (consumer, offset, state) VALUES (?1, ?2, ?3)
                     ON CONFLICT (consumer) DO UPDATE SET offset = ?2, state = ?3
                     WHERE offset <= ?2",
                    params![consumer, to_i64(checkpoint.offset), checkpoint.state],
                )?;
                if changed == 0 {
                    return Err(further_already(&consumer));
                }
                Ok(())
            })
            .await
    }

    async fn save_parts(
        &self,
        scope: &TenantScope,
        consumer: &str,
        offset: u64,
        parts: Vec<StatePart>,
    ) -> Result<()> {
        let (files, consumer) = (self.files(scope)?, consumer.to_owned());
        let save = move |db: &Connection| state_parts::save(db, &consumer, offset, &parts);
        files.database.write(save).await
    }

    async fn commit_parts(
        &self,
        scope: &TenantScope,
        consumer: &str,
        since: u64,
        checkpoint: Checkpoint,
    ) -> Result<()> {
        let (files, consumer) = (self.files(scope)?, consumer.to_owned());
        let commit = move |db: &Connection| state_parts::commit(db, &consumer, since, &checkpoint);
        files.database.write(commit).await
    }

    async fn parts(
        &self,
        scope: &TenantScope,
        consumer: &str,
        from: u32,
        limit: usize,
    ) -> Result<Vec<StatePart>> {
        let (files, consumer) = (self.files(scope)?, consumer.to_owned());
        let read = move |db: &Connection| state_parts::read(db, &consumer, from, limit);
        files.database.read(read).await
    }

    async fn drop_checkpoint(&self, scope: &TenantScope, consumer: &str) -> Result<()> {
        let (files, consumer) = (self.files(scope)?, consumer.to_owned());
        files
            .database
            .write(move |db| {
                let sql = "DELETE FROM checkpoints WHERE consumer = ?";
                db.execute(sql, [&consumer])?;
                let sql = "DELETE FROM checkpoint_parts WHERE consumer = ?";
                db.execute(sql, [&consumer])?;
                Ok(())
            })
            .await
    }
}

impl EmbeddedStorage {
    /// Writes, and appends what the log is told of it in the same transaction.
    pub(super) async fn write_and_tell<T: Send + 'static>(
        &self,
        scope: &TenantScope,
        work: impl FnOnce(&Connection) -> Result<(T, Vec<Event>)> + Send + 'static,
    ) -> Result<T> {
        let (files, recorded_at) = (self.files(scope)?, self.clock.now());
        let (log, index) = (Arc::clone(&files.log), Arc::clone(&files.log));
        let write = move |db: &Connection| {
            let (done, events) = work(db)?;
            Ok((done, append_all(db, &log, &events, recorded_at)?))
        };
        let advance = move |(_, batch): &(T, Batch)| index.advance(&batch.entries);
        Ok(files.database.write_then(write, advance).await?.0)
    }
}

/// What became of a batch.
struct Batch {
    appended: Vec<Appended>,
    /// The events that were new.
    entries: Vec<Entry>,
}

fn append_all(
    db: &Connection,
    log: &EventIndex,
    events: &[Event],
    recorded_at: Timestamp,
) -> Result<Batch> {
    let last: i64 = db.query_row("SELECT coalesce(max(offset), 0) FROM events", [], |row| {
        row.get(0)
    })?;
    let mut insert = db.prepare_cached(
        "INSERT INTO events
         (offset, event_id, kind, occurred_at, recorded_at, listener, schema_version, payload)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let mut batch = Batch {
        appended: Vec::with_capacity(events.len()),
        entries: Vec::with_capacity(events.len()),
    };
    let mut next = last.unsigned_abs() + 1;
    let mut metered = 0;
    for event in events {
        if let Some(offset) = log.find_to_append(db, event.event_id)? {
            batch.appended.push(Appended {
                offset,
                is_duplicate: true,
            });
            continue;
        }
        insert.execute(params![
            to_i64(next),
            event.event_id.as_u128().to_be_bytes(),
            event.payload.kind(),
            event.occurred_at.as_ms(),
            recorded_at.as_ms(),
            event
                .listener
                .map(|listener| listener.as_u128().to_be_bytes()),
            event.schema_version,
            serde_json::to_string(&event.payload)?,
        ])?;
        log.note(event.event_id, next);
        batch.entries.push(Entry::of(event, next));
        batch.appended.push(Appended {
            offset: next,
            is_duplicate: false,
        });
        next += 1;
        metered += u64::from(event.payload.is_metered());
    }
    if metered > 0 {
        add_usage(db, recorded_at, None, &[UsageEntry::events(metered)])?;
    }
    Ok(batch)
}

/// Reads selected events between `from` and the head.
fn select(
    db: &Connection,
    log: &EventIndex,
    selection: &EventSelection,
    from: u64,
    limit: usize,
) -> Result<EventSlice> {
    let head = log.head();
    // A listener has an index of their own; the rest is looked at in bounded parts.
    let span = match selection.listener {
        Some(_) => u64::MAX,
        None => limits::EVENTS_SCANNED_MAX,
    };
    let (low, high) = if selection.is_newest_first {
        let high = from.min(head.saturating_add(1));
        (high.saturating_sub(span).max(1), high)
    } else {
        let low = from.saturating_add(1);
        (low, low.saturating_add(span).min(head.saturating_add(1)))
    };
    let kind = selection.kind.as_deref();
    let mut events = if let Some(listener) = selection.listener {
        let is_newest_first = selection.is_newest_first;
        let found = log.in_span(db, (listener, kind), low..high, is_newest_first, limit)?;
        events_at(db, &found)?
    } else {
        let order = if selection.is_newest_first {
            "DESC"
        } else {
            "ASC"
        };
        let of_kind = kind.map_or("?4 IS NULL", |_| "kind = ?4");
        let besides = if selection.is_without_answers {
            let [exposure, search] = EventPayload::ANSWER_KINDS;
            format!("AND kind NOT IN ('{exposure}', '{search}')")
        } else {
            String::new()
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE offset >= ?1 AND offset < ?2 AND {of_kind} {besides}
             ORDER BY offset {order} LIMIT ?3"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let arguments = params![to_i64(low), to_i64(high), to_i64(limit as u64), kind];
        events_of(statement.query(arguments)?, limit)?
    };
    let reached = match events.last() {
        Some(last) if events.len() >= limit => last.offset,
        _ if selection.is_newest_first => low,
        _ => high.saturating_sub(1).max(from),
    };
    events.retain(|event| !selection.leaves_out(event.event.payload.kind()));
    Ok(EventSlice { events, reached })
}

/// Reads the events at offsets, in their order.
fn events_at(db: &Connection, offsets: &[u64]) -> Result<Vec<RecordedEvent>> {
    let sql = format!("SELECT {COLUMNS} FROM events WHERE offset = ?");
    let mut statement = db.prepare_cached(&sql)?;
    let mut events = Vec::with_capacity(offsets.len());
    for offset in offsets {
        events.append(&mut events_of(statement.query([to_i64(*offset)])?, 1)?);
    }
    Ok(events)
}

/// Decodes rows where they lie, without a copy of the payload's text.
fn events_of(mut rows: Rows<'_>, limit: usize) -> Result<Vec<RecordedEvent>> {
    let mut events = Vec::with_capacity(limit.min(limits::EVENTS_PER_BATCH_MAX));
    while let Some(row) = rows.next()? {
        events.push(event_of(row)?);
    }
    Ok(events)
}

fn event_of(row: &Row<'_>) -> Result<RecordedEvent> {
    let offset = row.get::<_, i64>(0)?.unsigned_abs();
    let corrupt = |error: &dyn std::fmt::Display| Error::Corrupt {
        reason: format!("event {offset} does not parse: {error}"),
    };
    let text = row.get_ref(6)?;
    let text = text.as_str().map_err(|error| corrupt(&error))?;
    let payload: EventPayload = serde_json::from_str(text).map_err(|error| corrupt(&error))?;
    let listener: Option<[u8; 16]> = row.get(4)?;
    Ok(RecordedEvent {
        offset,
        recorded_at: Timestamp::from_ms(row.get(3)?),
        event: Event {
            event_id: EventId::from_u128(u128::from_be_bytes(row.get(1)?)),
            occurred_at: Timestamp::from_ms(row.get(2)?),
            listener: listener.map(|key| ListenerId::from_u128(u128::from_be_bytes(key))),
            schema_version: row.get(5)?,
            payload,
        },
    })
}

pub(super) fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
