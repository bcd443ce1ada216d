//! Whether arms were given out as often as their probabilities say.

/// Fewest trials that are judged: below, the normal approximation is none.
const TRIALS_MIN: usize = 100;

/// How often an arm was given out beside how often it should have been.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRatio {
    /// Trials looked at.
    pub trials: u64,
    /// Trials that got the arm.
    pub observed: u64,
    /// Sum of its probabilities.
    pub expected: f64,
    /// Pearson's statistic, with one degree of freedom.
    pub chi_square: f64,
    /// Probability of a statistic as large where everything is right.
    pub p: f64,
}

/// Holds the trials that got an arm against its probabilities, which may differ from trial to trial.
///
/// `None` below 100 trials, and where every probability is 0 or 1, of which nothing can be told.
///
/// - Shape: of each trial whether it got the arm, and with which probability, 0 to 1.
/// - Cost: O(trials).
/// - Source: Pearson's test over an arm and its complement, with the variance `Σ p (1 − p)` of unequal trials; sample ratio
///   mismatch after Fabijan et al., KDD 2019.
pub fn sample_ratio(trials: &[(bool, f64)]) -> Option<SampleRatio> {
    let observed = trials.iter().filter(|(got, _)| *got).count();
    let expected: f64 = trials.iter().map(|(_, p)| p).sum();
    let variance: f64 = trials.iter().map(|(_, p)| p * (1.0 - p)).sum();
    if trials.len() < TRIALS_MIN || variance <= 0.0 {
        return None;
    }
    let difference = observed as f64 - expected;
    let chi_square = difference * difference / variance;
    Some(SampleRatio {
        trials: trials.len() as u64,
        observed: observed as u64,
        expected,
        chi_square,
        p: erfc((chi_square / 2.0).sqrt()),
    })
}

/// The complementary error function of a number that is not negative, to 1.2e-7 of itself.
///
/// - Source: Press et al., Numerical Recipes, 2nd edition, section 6.2, a Chebyshev fit.
fn erfc(x: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + 0.5 * x);
    let fit = FIT.iter().rev().fold(0.0, |sum, one| sum * t + one);
    t * (-x * x + fit).exp()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Trials of one probability, so many of which got the arm.
    fn trials(count: usize, got: usize, p: f64) -> Vec<(bool, f64)> {
        (0..count).map(|number| (number < got, p)).collect()
    }

    #[test]
    fn a_ratio_is_held_against_tables_of_the_distribution() {
        // 3.841 is the 95th percentile with one degree of freedom, 10.828 the 99.9th.
        let check = |count, got, p, chi_square: f64, expected: f64| {
            let found = sample_ratio(&trials(count, got, p)).unwrap();
            assert!((found.chi_square - chi_square).abs() < 1e-9, "{found:?}");
            assert!((found.p - expected).abs() < 2e-5, "{found:?}");
        };
        check(1_000, 500, 0.5, 0.0, 1.0);
        check(1_000, 531, 0.5, 3.844, 0.049_925);
        check(1_000, 552, 0.5, 10.816, 0.001_006_6);
        check(400, 110, 0.25, 100.0 / 75.0, 0.248_213);
        assert_eq!(sample_ratio(&trials(99, 50, 0.5)), None);
        assert_eq!(sample_ratio(&trials(500, 500, 1.0)), None);
    }

    #[test]
    fn trials_of_unequal_chances_are_summed() {
        let mut mixed = trials(200, 20, 0.1);
        mixed.extend(trials(200, 180, 0.9));
        let found = sample_ratio(&mixed).unwrap();
        assert!((found.expected - 200.0).abs() < 1e-9 && found.observed == 200);
        assert!((found.p - 1.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn a_probability_is_one(drawn in prop::collection::vec((any::<bool>(), 0.01_f64..0.99), 100..300)) {
            let found = sample_ratio(&drawn).unwrap();
            prop_assert!((0.0..=1.0 + 1e-6).contains(&found.p) && found.chi_square >= 0.0);
        }
    }
}
