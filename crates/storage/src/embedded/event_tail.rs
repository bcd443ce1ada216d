//! Where to find the newest events of the log before the indexes on disk know them.
//!
//! An index of ids and one of listeners have no order in common with time: writing every event into
//! them as it comes costs a page of each per event. So the newest events are indexed in memory, and
//! from time to time a whole run of them goes into the indexes on disk in the order of their keys, when
//! many fall on one page. Nothing is lost with the memory: the tail is read again from the log.
//!
//! ```text
//! offsets  1 ──────── through │ through + 1 ── frozen ── │ ── active ── head
//!          indexes on disk    │ sorted, going to disk    │ in memory
//! ```
//!
//! - Source: the merge of sorted runs is that of O'Neil et al., "The log-structured merge-tree", 1996,
//!   with two levels.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use leitmotif_domain::event::Event;
use leitmotif_domain::{EventId, ListenerId};

/// Events that a run holds at least; some 13 MB with the one before it.
const RUN_EVENTS_MIN: u64 = 65_536;
/// Events that a run holds at most; some 50 MB with the one before it, and up to half a second when the
/// log is opened.
const RUN_EVENTS_MAX: u64 = 262_144;
/// A run grows with the indexes it goes into, so that a page is written about as often however many
/// there are.
const RUN_SHARE: u64 = 16;
/// Entries that go to disk for each event appended: a run is there long before the next is full.
const MERGED_PER_EVENT: usize = 4;
/// Fewest entries that go to disk together.
const MERGED_MIN: usize = 256;

/// Where an event of a listener lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The listener.
    pub listener: u128,
    /// The kind, as [`Tail::kind`] names it.
    pub kind: u8,
    /// When it happened, in milliseconds.
    pub occurred_at: i64,
    /// Its offset.
    pub offset: u64,
}

/// What the tail keeps of an event.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: u128,
    /// Its offset.
    pub offset: u64,
    /// Whose it is, of which kind, and when it happened; none for an event of no listener.
    pub of_listener: Option<(u128, &'static str, i64)>,
}

impl Entry {
    /// Takes an event that was appended.
    pub fn of(event: &Event, offset: u64) -> Self {
        let of_listener = event.listener.map(|listener| {
            let kind = event.payload.kind();
            (listener.as_u128(), kind, event.occurred_at.as_ms())
        });
        Self {
            id: event.event_id.as_u128(),
            offset,
            of_listener,
        }
    }
}

/// The newest run, still growing.
#[derive(Default)]
struct Active {
    ids: HashMap<u128, u64>,
    places: BTreeSet<Place>,
}

/// A run that no longer grows, in the order of its keys.
pub struct Frozen {
    /// Ids with their offsets.
    pub ids: Vec<(u128, u64)>,
    /// Events of listeners.
    pub places: Vec<Place>,
    /// Its last offset.
    pub last: u64,
}

/// A part of a frozen run that goes to disk together.
pub struct Portion {
    /// The run.
    pub run: Arc<Frozen>,
    /// Which ids.
    pub ids: Range<usize>,
    /// Which places.
    pub places: Range<usize>,
    /// Whether the run is whole on disk with it.
    pub is_last: bool,
}

/// The tail of the log.
pub struct Tail {
    /// The indexes on disk know every event up to here.
    through: u64,
    head: u64,
    active: Active,
    frozen: Option<Arc<Frozen>>,
    /// How many ids and places of the frozen run are on disk.
    merged: (usize, usize),
    kinds: Vec<String>,
    run_events: Option<u64>,
}

impl Tail {
    /// A tail after an offset. `run_events` is how many events a run holds, for tests; it follows from
    /// the size of the log otherwise.
    pub fn new(through: u64, run_events: Option<u64>) -> Self {
        Self {
            through,
            head: through,
            active: Active::default(),
            frozen: None,
            merged: (0, 0),
            kinds: Vec::new(),
            run_events,
        }
    }

    /// Takes what a log holds behind [`Tail::through`] as one run: what is sorted at once costs a part of
    /// what growing a run does.
    pub fn resume(&mut self, ids: Vec<(u128, u64)>, places: Vec<Place>, head: u64) {
        if !ids.is_empty() {
            self.head = head;
            self.freeze(ids, places);
        }
    }

    /// The indexes on disk know every event up to here, and the tail every one behind.
    pub fn through(&self) -> u64 {
        self.through
    }

    /// The last offset.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// Takes an event that is durable.
    pub fn push(&mut self, entry: &Entry) {
        self.head = self.head.max(entry.offset);
        self.active.ids.insert(entry.id, entry.offset);
        if let Some((listener, kind, occurred_at)) = &entry.of_listener {
            let kind = self.kind_code(kind);
            self.active.places.insert(Place {
                listener: *listener,
                kind,
                occurred_at: *occurred_at,
                offset: entry.offset,
            });
        }
    }

    /// The offset of an event of the tail.
    pub fn find(&self, id: EventId) -> Option<u64> {
        let id = id.as_u128();
        let frozen = || {
            let run = self.frozen.as_ref()?;
            let at = run.ids.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            run.ids.get(at).map(|(_, offset)| *offset)
        };
        self.active.ids.get(&id).copied().or_else(frozen)
    }

