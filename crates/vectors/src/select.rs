//! Choosing which links a node keeps.

use crate::graph::mix;
use crate::scratch::Candidate;
use crate::store::Store;

/// Chooses at most `capacity` links that point in different directions.
///
/// A candidate is kept unless it is nearer to a link kept before it than to the node. Vectors equal to
/// the node get at most half of the links, and candidates at one distance come in an order of chance:
/// many equal vectors then hang together, and do not drift off as an island.
///
/// Distances are measured in full precision: it costs little beside the walk that found the slots, and
/// the choice is not blurred by coding errors.
///
/// - Shape: `slots` without the node itself and without repeats.
/// - Cost: O(slots × capacity) distances at most.
/// - Source: Malkov and Yashunin 2018, Algorithm 4, without extended or pruned candidates.
pub(crate) fn select_links(store: &Store, node: u32, slots: &[u32], capacity: usize) -> Vec<u32> {
    slots.iter().for_each(|&slot| store.prefetch_vector(slot));
    let mut candidates: Vec<Candidate> = (slots.iter())
        .map(|&slot| Candidate {
            distance: store.distance(store.vector(node), slot),
            slot,
        })
        .collect();
    let chance = |slot: u32| mix(u64::from(slot.min(node)) << 32 | u64::from(slot.max(node)));
    candidates.sort_unstable_by(|a, b| {
        let by_distance = a.distance.total_cmp(&b.distance);
        by_distance.then_with(|| chance(a.slot).cmp(&chance(b.slot)))
    });
    let mut equal_count = 0;
    let mut kept: Vec<Candidate> = Vec::with_capacity(capacity);
    for candidate in candidates {
        if kept.len() >= capacity {
            break;
        }
        let vector = store.vector(candidate.slot);
        let mut is_equal = false;
        let is_covered = kept.iter().any(|other| {
            let between = store.distance(vector, other.slot);
            is_equal |= between == candidate.distance && other.distance == candidate.distance;
            between < candidate.distance
        });
        equal_count += usize::from(is_equal && !is_covered);
        if is_equal && equal_count > capacity / 2 {
            continue;
        }
        if !is_covered {
            kept.push(candidate);
        }
    }
    kept.into_iter().map(|candidate| candidate.slot).collect()
}
