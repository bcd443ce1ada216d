//! Rows of features as the caller has them.

use crate::error::{Error, Result};

/// A view of rows of features.
///
/// - Shape: `[rows × columns]`, row-major. NaN is a missing value; a category is a whole number
///   from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features<'v> {
    values: &'v [f32],
    column_count: usize,
}

impl<'v> Features<'v> {
    /// Takes values row by row.
    ///
    /// - Errors: [`Error::Mismatch`] unless the values fill whole rows of at least one column.
    pub fn new(values: &'v [f32], column_count: usize) -> Result<Self> {
        if column_count == 0 || !values.len().is_multiple_of(column_count) {
            return Err(Error::Mismatch {
                name: "feature values in whole rows",
                count: values.len(),
                expected: values.len().checked_div(column_count).unwrap_or(0) * column_count,
            });
        }
        Ok(Self {
            values,
            column_count,
        })
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        self.values.len() / self.column_count
    }

    /// Number of columns.
    pub fn column_count(&self) -> usize {
        self.column_count
    }

    /// The rows in their order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'v [f32]> + use<'v> {
        self.values.chunks_exact(self.column_count)
    }

    pub(super) fn values(&self) -> &'v [f32] {
        self.values
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.column_count + column]
    }
}

/// Rows with what they should be scored like.
///
/// - Shape: every slice has one number a row, but `group_sizes`, which cuts the rows into queries
///   in their order and is empty where the objective ranks nothing.
#[derive(Debug, Clone, Copy)]
pub struct Examples<'v> {
    /// The features.
    pub features: Features<'v>,
    /// Relevance 0..=31 (whole) for lambdarank, 0 or 1 for binary, any number for regression.
    pub labels: &'v [f32],
    /// Rows of each query.
    pub group_sizes: &'v [usize],
    /// Weight of each row, at least 0; scales its gradient.
    pub weights: Option<&'v [f32]>,
    /// One over the chance that the row was looked at, at least 0; lambdarank scales each pair by
    /// that of its more relevant row.
    ///
    /// - Source: Joachims, Swaminathan and Schnabel 2017, section 4, on the lambdas of each pair.
    pub inverse_propensities: Option<&'v [f32]>,
    /// What each row scores before the first tree; trees are grown to correct it, and are no part of
    /// it: whoever asks them adds it again. None starts from the best constant.
    ///
    /// - Source: LightGBM's `init_score`, which its model files do not hold either.
    pub initial_scores: Option<&'v [f32]>,
}

impl<'v> Examples<'v> {
    /// Takes rows and labels without queries and weights.
    pub fn new(features: Features<'v>, labels: &'v [f32]) -> Self {
        Self {
            features,
            labels,
            group_sizes: &[],
            weights: None,
            inverse_propensities: None,
            initial_scores: None,
        }
    }

    /// Checks that all parts belong together.
    pub(super) fn check(&self) -> Result<()> {
        let row_count = self.features.row_count();
        if row_count == 0 {
            return Err(Error::Mismatch {
                name: "rows to learn from",
                count: 0,
                expected: 1,
            });
        }
        if u32::try_from(row_count).is_err() {
            return Err(Error::TooLarge { count: row_count });
        }
        check_column("labels", self.labels, row_count, f32::NEG_INFINITY)?;
        for (name, column, min) in [
            ("weights", self.weights, 0.0),
            ("inverse propensities", self.inverse_propensities, 0.0),
            ("initial scores", self.initial_scores, f32::NEG_INFINITY),
        ] {
            if let Some(column) = column {
                check_column(name, column, row_count, min)?;
            }
        }
        let grouped =
            (self.group_sizes.iter()).try_fold(0usize, |sum, &size| sum.checked_add(size));
        if !self.group_sizes.is_empty() && grouped != Some(row_count) {
            return Err(Error::Mismatch {
                name: "rows in queries",
                count: grouped.unwrap_or(usize::MAX),
                expected: row_count,
            });
        }
        Ok(())
    }
}

fn check_column(name: &'static str, column: &[f32], count: usize, min: f32) -> Result<()> {
    if column.len() != count {
        return Err(Error::Mismatch {
            name,
            count: column.len(),
            expected: count,
        });
    }
    match (column.iter()).position(|value| !value.is_finite() || *value < min) {
        Some(row) => Err(Error::InvalidRow {
            name,
            row,
            value: column[row],
        }),
        None => Ok(()),
    }
}
