//! The parts of a score, looked up.

use super::contributions::{Contributions, check_counts, contribute, mean};
use super::ensemble::Ensemble;
use super::tree::Tree;
use crate::error::{Error, Result};

/// Trees of at most so many tests are tabled: 8 make 256 cases. Larger ones are walked.
const TABLED_TESTS_MAX: usize = 8;

/// Divides scores among columns exactly as [`Ensemble::contributions`] does, for small trees by
/// looking up what was worked out once for every case.
///
/// What a tree of few tests says of a row depends on the outcome of these tests alone, so all cases
/// fit into a table.
///
/// - Cost: making it O(trees × 2^tests × leaves × depth²) time and O(trees × 2^tests × tests)
///   memory; asking O(trees × tests).
/// - Source: the idea of Fast TreeSHAP v2, Yang 2021 (arXiv 2109.09847): work on the tree before the
///   rows come.
#[derive(Debug, Clone)]
pub struct Explainer {
    tables: Vec<Option<Table>>,
    bias: f64,
    column_count: usize,
}

/// The parts that one tree adds, for every outcome of its tests.
#[derive(Debug, Clone)]
struct Table {
    /// Different columns of the tests.
    columns: Vec<u32>,
    /// `[case × columns]`; bit `n` of a case is set when test `n` leads left.
    parts: Vec<f64>,
}

impl Explainer {
    /// Works out the cases of all small trees.
    ///
    /// - Errors: [`Error::Unsupported`] as [`Ensemble::contributions`].
    pub fn new(ensemble: &Ensemble) -> Result<Self> {
        check_counts(ensemble)?;
        let column_count = ensemble.column_count();
        let tables = (ensemble.trees.iter())
            .map(|tree| table_of(tree, column_count))
            .collect();
        Ok(Self {
            tables,
            bias: ensemble.trees.iter().map(mean).sum(),
            column_count,
        })
    }

    /// Mean score of the rows of the fit: where every score starts.
    pub fn bias(&self) -> f64 {
        self.bias
    }

    /// Divides the score of a row; `ensemble` must be the one this was made of.
    ///
    /// - Errors: [`Error::Mismatch`] for another number of values, or for another ensemble.
    pub fn contributions(&self, ensemble: &Ensemble, row: &[f32]) -> Result<Contributions> {
        let pairs = [
            ("values in a row", row.len(), self.column_count),
            ("trees", ensemble.trees.len(), self.tables.len()),
        ];
        for (name, count, expected) in pairs {
            if count != expected {
                return Err(Error::Mismatch {
                    name,
                    count,
                    expected,
                });
            }
        }
        let mut columns = vec![0.0; self.column_count];
        let mut is_left = Vec::new();
        for (tree, table) in ensemble.trees.iter().zip(&self.tables) {
            let tests =
                (tree.nodes.iter()).map(|node| node.test.is_left(row[node.column as usize]));
            match table {
                Some(table) => {
                    let bits = tests.enumerate().map(|(at, left)| usize::from(left) << at);
                    table.add(bits.sum(), &mut columns);
                }
                None => {
                    is_left.clear();
                    is_left.extend(tests);
                    contribute(tree, &is_left, &mut columns);
                }
            }
        }
        Ok(Contributions {
            columns,
            bias: self.bias,
        })
    }
}

impl Table {
    fn add(&self, case: usize, columns: &mut [f64]) {
        let width = self.columns.len();
        let parts = &self.parts[case * width..(case + 1) * width];
        for (column, part) in self.columns.iter().zip(parts) {
            columns[*column as usize] += part;
        }
    }
}

fn table_of(tree: &Tree, column_count: usize) -> Option<Table> {
    let tests = tree.nodes.len();
    if tests > TABLED_TESTS_MAX {
        return None;
    }
    let mut columns: Vec<u32> = tree.nodes.iter().map(|node| node.column).collect();
    columns.sort_unstable();
    columns.dedup();
    let mut parts = Vec::with_capacity(columns.len() << tests);
    for case in 0..1usize << tests {
        let is_left: Vec<bool> = (0..tests).map(|at| case >> at & 1 == 1).collect();
        let mut all = vec![0.0; column_count];
        contribute(tree, &is_left, &mut all);
        parts.extend(columns.iter().map(|column| all[*column as usize]));
    }
    Some(Table { columns, parts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trees::{BinOptions, Dataset, Examples, Features, Objective, Parameters, fit};

    /// Rows whose label follows the first two columns, with gaps.
    fn rows() -> (Vec<f32>, Vec<f32>) {
        let mut values = Vec::new();
        let mut labels = Vec::new();
        for row in 0..400u32 {
            let value = |step: u32| (row * step % 97) as f32 / 97.0;
            let first = if row % 11 == 0 { f32::NAN } else { value(13) };
            let (second, third) = (value(29), value(53));
            values.extend([first, second, third]);
            labels.push(if first.is_nan() { 0.5 } else { first } * 2.0 + second * third);
        }
        (values, labels)
    }

    #[test]
    fn tables_say_what_the_walk_says() {
        let (values, labels) = rows();
        let features = Features::new(&values, 3).unwrap();
        let dataset = Dataset::new(&Examples::new(features, &labels), &BinOptions::default());
        for leaves in [2, 6, 9, 24] {
            let parameters = Parameters {
                objective: Objective::Regression,
                trees: 12,
                leaves,
                leaf_rows_min: 5,
                ..Parameters::default()
            };
            let ensemble = fit(dataset.as_ref().unwrap(), None, &parameters)
                .unwrap()
                .ensemble;
            let explainer = Explainer::new(&ensemble).unwrap();
            for row in features.rows() {
                let walked = ensemble.contributions(row).unwrap();
                let found = explainer.contributions(&ensemble, row).unwrap();
                assert!((walked.bias - found.bias).abs() < 1e-12);
                for (a, b) in walked.columns.iter().zip(&found.columns) {
                    assert!((a - b).abs() < 1e-12, "{a} is not {b} with {leaves} leaves");
                }
            }
            assert!(explainer.contributions(&ensemble, &[0.0]).is_err());
        }
    }
}
