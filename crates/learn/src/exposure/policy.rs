//! Chance in a list, small enough to be borne and simple enough that every probability is exact.

/// How much is left to chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExplorationOptions {
    /// Probability that the two tracks of a pair of neighbouring places change places.
    pub swap: f32,
    /// Probability that a place holds a track drawn from the rest of the candidates.
    pub draw: f32,
    /// How many first places are never given to a drawn track.
    pub draw_after: usize,
}

/// The list that would stand without chance.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// What must keep its distance, such as the artist, of each place.
    pub groups: &'a [u64],
    /// Places that must stay as they are. As long as `groups`.
    pub is_fixed: &'a [bool],
    /// Places between two tracks of a group.
    pub gap: usize,
    /// Candidates that may be drawn. Each is of a group of its own that the list does not hold, so that
    /// it may stand anywhere.
    pub rest_count: usize,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The track that the list has at this place, from 0.
    Listed(usize),
    /// A candidate of the rest, by its number from 0.
    Drawn(usize),
}

/// Two neighbouring places whose order was left to chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExploredPair {
    /// The upper place, from 0.
    pub first: usize,
    /// Whether the two stand the other way round.
    pub is_swapped: bool,
}

/// A list after chance.
#[derive(Debug, Clone, PartialEq)]
pub struct Explored {
    /// What stands where.
    pub slots: Vec<Slot>,
    /// Probability of each slot's track at its place.
    pub propensities: Vec<f32>,
    /// The pairs that were left to chance and hold no drawn track.
    pub pairs: Vec<ExploredPair>,
}

/// What may happen to a list, and how likely it is.
///
/// First, pairs of neighbours are formed from the first or from the second place, each with
/// probability ½, and each pair that may change does so with probability `swap`, independently. Then each
/// place from `draw_after` on is given to a candidate of the rest with probability `draw`,
/// independently; which candidates, is a uniform choice without repetition. A place that is fixed takes no
/// part, nor does a pair whose tracks could come nearer to another one of their group than the gap
/// allows, whatever the other pairs do: the outcome of one pair therefore never depends on another's.
///
/// - Cost: O(places × gap) to build, O(places + rest) to draw.
/// - Source: Radlinski and Joachims 2006, "Minimally invasive randomization for collecting unbiased
///   preferences from clickthrough logs" (FairPairs), with `swap` where they have ½; and ε-greedy per
///   place.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    swap: f64,
    draw: f64,
    /// Whether the pair that begins at a place may change, by place.
    may_swap: Vec<bool>,
    may_draw: Vec<bool>,
    rest_count: usize,
}

impl Policy {
    /// Finds what may happen.
    pub fn new(options: ExplorationOptions, listed: &Listed<'_>) -> Self {
        let count = listed.groups.len().min(listed.is_fixed.len());
        let swap = f64::from(options.swap).clamp(0.0, 1.0);
        let may_swap = (0..count)
            .map(|first| swap > 0.0 && first + 1 < count && may_swap(listed, count, first))
            .collect();
        let mut left = listed.rest_count;
        let may_draw = (0..count).map(|place| {
            let may = options.draw > 0.0
                && place >= options.draw_after
                && !listed.is_fixed[place]
                && left > 0;
            left -= usize::from(may);
            may
        });
        Self {
            may_draw: may_draw.collect(),
            swap,
            draw: f64::from(options.draw).clamp(0.0, 1.0),
            may_swap,
            rest_count: listed.rest_count,
        }
    }

    /// Probability that the track which the list has at `from` stands at `at`.
    pub fn listed_at(&self, from: usize, at: usize) -> f64 {
        let may = |first: Option<usize>| {
            let may = first.and_then(|first| self.may_swap.get(first));
            f64::from(u8::from(may == Some(&true)))
        };
        let moved = match at.abs_diff(from) {
            0 => 1.0 - 0.5 * self.swap * (may(Some(at)) + may(at.checked_sub(1))),
            1 => 0.5 * self.swap * may(Some(at.min(from))),
            _ => 0.0,
        };
        moved * (1.0 - self.drawn_share(at))
    }

    /// Probability that any one candidate of the rest stands at `at`.
    pub fn drawn_at(&self, at: usize) -> f64 {
        self.drawn_share(at) / self.rest_count.max(1) as f64
    }

    fn drawn_share(&self, at: usize) -> f64 {
        match self.may_draw.get(at) {
            Some(true) => self.draw,
            _ => 0.0,
        }
    }

