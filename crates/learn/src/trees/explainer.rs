//! The parts of a score, looked up.

use super::contributions::{check_counts, contribute, mean};
use super::ensemble::Ensemble;
use super::features::Features;
use super::kernels::{Step, narrowed};
use super::tree::Tree;
use super::views::{LANES, Lane, Sight, Views, ViewsMaker};
use crate::error::{Error, Result};

/// Trees of at most so many tests are tabled: 8 make 256 cases. Larger ones are walked.
const TABLED_TESTS_MAX: usize = 8;

/// Divides scores among groups of columns as [`Ensemble::contributions`] does among columns, to single precision, for
/// small trees by looking up what was worked out once for every case.
///
/// What a tree of few tests says of a row depends on the outcome of these tests alone, so all cases
/// fit into a table. Rows are explained together, tree by tree, so that a table is read while it is near.
///
/// - Cost: making it O(trees × 2^tests × leaves × depth²) time and O(trees × 2^tests × groups of a
///   tree) memory; asking O(rows × trees × tests), 16 rows at a time.
/// - Source: the idea of Fast TreeSHAP v2, Yang 2021 (arXiv 2109.09847): work on the tree before the
///   rows come.
#[derive(Debug, Clone)]
pub struct Explainer {
    views: Views,
    tables: Vec<Option<Table>>,
    bias: f64,
    /// Group of each column.
    groups: Vec<usize>,
    group_count: usize,
}

/// The parts that one tree adds, for every outcome of its tests.
#[derive(Debug, Clone)]
struct Table {
    /// The tests; test `n` takes bit `n` away when a row goes right.
    steps: Vec<Step>,
    /// Different groups of the tests.
    groups: Vec<usize>,
    /// `[case × groups]`; bit `n` of a case is set when test `n` leads left. In single precision, because
    /// asking waits for the tables to come into the cache.
    parts: Vec<f32>,
}

impl Explainer {
    /// Works out the cases of all small trees.
    ///
    /// - Shape: `groups` is the group of each column, from 0.
    /// - Errors: [`Error::Mismatch`] unless every column has a group; [`Error::Unsupported`] as
    ///   [`Ensemble::contributions`].
    pub fn new(ensemble: &Ensemble, groups: Vec<usize>) -> Result<Self> {
        check_counts(ensemble)?;
        check_count("groups of columns", groups.len(), ensemble.column_count())?;
        let mut views = ViewsMaker::default();
        let tables = (ensemble.trees.iter())
            .map(|tree| Table::of(tree, &groups, &mut views))
            .collect();
        Ok(Self {
            views: views.finish(),
            tables,
            bias: ensemble.trees.iter().map(mean).sum(),
            group_count: groups.iter().max().map_or(0, |group| group + 1),
            groups,
        })
    }

    /// Mean score of the rows of the fit: where every score starts.
    pub fn bias(&self) -> f64 {
        self.bias
    }

    /// Number of groups: one more than the highest.
    pub fn group_count(&self) -> usize {
        self.group_count
    }

    /// Divides the scores of rows; `ensemble` must be the one this was made of.
    ///
    /// - Shape: `[rows × groups]`.
    /// - Errors: [`Error::Mismatch`] for another number of columns, or for another ensemble.
    pub fn contributions(&self, ensemble: &Ensemble, rows: Features<'_>) -> Result<Vec<f64>> {
        let width = rows.column_count();
        check_count("values in a row", width, self.groups.len())?;
        check_count("trees", ensemble.trees.len(), self.tables.len())?;
        let mut sums = vec![0.0; rows.row_count() * self.group_count];
        let mut sight = Sight::default();
        let batches = rows.values().chunks(LANES * width);
        for (rows, sums) in batches.zip(sums.chunks_mut(LANES * self.group_count)) {
            let viewed = self.views.look(rows, width, &mut sight);
            for (tree, table) in ensemble.trees.iter().zip(&self.tables) {
                match table {
                    Some(table) => table.add(viewed, self.group_count, sums),
                    None => self.walk(tree, rows, sums),
                }
            }
        }
        Ok(sums)
    }

