//! Putting a set of items into an order whose neighbours fit each other.

use crate::error::{Error, Result};

/// What one pair of a group within the gap costs: more than any order can save by it, since costs
/// of transitions and places are at most 1.
const CROWDING: f32 = 1_000.0;
/// Rounds of local improvement at most; two mostly settle it.
const ROUNDS: usize = 6;
/// Longest stretch that is reversed or moved over: longer ones rarely help after the search, and
/// without the bound 500 tracks take seconds.
const SPAN_MAX: usize = 64;
/// Improvements below this are rounding.
const GAIN_MIN: f32 = 1e-6;

/// A set of items to be put into an order.
///
/// - Shape: `transitions` is `[count × count]`, row-major, from row to column, each in 0..=1;
///   `places` is `[count × count]`, the cost of an item (row) at a place (column), or empty;
///   `groups` has one entry an item.
#[derive(Debug, Clone, Copy)]
pub struct SequencingProblem<'a> {
    /// Cost of following one item by another.
    pub transitions: &'a [f32],
    /// Cost of an item at a place, as an arc demands; empty when places do not matter.
    pub places: &'a [f32],
    /// Items of one group, say of one artist, want to be apart.
    pub groups: &'a [u64],
    /// Places between two items of a group.
    pub gap: usize,
    /// An item that must come first.
    pub first: Option<usize>,
    /// An item that must come last.
    pub last: Option<usize>,
    /// Partial orders kept while searching.
    pub beam: usize,
}

/// Orders items: a beam search from the best beginnings, then reversals and moves while they help.
///
/// The result is never worse than the order given. Spacing goes before cost: an order has crowded pairs only where groups leave no choice that the
/// search finds.
///
/// - Shape: a permutation of `0..count`.
/// - Errors: [`Error::OutOfRange`] for slices whose lengths do not fit or an end that is no item,
///   [`Error::NotFinite`] for a cost, [`Error::InvalidOption`] for a beam of 0.
/// - Cost: O(beam × count²), and O(count × 64²) a round.
/// - Source: beam search with 2-opt and or-opt as for the travelling salesman (Croes 1958, Or 1976).
pub fn sequence(problem: &SequencingProblem<'_>) -> Result<Vec<usize>> {
    check(problem)?;
    let mut order = beam_search(problem);
    for _ in 0..ROUNDS {
        let is_better = reverse_segments(problem, &mut order) | move_items(problem, &mut order);
        if !is_better {
            break;
        }
    }
    let given: Vec<usize> = (0..problem.count()).collect();
    Ok(if is_cheaper(problem, &given, &order) {
        given
    } else {
        order
    })
}

/// Whether an order that keeps the fixed ends is less crowded than another, or as crowded and
/// cheaper.
fn is_cheaper(problem: &SequencingProblem<'_>, order: &[usize], than: &[usize]) -> bool {
    let keeps_ends = problem
        .first
        .is_none_or(|first| order.first() == Some(&first))
        && problem.last.is_none_or(|last| order.last() == Some(&last));
    let value = |order: &[usize]| (crowded_pairs(problem, order), order_cost(problem, order));
    keeps_ends && value(order) < value(than)
}

/// Sums what an order costs: its transitions and places, without the penalty for crowding.
///
/// - Shape: `order` holds items of the problem.
pub fn order_cost(problem: &SequencingProblem<'_>, order: &[usize]) -> f32 {
    let steps = order.windows(2).map(|pair| problem.step(pair[0], pair[1]));
    let places = (order.iter().enumerate()).map(|(place, &item)| problem.place(item, place));
    steps.sum::<f32>() + places.sum::<f32>()
}

/// Counts pairs of one group that stand closer than the gap allows.
pub fn crowded_pairs(problem: &SequencingProblem<'_>, order: &[usize]) -> usize {
    (0..order.len())
        .map(|place| problem.crowding(order, place, place.saturating_sub(problem.gap)))
        .sum()
}

impl SequencingProblem<'_> {
    fn count(&self) -> usize {
        self.groups.len()
    }

    fn step(&self, from: usize, to: usize) -> f32 {
        self.transitions[from * self.count() + to]
    }

    fn place(&self, item: usize, place: usize) -> f32 {
        let at = item * self.count() + place;
        self.places.get(at).copied().unwrap_or(0.0)
    }

    /// Items of the group of the one at `place` among the places from `from` up to it.
    fn crowding(&self, order: &[usize], place: usize, from: usize) -> usize {
        let group = self.groups[order[place]];
        (order[from..place].iter())
            .filter(|&&item| self.groups[item] == group)
            .count()
    }

    /// Everything that changes when only the places `from..to` do: their steps, their places, and
    /// crowding in reach of them.
    fn window_cost(&self, order: &[usize], from: usize, to: usize) -> f32 {
        let mut cost = 0.0;
        for place in from..(to + self.gap).min(order.len()) {
            let reach = place.saturating_sub(self.gap);
            cost += CROWDING * self.crowding(order, place, reach) as f32;
            if place > 0 && place <= to {
                cost += self.step(order[place - 1], order[place]);
            }
            if place < to {
                cost += self.place(order[place], place);
            }
        }
        cost
    }

    /// The places that may change.
    fn free(&self) -> std::ops::Range<usize> {
        let end = self.count() - usize::from(self.last.is_some());
        usize::from(self.first.is_some()).min(end)..end
    }
}