    /// Lets chance speak; `chance` gives numbers from 0 to below 1.
    pub fn explore(&self, mut chance: impl FnMut() -> f64) -> Explored {
        let count = self.may_draw.len();
        let mut slots: Vec<Slot> = (0..count).map(Slot::Listed).collect();
        let offset = usize::from(chance() < 0.5);
        let mut pairs = Vec::new();
        for first in (offset..count).step_by(2) {
            if self.may_swap[first] {
                let is_swapped = chance() < self.swap;
                if is_swapped {
                    slots.swap(first, first + 1);
                }
                pairs.push(ExploredPair { first, is_swapped });
            }
        }
        let mut rest: Vec<usize> = (0..self.rest_count).collect();
        let mut taken = 0;
        for place in (0..count).filter(|place| self.may_draw[*place]) {
            if chance() < self.draw {
                let left = rest.len() - taken;
                let other = taken + ((chance() * left as f64) as usize).min(left - 1);
                rest.swap(taken, other);
                slots[place] = Slot::Drawn(rest[taken]);
                taken += 1;
            }
        }
        let is_drawn = |place: usize| matches!(slots[place], Slot::Drawn(_));
        pairs.retain(|pair| !is_drawn(pair.first) && !is_drawn(pair.first + 1));
        let propensities = (slots.iter().enumerate())
            .map(|(at, slot)| match slot {
                Slot::Listed(from) => self.listed_at(*from, at) as f32,
                Slot::Drawn(_) => self.drawn_at(at) as f32,
            })
            .collect();
        Explored {
            slots,
            propensities,
            pairs,
        }
    }
}

