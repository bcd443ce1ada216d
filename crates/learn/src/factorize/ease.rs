//! A linear item-item model with a closed form.

use rayon::prelude::*;

use crate::dense::invert;
use crate::error::{Error, Result};
use crate::matrix::InteractionMatrix;
use crate::neighbours::ItemNeighbours;

/// Largest side of the matrix to be inverted: 20,000² doubles are 3.2 GB.
const SIDE_MAX: usize = 20_000;

/// Hyper-parameters of [`EaseModel::fit`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EaseOptions {
    /// Weight of the squared item-item weights, more than 0.
    pub lambda: f64,
}

impl Default for EaseOptions {
    fn default() -> Self {
        Self { lambda: 100.0 }
    }
}

/// Item-item weights `B` that minimise `‖X − XB‖² + λ‖B‖²` with a zero diagonal.
///
/// With `P = (XᵀX + λI)⁻¹` the weights are `Bᵢⱼ = −Pᵢⱼ / Pⱼⱼ`. When there are fewer listeners than
/// items, `P = (I − Xᵀ(λI + XXᵀ)⁻¹X) / λ` needs only an inverse of listeners' size, and the item-item
/// matrix is never written out: a score is two sparse products and one dense one.
///
/// - Source: Steck 2019, equation 8; the dual form by the Woodbury identity.
#[derive(Debug, Clone)]
pub struct EaseModel {
    form: Form,
    /// `Pⱼⱼ`.
    diagonal: Vec<f64>,
}

#[derive(Debug, Clone)]
enum Form {
    /// `P`, `[items × items]`.
    Primal(Vec<f64>),
    /// `X` and `(λI + XXᵀ)⁻¹`, `[listeners × listeners]`.
    Dual {
        matrix: InteractionMatrix,
        inverse: Vec<f64>,
        lambda: f64,
    },
}

impl EaseModel {
    /// Fits the weights in the cheaper of the two forms.
    ///
    /// - Errors: [`Error::InvalidOption`]; [`Error::TooLarge`] when listeners and items are both more
    ///   than 20,000; [`Error::NotPositiveDefinite`].
    /// - Cost: O(n³) time and 2 n² doubles with n = min(listeners, items).
    pub fn fit(matrix: &InteractionMatrix, options: EaseOptions) -> Result<Self> {
        if matrix.row_count() < matrix.column_count() {
            Self::fit_dual(matrix, options)
        } else {
            Self::fit_primal(matrix, options)
        }
    }

    /// Fits by an inverse of the items' size.
    ///
    /// - Errors: as [`EaseModel::fit`], for more than 20,000 items.
    pub fn fit_primal(matrix: &InteractionMatrix, options: EaseOptions) -> Result<Self> {
        let side = matrix.column_count();
        let system = regularized_products(&matrix.transpose()?, matrix, options)?;
        let inverse = invert(system, side)?;
        Ok(Self {
            diagonal: (0..side).map(|item| inverse[item * side + item]).collect(),
            form: Form::Primal(inverse),
        })
    }

    /// Fits by an inverse of the listeners' size.
    ///
    /// - Errors: as [`EaseModel::fit`], for more than 20,000 listeners.
    pub fn fit_dual(matrix: &InteractionMatrix, options: EaseOptions) -> Result<Self> {
        let side = matrix.row_count();
        let by_item = matrix.transpose()?;
        let system = regularized_products(matrix, &by_item, options)?;
        let inverse = invert(system, side)?;
        let diagonal = (0..by_item.row_count())
            .into_par_iter()
            .map(|item| {
                let explained: f64 = by_item
                    .entries(item)
                    .map(|(row, weight)| {
                        let line = &inverse[row * side..][..side];
                        let sum: f64 = by_item
                            .entries(item)
                            .map(|(column, other)| line[column] * f64::from(other))
                            .sum();
                        sum * f64::from(weight)
                    })
                    .sum();
                (1.0 - explained) / options.lambda
            })
            .collect();
        Ok(Self {
            diagonal,
            form: Form::Dual {
                matrix: matrix.clone(),
                inverse,
                lambda: options.lambda,
            },
        })
    }

