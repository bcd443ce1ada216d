//! Rows of the past: the values that entities had at given moments, by the same code that answers now.

use std::collections::BTreeSet;

use leitmotif_domain::event::EventPayload;
use leitmotif_domain::{ErrorKind, TenantScope, Timestamp, limits};
use leitmotif_storage::ports::EventLog;

use crate::engine::occurrence::{Rest, occurrences};
use crate::engine::{Credited, FeatureSet, LiveView};
use crate::entity::EntityKey;
use crate::projection::READ_BATCH;
use crate::value::Row;

/// What counts as known at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Knowledge {
    /// What had happened and had been recorded: what a request at that moment was answered from. A play
    /// that came late counts from when it came.
    #[default]
    Recorded,
    /// What had happened, whenever we came to know of it: for histories that were imported, which were
    /// all recorded on one day.
    Occurred,
}

/// An entity at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastRow {
    /// Whom.
    pub key: EntityKey,
    /// When.
    pub at: Timestamp,
}

/// Why rows cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The log cannot be read.
    #[error(transparent)]
    Storage(#[from] leitmotif_storage::Error),
    /// The events of the entities do not fit into memory to be sorted.
    #[error(
        "over {events_max} events concern these entities: ask for fewer of them at once, or for what was recorded"
    )]
    TooManyEvents {
        /// The bound.
        events_max: usize,
    },
}

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::TooManyEvents { .. } => ErrorKind::Exhausted,
        }
    }
}

/// Joins rows with the values their entities had: an event counts for a row if it had happened by the
/// row's moment, that moment included, and, as `knowledge` says, had been recorded by then.
///
/// - Shape: one row for each asked, in their order; each has every column of the view.
/// - Cost: one pass over the log, whatever the number of rows. With [`Knowledge::Occurred`] the events
///   of the asked entities are sorted in memory.
/// - Errors: [`Error::TooManyEvents`] beyond `FEATURE_EVENTS_SORTED_MAX` events to sort.
pub async fn point_in_time(
    log: &dyn EventLog,
    scope: &TenantScope,
    view: &LiveView,
    asked: &[PastRow],
    knowledge: Knowledge,
) -> Result<Vec<Row>, Error> {
    let mut rows = Sweep::new(view, asked);
    let head = log.head(scope).await?;
    let mut sorted: Vec<Credited> = Vec::new();
    let keys: BTreeSet<EntityKey> = asked.iter().map(|row| row.key).collect();
    let last = asked.iter().map(|row| row.at).max();
    let mut known_at = Timestamp::from_ms(i64::MIN);
    let mut offset = 0;
    while offset < head && !rows.is_done() {
        let events = log.read(scope, offset, READ_BATCH).await?;
        let Some(newest) = events.last() else { break };
        offset = newest.offset;
        for event in events {
            match knowledge {
                Knowledge::Recorded => {
                    // Whoever reads the log in order knows an event when all before it are known.
                    known_at = known_at.max(event.recorded_at);
                    rows.read_before(known_at);
                    rows.set.take(&event);
                }
                Knowledge::Occurred => {
                    if let EventPayload::CatalogueChanged(_) = &event.event.payload {
                        rows.set.take(&event);
                        continue;
                    }
                    // Credits are those of the catalogue when the event came, as they were live.
                    let credited = rows.set.credited(&event, event.event.occurred_at);
                    let is_past = last.is_some_and(|last| event.event.occurred_at <= last);
                    if is_past && concerns(view, &credited, &keys) {
                        sorted.push(credited);
                    }
                    if sorted.len() > limits::FEATURE_EVENTS_SORTED_MAX {
                        let events_max = limits::FEATURE_EVENTS_SORTED_MAX;
                        return Err(Error::TooManyEvents { events_max });
                    }
                }
            }
        }
    }
    sorted.sort_by_key(|credited| (credited.event.event.occurred_at, credited.event.offset));
    for credited in &sorted {
        rows.read_before(credited.known_at);
        rows.set.count(credited);
    }
    Ok(rows.finish())
}

/// Whether an event may change the values of one of the entities.
fn concerns(view: &LiveView, credited: &Credited, keys: &BTreeSet<EntityKey>) -> bool {
    let entity = view.definition.entity;
    let mut is_of_them = false;
    let artist_of = |track| credited.artist(track);
    occurrences(
        &credited.event,
        credited.known_at,
        artist_of,
        |occurrence| {
            is_of_them |= match (occurrence.rest, occurrence.key(entity)) {
                (Rest::Pushed(pushed), _) => pushed.view == view.definition.name,
                (_, key) => key.is_some_and(|key| keys.contains(&key)),
            };
        },
    );
    is_of_them
}

/// A pass through events in the order they were known in, reading each row when its moment is over.
struct Sweep<'a> {
    set: FeatureSet,
    view: &'a str,
    columns: Vec<usize>,
    asked: &'a [PastRow],
    /// Places of the asked rows, by moment.
    order: Vec<usize>,
    done: usize,
    rows: Vec<Option<Row>>,
}

impl<'a> Sweep<'a> {
    fn new(view: &'a LiveView, asked: &'a [PastRow]) -> Self {
        let mut order: Vec<usize> = (0..asked.len()).collect();
        order.sort_by_key(|place| asked.get(*place).map(|row| row.at));
        let first = order.first().and_then(|place| asked.get(*place));
        let first = first.map_or(Timestamp::from_ms(0), |row| row.at);
        Self {
            set: FeatureSet::new(std::slice::from_ref(view), first),
            view: &view.definition.name,
            columns: (0..view.definition.width()).collect(),
            asked,
            order,
            done: 0,
            rows: vec![None; asked.len()],
        }
    }

    fn is_done(&self) -> bool {
        self.done == self.order.len()
    }

    /// Reads every row whose moment is over before the next event is known.
    fn read_before(&mut self, known_at: Timestamp) {
        while let Some(place) = self.order.get(self.done).copied() {
            let Some(row) = self.asked.get(place).filter(|row| row.at < known_at) else {
                break;
            };
            self.read(place, *row);
        }
        if let Some(row) = self
            .order
            .get(self.done)
            .and_then(|place| self.asked.get(*place))
        {
            // What happens up to the next row's moment counts for it, so none of it waits.
            self.set.advance(row.at);
        }
    }

    fn read(&mut self, place: usize, row: PastRow) {
        let read = self.set.read(self.view, &[row.key], &self.columns, row.at);
        if let (Some(slot), Some(read)) = (self.rows.get_mut(place), read) {
            *slot = Some(read.row(0));
        }
        self.done += 1;
    }

    fn finish(mut self) -> Vec<Row> {
        while let Some(place) = self.order.get(self.done).copied() {
            match self.asked.get(place).copied() {
                Some(row) => self.read(place, row),
                None => break,
            }
        }
        self.rows.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;