/// Whether the pair at `first` may change without coming too near to others of its groups, wherever
/// they may stand.
fn may_swap(listed: &Listed<'_>, count: usize, first: usize) -> bool {
    let fixed = |place: usize| listed.is_fixed[place];
    if fixed(first) || fixed(first + 1) {
        return false;
    }
    // Where a place's track may end up when pairs begin at the parity of `first`.
    let reach = |place: usize| {
        let low = if place % 2 == first % 2 {
            Some(place)
        } else {
            place.checked_sub(1)
        };
        match low {
            Some(low) if low + 1 < count && !fixed(low) && !fixed(low + 1) => (low, low + 1),
            _ => (place, place),
        }
    };
    let near = first.saturating_sub(listed.gap + 2)..(first + listed.gap + 4).min(count);
    near.filter(|other| *other != first && *other != first + 1)
        .all(|other| {
            let is_kin = listed.groups[other] == listed.groups[first]
                || listed.groups[other] == listed.groups[first + 1];
            let (low, high) = reach(other);
            let distance = if low > first {
                low - (first + 1)
            } else {
                first - high
            };
            !is_kin || distance > listed.gap
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SplitMix;

    fn options(swap: f32, draw: f32, draw_after: usize) -> ExplorationOptions {
        ExplorationOptions {
            swap,
            draw,
            draw_after,
        }
    }

    #[test]
    fn a_list_of_strangers_worked_by_hand() {
        let listed = Listed {
            groups: &[1, 2, 3],
            is_fixed: &[false; 3],
            gap: 2,
            rest_count: 4,
        };
        let policy = Policy::new(options(0.2, 0.1, 2), &listed);
        // Pairs (0, 1) or (1, 2), each half of the time.
        for (from, at, expected) in [
            (0, 0, 0.9),
            (0, 1, 0.1),
            (0, 2, 0.0),
            (1, 0, 0.1),
            (1, 1, 0.8),
            (1, 2, 0.1 * 0.9),
            (2, 2, 0.9 * 0.9),
        ] {
            let told = policy.listed_at(from, at);
            assert!((told - expected).abs() < 1e-7, "{from} at {at}: {told}");
        }
        assert_eq!(policy.drawn_at(1), 0.0);
        assert!((policy.drawn_at(2) - 0.025).abs() < 1e-8);
    }

    #[test]
    fn what_is_fixed_or_would_come_too_near_stays() {
        let listed = |groups, is_fixed| Listed {
            groups,
            is_fixed,
            gap: 2,
            rest_count: 0,
        };
        // The two tracks of group 1 keep two places between them.
        let kin = Policy::new(options(0.5, 0.5, 0), &listed(&[1, 2, 3, 1], &[false; 4]));
        assert_eq!(kin.may_swap, [false, true, false, false]);
        assert_eq!(kin.may_draw, [false; 4], "there is nothing to draw from");
        let pinned = [false, true, false, false];
        let fixed = Policy::new(options(0.5, 0.5, 0), &listed(&[1, 2, 3, 4], &pinned));
        assert_eq!(fixed.may_swap, [false, false, true, false]);
        // Neighbours of one group: to change them changes no distance.
        let both = Policy::new(options(0.5, 0.0, 0), &listed(&[7, 7], &[false; 2]));
        assert_eq!(both.may_swap, [true, false]);
    }

    #[test]
    fn frequencies_are_what_the_probabilities_say() {
        let listed = Listed {
            groups: &[1, 2, 3, 1, 4, 5, 6, 7],
            is_fixed: &[false, false, false, false, false, true, false, false],
            gap: 2,
            rest_count: 3,
        };
        let policy = Policy::new(options(0.4, 0.25, 1), &listed);
        let mut draws = SplitMix::new(5);
        let runs = 40_000;
        let mut counts = vec![[0_u32; 8 + 3]; 8];
        let mut pairs = [[0_u32; 2]; 8];
        for _ in 0..runs {
            let explored = policy.explore(|| f64::from(draws.unit()));
            for (at, slot) in explored.slots.iter().enumerate() {
                match slot {
                    Slot::Listed(from) => counts[at][*from] += 1,
                    Slot::Drawn(rest) => counts[at][8 + rest] += 1,
                }
            }
            for pair in explored.pairs {
                pairs[pair.first][usize::from(pair.is_swapped)] += 1;
            }
        }
        for (at, counts) in counts.iter().enumerate() {
            for (one, count) in counts.iter().enumerate() {
                let expected = if one < 8 {
                    policy.listed_at(one, at)
                } else {
                    policy.drawn_at(at)
                };
                let found = f64::from(*count) / f64::from(runs);
                // Five standard errors of a share of 40,000.
                let most = 5.0 * (expected * (1.0 - expected) / f64::from(runs)).sqrt();
                assert!((found - expected).abs() <= most, "{one} at {at}: {found}");
            }
        }
        for [straight, swapped] in pairs.into_iter().filter(|pair| pair[0] > 0) {
            let share = f64::from(swapped) / f64::from(straight + swapped);
            assert!((share - 0.4).abs() < 0.03, "{share}");
        }
    }

    proptest! {
        #[test]
        fn each_place_and_each_listed_track_sum_to_one(
            places in prop::collection::vec((0_u64..6, prop::bool::weighted(0.2)), 0..14),
            gap in 0_usize..4,
            rest_count in 0_usize..5,
            (swap, draw, draw_after) in (0.0_f32..=0.5, 0.0_f32..=1.0, 0_usize..6),
            seed in any::<u64>(),
        ) {
            let groups: Vec<u64> = places.iter().map(|one| one.0).collect();
            let is_fixed: Vec<bool> = places.iter().map(|one| one.1).collect();
            let listed = Listed { groups: &groups, is_fixed: &is_fixed, gap, rest_count };
            let policy = Policy::new(options(swap, draw, draw_after), &listed);
            let count = groups.len();
            for at in 0..count {
                let known: f64 = (0..count).map(|from| policy.listed_at(from, at)).sum();
                let sum = known + rest_count as f64 * policy.drawn_at(at);
                prop_assert!((sum - 1.0).abs() < 1e-9, "place {}: {}", at, sum);
            }
            let mut draws = SplitMix::new(seed);
            let explored = policy.explore(|| f64::from(draws.unit()));
            let mut seen = std::collections::HashSet::new();
            for (at, slot) in explored.slots.iter().enumerate() {
                prop_assert!(seen.insert(format!("{slot:?}")), "no track twice");
                prop_assert!(explored.propensities[at] > 0.0);
                prop_assert!(!is_fixed[at] || *slot == Slot::Listed(at));
            }
            // Kin are never nearer than the gap, unless they were already.
            let group = |at: usize| match explored.slots[at] {
                Slot::Listed(from) => Some((groups[from], from)),
                Slot::Drawn(_) => None,
            };
            for low in 0..count {
                for high in low + 1..count.min(low + gap + 1) {
                    if let (Some((a, from)), Some((b, to))) = (group(low), group(high)) {
                        prop_assert!(a != b || from.abs_diff(to) <= gap);
                    }
                }
            }
        }
    }
}
