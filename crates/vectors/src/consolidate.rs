//! Taking removed vectors out of the graph.

use rayon::prelude::*;

use crate::build::choose_entry;
use crate::index::Index;
use crate::scratch::Scratch;
use crate::select::select_links;
use crate::store::SlotState;

/// Most slots looked at while bridging over dead neighbours of one node.
const BRIDGE_MAX: usize = 256;

/// New links of one node on one level.
struct Repair {
    slot: u32,
    level: usize,
    links: Vec<u32>,
}

impl Index {
    /// Replaces links to dead nodes by links to what lies behind them, then frees the dead slots.
    ///
    /// - Cost: O(nodes with a dead neighbour × links²), on all threads of the current pool.
    /// - Source: after Singh et al. 2021 (FreshDiskANN), Algorithm 4.
    pub(crate) fn consolidate(&mut self) {
        let linked: Vec<u32> = self.slots_in(SlotState::Linked);
        let dead: Vec<u32> = self.slots_in(SlotState::Dead);
        let this = &*self;
        let repairs: Vec<Repair> = linked
            .par_iter()
            .flat_map_iter(|&slot| this.scratch.with(|scratch| this.repairs(slot, scratch)))
            .collect();
        let mut isolated = Vec::new();
        for repair in &repairs {
            self.graph
                .set_links(repair.slot, repair.level, &repair.links);
            if repair.level == 0 && repair.links.is_empty() {
                isolated.push(repair.slot);
            }
        }
        for slot in dead {
            self.graph.set_level(slot, 0);
            self.store.release(slot);
        }
        let isolated_set: std::collections::HashSet<u32> = isolated.iter().copied().collect();
        let anchored = linked.iter().copied();
        choose_entry(
            &mut self.graph,
            anchored.filter(|slot| !isolated_set.contains(slot)),
        );
        // Nodes that lost every link come in again like new ones.
        for &slot in &isolated {
            self.store.mark_pending(slot);
            self.link_batch(&[slot]);
        }
    }

    fn slots_in(&self, state: SlotState) -> Vec<u32> {
        (0..self.store.slot_count() as u32)
            .filter(|&slot| self.store.states[slot as usize] == state)
            .collect()
    }

    fn repairs(&self, slot: u32, scratch: &mut Scratch) -> Vec<Repair> {
        let mut repairs = Vec::new();
        for level in 0..=self.graph.level(slot) {
            let mut links = Vec::new();
            self.graph.copy_links(slot, level, &mut links);
            if links.iter().all(|&link| self.store.is_live(link)) {
                continue;
            }
            let mut candidates = self.bridge(slot, level, &links, scratch);
            let capacity = self.graph.capacity(level);
            if candidates.len() > capacity {
                candidates = select_links(&self.store, slot, &candidates, capacity);
            }
            repairs.push(Repair {
                slot,
                level,
                links: candidates,
            });
        }
        repairs
    }

    /// Lists the live nodes reachable from `links` through dead ones only.
    fn bridge(&self, slot: u32, level: usize, links: &[u32], scratch: &mut Scratch) -> Vec<u32> {
        let visited = &mut scratch.visited;
        visited.reset(self.store.slot_count());
        visited.visit(slot);
        let mut queue: Vec<u32> = Vec::new();
        queue.extend(links.iter().copied().filter(|&link| visited.visit(link)));
        let (mut live, mut at) = (Vec::new(), 0);
        while let Some(&next) = queue.get(at) {
            at += 1;
            if self.store.is_live(next) {
                live.push(next);
            } else if queue.len() < BRIDGE_MAX {
                self.graph.copy_links(next, level, &mut scratch.links);
                let unseen = scratch.links.iter().copied();
                queue.extend(unseen.filter(|&link| visited.visit(link)));
            }
        }
        live
    }
}
