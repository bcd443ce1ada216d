//! The engine: views in memory, kept by events, read at a moment. The same code runs live, in a
//! replay and for rows of the past.

mod entity_state;
mod image;
mod key_hash;
mod names;
pub mod occurrence;
mod plan;
mod readings;
mod steps;
mod sums;
mod view_state;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use leitmotif_domain::event::{EventPayload, RecordedEvent};
use leitmotif_domain::{Timestamp, TrackId, limits};

use crate::definition::{ViewDefinition, text_id};
use crate::entity::EntityKey;
use key_hash::BuildIdHasher;
use names::Names;
use occurrence::{Occurrence, occurrences};
use plan::Plan;
use readings::{Readings, Wanted};
use view_state::ViewState;

pub use view_state::Rows;

/// Occurrences that are counted together: what they touch fits into the nearer caches.
const BATCH: usize = 64;

/// A view that answers.
#[derive(Debug, Clone)]
pub struct LiveView {
    /// Its version; `None` for a built-in one.
    pub version: Option<u32>,
    /// The file.
    pub text: Arc<str>,
    /// What it says.
    pub definition: Arc<ViewDefinition>,
}

/// How much a view holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewSize {
    /// Entities in memory.
    pub entities: usize,
    /// Events of entities that were refused at the bound.
    pub refused: u64,
    /// Memory of states, what was read last included.
    pub memory_bytes: usize,
}

/// All views of a tenant at an offset of the log and a moment.
///
/// An event counts once its offset was taken in and its moment has come: one that claims to happen
/// later waits. So the values at an offset and a moment are a function of the log, whenever they are
/// computed.
#[derive(Debug, Clone)]
pub struct FeatureSet {
    views: Vec<(LiveView, ViewState)>,
    /// What the views want to know of events.
    wanted: Wanted,
    /// What was read of the events of a batch.
    readings: Vec<Readings>,
    /// Who each track is credited to; a fact of the log like any other.
    artists: HashMap<u128, u128, BuildIdHasher>,
    names: Names,
    /// Events whose moment has not come, by moment and offset.
    ahead: BTreeMap<(Timestamp, u64), Credited>,
    /// Events that were passed over because too many waited.
    passed_over: u64,
    offset: u64,
    now: Timestamp,
    /// When the newest event was known of.
    known_at: Timestamp,
}

/// An event with the artists of its tracks as they were when it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Credited {
    pub event: RecordedEvent,
    pub known_at: Timestamp,
    pub artists: Vec<(u128, u128)>,
}

impl Credited {
    /// The artist of a track.
    pub fn artist(&self, track: u128) -> Option<u128> {
        let found = self.artists.iter().find(|(known, _)| *known == track);
        found.map(|(_, artist)| *artist)
    }
}

impl FeatureSet {
    /// Starts from nothing at a moment.
    pub fn new(views: &[LiveView], now: Timestamp) -> Self {
        let mut wanted = Wanted::default();
        let ready = views.iter().map(|view| {
            let plan = Plan::of(Arc::clone(&view.definition), &mut wanted);
            (view.clone(), ViewState::new(plan))
        });
        Self {
            views: ready.collect(),
            wanted,
            readings: Vec::new(),
            artists: HashMap::default(),
            names: Names::default(),
            ahead: BTreeMap::new(),
            passed_over: 0,
            offset: 0,
            now,
            known_at: Timestamp::from_ms(i64::MIN),
        }
    }

    /// The last offset taken in.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The latest moment that came.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The views, by name.
    pub fn views(&self) -> impl Iterator<Item = &LiveView> {
        self.views.iter().map(|(view, _)| view)
    }

    /// A view.
    pub fn view(&self, name: &str) -> Option<&LiveView> {
        self.views().find(|view| view.definition.name == name)
    }

    /// How much a view holds.
    ///
    /// - Cost: O(entities).
    pub fn size(&self, name: &str) -> Option<ViewSize> {
        let state = self.state(name)?;
        Some(ViewSize {
            entities: state.entities.len(),
            refused: state.refused,
            memory_bytes: state.memory_bytes(),
        })
    }

    /// Memory of what views share: names and credits.
    pub fn shared_bytes(&self) -> usize {
        self.names.memory_bytes() + self.artists.capacity() * (2 * size_of::<u128>() + 1)
    }

    /// Events that wait for their moment, and those that were passed over for want of room.
    pub fn waiting(&self) -> (usize, u64) {
        (self.ahead.len(), self.passed_over)
    }

    /// The entities of a view in the order of their keys, after one of them.
    ///
    /// - Cost: O(entities log entities).
    pub fn entities(&self, name: &str, after: Option<EntityKey>, limit: usize) -> Vec<EntityKey> {
        let Some(state) = self.state(name) else {
            return Vec::new();
        };
        let is_after = |key: &&EntityKey| after.is_none_or(|after| **key > after);
        let mut keys: Vec<EntityKey> = state.index.keys().filter(is_after).copied().collect();
        keys.sort_unstable();
        keys.truncate(limit);
        keys
    }

    /// Whom a track is credited to.
    pub fn artist(&self, track: TrackId) -> Option<u128> {
        self.artists.get(&track.as_u128()).copied()
    }

    /// The name of an artist or a context cell.
    pub fn name(&self, id: u128) -> Option<&str> {
        self.names.get(id)
    }

    /// Takes an event in that follows those before; one that is in already is passed over. It is known
    /// of since it was recorded, or since an earlier one was where the clock went back.
    ///
    /// - Cost: O(views), for each one look-up and O(1) for each of its measures.
    pub fn take(&mut self, recorded: &RecordedEvent) {
        self.take_all(std::slice::from_ref(recorded));
    }

