//! Slopes and curvatures of what a fit makes small.

use rayon::prelude::*;

use super::dataset::Dataset;
use super::lambda_rank::LambdaRank;
use super::parameters::Objective;
use crate::error::{Error, Result};

/// First and second derivative of the loss of a row by its score.
pub(super) type Gradient = [f32; 2];

/// Rows that one task computes gradients of.
const CHUNK: usize = 4096;

/// Least sigmoid away from 0 and 1, which keeps log-odds of one-sided labels finite.
const CHANCE_MIN: f64 = 1e-15;

/// An [`Objective`] on a dataset.
pub(super) enum Loss {
    LambdaRank(LambdaRank),
    Binary,
    Regression,
}

impl Loss {
    /// Checks that the labels suit the objective and prepares what does not change.
    pub(super) fn new(objective: Objective, dataset: &Dataset) -> Result<Self> {
        match objective {
            Objective::LambdaRank {
                truncation,
                sigmoid,
                is_normalized,
            } => {
                check_relevance(&dataset.labels)?;
                if dataset.group_bounds.is_empty() {
                    return Err(Error::Mismatch {
                        name: "rows in queries",
                        count: 0,
                        expected: dataset.row_count,
                    });
                }
                let rank = LambdaRank::new(dataset, truncation, sigmoid, is_normalized);
                Ok(Self::LambdaRank(rank))
            }
            Objective::Binary => {
                check_binary(&dataset.labels)?;
                Ok(Self::Binary)
            }
            Objective::Regression => Ok(Self::Regression),
        }
    }

    /// The best score that is the same for all rows; 0 where only differences count.
    pub(super) fn initial_score(&self, dataset: &Dataset) -> f64 {
        let weight_of = |row: usize| match &dataset.weights {
            Some(weights) => f64::from(weights[row]),
            None => 1.0,
        };
        let mean = || {
            let (mut sum, mut total) = (0.0, 0.0);
            for (row, &label) in dataset.labels.iter().enumerate() {
                sum += weight_of(row) * f64::from(label);
                total += weight_of(row);
            }
            if total > 0.0 { sum / total } else { 0.0 }
        };
        match self {
            Self::LambdaRank(_) => 0.0,
            Self::Regression => mean(),
            Self::Binary => {
                let chance = mean().clamp(CHANCE_MIN, 1.0 - CHANCE_MIN);
                (chance / (1.0 - chance)).ln()
            }
        }
    }

    /// Computes the gradient of every row at its score.
    pub(super) fn fill(&self, dataset: &Dataset, scores: &[f64], gradients: &mut [Gradient]) {
        match self {
            Self::LambdaRank(rank) => rank.fill(dataset, scores, gradients),
            Self::Binary => fill_rows(dataset, scores, gradients, |score, label| {
                let chance = 1.0 / (1.0 + (-score).exp());
                [(chance - label) as f32, (chance * (1.0 - chance)) as f32]
            }),
            Self::Regression => fill_rows(dataset, scores, gradients, |score, label| {
                [(score - label) as f32, 1.0]
            }),
        }
        if let Some(weights) = &dataset.weights {
            for (gradient, weight) in gradients.iter_mut().zip(weights) {
                *gradient = gradient.map(|part| part * weight);
            }
        }
    }
}

fn fill_rows(
    dataset: &Dataset,
    scores: &[f64],
    gradients: &mut [Gradient],
    gradient_of: impl Fn(f64, f64) -> Gradient + Sync,
) {
    gradients
        .par_chunks_mut(CHUNK)
        .zip(scores.par_chunks(CHUNK))
        .zip(dataset.labels.par_chunks(CHUNK))
        .for_each(|((gradients, scores), labels)| {
            for ((gradient, &score), &label) in gradients.iter_mut().zip(scores).zip(labels) {
                *gradient = gradient_of(score, f64::from(label));
            }
        });
}

/// Checks labels of a ranking: whole numbers 0 to 31.
pub(super) fn check_relevance(labels: &[f32]) -> Result<()> {
    check_labels("relevance (a whole number 0 to 31)", labels, |label| {
        label.fract() == 0.0 && (0.0..=31.0).contains(&label)
    })
}

/// Checks labels of a choice: 0 and 1.
pub(super) fn check_binary(labels: &[f32]) -> Result<()> {
    check_labels("label (0 or 1)", labels, |label| {
        label == 0.0 || label == 1.0
    })
}

fn check_labels(name: &'static str, labels: &[f32], is_valid: impl Fn(f32) -> bool) -> Result<()> {
    match labels.iter().position(|&label| !is_valid(label)) {
        Some(row) => Err(Error::InvalidRow {
            name,
            row,
            value: labels[row],
        }),
        None => Ok(()),
    }
}
