//! How often each arm should be chosen.

use crate::random::SplitMix;

/// Trials of an arm and how many of them succeeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often it was chosen.
    pub trials: u64,
    /// How often that went well; no more than there were trials.
    pub successes: u64,
}

impl Counts {
    /// Both sums.
    pub fn plus(self, other: Self) -> Self {
        Self {
            trials: self.trials + other.trials,
            successes: self.successes + other.successes,
        }
    }
}

/// How arms are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThompsonOptions {
    /// Trials that what is known of an arm in the other segments is worth at most in one.
    pub prior_trials: f64,
    /// Least share of an arm: what is never tried is never known, and every estimate divides by the share.
    pub floor: f64,
    /// Draws that the shares are counted from.
    pub draws: usize,
}

impl Default for ThompsonOptions {
    fn default() -> Self {
        Self {
            prior_trials: 100.0,
            floor: 0.001,
            draws: 2_000,
        }
    }
}

/// The share of choices that each arm should have in a segment: the probability that it is the best, by what is known, and no less
/// than the floor.
///
/// An arm succeeds in the segment at a rate of which Beta(s + m p, f + m (1 - p)) is known, with its successes s and failures f
/// there, its rate p in the other segments (one success and one failure more), and as many trials m as there were in these, at most
/// `prior_trials`. Choosing with these shares is Thompson sampling with the draws counted instead of taken one by one, so that
/// the probability of what is chosen is exact.
///
/// - Shape: `arms` has for each arm its counts by segment, all of one length above `segment`; one share an arm comes back, which
///   sum to 1; none for no arms.
/// - Deterministic for the seed.
/// - Cost: O(arms · (segments + draws)).
/// - Source: Thompson 1933; Chapelle and Li, "An empirical evaluation of Thompson sampling", 2011. The prior of a segment by what all
///   segments have is that of Bendada et al., "Carousel personalization in music streaming apps with contextual bandits", 2020.
pub fn shares(
    arms: &[Vec<Counts>],
    segment: usize,
    options: &ThompsonOptions,
    seed: u64,
) -> Vec<f64> {
    let known: Vec<(f64, f64)> = (arms.iter())
        .map(|segments| posterior(segments, segment, options.prior_trials))
        .collect();
    let mut random = SplitMix::new(seed);
    let mut wins = vec![0_usize; arms.len()];
    for _ in 0..options.draws {
        let rates = known.iter().map(|(a, b)| beta(&mut random, *a, *b));
        let best = rates.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((arm, _)) = best {
            wins[arm] += 1;
        }
    }
    let floor = options.floor.clamp(0.0, 1.0 / arms.len().max(1) as f64);
    let rest = 1.0 - floor * arms.len() as f64;
    let share = |wins: usize| match options.draws {
        0 => 1.0 / arms.len() as f64,
        draws => floor + rest * wins as f64 / draws as f64,
    };
    wins.into_iter().map(share).collect()
}

/// What is known of an arm's rate in a segment.
fn posterior(segments: &[Counts], segment: usize, prior_trials: f64) -> (f64, f64) {
    let others = segments.iter().enumerate().filter(|(at, _)| *at != segment);
    let others = others.fold(Counts::default(), |sum, (_, counts)| sum.plus(*counts));
    let known = others.trials as f64 + 2.0;
    let rate = (others.successes as f64 + 1.0) / known;
    let prior = prior_trials.min(known);
    let here = segments.get(segment).copied().unwrap_or_default();
    let failures = here.trials.saturating_sub(here.successes);
    (
        here.successes as f64 + prior * rate,
        failures as f64 + prior * (1.0 - rate),
    )
}

/// Draws from a beta distribution, as a share of two gamma draws.
fn beta(random: &mut SplitMix, a: f64, b: f64) -> f64 {
    let (one, other) = (gamma(random, a), gamma(random, b));
    one / (one + other)
}

