//! Reordering a ranked list so that it is not all the same.

mod calibrated;
mod determinantal;

pub use calibrated::calibrate;
pub use determinantal::greedy_dpp;

use std::collections::HashMap;
use std::hash::Hash;

/// Picks `count` candidates by maximal marginal relevance; returns their positions in order.
///
/// Each pick maximises `trade_off · relevance − (1 − trade_off) · (largest similarity to a pick)`. At
/// a `trade_off` of 1 the order is by relevance; ties go to the earlier candidate.
///
/// - Units: relevance and similarity should share a range, such as 0.0..=1.0; `trade_off` is clamped
///   to it. A NaN counts as the lowest relevance and as no similarity.
/// - Cost: O(count × candidates) calls of `similarity`.
/// - Source: Carbonell and Goldstein 1998.
pub fn mmr(
    relevance: &[f32],
    similarity: impl Fn(usize, usize) -> f32,
    trade_off: f32,
    count: usize,
) -> Vec<usize> {
    let trade_off = trade_off.clamp(0.0, 1.0);
    let mut left: Vec<usize> = (0..relevance.len()).collect();
    let mut nearest = vec![f32::NEG_INFINITY; relevance.len()];
    let mut picks = Vec::with_capacity(count.min(relevance.len()));
    while picks.len() < count && !left.is_empty() {
        let value = |candidate: usize| {
            let penalty = if picks.is_empty() || nearest[candidate] == f32::NEG_INFINITY {
                0.0
            } else {
                nearest[candidate]
            };
            let value = trade_off * relevance[candidate] - (1.0 - trade_off) * penalty;
            if value.is_nan() {
                f32::NEG_INFINITY
            } else {
                value
            }
        };
        let mut best = 0;
        for at in 1..left.len() {
            if value(left[at]) > value(left[best]) {
                best = at;
            }
        }
        let pick = left.remove(best);
        for &candidate in &left {
            // `max` passes over a NaN.
            nearest[candidate] = nearest[candidate].max(similarity(candidate, pick));
        }
        picks.push(pick);
    }
    picks
}

/// Reorders so that one artist does not come again within `gap` places; returns positions.
///
/// Each place takes the first candidate in order whose artist was not among the `gap` before; when
/// none is left, the one whose artist was heard longest ago, and of equals the first. Nothing is
/// dropped.
///
/// - Cost: O(n²) at worst; linear when artists are well mixed.
pub fn space_artists<A: Hash + Eq>(artists: &[A], gap: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..artists.len()).collect();
    let mut last_place: HashMap<&A, usize> = HashMap::new();
    let mut order = Vec::with_capacity(artists.len());
    while !left.is_empty() {
        let distance = |candidate: usize| {
            let last = last_place.get(&artists[candidate]);
            last.map_or(usize::MAX, |&place| order.len() - place)
        };
        let free = left.iter().position(|&candidate| distance(candidate) > gap);
        let at = free.unwrap_or_else(|| {
            let mut best = 0;
            for at in 1..left.len() {
                if distance(left[at]) > distance(left[best]) {
                    best = at;
                }
            }
            best
        });
        let pick = left.remove(at);
        last_place.insert(&artists[pick], order.len());
        order.push(pick);
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hand_worked_mmr() {
        let relevance = [1.0, 0.9, 0.5];
        let similarity = |a: usize, b: usize| f32::from(u8::from(a + b == 1));
        assert_eq!(mmr(&relevance, similarity, 1.0, 3), [0, 1, 2]);
        assert_eq!(mmr(&relevance, similarity, 0.5, 3), [0, 2, 1]);
        assert_eq!(mmr(&relevance, similarity, 0.5, 1), [0]);
        assert_eq!(mmr(&[f32::NAN, 0.1], |_, _| f32::NAN, 0.5, 9), [1, 0]);
        assert_eq!(mmr(&[], similarity, 0.5, 3), []);
    }

    #[test]
    fn hand_worked_spacing() {
        assert_eq!(
            space_artists(&["a", "a", "b", "a", "c"], 1),
            [0, 2, 1, 4, 3]
        );
        assert_eq!(space_artists(&["a", "a", "b"], 0), [0, 1, 2]);
        assert_eq!(space_artists(&["a", "a", "a"], 2), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(artists in prop::collection::vec(0u8..5, 0..30), gap in 0usize..4) {
            let mut order = space_artists(&artists, gap);
            order.sort_unstable();
            prop_assert_eq!(order, (0..artists.len()).collect::<Vec<_>>());
            let relevance: Vec<f32> = artists.iter().map(|&artist| f32::from(artist)).collect();
            let mut picks = mmr(&relevance, |a, b| (a + b) as f32 * 0.01, 0.7, usize::MAX);
            picks.sort_unstable();
            prop_assert_eq!(picks, (0..artists.len()).collect::<Vec<_>>());
        }
    }
}
