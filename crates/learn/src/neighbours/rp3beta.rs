//! Item neighbours by random walks of three steps.

use super::{ItemNeighbours, PAIRED_MAX, add_paths, drawn};
use crate::error::{Error, Result};
use crate::matrix::InteractionMatrix;

/// Hyper-parameters of [`rp3beta`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Rp3BetaOptions {
    /// Power of each transition probability.
    pub alpha: f32,
    /// Power by which popular targets are held down.
    pub beta: f32,
    /// Neighbours kept for each item.
    pub count: usize,
}

impl Default for Rp3BetaOptions {
    fn default() -> Self {
        Self {
            alpha: 1.0,
            beta: 0.3,
            count: 200,
        }
    }
}

/// Ranks the items that a walk item → listener → item reaches, over their popularity to `beta`.
///
/// - Errors: [`Error::InvalidOption`] for a power that is not finite.
/// - Cost: as [`item_cosine`](super::item_cosine()).
/// - Source: Paudel et al. 2017, RP³β.
pub fn rp3beta(matrix: &InteractionMatrix, options: Rp3BetaOptions) -> Result<ItemNeighbours> {
    for (name, value) in [("alpha", options.alpha), ("beta", options.beta)] {
        if !value.is_finite() {
            return Err(Error::InvalidOption {
                name,
                value: f64::from(value),
                allowed: "a finite number",
            });
        }
    }
    let binary = matrix.binarize();
    let by_item = binary.transpose()?;
    let degree = |matrix: &InteractionMatrix, row: usize| matrix.row(row).0.len() as f32;
    let penalties: Vec<f32> = (0..by_item.row_count())
        .map(|item| degree(&by_item, item).powf(options.beta))
        .collect();
    let paired = drawn(&binary, PAIRED_MAX)?;
    ItemNeighbours::from_sums(
        binary.column_count(),
        options.count,
        |item, sums| {
            let first = (1.0 / degree(&by_item, item)).powf(options.alpha);
            let step = |row, _| first * (1.0 / degree(&binary, row)).powf(options.alpha);
            add_paths(&by_item, &paired, item, step, sums);
        },
        |_, other, sum| sum / penalties[other],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Triplet;

    #[test]
    fn hand_worked_walk() {
        let entry = |row, column| Triplet {
            row,
            column,
            weight: 3.0,
        };
        let entries = [
            entry(0, 0),
            entry(0, 1),
            entry(1, 0),
            entry(1, 1),
            entry(1, 2),
        ];
        let matrix = InteractionMatrix::from_triplets(2, 3, &entries).unwrap();
        let options = Rp3BetaOptions {
            alpha: 1.0,
            beta: 1.0,
            count: 5,
        };
        let neighbours = rp3beta(&matrix, options).unwrap();
        // From item 0: to 1 by ½·½ + ½·⅓ over 2; to 2 by ½·⅓ over 1.
        let found: Vec<(u32, f32)> = neighbours.of(0).collect();
        assert_eq!(found.len(), 2);
        assert!(
            found[0].0 == 1 && (found[0].1 - 5.0 / 24.0).abs() < 1e-6,
            "{found:?}"
        );
        // Within half a step of what the first has.
        assert!(found[1].0 == 2 && (found[1].1 - 1.0 / 6.0).abs() < 4e-6);
        let bad = Rp3BetaOptions {
            beta: f32::NAN,
            ..options
        };
        assert!(rp3beta(&matrix, bad).is_err());
    }
}