fn check(problem: &SequencingProblem<'_>) -> Result<()> {
    let count = problem.count();
    let squares = [
        ("transition", problem.transitions, false),
        ("place", problem.places, true),
    ];
    for (axis, costs, may_be_empty) in squares {
        let is_fitting = costs.len() == count * count || (may_be_empty && costs.is_empty());
        if !is_fitting {
            return Err(Error::OutOfRange {
                axis,
                index: costs.len(),
                count: count * count,
            });
        }
        if let Some(at) = costs.iter().position(|cost| !cost.is_finite()) {
            let (row, column) = (at / count, at % count);
            return Err(Error::NotFinite { row, column });
        }
    }
    for end in [problem.first, problem.last].into_iter().flatten() {
        if end >= count {
            return Err(Error::OutOfRange {
                axis: "item",
                index: end,
                count,
            });
        }
    }
    if problem.beam == 0 {
        return Err(Error::InvalidOption {
            name: "beam",
            value: 0.0,
            allowed: "1 or more",
        });
    }
    Ok(())
}

/// A beginning of an order.
#[derive(Clone)]
struct Beginning {
    cost: f32,
    order: Vec<usize>,
    is_used: Vec<bool>,
}

fn beam_search(problem: &SequencingProblem<'_>) -> Vec<usize> {
    let count = problem.count();
    let mut beam = vec![Beginning {
        cost: 0.0,
        order: Vec::with_capacity(count),
        is_used: vec![false; count],
    }];
    for place in 0..count {
        let mut extensions: Vec<(f32, usize, usize)> = Vec::new();
        for (parent, beginning) in beam.iter().enumerate() {
            for item in candidates(problem, beginning, place) {
                extensions.push((extended_cost(problem, beginning, item), parent, item));
            }
        }
        let order = |a: &(f32, usize, usize), b: &(f32, usize, usize)| {
            a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2)))
        };
        if extensions.len() > problem.beam {
            extensions.select_nth_unstable_by(problem.beam - 1, order);
            extensions.truncate(problem.beam);
        }
        extensions.sort_unstable_by(order);
        beam = (extensions.into_iter())
            .map(|(cost, parent, item)| {
                let mut next = beam[parent].clone();
                next.cost = cost;
                next.order.push(item);
                next.is_used[item] = true;
                next
            })
            .collect();
    }
    beam.into_iter()
        .next()
        .map_or_else(Vec::new, |best| best.order)
}

/// The items that may stand at a place after a beginning.
fn candidates<'b>(
    problem: &SequencingProblem<'_>,
    beginning: &'b Beginning,
    place: usize,
) -> impl Iterator<Item = usize> + 'b {
    let count = problem.count();
    let is_end = place + 1 == count;
    let fixed = match (problem.first, problem.last) {
        (Some(first), _) if place == 0 => Some(first),
        (_, Some(last)) if is_end && !beginning.is_used[last] => Some(last),
        _ => None,
    };
    let kept_for_end = problem.last.filter(|_| !is_end);
    (0..count).filter(move |&item| {
        !beginning.is_used[item]
            && fixed.is_none_or(|fixed| fixed == item)
            && (kept_for_end != Some(item) || fixed == Some(item))
    })
}

fn extended_cost(problem: &SequencingProblem<'_>, beginning: &Beginning, item: usize) -> f32 {
    let order = &beginning.order;
    let place = order.len();
    let step = order.last().map_or(0.0, |&last| problem.step(last, item));
    let near = &order[place.saturating_sub(problem.gap)..];
    let crowded = (near.iter())
        .filter(|&&other| problem.groups[other] == problem.groups[item])
        .count();
    beginning.cost + step + problem.place(item, place) + CROWDING * crowded as f32
}

/// Reverses segments while that helps.
fn reverse_segments(problem: &SequencingProblem<'_>, order: &mut [usize]) -> bool {
    let free = problem.free();
    let mut is_better = false;
    for from in free.clone() {
        for to in from + 2..=free.end.min(from + SPAN_MAX) {
            is_better |= keep_if_better(problem, order, from, to, |part| part.reverse());
        }
    }
    is_better
}

