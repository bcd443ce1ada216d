//! Reordering a ranked list so that it is not all the same.

mod calibrated;
mod determinantal;

pub use calibrated::calibrate;
pub use determinantal::greedy_dpp;

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

/// What must not come again within some places, such as an artist or an album.
#[derive(Debug, Clone, Copy)]
pub struct Spacing<'a, K> {
    /// The key of each candidate; one without a key is near to none.
    pub keys: &'a [Option<K>],
    /// Places between two of one key.
    pub gap: usize,
}

/// Chooses and orders `wanted` candidates so that no key comes again within its gap; returns their positions.
///
/// Each place takes the first candidate in order that is far enough from all of its keys; when none is, the
/// one that keeps most of the first gap, of equals most of the second, and so on, and of equals the first.
///
/// - Shape: all spacings have as many keys as the first; fewer positions than wanted where there are fewer.
/// - Cost: O(wanted · n · gaps) at worst; O(wanted · gaps) when keys are well mixed.
pub fn space_apart<K: Eq, const N: usize>(
    spacings: &[Spacing<'_, K>; N],
    wanted: usize,
) -> Vec<usize> {
    let count = spacings.first().map_or(0, |spacing| spacing.keys.len());
    let whole = spacings.each_ref().map(|spacing| spacing.gap);
    let mut left: Vec<usize> = (0..count).collect();
    let mut order: Vec<usize> = Vec::with_capacity(wanted.min(count));
    while order.len() < wanted && !left.is_empty() {
        // Of each gap, how much of it is kept; more than a gap is worth no more.
        let kept = |candidate: usize| -> [usize; N] {
            std::array::from_fn(|at| {
                let Spacing { keys, gap } = spacings[at];
                let key = |candidate: usize| keys.get(candidate).and_then(Option::as_ref);
                let Some(own) = key(candidate) else {
                    return gap;
                };
                let near = order.iter().rev().take(gap);
                let mut near = near.map(|placed| key(*placed));
                near.position(|other| other == Some(own)).unwrap_or(gap)
            })
        };
        let free = left.iter().position(|candidate| kept(*candidate) == whole);
        let at = free.unwrap_or_else(|| {
            let mut best = 0;
            for at in 1..left.len() {
                if kept(left[at]) > kept(left[best]) {
                    best = at;
                }
            }
            best
        });
        order.push(left.remove(at));
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
        let spaced = |artists: &str, gap| {
            let keys: Vec<Option<char>> = artists.chars().map(Some).collect();
            space_apart(&[Spacing { keys: &keys, gap }], usize::MAX)
        };
        assert_eq!(spaced("aabac", 1), [0, 2, 1, 4, 3]);
        assert_eq!(spaced("aab", 0), [0, 1, 2]);
        assert_eq!(spaced("aaa", 2), [0, 1, 2]);
    }

    #[test]
    fn albums_are_spaced_within_what_the_artists_allow() {
        let both = |artists: &str, albums: &str| {
            let keys = |text: &str| -> Vec<Option<char>> {
                text.chars()
                    .map(|key| (key != '-').then_some(key))
                    .collect()
            };
            let (artists, albums) = (keys(artists), keys(albums));
            let spacing = |keys, gap| Spacing { keys, gap };
            space_apart(&[spacing(&artists, 1), spacing(&albums, 1)], usize::MAX)
        };
        // A compilation of four artists, and two tracks that are on it no more.
        assert_eq!(both("abcdef", "xxxx--"), [0, 4, 1, 5, 2, 3]);
        // The artist's gap goes first where one of the two has to give way.
        assert_eq!(both("aab", "xyx"), [0, 2, 1]);
        assert_eq!(both("", ""), Vec::<usize>::new());
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            artists in prop::collection::vec(0u8..5, 0..30),
            gap in 0usize..4,
            wanted in 0usize..30,
        ) {
            let keys: Vec<Option<u8>> = artists.iter().map(|one| one.checked_sub(1)).collect();
            let spacings = [Spacing { keys: &keys, gap }, Spacing { keys: &keys, gap: 1 }];
            let mut order = space_apart(&spacings, usize::MAX);
            let few = space_apart(&spacings, wanted);
            prop_assert_eq!(&few[..], &order[..wanted.min(order.len())]);
            order.sort_unstable();
            prop_assert_eq!(order, (0..artists.len()).collect::<Vec<_>>());
            let relevance: Vec<f32> = artists.iter().map(|&artist| f32::from(artist)).collect();
            let mut picks = mmr(&relevance, |a, b| (a + b) as f32 * 0.01, 0.7, usize::MAX);
            picks.sort_unstable();
            prop_assert_eq!(picks, (0..artists.len()).collect::<Vec<_>>());
        }
    }
}