    /// Adds what a large tree says of each row.
    fn walk(&self, tree: &Tree, rows: &[f32], sums: &mut [f64]) {
        let width = self.groups.len();
        let sums = sums.chunks_exact_mut(self.group_count);
        for (row, sums) in rows.chunks_exact(width).zip(sums) {
            let tests = tree.nodes.iter();
            let is_left = tests.map(|node| node.test.is_left(row[node.column as usize]));
            let mut columns = vec![0.0; width];
            contribute(tree, &is_left.collect::<Vec<_>>(), &mut columns);
            for (group, part) in self.groups.iter().zip(columns) {
                sums[*group] += part;
            }
        }
    }
}

fn check_count(name: &'static str, count: usize, expected: usize) -> Result<()> {
    if count == expected {
        return Ok(());
    }
    Err(Error::Mismatch {
        name,
        count,
        expected,
    })
}

impl Table {
    /// Works out all cases of a tree of few tests.
    fn of(tree: &Tree, group_of: &[usize], views: &mut ViewsMaker) -> Option<Self> {
        let tests = tree.nodes.len();
        if tests > TABLED_TESTS_MAX {
            return None;
        }
        let group = |column: usize| group_of[column];
        let mut groups: Vec<usize> = (tree.nodes.iter())
            .map(|node| group(node.column as usize))
            .collect();
        groups.sort_unstable();
        groups.dedup();
        let mut parts = vec![0.0_f32; groups.len() << tests];
        let mut columns = vec![0.0; group_of.len()];
        for case in 0..1usize << tests {
            let is_left: Vec<bool> = (0..tests).map(|at| case >> at & 1 == 1).collect();
            columns.fill(0.0);
            contribute(tree, &is_left, &mut columns);
            let parts = &mut parts[case * groups.len()..(case + 1) * groups.len()];
            for (column, part) in columns.iter().enumerate() {
                if let Ok(place) = groups.binary_search(&group(column)) {
                    parts[place] += *part as f32;
                }
            }
        }
        let steps = tree.nodes.iter().enumerate().map(|(at, node)| {
            let (view, threshold) = views.place(node.column, &node.test);
            Step {
                view,
                threshold,
                remaining: [!(1 << at), 0],
            }
        });
        Some(Self {
            steps: steps.collect(),
            groups,
            parts,
        })
    }

    fn add(&self, viewed: &[Lane], group_count: usize, sums: &mut [f64]) {
        let cases = narrowed::<0>(&self.steps, viewed);
        let mask = (1usize << self.steps.len()) - 1;
        let width = self.groups.len();
        for (case, sums) in cases.iter().zip(sums.chunks_exact_mut(group_count)) {
            let case = *case as usize & mask;
            let parts = &self.parts[case * width..(case + 1) * width];
            for (group, part) in self.groups.iter().zip(parts) {
                sums[*group] += f64::from(*part);
            }
        }
    }
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
            for groups in [vec![0, 1, 2], vec![1, 0, 1]] {
                let explainer = Explainer::new(&ensemble, groups.clone()).unwrap();
                let found = explainer.contributions(&ensemble, features).unwrap();
                let found = found.chunks_exact(explainer.group_count());
                for (row, found) in features.rows().zip(found) {
                    let walked = ensemble.contributions(row).unwrap();
                    assert!((walked.bias - explainer.bias()).abs() < 1e-12);
                    for (group, part) in found.iter().enumerate() {
                        let of_group = (groups.iter().zip(&walked.columns))
                            .filter(|(other, _)| **other == group);
                        let sum: f64 = of_group.map(|(_, part)| part).sum();
                        assert!((sum - part).abs() < 1e-6, "{leaves} leaves, {groups:?}");
                    }
                }
                let one = Features::new(&[0.0], 1).unwrap();
                assert!(explainer.contributions(&ensemble, one).is_err());
            }
            assert!(Explainer::new(&ensemble, vec![0]).is_err());
        }
    }
}
