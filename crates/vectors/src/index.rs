//! The index: what callers see.

use std::path::Path;

use rayon::ThreadPoolBuilder;

use crate::error::{Error, Result};
use crate::exact::{keep_nearest, scan};
use crate::graph::{Graph, mix};
use crate::options::{DIMENSION_MAX, IndexOptions, Metric, Neighbour, SearchOptions};
use crate::scratch::{Candidate, Scratch, ScratchPool};
use crate::snapshot;
use crate::store::{SlotState, Store};
use crate::walk::{descend, walk, walk_filtered};

/// Pending vectors that each insertion links besides its own, once the set is large enough for a
/// graph: the work of building it is spread over insertions instead of stopping one of them.
const CATCH_UP: usize = 8;

/// Removed vectors are taken out of the graph when they are this share of it, one in so many.
const DEAD_SHARE: usize = 4;

/// Below this many removed vectors the graph is left alone.
const DEAD_MIN: usize = 64;

/// Ids asked to estimate how many pass a filter.
const FILTER_SAMPLE: usize = 512;

/// Costs behind the choice between scan and filtered walk: asking the filter about an id in passing,
/// measuring a code in a row of codes, and measuring one at a random place and keeping the heaps.
/// In nanoseconds as measured on 100,000 × 128; a wrong choice costs time, never recall.
const COST_FILTER: f64 = 3.0;
const COST_SCANNED: f64 = 6.0;
const COST_WALKED: f64 = 60.0;

/// Candidates of a walk that are measured again in full precision: at least this many and three
/// times `k`. Coding error reorders close candidates. On 100,000 × 128 clustered
/// vectors 30 for 10 gave the same recall to four digits as measuring all again.
const RESCORE_MIN: usize = 24;

/// Vectors under 128-bit ids, searchable by nearness.
///
/// Searching takes `&self` and may run on many threads; changing takes `&mut self`. The same calls
/// with the same seed on one kind of processor give the same index, byte for byte when saved.
pub struct Index {
    pub(crate) options: IndexOptions,
    pub(crate) store: Store,
    pub(crate) graph: Graph,
    pub(crate) scratch: ScratchPool,
}

impl Index {
    /// Makes an empty index.
    ///
    /// - Errors: [`Error::InvalidOption`] for a dimension outside 1..=[`DIMENSION_MAX`] or an option
    ///   outside the range that [`IndexOptions`] states.
    pub fn new(dimension: usize, metric: Metric, options: IndexOptions) -> Result<Self> {
        if !(1..=DIMENSION_MAX).contains(&dimension) {
            return Err(Error::InvalidOption {
                name: "dimension",
                value: dimension,
                allowed: "1 to 8192",
            });
        }
        options.validate()?;
        Ok(Self {
            options,
            store: Store::new(dimension, metric),
            graph: Graph::new(options.m),
            scratch: ScratchPool::default(),
        })
    }

    /// Number of components of every vector.
    pub fn dimension(&self) -> usize {
        self.store.dimension
    }

    /// How distance is measured.
    pub fn metric(&self) -> Metric {
        self.store.metric
    }

    /// The options the index was made with.
    pub fn options(&self) -> &IndexOptions {
        &self.options
    }

    /// Number of live vectors.
    pub fn len(&self) -> usize {
        self.store.live_count()
    }

    /// True without any live vector.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when a vector is stored under the id.
    pub fn contains(&self, id: u128) -> bool {
        self.store.slot(id).is_some()
    }

    /// Returns the vector stored under an id; under [`Metric::Cosine`] scaled to unit length.
    pub fn get(&self, id: u128) -> Option<Vec<f32>> {
        let slot = self.store.slot(id)?;
        Some(self.store.vector(slot).to_vec())
    }

