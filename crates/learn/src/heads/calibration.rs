//! From scores to probabilities.

use serde::{Deserialize, Serialize};

use super::logistic::{sigmoid, softplus};

/// Steps at most; Newton's method on two numbers ends after some ten.
const STEPS_MAX: usize = 100;
/// Added to the curvature so that it can be inverted.
const RIDGE: f64 = 1e-12;

/// The line through the log-odds that makes scores probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Factor of the score; never negative, so that the order stays.
    pub slope: f64,
    /// Added.
    pub offset: f64,
}

impl Calibration {
    /// Fits the line to scores of rows that the scores did not learn from.
    ///
    /// - Source: Platt, "Probabilistic outputs for support vector machines", 1999, with its smoothed
    ///   targets, by the damped Newton steps of Lin, Lin and Weng, 2007.
    pub fn fit(scores: &[f64], targets: &[bool]) -> Self {
        let positives = targets.iter().filter(|target| **target).count() as f64;
        let negatives = targets.len() as f64 - positives;
        let wanted = [
            1.0 / (negatives + 2.0),
            (positives + 1.0) / (positives + 2.0),
        ];
        let goal = |target: bool| wanted[usize::from(target)];
        let loss = |line: Self| -> f64 {
            let rows = scores.iter().zip(targets);
            let of = |(score, target): (&f64, &bool)| {
                let odds = line.log_odds(*score);
                softplus(odds) - goal(*target) * odds
            };
            rows.map(of).sum()
        };
        let mut line = Self {
            slope: 0.0,
            offset: ((positives + 1.0) / (negatives + 1.0)).ln(),
        };
        let mut value = loss(line);
        for _ in 0..STEPS_MAX {
            let (mut slopes, mut curve) = ([0.0; 2], [RIDGE, 0.0, RIDGE]);
            for (score, target) in scores.iter().zip(targets) {
                let probability = line.probability(*score);
                let miss = probability - goal(*target);
                let spread = probability * (1.0 - probability);
                slopes[0] += miss * score;
                slopes[1] += miss;
                curve[0] += spread * score * score;
                curve[1] += spread * score;
                curve[2] += spread;
            }
            if slopes.iter().all(|part| part.abs() < 1e-7) {
                break;
            }
            let determinant = curve[0] * curve[2] - curve[1] * curve[1];
            let by = [
                -(curve[2] * slopes[0] - curve[1] * slopes[1]) / determinant,
                -(curve[0] * slopes[1] - curve[1] * slopes[0]) / determinant,
            ];
            let descent = by[0] * slopes[0] + by[1] * slopes[1];
            let mut lengths = (0..30).map(|halvings| 0.5_f64.powi(halvings));
            let next = lengths.find_map(|length| {
                let next = Self {
                    slope: line.slope + length * by[0],
                    offset: line.offset + length * by[1],
                };
                let found = loss(next);
                (found <= value + 1e-4 * length * descent).then_some((next, found))
            });
            let Some(next) = next.filter(|(_, found)| *found < value) else {
                break;
            };
            (line, value) = next;
        }
        // Scores that are worse than chance say nothing; the share of positives then does.
        if line.slope < 0.0 {
            line = Self {
                slope: 0.0,
                offset: ((positives + 1.0) / (negatives + 1.0)).ln(),
            };
        }
        line
    }

    fn log_odds(self, score: f64) -> f64 {
        self.slope * score + self.offset
    }

    /// The probability of a score.
    pub fn probability(self, score: f64) -> f64 {
        sigmoid(self.log_odds(score))
    }
}