    /// Takes events in, in their order. Together they are faster than one by one, with the same values.
    ///
    /// - Cost: as [`FeatureSet::take`] for each.
    pub fn take_all(&mut self, events: &[RecordedEvent]) {
        let mut batch = Vec::with_capacity(BATCH);
        for recorded in events {
            self.known_at = self.known_at.max(recorded.recorded_at);
            // The words of a pushed row name the entity that it makes, and only that one: whether it is new has to
            // be known.
            let is_push = matches!(recorded.event.payload, EventPayload::FeaturesPushed(_));
            if is_push {
                self.apply(&mut batch);
            }
            self.take_known(recorded, self.known_at, &mut batch);
            if batch.len() >= BATCH || is_push {
                self.apply(&mut batch);
            }
        }
        self.apply(&mut batch);
    }

    fn take_known<'a>(
        &mut self,
        recorded: &'a RecordedEvent,
        known_at: Timestamp,
        batch: &mut Vec<Occurrence<'a>>,
    ) {
        if recorded.offset <= self.offset {
            return;
        }
        self.offset = recorded.offset;
        if let EventPayload::CatalogueChanged(changed) = &recorded.event.payload {
            if let Some(artist) = &changed.artist {
                self.credit(changed.track.as_u128(), artist);
            }
            return;
        }
        if recorded.event.occurred_at > self.now {
            self.wait(self.credited(recorded, known_at));
            return;
        }
        let artists = &self.artists;
        let artist_of = |track| artists.get(&track).copied();
        occurrences(recorded, known_at, artist_of, |occurrence| {
            batch.push(occurrence);
        });
    }

    /// Counts occurrences in every view, and leaves none in the batch.
    ///
    /// View by view, so that what one entity has is fetched from memory while others are counted. Names are kept
    /// event by event before: at their bound the order tells which are.
    fn apply(&mut self, batch: &mut Vec<Occurrence<'_>>) {
        let now_ms = self.now.as_ms();
        if self.readings.len() < batch.len() {
            self.readings.resize_with(batch.len(), Readings::default);
        }
        for (readings, occurrence) in self.readings.iter_mut().zip(&*batch) {
            readings.read(&self.wanted, occurrence, now_ms);
            for (_, state) in &mut self.views {
                state.begin(occurrence, readings, &mut self.names);
            }
        }
        for (_, state) in &mut self.views {
            state.apply(batch, &self.readings);
        }
        batch.clear();
    }

    fn credit(&mut self, track: u128, artist: &str) {
        if artist.trim().is_empty() {
            self.artists.remove(&track);
            return;
        }
        let id = text_id(artist);
        self.names.remember(id, artist);
        self.artists.insert(track, id);
    }

    /// An event with the credits that hold now.
    pub(crate) fn credited(&self, recorded: &RecordedEvent, known_at: Timestamp) -> Credited {
        let mut artists = Vec::new();
        occurrences(
            recorded,
            known_at,
            |_| None,
            |occurrence| {
                if let Some(track) = occurrence.track
                    && let Some(artist) = self.artists.get(&track)
                {
                    artists.push((track, *artist));
                }
            },
        );
        Credited {
            event: recorded.clone(),
            known_at,
            artists,
        }
    }

    fn wait(&mut self, credited: Credited) {
        let key = (credited.event.event.occurred_at, credited.event.offset);
        self.ahead.insert(key, credited);
        if self.ahead.len() > limits::FEATURE_EVENTS_AHEAD_MAX {
            self.ahead.pop_last();
            self.passed_over += 1;
        }
    }

    /// Counts an event whose moment has come.
    pub(crate) fn count(&mut self, credited: &Credited) {
        let artist_of = |track| credited.artist(track);
        let mut batch = Vec::new();
        let (event, known_at) = (&credited.event, credited.known_at);
        occurrences(event, known_at, artist_of, |occurrence| {
            batch.push(occurrence)
        });
        self.apply(&mut batch);
    }

    /// An empty set of other views that knows the same names and credits.
    pub fn beside(&self, views: &[LiveView]) -> Self {
        Self {
            artists: self.artists.clone(),
            names: self.names.clone(),
            ..Self::new(views, self.now)
        }
    }

    /// Passes over what came before an offset, for a set that starts in the middle of a log.
    pub fn start_after(&mut self, offset: u64) {
        self.offset = self.offset.max(offset);
    }

    /// Lets time pass, and the events count whose moment has come. Time never goes back.
    pub fn advance(&mut self, now: Timestamp) {
        let now = self.now.max(now);
        self.now = now;
        while let Some(entry) = self.ahead.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let waited = entry.remove();
            self.count(&waited);
        }
    }

    /// Reads columns of entities at a moment; an earlier one than the last is taken for the last.
    /// `None` for an unknown view.
    ///
    /// - Shape: one row a key, in the order asked.
    /// - Cost: see `Rows`; 100 columns of 500 entities are read in under a millisecond.
    pub fn read(
        &mut self,
        view: &str,
        keys: &[EntityKey],
        columns: &[usize],
        now: Timestamp,
    ) -> Option<Rows> {
        self.advance(now);
        let at_ms = self.now.as_ms();
        let names = &self.names;
        let is_asked = |(live, _): &&mut (LiveView, ViewState)| live.definition.name == view;
        let (_, state) = self.views.iter_mut().find(is_asked)?;
        Some(state.read(keys, columns, names, at_ms))
    }

    fn state(&self, name: &str) -> Option<&ViewState> {
        let found = self
            .views
            .iter()
            .find(|(view, _)| view.definition.name == name);
        found.map(|(_, state)| state)
    }
}

#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod tests;
