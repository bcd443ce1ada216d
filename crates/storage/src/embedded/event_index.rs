//! Finding events by id and by listener: on disk what is old, in memory what is new.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use leitmotif_domain::{EventId, ListenerId, Timestamp};
use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OptionalExtension, params};

use super::event_tail::{Entry, Place, Portion, Tail};
use super::writer::Upkeep;
use crate::error::{Error, Result};
use crate::ports::EventWindow;

/// Where the events of a log lie.
///
/// A reader asks the tail first and the disk after: what leaves the tail meanwhile is on disk already,
/// and the offset up to which the disk was asked keeps the two apart.
pub struct EventIndex {
    tail: RwLock<Tail>,
    /// The last offset, moved on only after the commit, by the writing thread: a caller that gave up
    /// waiting must not hold it back.
    head: AtomicU64,
    writing: Mutex<Writing>,
}

/// What the open transaction did; only the writing thread looks at it.
#[derive(Default)]
struct Writing {
    /// Ids appended in it. A command that was rolled back leaves its own behind, so each is looked up
    /// in the log before it is believed.
    ids: HashMap<u128, u64>,
    /// What went to disk in it.
    portion: Option<Portion>,
}

impl EventIndex {
    /// Reads the tail of a log.
    ///
    /// - Cost: one pass over the events that the indexes on disk do not know, a microsecond each.
    pub fn open(db: &Connection, tail_events: Option<u64>) -> Result<Self> {
        let through: i64 =
            db.query_row("SELECT through FROM events_indexed", [], |row| row.get(0))?;
        let mut tail = Tail::new(through.unsigned_abs(), tail_events);
        let mut statement = db.prepare(
            "SELECT offset, event_id, listener, kind, occurred_at FROM events
             WHERE offset > ? ORDER BY offset",
        )?;
        let (mut ids, mut places, mut head) = (Vec::new(), Vec::new(), 0);
        let mut rows = statement.query([through])?;
        while let Some(row) = rows.next()? {
            head = row.get::<_, i64>(0)?.unsigned_abs();
            ids.push((u128::from_be_bytes(row.get(1)?), head));
            let listener: Option<[u8; 16]> = row.get(2)?;
            if let Some(listener) = listener {
                let kind = row.get_ref(3)?.as_str().map_err(Error::bug)?;
                places.push(Place {
                    listener: u128::from_be_bytes(listener),
                    kind: tail.kind_code(kind),
                    occurred_at: row.get(4)?,
                    offset: head,
                });
            }
        }
        tail.resume(ids, places, head);
        Ok(Self {
            head: AtomicU64::new(tail.head()),
            tail: RwLock::new(tail),
            writing: Mutex::default(),
        })
    }

    /// The last durable offset.
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Lets readers see what was appended and is durable.
    pub fn advance(&self, entries: &[Entry]) {
        let mut tail = self.tail.write();
        entries.iter().for_each(|entry| tail.push(entry));
        let head = tail.head();
        drop(tail);
        self.head.fetch_max(head, Ordering::AcqRel);
    }

    /// Finds an event by its id.
    pub fn find(&self, db: &Connection, id: EventId) -> Result<Option<u64>> {
        let newest = self.tail.read().find(id);
        if newest.is_some() {
            return Ok(newest);
        }
        let mut statement = db.prepare_cached("SELECT offset FROM event_ids WHERE event_id = ?")?;
        let found = statement.query_row([id.as_u128().to_be_bytes()], |row| row.get::<_, i64>(0));
        Ok(found.optional()?.map(i64::unsigned_abs))
    }

    /// Finds an event by its id on the writing thread, those of the open transaction too.
    pub fn find_to_append(&self, db: &Connection, id: EventId) -> Result<Option<u64>> {
        let appended = self.writing.lock().ids.get(&id.as_u128()).copied();
        let key = id.as_u128().to_be_bytes();
        if let Some(offset) = appended {
            let mut statement =
                db.prepare_cached("SELECT 1 FROM events WHERE offset = ? AND event_id = ?")?;
            if statement.exists(params![offset.cast_signed(), key])? {
                return Ok(Some(offset));
            }
        }
        self.find(db, id)
    }

    /// Notes what the open transaction appended.
    pub fn note(&self, id: EventId, offset: u64) {
        self.writing.lock().ids.insert(id.as_u128(), offset);
    }

