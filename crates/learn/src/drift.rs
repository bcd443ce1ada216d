//! Whether the counts of a day lie otherwise in their bins than those of the days before, by more than chance and habit.
//!
//! A fixed bound on an index cries wolf where counts are few, and sleeps where they are many. Two questions are asked
//! instead. *Chance*: how large is the index when the same people do on a day what they did on the days before?
//! Resampling answers it, by whole people, at the size of the day. *Habit*: how large has the index been on days past?
//! People change together, on weekends and on holidays, which resampling people does not show. Of many things that are
//! counted, those that differ are told at a bounded rate of false discoveries.

use crate::random::SplitMix;

/// What stands in a bin beside its counts, so that an empty one has a logarithm.
const SMOOTHING: f64 = 0.5;
/// Least deviation of the cube roots of past indices: days that are all alike are luck, or few.
const HABIT_DEVIATION_MIN: f64 = 0.03;
/// Largest mean of a Poisson number that is drawn by its definition.
const POISSON_BY_PRODUCT_MAX: f64 = 30.0;

/// Counts of a day by people, who come in blocks: `[blocks × bins]`.
#[derive(Debug, Clone, Copy)]
pub struct BlockCounts<'a> {
    /// Row by row, a row a block.
    pub counts: &'a [u32],
    /// How many bins a row has.
    pub bins: usize,
}

impl<'a> BlockCounts<'a> {
    /// The counts of all blocks by bin.
    pub fn total(&self) -> Vec<u64> {
        let mut total = vec![0; self.bins];
        for row in self.counts.chunks_exact(self.bins) {
            add(&mut total, row);
        }
        total
    }

    fn row(&self, block: usize) -> &'a [u32] {
        let start = block * self.bins;
        self.counts
            .get(start..start + self.bins)
            .unwrap_or_default()
    }
}

fn add(total: &mut [u64], row: &[u32]) {
    for (sum, count) in total.iter_mut().zip(row) {
        *sum += u64::from(*count);
    }
}

/// The population stability index of counts against those of a reference, with half a count more in every bin.
///
/// - Shape: as many bins on both sides.
/// - Source: Siddiqi 2006, "Credit Risk Scorecards", chapter 8: Σ (p − q) ln (p / q), which is the divergence of Kullback
///   and Leibler in both directions.
pub fn stability_index(bins: &[u64], reference: &[u64]) -> f64 {
    let total = |bins: &[u64]| bins.iter().sum::<u64>() as f64 + SMOOTHING * bins.len() as f64;
    let (all, all_before) = (total(bins), total(reference));
    let pairs = bins.iter().zip(reference);
    pairs
        .map(|(count, before)| {
            let p = (*count as f64 + SMOOTHING) / all;
            let q = (*before as f64 + SMOOTHING) / all_before;
            (p - q) * (p / q).ln()
        })
        .sum()
}

