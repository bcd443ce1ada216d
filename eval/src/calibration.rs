//! How far confidences are the share of right answers, and how sure a score is.

use serde::Serialize;

use crate::random::Random;

/// Bins of the reliability curve, the usual number.
pub const BIN_COUNT: usize = 10;
/// The calibration error that is aimed at.
pub const ECE_BAR: f64 = 0.05;
/// Samples drawn for an interval or an expectation.
const DRAW_COUNT: usize = 2_000;
/// Seed of the draws: the same input gives the same interval.
const SEED: u64 = 20_150_125;

/// A confidence and whether its answer was right.
pub type Outcome = (f64, bool);

/// One bin of a reliability curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// Mean confidence.
    pub confidence: f64,
    /// Share of right answers.
    pub accuracy: f64,
    /// Answers in the bin.
    pub count: usize,
}

/// What is known of the calibration of a set of answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error.
    pub ece: f64,
    /// 95 % bootstrap interval of the error.
    pub ece_interval: [f64; 2],
    /// Error that a perfectly calibrated predictor with these confidences has at this count: the mean
    /// and the 95th percentile. The measured error is never 0 on few answers.
    pub ece_of_perfect: [f64; 2],
    /// Share of samples in which that predictor measures at most [`ECE_BAR`]: far below 1 on few answers,
    /// where neither meeting nor missing the bar says much.
    pub perfect_within_bar: f64,
    /// Mean squared distance of confidence and outcome (Brier 1950).
    pub brier: f64,
    /// Answers.
    pub count: usize,
    /// Reliability curve, empty bins left out.
    pub curve: Vec<Bin>,
}

impl Calibration {
    /// Judges confidences; `None` without any.
    pub fn of(outcomes: &[Outcome]) -> Option<Self> {
        if outcomes.is_empty() {
            return None;
        }
        let squares = outcomes.iter().map(|&(confidence, is_right)| {
            let gap = confidence - f64::from(u8::from(is_right));
            gap * gap
        });
        let (ece_of_perfect, perfect_within_bar) = error_of_perfect(outcomes);
        Some(Self {
            ece: rounded(expected_error(outcomes)),
            ece_interval: interval(outcomes.len(), |drawn| {
                let drawn: Vec<Outcome> = drawn.iter().map(|&at| outcomes[at]).collect();
                expected_error(&drawn)
            }),
            ece_of_perfect,
            perfect_within_bar,
            brier: rounded(squares.sum::<f64>() / outcomes.len() as f64),
            count: outcomes.len(),
            curve: curve(outcomes),
        })
    }
}

/// Expected calibration error.
///
/// - Source: Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
///   binning", AAAI 2015; with ten bins of equal width as in Guo et al., "On calibration of modern
///   neural networks", ICML 2017: the distance of accuracy and mean confidence by bin, weighted by count.
pub fn expected_error(outcomes: &[Outcome]) -> f64 {
    let gaps = bins(outcomes).map(|(confidence, right, _)| (confidence - right).abs());
    gaps.iter().sum::<f64>() / outcomes.len().max(1) as f64
}

fn curve(outcomes: &[Outcome]) -> Vec<Bin> {
    let filled = bins(outcomes).into_iter().filter(|bin| bin.2 > 0);
    filled
        .map(|(confidence, right, count)| Bin {
            confidence: rounded(confidence / count as f64),
            accuracy: rounded(right / count as f64),
            count,
        })
        .collect()
}

/// Sum of confidences, of right answers, and count, by bin; a confidence of 1 is in the last.
fn bins(outcomes: &[Outcome]) -> [(f64, f64, usize); BIN_COUNT] {
    let mut bins = [(0.0, 0.0, 0); BIN_COUNT];
    for &(confidence, is_right) in outcomes {
        let at = ((confidence * BIN_COUNT as f64) as usize).min(BIN_COUNT - 1);
        if let Some(bin) = bins.get_mut(at) {
            bin.0 += confidence;
            bin.1 += f64::from(u8::from(is_right));
            bin.2 += 1;
        }
    }
    bins
}

