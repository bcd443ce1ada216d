//! Logistic regression with a quadratic penalty.

use serde::{Deserialize, Serialize};

use super::descent::{Objective, dot, minimise};
use super::examples::Examples;

/// How a regression is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticOptions {
    /// Weight of the penalty `|w|² / 2` beside the mean loss of a row.
    pub penalty: f64,
    /// Whether positives and negatives count the same in sum, however few the ones are.
    pub is_balanced: bool,
}

impl Default for LogisticOptions {
    /// Chosen on half of the artists of labelled data, see `docs/measurements.md`.
    fn default() -> Self {
        Self {
            penalty: 0.03,
            is_balanced: true,
        }
    }
}

/// A fitted regression; the score is the log-odds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// Weight of each column.
    pub weights: Vec<f64>,
    /// Added to every score; not penalised.
    pub bias: f64,
}

impl Logistic {
    /// Fits the regression to some rows; the same rows in the same order give the same bits.
    ///
    /// - Shape: `targets` has one entry a row of `rows`, which are indexes into `examples`.
    /// - Rows of one kind only give a regression that says 0 of everything: there is nothing to tell apart.
    /// - Cost: O(rows × columns) a step, at most 100 steps.
    /// - Source: L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4), Armijo backtracking.
    pub fn fit(
        examples: &Examples,
        rows: &[usize],
        targets: &[bool],
        options: LogisticOptions,
    ) -> Self {
        let problem = Problem::new(examples, rows, targets, options);
        let width = examples.width();
        let point = match &problem {
            Some(problem) => minimise(problem, vec![0.0; width + 1]),
            None => vec![0.0; width + 1],
        };
        let (weights, bias) = point.split_at(width);
        Self {
            weights: weights.to_vec(),
            bias: bias.first().copied().unwrap_or_default(),
        }
    }

    /// The log-odds of a standardised row.
    pub fn score(&self, row: &[f32]) -> f64 {
        self.bias + dot(&self.weights, row)
    }
}

/// The probability of log-odds.
pub(super) fn sigmoid(score: f64) -> f64 {
    if score >= 0.0 {
        1.0 / (1.0 + (-score).exp())
    } else {
        let odds = score.exp();
        odds / (1.0 + odds)
    }
}

/// `ln(1 + exp(x))` without overflow.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// What is minimised.
struct Problem<'e> {
    examples: &'e Examples,
    rows: &'e [usize],
    targets: &'e [bool],
    /// Share of the loss of one positive and of one negative.
    shares: [f64; 2],
    penalty: f64,
}

impl<'e> Problem<'e> {
    fn new(
        examples: &'e Examples,
        rows: &'e [usize],
        targets: &'e [bool],
        options: LogisticOptions,
    ) -> Option<Self> {
        let count = rows.len() as f64;
        let positives = targets.iter().filter(|target| **target).count() as f64;
        let negatives = count - positives;
        if positives == 0.0 || negatives == 0.0 {
            return None;
        }
        let shares = if options.is_balanced {
            [0.5 / positives, 0.5 / negatives]
        } else {
            [1.0 / count; 2]
        };
        Some(Self {
            examples,
            rows,
            targets,
            shares,
            penalty: options.penalty,
        })
    }
}

impl Objective for Problem<'_> {
    fn value(&self, point: &[f64], slope: &mut [f64]) -> f64 {
        let (weights, bias) = point.split_at(point.len() - 1);
        let mut value = 0.0;
        slope.fill(0.0);
        let (weight_slopes, bias_slope) = slope.split_at_mut(weights.len());
        for (row, target) in self.rows.iter().zip(self.targets) {
            let row = self.examples.row(*row);
            let score = bias[0] + dot(weights, row);
            let (share, margin) = match target {
                true => (self.shares[0], -score),
                false => (self.shares[1], score),
            };
            value += share * softplus(margin);
            let pull = share * sigmoid(margin) * if *target { -1.0 } else { 1.0 };
            bias_slope[0] += pull;
            for (sum, x) in weight_slopes.iter_mut().zip(row) {
                *sum += pull * f64::from(*x);
            }
        }
        for (sum, weight) in weight_slopes.iter_mut().zip(weights) {
            *sum += self.penalty * weight;
            value += 0.5 * self.penalty * weight * weight;
        }
        value
    }
}
