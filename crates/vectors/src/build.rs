//! Putting vectors into the graph.

use rayon::prelude::*;

use crate::graph::{Graph, draw_level};
use crate::index::Index;
use crate::scratch::Scratch;
use crate::select::select_links;
use crate::store::SlotState;
use crate::walk::{descend, walk};

/// A bulk build links a batch of nodes against the graph before the batch, on all threads, then
/// writes their links. Nodes of one batch do not see each other, so a batch is kept to this fraction
/// of the graph. At 1 in 64, on 100,000 × 128 clustered vectors, recall was no lower than after
/// inserting one by one.
const BATCH_FRACTION: usize = 64;

/// Bound of a batch, for the memory of its plans.
const BATCH_MAX: usize = 4096;

/// What one node will be linked to.
struct Plan {
    slot: u32,
    level: usize,
    /// Links by level, from the bottom.
    links: Vec<Vec<u32>>,
}

/// One new incoming link, to be added to the list of `target`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Incoming {
    level: usize,
    target: u32,
    source: u32,
}

impl Index {
    /// Links all pending slots in an order drawn from the seed.
    ///
    /// The order matters: tracks of one album arrive together, and in arrival order they would share
    /// a batch and not see each other. The result does not depend on the number of threads.
    pub(crate) fn link_pending(&mut self) {
        let mut order: Vec<u32> = (self.store.live_slots())
            .filter(|&slot| self.store.states[slot as usize] == SlotState::Pending)
            .collect();
        shuffle(&mut order, self.options.seed);
        let mut linked_count = self.store.slot_count() - order.len();
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let size = (linked_count / BATCH_FRACTION).clamp(1, BATCH_MAX);
            let (batch, after) = rest.split_at(size.min(rest.len()));
            self.link_batch(batch);
            linked_count += batch.len();
            rest = after;
        }
    }

    /// Links some pending slots against the graph as it is.
    pub(crate) fn link_batch(&mut self, batch: &[u32]) {
        self.graph.ensure_slots(self.store.slot_count());
        let this = &*self;
        let plan = |&slot: &u32| this.scratch.with(|scratch| this.plan(slot, scratch));
        let plans: Vec<Plan> = if batch.len() == 1 {
            batch.iter().map(plan).collect()
        } else {
            batch.par_iter().map(plan).collect()
        };
        let mut incoming = Vec::new();
        for plan in &plans {
            self.graph.set_level(plan.slot, plan.level);
            for (level, links) in plan.links.iter().enumerate() {
                self.graph.set_links(plan.slot, level, links);
                incoming.extend(links.iter().map(|&target| Incoming {
                    level,
                    target,
                    source: plan.slot,
                }));
            }
            self.store.mark_linked(plan.slot);
        }
        self.add_incoming(incoming, batch.len() > 1);
        for plan in &plans {
            if self.graph.entry.is_none() || plan.level > self.graph.top_level {
                self.graph.entry = Some(plan.slot);
                self.graph.top_level = plan.level;
            }
        }
    }

    /// Chooses level and links of a new node; reads only.
    fn plan(&self, slot: u32, scratch: &mut Scratch) -> Plan {
        let (store, graph) = (&self.store, &self.graph);
        let level = draw_level(self.options.seed, store.ids[slot as usize], self.options.m);
        let mut links = vec![Vec::new(); level + 1];
        let query = &mut scratch.query;
        store.slot_query(slot, query);
        let shared = level.min(graph.top_level);
        let Some(first) = descend(store, graph, shared, scratch) else {
            return Plan { slot, level, links };
        };
        let mut start = vec![first];
        for at in (0..=shared).rev() {
            walk(
                store,
                graph,
                at,
                self.options.ef_construction,
                &start,
                scratch,
            );
            start.clear();
            // A node that is linked anew may still be reached through old links.
            let others = scratch.pool.entries.iter().copied();
            start.extend(others.filter(|candidate| candidate.slot != slot));
            let slots = start.iter().map(|candidate| candidate.slot);
            let live: Vec<u32> = slots.clone().filter(|&slot| store.is_live(slot)).collect();
            // Dead nodes hold the graph together until they are consolidated, but only if nothing
            // live is near may a new node hang on them alone.
            let candidates = if live.is_empty() {
                slots.collect()
            } else {
                live
            };
            links[at] = select_links(store, slot, &candidates, self.options.m);
        }
        Plan { slot, level, links }
    }

    /// Adds links back to new nodes, choosing anew where a list would overflow.
    fn add_incoming(&mut self, mut incoming: Vec<Incoming>, is_parallel: bool) {
        incoming.sort_unstable();
        let groups: Vec<&[Incoming]> = incoming
            .chunk_by(|a, b| (a.level, a.target) == (b.level, b.target))
            .collect();
        let this = &*self;
        let merge = |group: &&[Incoming]| this.merge(group);
        let lists: Vec<Vec<u32>> = if is_parallel {
            groups.par_iter().map(merge).collect()
        } else {
            groups.iter().map(merge).collect()
        };
        for (group, list) in groups.iter().zip(lists) {
            self.graph.set_links(group[0].target, group[0].level, &list);
        }
    }

    fn merge(&self, group: &[Incoming]) -> Vec<u32> {
        let Incoming { level, target, .. } = group[0];
        let mut links = Vec::with_capacity(self.graph.capacity(level) + group.len());
        self.graph.copy_links(target, level, &mut links);
        links.extend(group.iter().map(|incoming| incoming.source));
        let capacity = self.graph.capacity(level);
        if links.len() > capacity {
            links = select_links(&self.store, target, &links, capacity);
        }
        links
    }
}

/// Picks the entry anew: the first live linked node of the highest level.
pub(crate) fn choose_entry(graph: &mut Graph, linked: impl Iterator<Item = u32>) {
    graph.entry = None;
    graph.top_level = 0;
    for slot in linked {
        let level = graph.level(slot);
        if graph.entry.is_none() || level > graph.top_level {
            graph.entry = Some(slot);
            graph.top_level = level;
        }
    }
}

/// Shuffles by Fisher and Yates with SplitMix64.
fn shuffle(slots: &mut [u32], seed: u64) {
    let mut state = seed;
    for last in (1..slots.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let random = u128::from(crate::graph::mix(state));
        slots.swap(last, ((random * (last as u128 + 1)) >> 64) as usize);
    }
}
