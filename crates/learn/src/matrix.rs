//! Listeners × items as a sparse matrix.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// One entry of a matrix before it is sorted into rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Triplet {
    /// The listener.
    pub row: usize,
    /// The item.
    pub column: usize,
    /// How much the listener took to the item; may be negative.
    pub weight: f32,
}

/// A sparse matrix in compressed rows: listeners are rows, items are columns.
///
/// Columns ascend within a row, and no entry occurs twice.
#[derive(Debug, Clone, PartialEq)]
pub struct InteractionMatrix {
    column_count: usize,
    row_starts: Vec<usize>,
    columns: Vec<u32>,
    weights: Vec<f32>,
}

impl InteractionMatrix {
    /// Sorts triplets into rows; the weights of one entry given several times add up.
    ///
    /// - Errors: [`Error::OutOfRange`], [`Error::NotFinite`] (also for a sum),
    ///   [`Error::TooLarge`] beyond 2³² − 1 columns.
    /// - Cost: O(n log n) time and a copy of the triplets; O(n) without a copy where they are sorted.
    pub fn from_triplets(
        row_count: usize,
        column_count: usize,
        triplets: &[Triplet],
    ) -> Result<Self> {
        if u32::try_from(column_count).is_err() {
            return Err(Error::TooLarge {
                count: column_count,
            });
        }
        for triplet in triplets {
            check_index("row", triplet.row, row_count)?;
            check_index("column", triplet.column, column_count)?;
            check_finite(*triplet)?;
        }
        let place = |triplet: &Triplet| (triplet.row, triplet.column);
        let mut sorted = Cow::Borrowed(triplets);
        if !sorted.is_sorted_by_key(place) {
            // Stable, so that sums of one entry are taken in the order given.
            sorted.to_mut().sort_by_key(place);
        }
        let mut matrix = Self {
            column_count,
            row_starts: vec![0; row_count + 1],
            columns: Vec::with_capacity(sorted.len()),
            weights: Vec::with_capacity(sorted.len()),
        };
        for group in sorted.chunk_by(|a, b| (a.row, a.column) == (b.row, b.column)) {
            let sum: f64 = group.iter().map(|triplet| f64::from(triplet.weight)).sum();
            let weight = sum as f32;
            check_finite(Triplet { weight, ..group[0] })?;
            matrix.columns.push(group[0].column as u32);
            matrix.weights.push(weight);
            matrix.row_starts[group[0].row + 1] += 1;
        }
        for row in 0..row_count {
            matrix.row_starts[row + 1] += matrix.row_starts[row];
        }
        Ok(matrix)
    }

    /// Number of listeners.
    pub fn row_count(&self) -> usize {
        self.row_starts.len() - 1
    }

    /// Number of items.
    pub fn column_count(&self) -> usize {
        self.column_count
    }

    /// Number of stored entries.
    pub fn entry_count(&self) -> usize {
        self.columns.len()
    }

