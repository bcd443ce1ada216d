//! How likely a position is looked at, from neighbours whose order was left to chance.

/// Fewest swapped pairs that an estimate is made of: with one play in ten exposures that is some fifty
/// plays of swapped tracks, of fewer the ratio of two places is mostly noise.
pub const SWAPS_MIN: u64 = 500;
/// Fewest plays at either of two neighbouring places that tell them apart; deeper places keep the last
/// value that was told.
const PAIR_PLAYS_MIN: u64 = 20;
/// Weighted plays that both places of a pair start from, so that few plays say little.
const PRIOR: f64 = 4.0;

/// A pair of neighbouring places as it was shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShownPair {
    /// The upper place, from 0.
    pub first: usize,
    /// Probability with which the two change places; above 0 and below 1.
    pub swap: f32,
    /// Whether they did.
    pub is_swapped: bool,
    /// Whether the track at the upper and at the lower place was played.
    pub is_played: [bool; 2],
}

#[derive(Debug, Clone, Copy, Default)]
struct PairCount {
    /// Plays of the upper and lower place, weighted by one over the probability of what was shown.
    plays: [f64; 2],
    /// Sum of the squared weights of the plays.
    squares: [f64; 2],
    played: [u64; 2],
}

/// What was played at pairs of neighbouring places.
#[derive(Debug, Clone, Default)]
pub struct SwapCounts {
    pairs: Vec<PairCount>,
    swapped: u64,
    shown: u64,
}

/// There are too few swapped pairs to tell what a position does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{found} swapped pairs, {missing} more are needed", missing = SWAPS_MIN - found)]
pub struct TooFewSwaps {
    /// How many there are.
    pub found: u64,
}

/// How likely each position is looked at, as a share of the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Examination {
    /// By position from 0; the first is 1, none is larger than the one before.
    pub shares: Vec<f64>,
    /// Standard error of the logarithm of each share before it was made monotone.
    pub log_errors: Vec<f64>,
    /// Swapped pairs it was estimated from.
    pub swapped: u64,
}

impl SwapCounts {
    /// Adds a pair. One whose order was certain says nothing and is left out.
    pub fn add(&mut self, pair: ShownPair) {
        let swap = f64::from(pair.swap);
        if !(swap > 0.0 && swap < 1.0) {
            return;
        }
        if self.pairs.len() <= pair.first {
            self.pairs.resize(pair.first + 1, PairCount::default());
        }
        let weight = if pair.is_swapped {
            1.0 / swap
        } else {
            1.0 / (1.0 - swap)
        };
        let count = &mut self.pairs[pair.first];
        for place in 0..2 {
            if pair.is_played[place] {
                count.plays[place] += weight;
                count.squares[place] += weight * weight;
                count.played[place] += 1;
            }
        }
        self.shown += 1;
        self.swapped += u64::from(pair.is_swapped);
    }

    /// How many pairs were shown, and how many of them swapped.
    pub fn pair_counts(&self) -> (u64, u64) {
        (self.shown, self.swapped)
    }

    /// Estimates how likely positions are looked at.
    ///
    /// Either track of a pair stands at either place with a known probability, so plays weighted by one
    /// over it have the same tracks at both places: their ratio is that of the examinations alone.
    /// Ratios are multiplied from the first place on; then the logarithms are made non-increasing by
    /// pooling violators, weighted by one over their variance.
    ///
    /// - Errors: [`TooFewSwaps`] below [`SWAPS_MIN`] swapped pairs.
    /// - Cost: O(positions).
    /// - Source: Agarwal, Zaitsev, Wang, Li, Najork and Joachims 2019, "Estimating position bias without
    ///   intrusive interventions", section 4: interventional sets, here of adjacent places alone; the
    ///   chain of adjacent ratios is Wang et al. 2018 (adjacent pair estimator). Departures: smoothing,
    ///   monotony, and places too rare to tell keep the last value.
    pub fn estimate(&self) -> Result<Examination, TooFewSwaps> {
        if self.swapped < SWAPS_MIN {
            return Err(TooFewSwaps {
                found: self.swapped,
            });
        }
        let (mut logs, mut variances) = (vec![0.0_f64], vec![0.0_f64]);
        for pair in &self.pairs {
            if pair.played.iter().sum::<u64>() < PAIR_PLAYS_MIN {
                break;
            }
            let [upper, lower] = pair.plays.map(|plays| plays + PRIOR);
            let variance = pair.squares[0] / (upper * upper) + pair.squares[1] / (lower * lower);
            logs.push(logs.last().copied().unwrap_or(0.0) + (lower / upper).ln());
            variances.push(variances.last().copied().unwrap_or(0.0) + variance);
        }
        let fitted = non_increasing(&logs, &variances);
        Ok(Examination {
            shares: fitted.into_iter().map(|log| log.min(0.0).exp()).collect(),
            log_errors: variances.into_iter().map(f64::sqrt).collect(),
            swapped: self.swapped,
        })
    }
}

