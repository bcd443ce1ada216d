//! Walking the graph towards a query.

use std::cmp::Reverse;

use crate::graph::{Graph, NO_SLOT};
use crate::scratch::{Candidate, Scratch};
use crate::store::{SLOTS_MAX, Store};

/// Marks a pool entry whose links were followed.
const FOLLOWED: u32 = 1 << 31;
const _: () = assert!(SLOTS_MAX < FOLLOWED as usize);

/// Walks greedily from the entry down to `level`; returns where the walk on that level begins.
pub(crate) fn descend(
    store: &Store,
    graph: &Graph,
    level: usize,
    scratch: &mut Scratch,
) -> Option<Candidate> {
    let entry = graph.entry?;
    let mut best = Candidate {
        distance: one_distance(store, entry, scratch),
        slot: entry,
    };
    for upper in (level + 1..=graph.top_level).rev() {
        loop {
            graph.copy_links(best.slot, upper, &mut scratch.links);
            scratch.links.iter().for_each(|&l| store.prefetch_code(l));
            store.coded_distances(
                &scratch.query,
                &scratch.links,
                &mut scratch.products,
                &mut scratch.distances,
            );
            let nearest = (scratch.links.iter().zip(&scratch.distances))
                .map(|(&slot, &distance)| Candidate { distance, slot })
                .min();
            match nearest {
                Some(nearer) if nearer.distance < best.distance => best = nearer,
                _ => break,
            }
        }
    }
    Some(best)
}

fn one_distance(store: &Store, slot: u32, scratch: &mut Scratch) -> f32 {
    store.coded_distances(
        &scratch.query,
        &[slot],
        &mut scratch.products,
        &mut scratch.distances,
    );
    scratch.distances[0]
}

/// Finds the `ef` nearest nodes on a level, dead ones included, into `scratch.pool`.
///
/// One sorted pool serves as frontier and as result: the best entry whose links were not followed
/// is followed next, until there is none.
pub(crate) fn walk(
    store: &Store,
    graph: &Graph,
    level: usize,
    ef: usize,
    start: &[Candidate],
    scratch: &mut Scratch,
) {
    scratch.visited.reset(store.slot_count());
    scratch.pool.reset(ef);
    for &candidate in start {
        scratch.visited.visit(candidate.slot);
        scratch.pool.insert(candidate);
    }
    let mut cursor = 0;
    while let Some(entry) = scratch.pool.entries.get_mut(cursor) {
        if entry.slot & FOLLOWED != 0 {
            cursor += 1;
            continue;
        }
        let slot = entry.slot;
        entry.slot |= FOLLOWED;
        if level == 0 {
            gather_base(store, graph, slot, scratch);
        } else {
            gather_upper(store, graph, slot, level, scratch);
        }
        // Most often the next entry is followed next; its links arrive while distances are measured.
        if let Some(next) = scratch.pool.entries.get(cursor + 1) {
            graph.prefetch_base(next.slot & !FOLLOWED);
        }
        store.coded_distances(
            &scratch.query,
            &scratch.slots,
            &mut scratch.products,
            &mut scratch.distances,
        );
        cursor += 1;
        for (&slot, &distance) in scratch.slots.iter().zip(&scratch.distances) {
            if let Some(place) = scratch.pool.insert(Candidate { distance, slot }) {
                cursor = cursor.min(place);
            }
        }
        if let Some(next) = scratch.pool.entries.get(cursor) {
            graph.prefetch_base(next.slot & !FOLLOWED);
        }
    }
    for entry in &mut scratch.pool.entries {
        entry.slot &= !FOLLOWED;
    }
}

