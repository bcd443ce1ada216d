//! Logistic regression with a quadratic penalty.

use serde::{Deserialize, Serialize};

use super::examples::Examples;

/// Steps at most; with scaled columns and a penalty a fit ends after 15 to 60.
const STEPS_MAX: usize = 100;
/// Step differences that the search direction remembers.
const MEMORY: usize = 10;
/// Largest slope at which a fit has ended.
const SLOPE_MIN: f64 = 1e-6;
/// Halvings of a step before a fit ends: the next would be lost in rounding.
const HALVINGS_MAX: usize = 30;

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

fn dot(weights: &[f64], row: &[f32]) -> f64 {
    let products = weights.iter().zip(row);
    products
        .map(|(weight, value)| weight * f64::from(*value))
        .sum()
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

    /// The value at a point; writes the slope there.
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

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// A step and what it changed of the slope.
struct Difference {
    step: Vec<f64>,
    slope: Vec<f64>,
    product: f64,
}

/// Walks down from a point until it is flat.
fn minimise(problem: &Problem<'_>, mut point: Vec<f64>) -> Vec<f64> {
    let mut slope = vec![0.0; point.len()];
    let mut value = problem.value(&point, &mut slope);
    let mut memory: Vec<Difference> = Vec::new();
    for _ in 0..STEPS_MAX {
        if slope.iter().all(|part| part.abs() <= SLOPE_MIN) {
            break;
        }
        let direction = direction(&slope, &memory);
        let descent = inner(&slope, &direction);
        let Some((next, next_slope, next_value)) =
            step_along(problem, &point, value, &direction, descent)
        else {
            break;
        };
        let step: Vec<f64> = next.iter().zip(&point).map(|(b, a)| b - a).collect();
        let change: Vec<f64> = next_slope.iter().zip(&slope).map(|(b, a)| b - a).collect();
        let product = inner(&step, &change);
        if product > 0.0 {
            if memory.len() == MEMORY {
                memory.remove(0);
            }
            memory.push(Difference {
                step,
                slope: change,
                product,
            });
        }
        (point, slope, value) = (next, next_slope, next_value);
    }
    point
}

/// The two loops of L-BFGS.
fn direction(slope: &[f64], memory: &[Difference]) -> Vec<f64> {
    let mut direction: Vec<f64> = slope.iter().map(|part| -part).collect();
    let mut factors = Vec::with_capacity(memory.len());
    for known in memory.iter().rev() {
        let factor = inner(&known.step, &direction) / known.product;
        (direction.iter_mut().zip(&known.slope)).for_each(|(part, by)| *part -= factor * by);
        factors.push(factor);
    }
    if let Some(last) = memory.last() {
        let scale = last.product / inner(&last.slope, &last.slope);
        direction.iter_mut().for_each(|part| *part *= scale);
    }
    for (known, factor) in memory.iter().zip(factors.iter().rev()) {
        let back = factor - inner(&known.slope, &direction) / known.product;
        (direction.iter_mut().zip(&known.step)).for_each(|(part, by)| *part += back * by);
    }
    direction
}

/// Goes as far along a direction as the value falls enough; `None` where it does not.
fn step_along(
    problem: &Problem<'_>,
    point: &[f64],
    value: f64,
    direction: &[f64],
    descent: f64,
) -> Option<(Vec<f64>, Vec<f64>, f64)> {
    let mut length = 1.0;
    let mut slope = vec![0.0; point.len()];
    for _ in 0..HALVINGS_MAX {
        let moved = point.iter().zip(direction).map(|(at, by)| at + length * by);
        let next: Vec<f64> = moved.collect();
        let found = problem.value(&next, &mut slope);
        if found <= value + 1e-4 * length * descent && descent < 0.0 {
            return Some((next, slope, found));
        }
        length *= 0.5;
    }
    None
}