/// Draws from a gamma distribution of scale 1.
///
/// - Source: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
fn gamma(random: &mut SplitMix, shape: f64) -> f64 {
    if shape < 1.0 {
        let power = open_unit(random).powf(1.0 / shape.max(1e-6));
        return (gamma(random, shape + 1.0) * power).max(f64::MIN_POSITIVE);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(random);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && open_unit(random).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Draws from the normal distribution, by Box and Muller.
fn normal(random: &mut SplitMix) -> f64 {
    let radius = (-2.0 * open_unit(random).ln()).sqrt();
    radius * (std::f64::consts::TAU * open_unit(random)).cos()
}

/// A number above 0 and below 1.
fn open_unit(random: &mut SplitMix) -> f64 {
    f64::from(random.unit()) + f64::from(1.0 / (1_u32 << 25) as f32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(trials: u64, successes: u64) -> Counts {
        Counts { trials, successes }
    }

    #[test]
    fn the_better_arm_has_the_larger_share_and_the_worse_its_floor() {
        let options = ThompsonOptions::default();
        let arms = [vec![counts(1_000, 500)], vec![counts(1_000, 300)]];
        let told = shares(&arms, 0, &options, 1);
        assert_eq!(told, [1.0 - options.floor, options.floor]);
        let equal = [vec![counts(50, 10)], vec![counts(50, 10)]];
        let told = shares(&equal, 0, &options, 1);
        assert!((told[0] - 0.5).abs() < 0.05, "{told:?}");
        let nothing = [vec![counts(0, 0)], vec![counts(0, 0)], vec![counts(0, 0)]];
        let told = shares(&nothing, 0, &options, 1);
        assert!(
            told.iter().all(|share| (share - 1.0 / 3.0).abs() < 0.05),
            "{told:?}"
        );
    }

    /// A rate of Beta(2, 1) is above one of Beta(1, 1), which is uniform, with the probability of its mean, 2/3.
    #[test]
    fn shares_are_the_probability_to_be_best() {
        let options = ThompsonOptions {
            prior_trials: 2.0,
            floor: 0.0,
            draws: 40_000,
        };
        // In another segment one success and one failure each: the rate is a half, the prior Beta(1, 1).
        let elsewhere = counts(2, 1);
        let arms = [vec![counts(0, 0), elsewhere], vec![counts(0, 0), elsewhere]];
        let told = shares(&arms, 0, &options, 7);
        assert!((told[0] - 0.5).abs() < 0.01, "{told:?}");
        assert_eq!(posterior(&arms[0], 0, 2.0), (1.0, 1.0));
        let arms = [vec![counts(1, 1), elsewhere], arms[1].clone()];
        assert_eq!(posterior(&arms[0], 0, 2.0), (2.0, 1.0));
        let told = shares(&arms, 0, &options, 7);
        assert!((told[0] - 2.0 / 3.0).abs() < 0.01, "{told:?}");
    }

    #[test]
    fn few_trials_decide_nothing() {
        let options = ThompsonOptions::default();
        // A list that was just shown and not played yet.
        let arms = [vec![counts(6, 0), counts(0, 0)], vec![counts(0, 0); 2]];
        assert_eq!(posterior(&arms[0], 0, options.prior_trials), (1.0, 7.0));
        assert_eq!(posterior(&arms[0], 1, options.prior_trials), (1.0, 7.0));
        let told = shares(&arms, 0, &options, 3);
        assert!((0.05..0.3).contains(&told[0]), "{told:?}");
    }

    #[test]
    fn segments_lean_on_all_until_they_know_better() {
        let options = ThompsonOptions::default();
        // Elsewhere the first is better; in segment 1 nothing was tried, in segment 2 the second is far better.
        let arms = [
            vec![counts(2_000, 1_000), counts(0, 0), counts(400, 100)],
            vec![counts(2_000, 800), counts(0, 0), counts(400, 250)],
        ];
        assert!(shares(&arms, 1, &options, 3)[0] > 0.5);
        assert!(shares(&arms, 2, &options, 3)[1] > 0.9);
    }

    #[test]
    fn draws_have_the_mean_and_spread_of_their_distribution() {
        let mut random = SplitMix::new(5);
        for (a, b) in [(0.5, 0.5), (2.0, 5.0), (30.0, 10.0)] {
            let drawn: Vec<f64> = (0..20_000).map(|_| beta(&mut random, a, b)).collect();
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            let variance =
                drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
            let expected = a * b / ((a + b).powi(2) * (a + b + 1.0));
            assert!((mean - a / (a + b)).abs() < 0.01, "{a} {b}: {mean}");
            assert!(
                (variance / expected - 1.0).abs() < 0.08,
                "{a} {b}: {variance}"
            );
        }
    }

    proptest! {
        #[test]
        fn shares_sum_to_one_and_keep_the_floor(
            arms in prop::collection::vec((0_u64..50, 0_u64..50), 1..6),
            floor in 0.0_f64..0.5,
            draws in 0_usize..50,
        ) {
            let of = |(failed, went): &(u64, u64)| vec![counts(failed + went, *went)];
            let arms: Vec<Vec<Counts>> = arms.iter().map(of).collect();
            let options = ThompsonOptions { floor, draws, ..ThompsonOptions::default() };
            let told = shares(&arms, 0, &options, 1);
            prop_assert!((told.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let least = floor.min(1.0 / arms.len() as f64);
            prop_assert!(told.iter().all(|share| *share >= least - 1e-12));
            prop_assert_eq!(shares(&arms, 0, &options, 1), told);
        }
    }
}