/// Draws the index of days on which nothing is new: of people drawn with replacement, each does on that day what they did
/// on one of the days before, also drawn, as often as makes `count` in all.
///
/// - Shape: `days` have as many bins and blocks each; none or empty ones give no draws.
/// - Cost: O(rounds × blocks × bins).
/// - Determinism: the seed alone.
/// - Source: the bootstrap of clusters; Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 3.8.
pub fn resampled_indices(
    days: &[BlockCounts<'_>],
    count: u64,
    rounds: usize,
    seed: u64,
) -> Vec<f64> {
    let Some(first) = days.first().filter(|first| first.bins > 0) else {
        return Vec::new();
    };
    let (bins, blocks) = (first.bins, first.counts.len() / first.bins);
    let mut pooled = vec![0_u32; blocks * bins];
    for day in days {
        for (sum, count) in pooled.iter_mut().zip(day.counts) {
            *sum = sum.saturating_add(*count);
        }
    }
    let pooled = BlockCounts {
        counts: &pooled,
        bins,
    };
    if pooled.counts.iter().all(|count| *count == 0) {
        return Vec::new();
    }
    let mut random = SplitMix::new(seed);
    let mut drawn = Vec::with_capacity(rounds);
    let (mut day, mut reference) = (vec![0_u64; bins], vec![0_u64; bins]);
    while drawn.len() < rounds {
        day.fill(0);
        reference.fill(0);
        for _ in 0..blocks {
            let block = random.below(blocks);
            add(&mut day, days[random.below(days.len())].row(block));
            add(&mut reference, pooled.row(block));
        }
        thin(&mut day, count, &mut random);
        drawn.push(stability_index(&day, &reference));
    }
    drawn
}

/// Makes counts as few as a day had, with the chance of so few.
fn thin(counts: &mut [u64], wanted: u64, random: &mut SplitMix) {
    let all: u64 = counts.iter().sum();
    if all <= wanted {
        return;
    }
    let share = wanted as f64 / all as f64;
    for count in counts {
        *count = poisson(*count as f64 * share, random);
    }
}

/// A Poisson number: by its definition where the mean is small (Knuth 3.4.1), else by its normal approximation.
fn poisson(mean: f64, random: &mut SplitMix) -> u64 {
    if mean > POISSON_BY_PRODUCT_MAX {
        // Twelve uniform numbers less six are near enough to normal for what is thousands of times averaged.
        let normal = (0..12).map(|_| f64::from(random.unit())).sum::<f64>() - 6.0;
        return (mean + mean.sqrt() * normal).round().max(0.0) as u64;
    }
    let (bound, mut product, mut number) = ((-mean).exp(), f64::from(random.unit()), 0);
    while product > bound {
        product *= f64::from(random.unit());
        number += 1;
    }
    number
}

/// How probable an index as large is by chance: its rank among the draws, itself counted.
///
/// - Source: Davison and Hinkley 1997, section 4.2.
pub fn probability_among(index: f64, drawn: &[f64]) -> f64 {
    let as_large = drawn.iter().filter(|one| **one >= index).count();
    (as_large + 1) as f64 / (drawn.len() + 1) as f64
}

/// How probable an index as large is by habit: one more observation of the cube root, which is taken for normal, as that of
/// a chi-squared variable nearly is.
///
/// - Shape: `former` are the indices of at least two days past; of fewer nothing is known, and the answer is 1.
/// - Source: the prediction interval of one more observation, Student's t with one degree fewer than days; Wilson and
///   Hilferty, PNAS 17(12), 1931, for the cube root.
pub fn probability_by_habit(index: f64, former: &[f64]) -> f64 {
    if former.len() < 2 {
        return 1.0;
    }
    let root = |index: &f64| index.max(0.0).cbrt();
    let count = former.len() as f64;
    let mean = former.iter().map(root).sum::<f64>() / count;
    let squares = former.iter().map(|one| (root(one) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / (count - 1.0)).sqrt();
    let spread = deviation.max(HABIT_DEVIATION_MIN) * (1.0 + 1.0 / count).sqrt();
    student_tail((root(&index) - mean) / spread, former.len() - 1)
}

/// Probability that Student's t with whole degrees of freedom is above `t`.
///
/// - Source: the finite sums for whole degrees, Abramowitz and Stegun 26.7.3 and 26.7.4.
fn student_tail(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let square = angle.cos().powi(2);
    let mut term = if degrees.is_multiple_of(2) {
        1.0
    } else {
        angle.cos()
    };
    let mut sum = if degrees > 1 { term } else { 0.0 };
    let mut next = 2 + degrees % 2;
    while next < degrees {
        term *= square * (next - 1) as f64 / next as f64;
        sum += term;
        next += 2;
    }
    let inside = if degrees.is_multiple_of(2) {
        angle.sin() * sum
    } else {
        (angle + angle.sin() * sum) * std::f64::consts::FRAC_2_PI
    };
    // Of large t the difference loses its digits, and falls to nothing at worst.
    ((1.0 - inside) / 2.0).clamp(0.0, 1.0)
}

/// Which of several probabilities are discoveries, of which at most a share of `rate` is false on average.
///
/// - Source: Benjamini and Hochberg, Journal of the Royal Statistical Society B 57(1), 1995.
pub fn discoveries(probabilities: &[f64], rate: f64) -> Vec<bool> {
    let mut sorted: Vec<f64> = probabilities.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let passing = sorted.iter().zip(1..);
    let bound = passing
        .filter(|(probability, rank)| **probability <= rate * f64::from(*rank) / count)
        .map(|(probability, _)| *probability)
        .last();
    let is_found = |one: &f64| bound.is_some_and(|bound| *one <= bound);
    probabilities.iter().map(is_found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_by_hand() {
        assert_eq!(stability_index(&[500, 500], &[50, 50]), 0.0);
        // 3/4 against 1/4 of large numbers: 2 × 0.5 ln 3.
        let index = stability_index(&[750_000, 250_000], &[250_000, 750_000]);
        assert!((index - 3.0_f64.ln()).abs() < 1e-4, "{index}");
        assert!(stability_index(&[100, 0], &[0, 100]).is_finite());
    }

    #[test]
    fn tails_are_those_of_the_table() {
        for (t, degrees, expected) in [
            (1.0, 1, 0.25),
            (6.314, 1, 0.05),
            (2.920, 2, 0.05),
            (3.707, 6, 0.005),
            (2.771, 28, 0.0049),
            (0.0, 7, 0.5),
            (-2.015, 5, 0.95),
        ] {
            let tail = student_tail(t, degrees);
            assert!((tail - expected).abs() < 2e-4, "{t} {degrees}: {tail}");
        }
        assert!(student_tail(1e6, 30) < 1e-9);
    }

    #[test]
    fn false_discoveries_by_hand() {
        // 0.01, 0.02, 0.03 and 0.04 of four at 0.05: the bounds are 0.0125, 0.025, 0.0375 and 0.05.
        assert_eq!(discoveries(&[0.04, 0.01, 0.03, 0.02], 0.05), [true; 4]);
        assert_eq!(
            discoveries(&[0.3, 0.01, 0.04, 0.9], 0.05),
            [false, true, false, false]
        );
        assert_eq!(discoveries(&[], 0.05), [] as [bool; 0]);
    }

    /// A day of people who each do as they do: each has a share of their own for the first of two bins.
    fn day(seed: u64, plays: u32, shift: f64) -> Vec<u32> {
        let mut random = SplitMix::new(seed);
        let mut counts = Vec::new();
        for block in 0..32_u32 {
            let share = f64::from(block) / 40.0 + shift;
            let heard = (0..plays).filter(|_| f64::from(random.unit()) < share);
            let heard = heard.count() as u32;
            counts.extend([heard, plays - heard]);
        }
        counts
    }

    #[test]
    fn chance_is_told_from_a_shift_by_whole_people() {
        let former: Vec<Vec<u32>> = (0..7).map(|seed| day(seed, 20, 0.0)).collect();
        let days: Vec<BlockCounts<'_>> = (former.iter())
            .map(|counts| BlockCounts { counts, bins: 2 })
            .collect();
        let mut reference = vec![0; 2];
        days.iter().for_each(|one| {
            one.total()
                .iter()
                .zip(&mut reference)
                .for_each(|(a, b)| *b += a)
        });
        let drawn = resampled_indices(&days, 640, 999, 1);
        assert_eq!(drawn, resampled_indices(&days, 640, 999, 1));
        let probability = |seed, shift| {
            let counts = day(seed, 20, shift);
            let today = BlockCounts {
                counts: &counts,
                bins: 2,
            };
            probability_among(stability_index(&today.total(), &reference), &drawn)
        };
        let still: Vec<f64> = (100..140).map(|seed| probability(seed, 0.0)).collect();
        let few = still.iter().filter(|one| **one < 0.1).count();
        assert!(few <= 10, "{still:?}");
        assert_eq!(probability(200, 0.2), 0.001);
    }

    #[test]
    fn fewer_counts_leave_more_to_chance() {
        let former: Vec<Vec<u32>> = (0..4).map(|seed| day(seed, 50, 0.0)).collect();
        let days: Vec<BlockCounts<'_>> = (former.iter())
            .map(|counts| BlockCounts { counts, bins: 2 })
            .collect();
        let mean = |count| {
            let drawn = resampled_indices(&days, count, 500, 3);
            drawn.iter().sum::<f64>() / drawn.len() as f64
        };
        assert!(
            mean(100) > 4.0 * mean(1_600),
            "{} {}",
            mean(100),
            mean(1_600)
        );
        assert!(resampled_indices(&[], 10, 10, 1).is_empty());
        let nothing = BlockCounts {
            counts: &[0, 0],
            bins: 2,
        };
        assert!(resampled_indices(&[nothing], 10, 10, 1).is_empty());
    }

    #[test]
    fn habit_needs_days_and_lets_weekends_pass() {
        assert_eq!(probability_by_habit(9.0, &[0.01]), 1.0);
        let weeks: Vec<f64> = (0..28)
            .map(|day| if day % 7 > 4 { 0.05 } else { 0.01 })
            .collect();
        assert!(probability_by_habit(0.05, &weeks) > 0.01);
        assert!(probability_by_habit(2.0, &weeks) < 1e-5);
        let few = probability_by_habit(2.0, &[0.01, 0.02]);
        assert!(few > 1e-3, "two days are no habit: {few}");
    }
}