    /// Number of items.
    pub fn item_count(&self) -> usize {
        self.diagonal.len()
    }

    /// Scores every item for a listener with these weights: `(xB)ⱼ = xⱼ − (xP)ⱼ / Pⱼⱼ`.
    ///
    /// - Errors: [`Error::OutOfRange`] and [`Error::NotFinite`] for an entry (row 0).
    /// - Cost: primal O(entries × items); dual O(listeners² + entries of the whole matrix).
    pub fn score(&self, entries: &[(usize, f32)]) -> Result<Vec<f32>> {
        let mut listener = vec![0f64; self.item_count()];
        for &(index, weight) in entries {
            if !weight.is_finite() {
                return Err(Error::NotFinite {
                    row: 0,
                    column: index,
                });
            }
            let count = self.item_count();
            *listener.get_mut(index).ok_or(Error::OutOfRange {
                axis: "item",
                index,
                count,
            })? += f64::from(weight);
        }
        Ok(self.weigh(&listener))
    }

    /// Keeps the `count` largest positive weights of each item, as lists of neighbours.
    ///
    /// - Cost: primal O(items²); dual O(items × entries of the whole matrix); both on all threads, and
    ///   16 bytes an item on each.
    pub fn neighbours(&self, count: usize) -> Result<ItemNeighbours> {
        let item_count = self.item_count();
        ItemNeighbours::from_sums(
            item_count,
            count,
            |item, sums| {
                let mut alone = vec![0f64; item_count];
                alone[item] = 1.0;
                for (other, weight) in self.weigh(&alone).into_iter().enumerate() {
                    if weight > 0.0 {
                        sums.add(other, weight);
                    }
                }
            },
            |_, _, weight| weight,
        )
    }

    /// Computes `xB`.
    fn weigh(&self, listener: &[f64]) -> Vec<f32> {
        let projected = match &self.form {
            Form::Primal(inverse) => project_primal(inverse, listener),
            Form::Dual {
                matrix,
                inverse,
                lambda,
            } => project_dual(matrix, inverse, *lambda, listener),
        };
        (listener.iter().zip(&projected).zip(&self.diagonal))
            .map(|((own, projected), diagonal)| (own - projected / diagonal) as f32)
            .collect()
    }
}

/// Computes `AAᵀ + λI` for sparse rows `A` with their transpose.
fn regularized_products(
    rows: &InteractionMatrix,
    columns: &InteractionMatrix,
    options: EaseOptions,
) -> Result<Vec<f64>> {
    let side = rows.row_count();
    if side > SIDE_MAX {
        return Err(Error::TooLarge { count: side });
    }
    if !(options.lambda > 0.0 && options.lambda.is_finite()) {
        return Err(Error::InvalidOption {
            name: "lambda",
            value: options.lambda,
            allowed: "more than 0",
        });
    }
    let mut system = vec![0f64; side * side];
    let lines = system.par_chunks_mut(side.max(1)).enumerate();
    lines.for_each(|(row, line)| {
        for (column, weight) in rows.entries(row) {
            for (other, product) in columns.entries(column) {
                line[other] += f64::from(weight) * f64::from(product);
            }
        }
        line[row] += options.lambda;
    });
    Ok(system)
}

fn add_scaled(sums: &mut [f64], factor: f64, line: &[f64]) {
    for (sum, x) in sums.iter_mut().zip(line) {
        *sum += factor * x;
    }
}

fn project_primal(inverse: &[f64], listener: &[f64]) -> Vec<f64> {
    let mut projected = vec![0f64; listener.len()];
    for (&weight, line) in listener
        .iter()
        .zip(inverse.chunks_exact(listener.len().max(1)))
    {
        if weight != 0.0 {
            add_scaled(&mut projected, weight, line);
        }
    }
    projected
}