    /// Returns columns and weights of a row; a row outside the matrix is empty.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = match (self.row_starts.get(row), self.row_starts.get(row + 1)) {
            (Some(&start), Some(&end)) => start..end,
            _ => 0..0,
        };
        (&self.columns[range.clone()], &self.weights[range])
    }

    /// Yields columns and weights of a row.
    pub fn entries(&self, row: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let (columns, weights) = self.row(row);
        (columns.iter().zip(weights)).map(|(&column, &weight)| (column as usize, weight))
    }

    /// Swaps rows and columns.
    ///
    /// - Errors: [`Error::TooLarge`] beyond 2³² − 1 rows.
    /// - Cost: O(entries + rows + columns).
    pub fn transpose(&self) -> Result<Self> {
        if u32::try_from(self.row_count()).is_err() {
            return Err(Error::TooLarge {
                count: self.row_count(),
            });
        }
        let mut row_starts = vec![0usize; self.column_count + 1];
        for &column in &self.columns {
            row_starts[column as usize + 1] += 1;
        }
        for column in 0..self.column_count {
            row_starts[column + 1] += row_starts[column];
        }
        let mut places = row_starts.clone();
        let mut columns = vec![0u32; self.entry_count()];
        let mut weights = vec![0f32; self.entry_count()];
        for row in 0..self.row_count() {
            for (column, weight) in self.entries(row) {
                columns[places[column]] = row as u32;
                weights[places[column]] = weight;
                places[column] += 1;
            }
        }
        Ok(Self {
            column_count: self.row_count(),
            row_starts,
            columns,
            weights,
        })
    }

    /// Replaces every positive weight by 1 and drops the others.
    pub fn binarize(&self) -> Self {
        let mut binary = Self {
            column_count: self.column_count,
            row_starts: vec![0],
            columns: Vec::with_capacity(self.entry_count()),
            weights: Vec::new(),
        };
        for row in 0..self.row_count() {
            let positive = self.entries(row).filter(|&(_, weight)| weight > 0.0);
            (binary.columns).extend(positive.map(|(column, _)| column as u32));
            binary.row_starts.push(binary.columns.len());
        }
        binary.weights = vec![1.0; binary.columns.len()];
        binary
    }
}

fn check_index(axis: &'static str, index: usize, count: usize) -> Result<()> {
    if index < count {
        Ok(())
    } else {
        Err(Error::OutOfRange { axis, index, count })
    }
}

fn check_finite(triplet: Triplet) -> Result<()> {
    if triplet.weight.is_finite() {
        Ok(())
    } else {
        Err(Error::NotFinite {
            row: triplet.row,
            column: triplet.column,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn triplet((row, column, weight): (usize, usize, f32)) -> Triplet {
        Triplet {
            row,
            column,
            weight,
        }
    }

    fn matrix(
        rows: usize,
        columns: usize,
        entries: &[(usize, usize, f32)],
    ) -> Result<InteractionMatrix> {
        let triplets: Vec<Triplet> = entries.iter().copied().map(triplet).collect();
        InteractionMatrix::from_triplets(rows, columns, &triplets)
    }

    #[test]
    fn duplicates_add_up_and_rows_are_sorted() {
        let matrix = matrix(3, 4, &[(2, 3, 1.0), (0, 2, 1.0), (2, 0, -1.0), (2, 3, 0.5)]).unwrap();
        assert_eq!(matrix.row(0), (&[2][..], &[1.0][..]));
        assert_eq!(matrix.row(1), (&[][..], &[][..]));
        assert_eq!(matrix.row(2), (&[0, 3][..], &[-1.0, 1.5][..]));
        assert_eq!(matrix.row(3).0.len(), 0);
        assert_eq!(matrix.binarize().row(2), (&[3][..], &[1.0][..]));
    }

    #[test]
    fn bad_entries_are_refused() {
        assert!(matches!(
            matrix(1, 1, &[(1, 0, 1.0)]),
            Err(Error::OutOfRange { axis: "row", .. })
        ));
        assert!(matches!(
            matrix(1, 1, &[(0, 1, 1.0)]),
            Err(Error::OutOfRange { .. })
        ));
        assert!(matches!(
            matrix(1, 1, &[(0, 0, f32::NAN)]),
            Err(Error::NotFinite { .. })
        ));
        let overflow = [(0, 0, f32::MAX), (0, 0, f32::MAX)];
        assert!(matches!(
            matrix(1, 1, &overflow),
            Err(Error::NotFinite { .. })
        ));
    }

    proptest! {
        #[test]
        fn transposing_twice_changes_nothing(
            entries in prop::collection::vec((0usize..7, 0usize..5, -2.0f32..2.0), 0..40)
        ) {
            let matrix = matrix(7, 5, &entries).unwrap();
            prop_assert_eq!(matrix.transpose().unwrap().transpose().unwrap(), matrix);
        }
    }
}