impl Examination {
    /// The share of a position; those deeper than what was told keep the last value.
    pub fn at(&self, position: usize) -> f64 {
        let told = self.shares.get(position).or(self.shares.last());
        told.copied().unwrap_or(1.0)
    }
}

/// The nearest non-increasing row by weighted squares; the first value is certain and stays.
fn non_increasing(values: &[f64], variances: &[f64]) -> Vec<f64> {
    /// What a value of no variance counts as certain for.
    const LEAST_VARIANCE: f64 = 1e-9;
    let mut blocks: Vec<(f64, f64, usize)> = Vec::with_capacity(values.len());
    for (value, variance) in values.iter().zip(variances) {
        let mut block = (*value, 1.0 / variance.max(LEAST_VARIANCE), 1);
        while let Some(before) = blocks.last().copied().filter(|before| before.0 < block.0) {
            blocks.pop();
            let weight = before.1 + block.1;
            let mean = (before.0 * before.1 + block.0 * block.1) / weight;
            block = (mean, weight, before.2 + block.2);
        }
        blocks.push(block);
    }
    blocks
        .into_iter()
        .flat_map(|(value, _, count)| std::iter::repeat_n(value, count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;

    #[test]
    fn values_that_rise_are_pooled() {
        let fitted = non_increasing(&[0.0, -1.0, -0.5, -2.0], &[0.0, 1.0, 1.0, 1.0]);
        let expected = [0.0, -0.75, -0.75, -2.0];
        for (found, expected) in fitted.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{fitted:?}");
        }
    }

    #[test]
    fn too_few_swaps_say_how_many_are_missing() {
        let mut counts = SwapCounts::default();
        for number in 0..SWAPS_MIN * 2 - 2 {
            counts.add(ShownPair {
                first: 0,
                swap: 0.5,
                is_swapped: number % 2 == 0,
                is_played: [true, false],
            });
        }
        let refused = counts.estimate().unwrap_err();
        assert_eq!(refused.to_string(), "499 swapped pairs, 1 more are needed");
        let certain = ShownPair {
            first: 0,
            swap: 0.0,
            is_swapped: true,
            is_played: [true; 2],
        };
        counts.add(certain);
        assert!(counts.estimate().is_err(), "what was certain says nothing");
        counts.add(ShownPair {
            swap: 0.5,
            ..certain
        });
        assert!(counts.estimate().is_ok());
    }

    #[test]
    fn known_examination_is_found_though_better_tracks_stand_higher() {
        let examined = [1.0, 0.6, 0.4, 0.3];
        // The tracks grow worse with their place, which plays alone would take for position.
        let liked = [0.6_f32, 0.5, 0.3, 0.2];
        let mut draws = SplitMix::new(3);
        let mut counts = SwapCounts::default();
        for _ in 0..60_000 {
            let first = draws.below(3);
            let is_swapped = draws.unit() < 0.2;
            let tracks = if is_swapped {
                [first + 1, first]
            } else {
                [first, first + 1]
            };
            let is_played = [0, 1].map(|place| {
                draws.unit() < examined[first + place] && draws.unit() < liked[tracks[place]]
            });
            counts.add(ShownPair {
                first,
                swap: 0.2,
                is_swapped,
                is_played,
            });
        }
        let found = counts.estimate().unwrap();
        for (place, expected) in examined.iter().enumerate() {
            let off = (found.at(place).ln() - f64::from(*expected).ln()).abs();
            assert!(off <= 4.0 * found.log_errors[place], "{found:?}");
            assert!(off < 0.2, "{found:?}");
        }
        assert_eq!(
            found.at(99),
            found.at(3),
            "deeper places keep the last value"
        );
        assert!(found.shares.is_sorted_by(|a, b| a >= b));
    }
}