/// Computes `xP = (x − Xᵀ K Xx) / λ`.
fn project_dual(
    matrix: &InteractionMatrix,
    inverse: &[f64],
    lambda: f64,
    listener: &[f64],
) -> Vec<f64> {
    let side = matrix.row_count();
    let mut solved = vec![0f64; side];
    for row in 0..side {
        let overlap: f64 = (matrix.entries(row))
            .map(|(item, weight)| f64::from(weight) * listener[item])
            .sum();
        if overlap != 0.0 {
            add_scaled(&mut solved, overlap, &inverse[row * side..][..side]);
        }
    }
    let mut projected = listener.to_vec();
    for (row, factor) in solved.iter().enumerate() {
        for (item, weight) in matrix.entries(row) {
            projected[item] -= factor * f64::from(weight);
        }
    }
    projected.iter_mut().for_each(|x| *x /= lambda);
    projected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Triplet;

    fn matrix(rows: usize, columns: usize) -> InteractionMatrix {
        let triplets: Vec<Triplet> = (0..rows * 4)
            .map(|at| Triplet {
                row: at / 4,
                column: (at * at + at / 3) % columns,
                weight: 1.0,
            })
            .collect();
        InteractionMatrix::from_triplets(rows, columns, &triplets)
            .unwrap()
            .binarize()
    }

    #[test]
    fn hand_worked_pair() {
        // Both listeners have both items: XᵀX + I = [3 2; 2 3], P = [3 −2; −2 3] / 5, B₀₁ = 2/3.
        let triplets: Vec<Triplet> = (0..4)
            .map(|at| Triplet {
                row: at / 2,
                column: at % 2,
                weight: 1.0,
            })
            .collect();
        let matrix = InteractionMatrix::from_triplets(2, 2, &triplets).unwrap();
        let options = EaseOptions { lambda: 1.0 };
        for model in [
            EaseModel::fit_primal(&matrix, options).unwrap(),
            EaseModel::fit_dual(&matrix, options).unwrap(),
        ] {
            let scores = model.score(&[(0, 1.0)]).unwrap();
            assert!(
                scores[0].abs() < 1e-6 && (scores[1] - 2.0 / 3.0).abs() < 1e-6,
                "{scores:?}"
            );
        }
    }

    #[test]
    fn both_forms_agree() {
        for (rows, columns) in [(20, 35), (35, 20), (1, 3)] {
            let matrix = matrix(rows, columns);
            let options = EaseOptions { lambda: 2.5 };
            let primal = EaseModel::fit_primal(&matrix, options).unwrap();
            let dual = EaseModel::fit_dual(&matrix, options).unwrap();
            let entries = [(0, 1.0), (2, 0.5)];
            let pairs =
                (primal.score(&entries).unwrap().into_iter()).zip(dual.score(&entries).unwrap());
            for (a, b) in pairs {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }

    #[test]
    fn the_largest_weights_of_each_item_are_kept() {
        let matrix = matrix(30, 12);
        let options = EaseOptions { lambda: 2.0 };
        let primal = EaseModel::fit_primal(&matrix, options).unwrap();
        let dual = EaseModel::fit_dual(&matrix, options).unwrap();
        for model in [&primal, &dual] {
            let (all, few) = (model.neighbours(12).unwrap(), model.neighbours(2).unwrap());
            for item in 0..12 {
                let row = model.score(&[(item, 1.0)]).unwrap();
                let positive = |other: &usize| *other != item && row[*other] > 0.0;
                assert_eq!(all.of(item).len(), (0..12).filter(positive).count());
                for (other, weight) in all.of(item) {
                    // Shares are kept in steps of 1/32,767 of the largest, which is below 1.
                    assert!((weight - row[other as usize]).abs() < 2e-5);
                }
                let first: Vec<_> = all.of(item).take(2).map(|(other, _)| other).collect();
                assert_eq!(
                    few.of(item).map(|(other, _)| other).collect::<Vec<_>>(),
                    first
                );
            }
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let matrix = matrix(4, 6);
        assert!(EaseModel::fit(&matrix, EaseOptions { lambda: 0.0 }).is_err());
        let model = EaseModel::fit(&matrix, EaseOptions::default()).unwrap();
        assert!(model.score(&[(6, 1.0)]).is_err());
        assert!(model.score(&[(0, f32::INFINITY)]).is_err());
    }
}
