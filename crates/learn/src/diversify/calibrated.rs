//! A list whose mix of classes is the listener's own.

/// Share of the target that is mixed into the list's own mix, so that the divergence stays finite.
const SMOOTHING: f32 = 0.01;

/// Picks `count` candidates so that their mix of classes comes near a target; returns their positions in
/// order.
///
/// Each pick maximises `trade_off · (mean relevance) − (1 − trade_off) · KL(target ‖ mix of the picks)`. At a
/// `trade_off` of 1 the order is by relevance; ties go to the earlier candidate.
///
/// - Shape: `classes[i]` is the class of candidate i, an index into `target`; `None`, or an index beyond
///   it, belongs to no class of the target and thins the others out. `target` need not sum to one.
/// - Units: relevance in about 0.0..=1.0; `trade_off` is clamped to 0.0..=1.0. A NaN counts as the
///   lowest relevance, a target that is not a positive number as none.
/// - Cost: O(count × candidates × classes). `may_go_on` is asked before each pick, and where it says no the picks so
///   far are the answer.
/// - Source: Steck 2018, "Calibrated Recommendations", equations 6 and 9, with its smoothing of 0.01.
pub fn calibrate(
    relevance: &[f32],
    classes: &[Option<usize>],
    target: &[f32],
    trade_off: f32,
    count: usize,
    may_go_on: impl Fn() -> bool,
) -> Vec<usize> {
    let trade_off = trade_off.clamp(0.0, 1.0);
    let is_share = |share: &f32| share.is_finite() && *share > 0.0;
    let total: f32 = target.iter().copied().filter(is_share).sum();
    let share = |share: f32| if is_share(&share) { share / total } else { 0.0 };
    let target: Vec<f32> = target.iter().map(|one| share(*one)).collect();
    let class_of = |at: usize| {
        classes
            .get(at)
            .copied()
            .flatten()
            .filter(|class| *class < target.len())
    };
    let mut counts = vec![0.0_f32; target.len()];
    let mut left: Vec<usize> = (0..relevance.len()).collect();
    let mut picks = Vec::with_capacity(count.min(relevance.len()));
    let mut told = 0.0;
    while picks.len() < count && !left.is_empty() && may_go_on() {
        let length = picks.len() as f32 + 1.0;
        let value = |at: usize, counts: &mut Vec<f32>| {
            if let Some(count) = class_of(at).and_then(|class| counts.get_mut(class)) {
                *count += 1.0;
            }
            let divergence = divergence(&target, counts, length);
            if let Some(count) = class_of(at).and_then(|class| counts.get_mut(class)) {
                *count -= 1.0;
            }
            let value =
                trade_off * (told + relevance[at]) / length - (1.0 - trade_off) * divergence;
            if value.is_nan() {
                f32::NEG_INFINITY
            } else {
                value
            }
        };
        let mut best = (0, f32::NEG_INFINITY);
        for (place, &at) in left.iter().enumerate() {
            let worth = value(at, &mut counts);
            if worth > best.1 {
                best = (place, worth);
            }
        }
        let pick = left.remove(best.0);
        if let Some(count) = class_of(pick).and_then(|class| counts.get_mut(class)) {
            *count += 1.0;
        }
        told += if relevance[pick].is_nan() {
            0.0
        } else {
            relevance[pick]
        };
        picks.push(pick);
    }
    picks
}

/// Kullback–Leibler divergence of the smoothed mix of `total` picks from the target, in nats.
fn divergence(target: &[f32], counts: &[f32], total: f32) -> f32 {
    let parts = target.iter().zip(counts).filter(|(share, _)| **share > 0.0);
    parts
        .map(|(share, count)| {
            let mixed = (1.0 - SMOOTHING) * count / total + SMOOTHING * share;
            share * (share / mixed).ln()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As long as it takes.
    fn unhurried(
        relevance: &[f32],
        classes: &[Option<usize>],
        target: &[f32],
        trade_off: f32,
        count: usize,
    ) -> Vec<usize> {
        calibrate(relevance, classes, target, trade_off, count, || true)
    }

    #[test]
    fn who_may_not_go_on_has_the_first_picks() {
        let relevance = [1.0, 0.9, 0.8, 0.2];
        let classes = [Some(0), Some(0), Some(0), Some(1)];
        let whole = unhurried(&relevance, &classes, &[1.0, 1.0], 0.2, 4);
        for allowed in 0..5 {
            let asked = std::cell::Cell::new(0);
            let may_go_on = || asked.replace(asked.get() + 1) < allowed;
            let picks = calibrate(&relevance, &classes, &[1.0, 1.0], 0.2, 4, may_go_on);
            assert_eq!(picks, whole[..allowed.min(4)]);
        }
    }

    #[test]
    fn hand_worked_mix() {
        // Six of class 0 are more relevant, but the listener plays both classes alike.
        let relevance = [1.0, 0.9, 0.8, 0.7, 0.3, 0.2];
        let classes = [Some(0), Some(0), Some(0), Some(0), Some(1), Some(1)];
        let target = [3.0, 3.0];
        assert_eq!(
            unhurried(&relevance, &classes, &target, 1.0, 4),
            [0, 1, 2, 3]
        );
        let mut balanced = unhurried(&relevance, &classes, &target, 0.2, 4);
        balanced.sort_unstable();
        assert_eq!(balanced, [0, 1, 4, 5]);
        let strangers = [Some(0), Some(1), None, None, Some(0), Some(1)];
        let mut own = unhurried(&relevance, &strangers, &target, 0.2, 4);
        own.sort_unstable();
        assert_eq!(
            own,
            [0, 1, 4, 5],
            "what the listener does not play thins the mix"
        );
        assert_eq!(unhurried(&relevance, &[], &[], 0.5, 2), [0, 1]);
        assert_eq!(
            unhurried(&[f32::NAN, 0.1], &[Some(9), None], &[f32::NAN], 0.5, 9),
            [1, 0]
        );
    }

    proptest! {
        #[test]
        fn everything_is_picked_once(classes in prop::collection::vec(prop::option::of(0usize..4), 0..20),
                                     trade_off in 0.0f32..1.0) {
            let relevance: Vec<f32> = (0..classes.len()).map(|at| (at * 7 % 11) as f32 / 11.0).collect();
            let mut picks = unhurried(&relevance, &classes, &[0.5, 0.3, 0.2], trade_off, usize::MAX);
            picks.sort_unstable();
            prop_assert_eq!(picks, (0..classes.len()).collect::<Vec<_>>());
        }
    }
}
