//! How much items are listened to, over all time or lately.

use crate::error::{Error, Result};
use crate::matrix::InteractionMatrix;

/// Counts the listeners with a positive weight for each item.
pub fn listener_counts(matrix: &InteractionMatrix) -> Vec<f32> {
    let mut counts = vec![0.0; matrix.column_count()];
    for row in 0..matrix.row_count() {
        for (column, weight) in matrix.entries(row) {
            if weight > 0.0 {
                counts[column] += 1.0;
            }
        }
    }
    counts
}

/// One weighted listen at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedWeight {
    /// The item listened to.
    pub item: usize,
    /// The weight of the listen.
    pub weight: f32,
    /// When it happened, in seconds of any epoch.
    pub time_s: f64,
}

/// Sums weights that halve with every `half_life_s` before `now_s`; the future counts as now.
///
/// - Errors: [`Error::InvalidOption`] for a half-life that is not positive and finite,
///   [`Error::OutOfRange`] for an item outside `0..item_count`, [`Error::NotFinite`] for a weight or
///   time, with the position in `listens` as row.
pub fn decayed(
    item_count: usize,
    listens: &[TimedWeight],
    now_s: f64,
    half_life_s: f64,
) -> Result<Vec<f32>> {
    if !(half_life_s > 0.0 && half_life_s.is_finite()) {
        return Err(Error::InvalidOption {
            name: "half_life_s",
            value: half_life_s,
            allowed: "more than 0",
        });
    }
    let mut sums = vec![0f64; item_count];
    for (row, listen) in listens.iter().enumerate() {
        let sum = sums.get_mut(listen.item).ok_or(Error::OutOfRange {
            axis: "item",
            index: listen.item,
            count: item_count,
        })?;
        let age_s = (now_s - listen.time_s).max(0.0);
        let term = f64::from(listen.weight) * (-age_s / half_life_s).exp2();
        if !term.is_finite() || listen.time_s.is_nan() {
            return Err(Error::NotFinite {
                row,
                column: listen.item,
            });
        }
        *sum += term;
    }
    Ok(sums.into_iter().map(|sum| sum as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Triplet;

    #[test]
    fn counts_listeners_not_listens() {
        let entry = |row, column, weight| Triplet {
            row,
            column,
            weight,
        };
        let entries = [entry(0, 0, 9.0), entry(1, 0, 1.0), entry(1, 2, -1.0)];
        let matrix = InteractionMatrix::from_triplets(2, 3, &entries).unwrap();
        assert_eq!(listener_counts(&matrix), [2.0, 0.0, 0.0]);
    }

    #[test]
    fn listens_halve() {
        let listen = |item, weight, time_s| TimedWeight {
            item,
            weight,
            time_s,
        };
        let listens = [
            listen(0, 4.0, 0.0),
            listen(0, 4.0, 10.0),
            listen(1, 1.0, 30.0),
        ];
        assert_eq!(decayed(2, &listens, 20.0, 10.0).unwrap(), [3.0, 1.0]);
        assert!(decayed(1, &listens, 20.0, 10.0).is_err());
        assert!(decayed(2, &listens, 20.0, 0.0).is_err());
        assert!(decayed(2, &[listen(0, f32::NAN, 0.0)], 20.0, 1.0).is_err());
    }
}