    /// The events of a listener in the tail, by kind and moment.
    pub fn of_listener(&self, listener: ListenerId) -> impl Iterator<Item = Place> + '_ {
        let listener = listener.as_u128();
        let lowest = Place {
            listener,
            kind: 0,
            occurred_at: i64::MIN,
            offset: 0,
        };
        let frozen = self.frozen.iter().flat_map(move |run| {
            let start = run.places.partition_point(|place| *place < lowest);
            let rest = run.places.get(start..).unwrap_or_default();
            rest.iter()
                .take_while(move |place| place.listener == listener)
        });
        let active = self.active.places.range(lowest..);
        let active = active.take_while(move |place| place.listener == listener);
        frozen.chain(active).copied()
    }

    /// The code of a kind, if an event of it was seen.
    pub fn code_of(&self, kind: &str) -> Option<u8> {
        let at = self.kinds.iter().position(|known| known == kind)?;
        u8::try_from(at).ok()
    }

    /// The kind of a code.
    pub fn kind(&self, code: u8) -> &str {
        self.kinds.get(usize::from(code)).map_or("", String::as_str)
    }

    /// The code of a kind, a new one for the first event of it.
    pub fn kind_code(&mut self, kind: &str) -> u8 {
        self.code_of(kind).unwrap_or_else(|| {
            self.kinds.push(kind.to_owned());
            u8::try_from(self.kinds.len() - 1).unwrap_or(u8::MAX)
        })
    }

    fn run_events(&self) -> u64 {
        let of_log = (self.through / RUN_SHARE).clamp(RUN_EVENTS_MIN, RUN_EVENTS_MAX);
        self.run_events.unwrap_or(of_log)
    }

    /// What goes to disk beside so many appended events; freezes the active run when it is full.
    pub fn portion(&mut self, appended: usize) -> Option<Portion> {
        let is_full = self.active.ids.len() as u64 >= self.run_events();
        if self.frozen.is_none() && is_full {
            let Active { ids, places } = std::mem::take(&mut self.active);
            self.freeze(ids.into_iter().collect(), places.into_iter().collect());
        }
        let run = Arc::clone(self.frozen.as_ref()?);
        let mut left = (appended * MERGED_PER_EVENT).max(MERGED_MIN);
        let mut take = |done: usize, count: usize| {
            let end = count.min(done + left);
            left -= end - done;
            done..end
        };
        let ids = take(self.merged.0, run.ids.len());
        let places = take(self.merged.1, run.places.len());
        let is_last = ids.end == run.ids.len() && places.end == run.places.len();
        Some(Portion {
            run,
            ids,
            places,
            is_last,
        })
    }

    /// Makes a run of everything up to the head.
    fn freeze(&mut self, mut ids: Vec<(u128, u64)>, mut places: Vec<Place>) {
        ids.sort_unstable();
        places.sort_unstable();
        self.merged = (0, 0);
        self.frozen = Some(Arc::new(Frozen {
            ids,
            places,
            last: self.head,
        }));
    }

    /// Notes that a portion is durable on disk.
    pub fn merged(&mut self, portion: &Portion) {
        self.merged = (portion.ids.end, portion.places.end);
        if portion.is_last {
            self.through = portion.run.last;
            self.frozen = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(offset: u64, listener: Option<u128>) -> Entry {
        let of_listener = listener.map(|listener| (listener, "listen", -(offset as i64)));
        Entry {
            id: u128::from(offset) * 7 % 101,
            offset,
            of_listener,
        }
    }

    fn offsets(tail: &Tail, listener: u128) -> Vec<u64> {
        let places = tail.of_listener(ListenerId::from_u128(listener));
        places.map(|place| place.offset).collect()
    }

    #[test]
    fn runs_go_to_disk_in_the_order_of_their_keys_while_new_ones_grow() {
        let mut tail = Tail::new(0, Some(300));
        for offset in 1..=300 {
            assert!(tail.portion(1).is_none());
            tail.push(&Entry {
                id: u128::from(offset * 7 % 1_009),
                ..entry(offset, Some(u128::from(offset % 3)))
            });
        }
        let first = tail.portion(1).expect("the run is full");
        assert_eq!((first.ids.clone(), first.places.clone()), (0..256, 0..0));
        assert!(first.run.ids.is_sorted() && first.run.places.is_sorted());
        tail.push(&entry(301, Some(1)));
        // Nothing was durable yet: the same portion once more.
        assert_eq!(tail.portion(1).unwrap().ids, 0..256);
        tail.merged(&first);
        let second = tail.portion(1).unwrap();
        assert_eq!(
            (second.ids.clone(), second.places.clone()),
            (256..300, 0..212)
        );
        tail.merged(&second);
        assert_eq!((tail.through(), tail.head()), (0, 301));
        assert_eq!(offsets(&tail, 1).len(), 101);
        let third = tail.portion(1).unwrap();
        assert!(third.is_last && third.places == (212..300));
        tail.merged(&third);
        assert_eq!(tail.through(), 300);
        assert_eq!(offsets(&tail, 1), [301]);
        assert!(tail.portion(1).is_none());
    }

    #[test]
    fn a_listener_is_found_in_both_runs_and_no_other() {
        let mut tail = Tail::new(10, Some(4));
        for offset in 11..=14 {
            tail.push(&entry(offset, (offset != 12).then_some(5)));
        }
        let portion = tail.portion(0).unwrap();
        assert_eq!(portion.run.last, 14);
        for offset in 15..=16 {
            tail.push(&entry(offset, Some(if offset == 15 { 4 } else { 5 })));
        }
        assert_eq!(offsets(&tail, 5), [14, 13, 11, 16]);
        assert_eq!(offsets(&tail, 4), [15]);
        assert!(offsets(&tail, 6).is_empty());
        assert_eq!(tail.find(EventId::from_u128(12 * 7)), Some(12));
        assert_eq!(tail.find(EventId::from_u128(16 * 7 % 101)), Some(16));
        assert_eq!(tail.find(EventId::from_u128(1)), None);
        assert_eq!(tail.code_of("search"), None);
        assert_eq!(tail.kind(tail.code_of("listen").unwrap()), "listen");
    }
}
