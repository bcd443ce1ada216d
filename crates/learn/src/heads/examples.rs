//! The numbers about tracks as a matrix that heads learn from.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Deviations at which a standardised number is clipped, so that one absurd number is not all there is.
const CLIP: f32 = 5.0;

/// How columns are brought to one scale: less the mean, by the deviation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standard {
    means: Vec<f32>,
    scales: Vec<f32>,
}

impl Standard {
    /// Measures the columns. A column that never varies, or is never known, has scale 0 and says nothing.
    fn of(rows: &[f32], width: usize) -> Self {
        let measured: Vec<(f32, f32)> = (0..width)
            .into_par_iter()
            .map(|column| {
                let known = || {
                    let values = rows.iter().skip(column).step_by(width).copied();
                    values.filter(|value| value.is_finite()).map(f64::from)
                };
                let count = known().count().max(1) as f64;
                let mean = known().sum::<f64>() / count;
                let variance = known().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
                // Below the rounding of single precision a column is constant.
                let is_constant = variance.sqrt() <= 1e-6 * mean.abs().max(1e-6);
                let scale = if is_constant {
                    0.0
                } else {
                    1.0 / variance.sqrt()
                };
                (mean as f32, scale as f32)
            })
            .collect();
        let (means, scales) = measured.into_iter().unzip();
        Self { means, scales }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.means.len()
    }

    /// Standardises a row in place. What is unknown (NaN) or infinite becomes the mean, which is 0: it
    /// then speaks neither for nor against.
    pub fn apply(&self, row: &mut [f32]) {
        for (value, (mean, scale)) in row.iter_mut().zip(self.means.iter().zip(&self.scales)) {
            let standard = ((*value - mean) * scale).clamp(-CLIP, CLIP);
            *value = if value.is_finite() && standard.is_finite() {
                standard
            } else {
                0.0
            };
        }
    }
}

/// Tracks as rows of standardised numbers, each of a group: its artist.
///
/// The scale of the columns is taken from all rows, the judged ones too: it knows no label.
#[derive(Debug, Clone)]
pub struct Examples {
    rows: Vec<f32>,
    groups: Vec<u64>,
    standard: Standard,
}

impl Examples {
    /// Takes rows as they were measured.
    ///
    /// - Shape: `rows` is `[groups.len() × width]`, row-major; NaN stands for what is unknown. `groups`
    ///   has a stable number for the artist of each row.
    /// - Errors: [`Error::Mismatch`] when the rows are of another length.
    pub fn new(mut rows: Vec<f32>, width: usize, groups: Vec<u64>) -> Result<Self> {
        if rows.len() != groups.len() * width {
            return Err(Error::Mismatch {
                name: "numbers",
                count: rows.len(),
                expected: groups.len() * width,
            });
        }
        let standard = Standard::of(&rows, width);
        if width > 0 {
            rows.par_chunks_mut(width)
                .for_each(|row| standard.apply(row));
        }
        Ok(Self {
            rows,
            groups,
            standard,
        })
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.standard.width()
    }

    /// A standardised row.
    pub fn row(&self, index: usize) -> &[f32] {
        let width = self.width();
        &self.rows[index * width..][..width]
    }

    /// The group of a row.
    pub fn group(&self, index: usize) -> u64 {
        self.groups[index]
    }

    /// How the columns were brought to one scale.
    pub fn standard(&self) -> &Standard {
        &self.standard
    }
}