    /// Finds a listener's events of a window by the moment they happened, those of one moment by
    /// offset.
    pub fn of_kind(
        &self,
        db: &Connection,
        listener: ListenerId,
        window: &EventWindow,
        limit: usize,
    ) -> Result<Vec<u64>> {
        let after = window.after.map_or(i64::MIN, Timestamp::as_ms);
        let before = window.before.map_or(i64::MAX, Timestamp::as_ms);
        let (through, newest) = self.newest(listener, Some(&window.kind));
        let mut found: Vec<(i64, u64)> = newest
            .iter()
            .filter(|place| place.occurred_at > after && place.occurred_at < before)
            .map(|place| (place.occurred_at, place.offset))
            .collect();
        let order = if window.is_earliest_first {
            "ASC"
        } else {
            "DESC"
        };
        let sql = format!(
            "SELECT occurred_at, offset FROM listener_events
             WHERE listener = ? AND kind = ? AND occurred_at > ? AND occurred_at < ?
             AND offset <= ? ORDER BY occurred_at {order}, offset {order} LIMIT ?"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let arguments = params![
            listener.as_u128().to_be_bytes(),
            window.kind,
            after,
            before,
            through.cast_signed(),
            i64::try_from(limit).unwrap_or(i64::MAX),
        ];
        let rows = statement.query_map(arguments, |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        for row in rows {
            found.push(row?);
        }
        if window.is_earliest_first {
            found.sort_unstable();
        } else {
            found.sort_unstable_by_key(|one| Reverse(*one));
        }
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, offset)| offset).collect())
    }

    /// Finds a listener's events in a span of offsets, the lowest or the highest first.
    pub fn in_span(
        &self,
        db: &Connection,
        (listener, kind): (ListenerId, Option<&str>),
        span: Range<u64>,
        is_newest_first: bool,
        limit: usize,
    ) -> Result<Vec<u64>> {
        let (through, newest) = self.newest(listener, kind);
        let newest = newest.iter().map(|place| place.offset);
        let mut found: Vec<u64> = newest.filter(|offset| span.contains(offset)).collect();
        let order = if is_newest_first { "DESC" } else { "ASC" };
        let of_kind = kind.map_or("?6 IS NULL", |_| "kind = ?6");
        let sql = format!(
            "SELECT offset FROM listener_events
             WHERE listener = ?1 AND offset >= ?2 AND offset < ?3 AND offset <= ?4 AND {of_kind}
             ORDER BY offset {order} LIMIT ?5"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let bound = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
        let arguments = params![
            listener.as_u128().to_be_bytes(),
            bound(span.start),
            bound(span.end),
            bound(through),
            i64::try_from(limit).unwrap_or(i64::MAX),
            kind,
        ];
        let rows = statement.query_map(arguments, |row| row.get::<_, i64>(0))?;
        for row in rows {
            found.push(row?.unsigned_abs());
        }
        if is_newest_first {
            found.sort_unstable_by_key(|offset| Reverse(*offset));
        } else {
            found.sort_unstable();
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Counts a listener's events of a kind.
    pub fn count_of_kind(&self, db: &Connection, listener: ListenerId, kind: &str) -> Result<u64> {
        let (through, newest) = self.newest(listener, Some(kind));
        let mut statement = db.prepare_cached(
            "SELECT count(*) FROM listener_events WHERE listener = ? AND kind = ? AND offset <= ?",
        )?;
        let arguments = params![
            listener.as_u128().to_be_bytes(),
            kind,
            through.cast_signed()
        ];
        let count: i64 = statement.query_row(arguments, |row| row.get(0))?;
        Ok(count.unsigned_abs() + newest.len() as u64)
    }

    /// A listener's events that the tail knows, and the last offset that it leaves to the disk.
    fn newest(&self, listener: ListenerId, kind: Option<&str>) -> (u64, Vec<Place>) {
        let tail = self.tail.read();
        let wanted = kind.map(|kind| tail.code_of(kind));
        let is_wanted = |place: &Place| wanted.is_none_or(|code| code == Some(place.kind));
        let places = tail.of_listener(listener).filter(is_wanted).collect();
        (tail.through(), places)
    }
}

impl Upkeep for EventIndex {
    /// Brings a part of a full run to disk.
    fn before_commit(&self, db: &Connection) -> Result<()> {
        let appended = self.writing.lock().ids.len();
        if appended == 0 {
            return Ok(());
        }
        let Some(portion) = self.tail.write().portion(appended) else {
            return Ok(());
        };
        let mut insert = db.prepare_cached("INSERT OR IGNORE INTO event_ids VALUES (?, ?)")?;
        for (id, offset) in portion.run.ids.get(portion.ids.clone()).unwrap_or_default() {
            insert.execute(params![id.to_be_bytes(), offset.cast_signed()])?;
        }
        let mut insert =
            db.prepare_cached("INSERT OR IGNORE INTO listener_events VALUES (?, ?, ?, ?)")?;
        let tail = self.tail.read();
        for place in (portion.run.places.get(portion.places.clone())).unwrap_or_default() {
            let (listener, kind) = (place.listener.to_be_bytes(), tail.kind(place.kind));
            let (occurred_at, offset) = (place.occurred_at, place.offset.cast_signed());
            insert.execute(params![listener, kind, occurred_at, offset])?;
        }
        drop(tail);
        if portion.is_last {
            let through = portion.run.last.cast_signed();
            db.execute("UPDATE events_indexed SET through = ?", [through])?;
        }
        self.writing.lock().portion = Some(portion);
        Ok(())
    }

    fn after_commit(&self, is_kept: bool) {
        let mut writing = self.writing.lock();
        writing.ids.clear();
        if let Some(portion) = writing.portion.take().filter(|_| is_kept) {
            self.tail.write().merged(&portion);
        }
    }
}
