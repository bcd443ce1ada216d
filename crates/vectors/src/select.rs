//! Choosing which links a node keeps.

use crate::scratch::{Candidate, Scratch};
use crate::store::Store;

/// Pairs measured in one kernel call; most candidates are refused within the first ones.
const CHUNK: usize = 8;

/// Chooses at most `capacity` links that point in different directions.
///
/// A candidate is kept when it is nearer to the node than to every link kept before it. One as near
/// to a kept link as to the node is refused, so that many equal vectors do not use up each other's
/// links and drift off as an island.
///
/// - Shape: `candidates` ascending by distance, without the node itself.
/// - Cost: O(candidates × capacity) code products at most.
/// - Source: Malkov and Yashunin 2018, Algorithm 4, without extended or pruned candidates.
pub(crate) fn select_links(
    store: &Store,
    candidates: &[Candidate],
    capacity: usize,
    scratch: &mut Scratch,
) -> Vec<u32> {
    let mut kept: Vec<u32> = Vec::with_capacity(capacity);
    for candidate in candidates {
        if kept.len() >= capacity {
            break;
        }
        store.slot_query(candidate.slot, &mut scratch.pair_query);
        let is_covered = kept.chunks(CHUNK).any(|chunk| {
            store.coded_distances(
                &scratch.pair_query,
                chunk,
                &mut scratch.products,
                &mut scratch.distances,
            );
            scratch.distances.iter().any(|&d| d <= candidate.distance)
        });
        if !is_covered {
            kept.push(candidate.slot);
        }
    }
    kept
}

/// Measures slots from a node and chooses its links among them.
pub(crate) fn select_from_slots(
    store: &Store,
    node: u32,
    slots: &[u32],
    capacity: usize,
    scratch: &mut Scratch,
) -> Vec<u32> {
    store.slot_query(node, &mut scratch.pair_query);
    store.coded_distances(
        &scratch.pair_query,
        slots,
        &mut scratch.products,
        &mut scratch.distances,
    );
    let mut candidates: Vec<Candidate> = (slots.iter().zip(&scratch.distances))
        .map(|(&slot, &distance)| Candidate { distance, slot })
        .collect();
    candidates.sort_unstable();
    select_links(store, &candidates, capacity, scratch)
}