    /// Lists the ids of live vectors, in no useful order.
    pub fn ids(&self) -> impl Iterator<Item = u128> + '_ {
        self.store.live_ids()
    }

    /// Estimates the memory of vectors, codes and links.
    ///
    /// - Units: bytes, mapped ones included; upper levels and the id lookup by rule of thumb.
    pub fn memory_bytes(&self) -> usize {
        let line = size_of::<crate::quantise::CodeLine>();
        let per_slot = size_of::<SlotState>() + size_of::<u128>() * 3 + 8 + 16 + 8;
        self.store.vectors.len() * 4
            + self.store.codes.len() * line
            + self.graph.base_lines_total() * line
            + self.store.slot_count() * per_slot
    }

    /// Stores a vector under an id, replacing what was there.
    ///
    /// - Errors: [`Error::WrongDimension`], [`Error::NotFinite`], [`Error::TooLong`] and, under cosine,
    ///   [`Error::ZeroVector`]; the index is then unchanged. [`Error::Full`] past 2³¹ slots.
    /// - Cost: below `exact_below` vectors O(dimension); then one walk of breadth `ef_construction`,
    ///   and up to nine while the graph catches up after that size was first reached.
    pub fn upsert(&mut self, id: u128, vector: &[f32]) -> Result<()> {
        let vector = self.store.prepare(vector)?;
        let Some(slot) = self.put(id, &vector)? else {
            return Ok(());
        };
        if self.store.live_count() >= self.options.exact_below {
            self.link_batch(&[slot]);
            self.catch_up();
        }
        self.consolidate_if_due();
        Ok(())
    }

    /// Removes the vector under an id; false when there was none.
    ///
    /// - Cost: O(1), except that the graph is repaired when a quarter of it has been removed, which
    ///   costs a part of a build; [`Index::compact`] lets the caller choose the moment.
    pub fn remove(&mut self, id: u128) -> bool {
        let was_there = self.store.remove(id);
        if was_there {
            self.consolidate_if_due();
        }
        was_there
    }

    /// Takes removed vectors out of the graph and frees their slots for reuse.
    pub fn compact(&mut self) {
        if self.store.dead_count > 0 {
            self.consolidate();
        }
    }

    /// Stores many vectors and builds the graph on `threads` threads (0 means all).
    ///
    /// The result does not depend on the number of threads. Of two items with one id the later wins.
    ///
    /// - Errors: as [`Index::upsert`]; items before the faulty one are stored. [`Error::Threads`] when
    ///   the threads cannot be started.
    /// - Cost: O(n log n) walks in all; about 3 seconds for 100,000 × 128 on two idle cores.
    pub fn build_parallel<'v>(
        &mut self,
        items: impl IntoIterator<Item = (u128, &'v [f32])>,
        threads: usize,
    ) -> Result<()> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(Error::Threads)?;
        let stored = items.into_iter().try_for_each(|(id, vector)| {
            let vector = self.store.prepare(vector)?;
            self.put(id, &vector).map(drop)
        });
        if self.store.live_count() >= self.options.exact_below {
            pool.install(|| {
                self.link_pending();
                self.consolidate_if_due();
            });
        }
        stored
    }

    /// Finds the `k` nearest live vectors that pass the filter, by ascending distance, then id.
    ///
    /// Small sets, and those a filter leaves small, are scanned: the answer is then exact. Otherwise
    /// the graph is walked with breadth `max(ef, k)`. Fewer than `k` come back only when fewer pass.
    ///
    /// - Errors: as [`Index::upsert`], for the query.
    /// - Cost: a scan reads dimension bytes a vector; a walk measures about `20 · ef` codes.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        options: &SearchOptions<'_>,
    ) -> Result<Vec<Neighbour>> {
        let query = self.store.prepare(query)?;
        if k == 0 || self.is_empty() {
            return Ok(Vec::new());
        }
        let k = k.min(self.len());
        let found = self.scratch.with(|scratch| {
            let walked = self.search_graph(&query, k, options, scratch);
            walked.unwrap_or_else(|| {
                let slots = self.passing_slots(options);
                scan(&self.store, &query, &slots, k, scratch)
            })
        });
        Ok(found
            .into_iter()
            .map(|candidate| Neighbour {
                id: self.store.ids[candidate.slot as usize],
                distance: candidate.distance,
            })
            .collect())
    }

    /// Writes the index to a file, together with a number of the caller, such as the position in a
    /// log up to which the index is current.
    ///
    /// The file appears under `path` whole or not at all: it is written beside it, synced and renamed.
    ///
    /// - Errors: [`Error::Io`].
    pub fn save(&self, path: &Path, generation: u64) -> Result<()> {
        snapshot::save(self, path, generation)
    }

    /// Reads an index and its generation from a file that [`Index::save`] wrote.
    ///
    /// On Unix the large arrays stay in the mapped file, so it may be replaced or removed, but never
    /// written in place or cut. A change copies the pages it touches; added vectors go to the heap.
    ///
    /// - Errors: [`Error::Io`]; [`Error::Corrupt`] for damage of any kind, [`Error::UnsupportedVersion`].
    /// - Cost: one checking pass over the file, 0.2 s for 1,000,000 × 64; 25 bytes of heap a vector.
    pub fn load(path: &Path) -> Result<(Self, u64)> {
        snapshot::load(path)
    }

    /// Reads an index and its generation from the bytes of a snapshot.
    ///
    /// Safe on bytes of any origin: never panics, copies all, allocates in proportion to the input.
    ///
    /// - Errors: [`Error::Corrupt`] and [`Error::UnsupportedVersion`].
    pub fn load_bytes(bytes: &[u8]) -> Result<(Self, u64)> {
        snapshot::decode(bytes)
    }

    /// Returns the bytes that [`Index::save`] writes.
    pub fn to_bytes(&self, generation: u64) -> Vec<u8> {
        snapshot::encode(self, generation)
    }

    /// Level of a slot that the graph knows.
    pub(crate) fn linked_level(&self, slot: u32) -> Option<usize> {
        let state = self.store.states[slot as usize];
        matches!(state, SlotState::Linked | SlotState::Dead).then(|| self.graph.level(slot))
    }

    /// Stores a prepared vector; returns its new slot unless nothing is left to link.
    fn put(&mut self, id: u128, vector: &[f32]) -> Result<Option<u32>> {
        if let Some(slot) = self.store.slot(id) {
            if self.store.states[slot as usize] == SlotState::Pending {
                self.store.overwrite(slot, vector);
                return Ok(Some(slot));
            }
            if self.store.vector(slot) == vector {
                return Ok(None);
            }
            self.store.remove(id);
        }
        self.store.insert(id, vector).map(Some)
    }

    fn catch_up(&mut self) {
        if self.store.pending_count == 0 {
            return;
        }
        let pending: Vec<u32> = (self.store.live_slots())
            .filter(|&slot| self.store.states[slot as usize] == SlotState::Pending)
            .take(CATCH_UP)
            .collect();
        for slot in pending {
            self.link_batch(&[slot]);
        }
    }

    fn consolidate_if_due(&mut self) {
        let dead_count = self.store.dead_count;
        if dead_count > DEAD_MIN && dead_count * DEAD_SHARE > self.store.slot_count() {
            self.consolidate();
        }
    }

    /// Searches the graph, or returns nothing when a scan is due.
    fn search_graph(
        &self,
        query: &[f32],
        k: usize,
        options: &SearchOptions<'_>,
        scratch: &mut Scratch,
    ) -> Option<Vec<Candidate>> {
        let store = &self.store;
        if store.live_count() < self.options.exact_below || store.pending_count > 0 {
            return None;
        }
        let ef = options.ef.max(k).min(store.slot_count());
        let visit_limit = match options.filter {
            Some(filter) => self.visit_limit(filter, ef)?,
            None => usize::MAX,
        };
        store.encode_query(query, &mut scratch.query);
        let start = descend(store, &self.graph, 0, scratch)?;
        if options.filter.is_none() && store.dead_count == 0 {
            walk(store, &self.graph, 0, ef, &[start], scratch);
        } else {
            let passes = |slot: u32| {
                store.is_live(slot)
                    && (options.filter).is_none_or(|filter| filter(store.ids[slot as usize]))
            };
            let graph = &self.graph;
            if !walk_filtered(store, graph, ef, visit_limit, start, &passes, scratch) {
                return None;
            }
        }
        if scratch.pool.entries.len() < k {
            // Fewer passed than asked for, or the graph has come apart: only a scan can tell.
            return None;
        }
        Some(self.rescore(query, k, scratch))
    }

    /// Measures the best candidates of a walk again, in full precision.
    fn rescore(&self, query: &[f32], k: usize, scratch: &mut Scratch) -> Vec<Candidate> {
        let entries = &mut scratch.pool.entries;
        entries.truncate(RESCORE_MIN.max(3 * k));
        for entry in entries.iter() {
            self.store.prefetch_vector(entry.slot);
        }
        let mut found: Vec<Candidate> = entries
            .iter()
            .map(|entry| Candidate {
                distance: self.store.distance(query, entry.slot),
                slot: entry.slot,
            })
            .collect();
        keep_nearest(&self.store, &mut found, k);
        found
    }

    /// Decides between walk and scan for a filter; a walk gets a limit at the cost of the scan.
    fn visit_limit(&self, filter: &dyn Fn(u128) -> bool, ef: usize) -> Option<usize> {
        let slot_count = self.store.slot_count();
        let (mut asked, mut passed) = (0usize, 0usize);
        for draw in 0..FILTER_SAMPLE as u64 {
            let slot = (mix(self.options.seed ^ draw) % slot_count as u64) as u32;
            if self.store.is_live(slot) {
                asked += 1;
                passed += usize::from(filter(self.store.ids[slot as usize]));
            }
        }
        if passed == 0 {
            return None;
        }
        let share = passed as f64 / asked as f64;
        let scan_cost = slot_count as f64 * (COST_FILTER + share * COST_SCANNED);
        let walk_cost = ef as f64 / share * self.options.m as f64 * COST_WALKED;
        (walk_cost < scan_cost).then_some((scan_cost / COST_WALKED) as usize)
    }

    fn passing_slots(&self, options: &SearchOptions<'_>) -> Vec<u32> {
        match options.filter {
            None => self.store.live_slots().collect(),
            Some(filter) => (self.store.live_slots())
                .filter(|&slot| filter(self.store.ids[slot as usize]))
                .collect(),
        }
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Index")
            .field("dimension", &self.dimension())
            .field("metric", &self.metric())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
