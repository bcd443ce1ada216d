//! How sure a mean over listeners is.

use leitmotif_domain::chance::Seed;
use serde::{Deserialize, Serialize};

/// Resamples drawn; their percentiles settle at a few hundred.
const RESAMPLES: usize = 1_000;
/// Seed of the draws: the same listeners are drawn for every quantity, so that differences are of
/// pairs.
const SEED: Seed = Seed(0x626f_6f74);

/// A 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// The 95% interval of the mean by resampling listeners; none for fewer than two.
///
/// - Shape: one value a listener, such as the difference of two models on the same listener.
/// - Cost: O(1,000 × values).
/// - Source: Efron and Tibshirani 1993, chapter 13, the percentile interval.
pub fn interval_of_mean(values: &[f64]) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let mut generator = SEED.rng();
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn = values
                .iter()
                .filter_map(|_| values.get(generator.next_below(values.len())));
            drawn.sum::<f64>() / values.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let place = |share: f64| means.get((share * RESAMPLES as f64) as usize).copied();
    Some(Interval {
        low: place(0.025)?,
        high: place(0.975)?,
    })
}

/// The mean, 0 for nothing.
pub fn mean_of(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_about_two_standard_errors_wide() {
        let mut generator = Seed(9).rng();
        let values: Vec<f64> = (0..400).map(|_| generator.next_f64()).collect();
        let found = interval_of_mean(&values).unwrap();
        let mean = mean_of(&values);
        // A uniform value varies by 0.289, so the mean of 400 by 0.0144.
        let reach = 1.96 * 0.289 / 20.0;
        assert!((found.low - (mean - reach)).abs() < 0.003, "{found:?}");
        assert!((found.high - (mean + reach)).abs() < 0.003, "{found:?}");
    }

    #[test]
    fn what_never_varies_is_sure_and_one_listener_says_nothing() {
        let sure = interval_of_mean(&[0.25; 9]).unwrap();
        assert_eq!((sure.low, sure.high), (0.25, 0.25));
        assert_eq!(interval_of_mean(&[0.5]), None);
        assert_eq!(mean_of(&[]), 0.0);
    }
}