/// Mean and 95th percentile of the error of a perfect predictor, and the share of samples within the bar.
fn error_of_perfect(outcomes: &[Outcome]) -> ([f64; 2], f64) {
    let mut random = Random(SEED);
    let mut errors: Vec<f64> = (0..DRAW_COUNT)
        .map(|_| {
            let drawn: Vec<Outcome> = outcomes
                .iter()
                .map(|&(confidence, _)| (confidence, random.uniform() < confidence))
                .collect();
            expected_error(&drawn)
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    let mean = errors.iter().sum::<f64>() / DRAW_COUNT as f64;
    let within = errors.partition_point(|&error| error <= ECE_BAR) as f64;
    (
        [rounded(mean), rounded(quantile(&errors, 0.95))],
        rounded(within / DRAW_COUNT as f64),
    )
}

/// 95 % percentile bootstrap interval of a statistic of `count` items, which it is given by index.
///
/// - Source: Efron & Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
pub fn interval(count: usize, statistic: impl Fn(&[usize]) -> f64) -> [f64; 2] {
    if count == 0 {
        return [0.0, 0.0];
    }
    let mut random = Random(SEED);
    let mut values: Vec<f64> = (0..DRAW_COUNT)
        .map(|_| {
            let drawn: Vec<usize> = (0..count).map(|_| random.index(count)).collect();
            statistic(&drawn)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    [
        rounded(quantile(&values, 0.025)),
        rounded(quantile(&values, 0.975)),
    ]
}

/// Mean of values with its 95 % bootstrap interval; `None` without values.
pub fn mean_with_interval(values: &[f64]) -> Option<(f64, [f64; 2])> {
    let mean_of = |sum: f64| sum / values.len() as f64;
    let mean = mean_of(values.iter().sum());
    let drawn = |drawn: &[usize]| mean_of(drawn.iter().map(|&at| values[at]).sum());
    (!values.is_empty()).then(|| (rounded(mean), interval(values.len(), drawn)))
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * (sorted.len().saturating_sub(1)) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

/// Four decimals, as scores are printed.
pub fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_mean_gap() {
        assert_eq!(Calibration::of(&[]), None);
        assert_eq!(expected_error(&[(1.0, true), (1.0, true)]), 0.0);
        // Bin 0.7..0.8: confidence 0.75, half right; bin 0.2..0.3: 0.25, none right.
        let mixed = [(0.75, true), (0.75, false), (0.25, false), (0.25, false)];
        let judged = Calibration::of(&mixed).expect("has values");
        assert_eq!((judged.ece, judged.count, judged.curve.len()), (0.25, 4, 2));
        assert_eq!(judged.brier, (0.0625 + 0.5625 + 0.125) / 4.0);
    }

    #[test]
    fn a_perfect_predictor_measures_more_than_nothing() {
        // Ten answers at one half: the mean distance of the mean of ten coins from one half is 0.123.
        let coins: Vec<Outcome> = (0..10).map(|at| (0.5, at % 2 == 0)).collect();
        let judged = Calibration::of(&coins).expect("has values");
        let [mean, high] = judged.ece_of_perfect;
        assert!((mean - 0.123).abs() < 0.01, "{mean}");
        assert!(high > mean && high <= 0.5);
        // Only five heads of ten are within 0.05: 252 of 1,024 draws.
        let within = judged.perfect_within_bar;
        assert!((within - 252.0 / 1_024.0).abs() < 0.03, "{within}");
    }

    #[test]
    fn intervals_hold_the_mean_and_repeat() {
        let values: Vec<f64> = (0..100).map(|at| f64::from(u8::from(at < 80))).collect();
        let (mean, [low, high]) = mean_with_interval(&values).expect("has values");
        assert_eq!(mean, 0.8);
        // The normal approximation gives 0.722 to 0.878.
        assert!(
            (low - 0.72).abs() < 0.03 && (high - 0.88).abs() < 0.03,
            "{low} {high}"
        );
        assert_eq!(mean_with_interval(&values), mean_with_interval(&values));
        assert_eq!(mean_with_interval(&[]), None);
    }
}