/// Moves single items while that helps.
fn move_items(problem: &SequencingProblem<'_>, order: &mut [usize]) -> bool {
    let free = problem.free();
    let mut is_better = false;
    for from in free.clone() {
        for to in from + 2..=free.end.min(from + SPAN_MAX) {
            is_better |= keep_if_better(problem, order, from, to, |part| part.rotate_left(1));
            is_better |= keep_if_better(problem, order, from, to, |part| part.rotate_right(1));
        }
    }
    is_better
}

/// Changes the places `from..to` and takes the change back unless it lowers the cost.
fn keep_if_better(
    problem: &SequencingProblem<'_>,
    order: &mut [usize],
    from: usize,
    to: usize,
    change: impl Fn(&mut [usize]),
) -> bool {
    let before = problem.window_cost(order, from, to);
    let kept = order[from..to].to_vec();
    change(&mut order[from..to]);
    if problem.window_cost(order, from, to) < before - GAIN_MIN {
        return true;
    }
    order[from..to].copy_from_slice(&kept);
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem<'a>(transitions: &'a [f32], groups: &'a [u64]) -> SequencingProblem<'a> {
        SequencingProblem {
            transitions,
            places: &[],
            groups,
            gap: 1,
            first: None,
            last: None,
            beam: 8,
        }
    }

    /// Items on a line: the cost is how far apart they are.
    fn line(at: &[f32]) -> Vec<f32> {
        let pairs = at
            .iter()
            .flat_map(|a| at.iter().map(move |b| (a - b).abs()));
        pairs.collect()
    }

    #[test]
    fn a_line_is_walked_from_end_to_end() {
        let transitions = line(&[0.5, 0.1, 0.9, 0.3, 0.7]);
        let groups = [0, 1, 2, 3, 4];
        let order = sequence(&problem(&transitions, &groups)).unwrap();
        assert!(
            order == [1, 3, 0, 4, 2] || order == [2, 4, 0, 3, 1],
            "{order:?}"
        );
        let fixed = SequencingProblem {
            first: Some(0),
            last: Some(1),
            ..problem(&transitions, &groups)
        };
        let order = sequence(&fixed).unwrap();
        assert_eq!((order[0], order[4]), (0, 1));
        assert!((order_cost(&fixed, &order) - 1.2).abs() < 1e-6, "{order:?}");
    }

    #[test]
    fn spacing_goes_before_cost() {
        let transitions = line(&[0.0, 0.01, 0.5, 0.51]);
        let groups = [7, 7, 8, 8];
        let problem = problem(&transitions, &groups);
        let order = sequence(&problem).unwrap();
        assert_eq!(crowded_pairs(&problem, &order), 0, "{order:?}");
        let alone = SequencingProblem {
            groups: &[7, 7, 7, 7],
            ..problem
        };
        assert_eq!(
            sequence(&alone).unwrap().len(),
            4,
            "no choice, still an order"
        );
    }

    #[test]
    fn an_arc_decides_the_direction() {
        let transitions = line(&[0.8, 0.2, 0.5]);
        // Item 1 belongs first, item 0 last.
        let places = [1.0, 0.5, 0.0, 0.0, 0.5, 1.0, 0.5, 0.0, 0.5];
        let rising = SequencingProblem {
            places: &places,
            ..problem(&transitions, &[1, 2, 3])
        };
        assert_eq!(sequence(&rising).unwrap(), [1, 2, 0]);
    }

    #[test]
    fn empty_single_and_bad_input() {
        assert!(sequence(&problem(&[], &[])).unwrap().is_empty());
        assert_eq!(sequence(&problem(&[0.0], &[1])).unwrap(), [0]);
        assert!(sequence(&problem(&[0.0], &[1, 2])).is_err());
        assert!(sequence(&problem(&[f32::NAN], &[1])).is_err());
        let stranger = SequencingProblem {
            first: Some(4),
            ..problem(&[0.0], &[1])
        };
        assert!(sequence(&stranger).is_err());
    }

    proptest! {
        #[test]
        fn always_a_permutation_and_never_worse_than_the_order_given(
            at in proptest::collection::vec(0.0f32..1.0, 2..14),
            artists in 1u64..4,
        ) {
            let transitions = line(&at);
            let groups: Vec<u64> = (0..at.len() as u64).map(|item| item % artists).collect();
            let problem = problem(&transitions, &groups);
            let order = sequence(&problem).unwrap();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            let given: Vec<usize> = (0..at.len()).collect();
            prop_assert_eq!(&sorted, &given);
            let crowded = |order: &[usize]| crowded_pairs(&problem, order);
            prop_assert!(crowded(&order) <= crowded(&given));
            if crowded(&order) == crowded(&given) {
                prop_assert!(order_cost(&problem, &order) <= order_cost(&problem, &given));
            }
        }
    }
}