/// Finds the `ef` nearest live nodes that pass a filter, into `scratch.pool`.
///
/// Nodes that do not pass are walked through but not kept. Returns false, with an incomplete pool,
/// once more than `visit_limit` nodes were measured: then a scan is cheaper.
pub(crate) fn walk_filtered(
    store: &Store,
    graph: &Graph,
    ef: usize,
    visit_limit: usize,
    start: Candidate,
    passes: &dyn Fn(u32) -> bool,
    scratch: &mut Scratch,
) -> bool {
    scratch.visited.reset(store.slot_count());
    scratch.pool.reset(ef);
    scratch.frontier.clear();
    scratch.frontier.push(Reverse(start));
    scratch.visited.visit(start.slot);
    if passes(start.slot) {
        scratch.pool.insert(start);
    }
    let mut visit_count = 1;
    while let Some(Reverse(nearest)) = scratch.frontier.pop() {
        if nearest.distance > scratch.pool.bound() {
            break;
        }
        if visit_count > visit_limit {
            return false;
        }
        gather_base(store, graph, nearest.slot, scratch);
        store.coded_distances(
            &scratch.query,
            &scratch.slots,
            &mut scratch.products,
            &mut scratch.distances,
        );
        visit_count += scratch.slots.len();
        for (&slot, &distance) in scratch.slots.iter().zip(&scratch.distances) {
            if distance < scratch.pool.bound() {
                let candidate = Candidate { distance, slot };
                scratch.frontier.push(Reverse(candidate));
                if passes(slot) {
                    scratch.pool.insert(candidate);
                }
            }
        }
        if let Some(Reverse(next)) = scratch.frontier.peek() {
            graph.prefetch_base(next.slot);
        }
    }
    true
}

/// Lists the unvisited links of a node into `scratch.slots` and asks for their codes.
#[inline(always)]
fn gather_base(store: &Store, graph: &Graph, slot: u32, scratch: &mut Scratch) {
    scratch.slots.clear();
    for line in graph.base_lines(slot) {
        for &link in &line.0 {
            if link == NO_SLOT {
                return;
            }
            if scratch.visited.visit(link) {
                store.prefetch_code(link);
                scratch.slots.push(link);
            }
        }
    }
}

fn gather_upper(store: &Store, graph: &Graph, slot: u32, level: usize, scratch: &mut Scratch) {
    graph.copy_links(slot, level, &mut scratch.links);
    scratch.slots.clear();
    for &link in &scratch.links {
        if scratch.visited.visit(link) {
            store.prefetch_code(link);
            scratch.slots.push(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::{keep_nearest, scan};
    use crate::graph::mix;
    use crate::{Index, IndexOptions, Metric};

    fn point(at: u64, dimension: usize) -> Vec<f32> {
        (0..dimension as u64)
            .map(|axis| (mix(at * 1_000 + axis) >> 40) as f32 / (1 << 24) as f32 - 0.5)
            .collect()
    }

    /// The public search would scan here; the walk itself must hold up too.
    #[test]
    fn filtered_walk_finds_what_a_scan_finds() {
        let options = IndexOptions {
            exact_below: 0,
            ..IndexOptions::default()
        };
        let points: Vec<Vec<f32>> = (0..5_000).map(|at| point(at, 12)).collect();
        let mut index = Index::new(12, Metric::Cosine, options).unwrap();
        let items = (0u128..).zip(points.iter().map(Vec::as_slice));
        index.build_parallel(items, 2).unwrap();
        let (store, graph) = (&index.store, &index.graph);
        for share in [2, 10, 100] {
            let passes = |slot: u32| slot.is_multiple_of(share);
            let passing: Vec<u32> = (0..5_000).filter(|&slot| passes(slot)).collect();
            let (mut hits, mut scratch) = (0, Scratch::default());
            for at in 0..50 {
                let query = store.prepare(&point(10_000 + at, 12)).unwrap();
                let truth = scan(store, &query, &passing, 10, &mut scratch);
                store.encode_query(&query, &mut scratch.query);
                let start = descend(store, graph, 0, &mut scratch).unwrap();
                let walk = |limit, scratch: &mut Scratch| {
                    walk_filtered(store, graph, 48, limit, start, &passes, scratch)
                };
                assert!(!walk(20, &mut scratch), "the limit must hold");
                assert!(walk(usize::MAX, &mut scratch));
                let mut found = scratch.pool.entries.clone();
                found
                    .iter_mut()
                    .for_each(|f| f.distance = store.distance(&query, f.slot));
                keep_nearest(store, &mut found, 10);
                hits += found.iter().filter(|found| truth.contains(found)).count();
            }
            assert!(hits >= 490, "one in {share}: {hits} of 500");
        }
    }
}
