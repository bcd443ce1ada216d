//! Item neighbours by the cosine of their listeners.

use super::{ItemNeighbours, PAIRED_MAX, add_paths, drawn};
use crate::error::Result;
use crate::matrix::InteractionMatrix;

/// Finds the `count` items whose columns have the largest cosine with each item's column.
///
/// - Errors: [`Error::TooLarge`](crate::Error::TooLarge) for too many listeners.
/// - Cost: O(entries × the longest history, at most [`PAIRED_MAX`]) time on all
///   threads, 5 bytes an item of memory on each; a copy of the matrix where a history is longer.
/// - Source: Sarwar et al. 2001, cosine similarity.
pub fn item_cosine(matrix: &InteractionMatrix, count: usize) -> Result<ItemNeighbours> {
    let by_item = matrix.transpose()?;
    let lengths: Vec<f32> = (0..by_item.row_count())
        .map(|item| {
            by_item
                .row(item)
                .1
                .iter()
                .map(|w| w * w)
                .sum::<f32>()
                .sqrt()
        })
        .collect();
    let paired = drawn(matrix, PAIRED_MAX)?;
    ItemNeighbours::from_sums(
        matrix.column_count(),
        count,
        |item, sums| add_paths(&by_item, &paired, item, |_, weight| weight, sums),
        |item, other, sum| sum / (lengths[other] * lengths[item]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Triplet;

    #[test]
    fn hand_worked_cosines() {
        let entry = |row, column| Triplet {
            row,
            column,
            weight: 1.0,
        };
        let entries = [
            entry(0, 0),
            entry(0, 1),
            entry(1, 0),
            entry(1, 2),
            entry(2, 2),
            entry(2, 3),
        ];
        let matrix = InteractionMatrix::from_triplets(3, 5, &entries).unwrap();
        let neighbours = item_cosine(&matrix, 1).unwrap();
        let half = 0.5f32.sqrt();
        let check = |item, expected: &[(u32, f32)]| {
            let found: Vec<(u32, f32)> = neighbours.of(item).collect();
            assert_eq!(found.len(), expected.len(), "item {item}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-6,
                    "item {item}"
                );
            }
        };
        check(0, &[(1, half)]);
        check(1, &[(0, half)]);
        check(2, &[(3, half)]);
        check(4, &[]);
        assert_eq!(item_cosine(&matrix, 9).unwrap().of(0).len(), 2);
        let scores = neighbours.score(&[(0, 2.0), (3, 1.0), (99, 1.0)]);
        assert!((scores[1] - 2.0 * half).abs() < 1e-6 && (scores[2] - half).abs() < 1e-6);
    }
}
