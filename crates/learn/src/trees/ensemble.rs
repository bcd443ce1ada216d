//! Trees whose scores add up.

use super::features::Features;
use super::parameters::Objective;
use super::scorer::Scorer;
use super::tree::{Test, Tree};
use crate::error::{Error, Result};

/// A boosted ensemble of trees.
///
/// It reads and writes LightGBM's text form, see [`Ensemble::from_lightgbm`].
#[derive(Debug, Clone)]
pub struct Ensemble {
    pub(super) trees: Vec<Tree>,
    pub(super) names: Vec<String>,
    /// What the model file says about each column.
    pub(super) infos: Vec<String>,
    /// Objective as the model file names it, with its options.
    pub(super) objective: String,
    /// The trees again, laid out for speed.
    scorer: Scorer,
}

impl PartialEq for Ensemble {
    fn eq(&self, other: &Self) -> bool {
        self.trees == other.trees
            && self.names == other.names
            && self.infos == other.infos
            && self.objective == other.objective
    }
}

/// How much a column was used.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Importance {
    /// Number of tests that look at the column.
    pub split_count: usize,
    /// Sum of the gains of those tests.
    pub gain: f64,
}

impl Ensemble {
    pub(super) fn of_fit(trees: Vec<Tree>, infos: Vec<String>, objective: Objective) -> Self {
        let names = (0..infos.len()).map(|at| format!("Column_{at}")).collect();
        let objective = match objective {
            Objective::LambdaRank { .. } => "lambdarank",
            Objective::Binary => "binary sigmoid:1",
            Objective::Regression => "regression",
        };
        Self::assemble(trees, names, infos, objective.to_owned())
    }

    /// Takes valid parts: every child, column and leaf exists and is reached once.
    pub(super) fn assemble(
        trees: Vec<Tree>,
        names: Vec<String>,
        infos: Vec<String>,
        objective: String,
    ) -> Self {
        let scorer = Scorer::new(&trees);
        Self {
            trees,
            names,
            infos,
            objective,
            scorer,
        }
    }

    /// Number of trees.
    pub fn tree_count(&self) -> usize {
        self.trees.len()
    }

    /// Number of columns of a row.
    pub fn column_count(&self) -> usize {
        self.names.len()
    }

    /// Names of the columns, `Column_0` and so on unless given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The objective as LightGBM names it.
    pub fn objective(&self) -> &str {
        &self.objective
    }

    /// Names the columns.
    ///
    /// - Errors: [`Error::Mismatch`] for another number of names; [`Error::Unsupported`] for one
    ///   that a model file cannot hold: empty, or with white space or control characters.
    pub fn with_names(mut self, names: Vec<String>) -> Result<Self> {
        if names.len() != self.column_count() {
            return Err(Error::Mismatch {
                name: "names of columns",
                count: names.len(),
                expected: self.column_count(),
            });
        }
        let is_bad = |c: char| c.is_whitespace() || c.is_control();
        if let Some(bad) = names
            .iter()
            .find(|name| name.is_empty() || name.contains(is_bad))
        {
            return Err(Error::Unsupported(format!(
                "column name `{bad}`, use one without white space"
            )));
        }
        self.names = names;
        Ok(self)
    }

    /// The same over rows that hold its columns by name among others, which it does not look at.
    ///
    /// - Errors: [`Error::Unsupported`] naming a column of its own that is not among them.
    /// - Cost: O(nodes).
    pub fn over_columns(self, wanted: &[String]) -> Result<Self> {
        let mut infos = vec!["none".to_owned(); wanted.len()];
        let mut places = Vec::with_capacity(self.names.len());
        for (name, info) in self.names.iter().zip(self.infos) {
            let place = wanted.iter().position(|one| one == name);
            let place = place.ok_or_else(|| {
                Error::Unsupported(format!("column `{name}`, which does not exist here"))
            })?;
            infos[place] = info;
            places.push(place as u32);
        }
        let mut trees = self.trees;
        for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
            node.column = places[node.column as usize];
        }
        Ok(Self::assemble(
            trees,
            wanted.to_vec(),
            infos,
            self.objective,
        ))
    }

    /// Scores a row: for binary the log-odds, see [`Ensemble::probability`].
    ///
    /// - Shape: as many values as columns; NaN is missing.
    /// - Errors: [`Error::Mismatch`] for another number of values.
    /// - Cost: O(trees × depth).
    pub fn predict_row(&self, row: &[f32]) -> Result<f64> {
        if row.len() != self.column_count() {
            return Err(self.wrong_columns(row.len()));
        }
        Ok(self.trees.iter().map(|tree| tree.score(row)).sum())
    }

    /// Scores many rows, to the bit as [`Ensemble::predict_row`] does.
    ///
    /// - Shape: one score a row.
    /// - Errors: [`Error::Mismatch`] for another number of columns or scores.
    /// - Cost: O(rows × nodes) without jumps for trees of at most 64 leaves, 16 rows at a time;
    ///   O(rows × depth) for larger ones. One thread; callers split rows.
    pub fn predict_into(&self, features: Features<'_>, scores: &mut [f64]) -> Result<()> {
        if features.column_count() != self.column_count() {
            return Err(self.wrong_columns(features.column_count()));
        }
        if scores.len() != features.row_count() {
            return Err(Error::Mismatch {
                name: "places for scores",
                count: scores.len(),
                expected: features.row_count(),
            });
        }
        self.scorer.score(features, scores);
        Ok(())
    }

    /// Turns a score into a chance, 0 to 1, when the objective is binary.
    pub fn probability(&self, score: f64) -> Option<f64> {
        let mut words = self.objective.split(' ');
        if words.next() != Some("binary") {
            return None;
        }
        let sigmoid = words
            .find_map(|word| word.strip_prefix("sigmoid:")?.parse().ok())
            .unwrap_or(1.0);
        Some(1.0 / (1.0 + (-sigmoid * score).exp()))
    }

    /// Tells how much each column was used.
    pub fn importances(&self) -> Vec<Importance> {
        let mut importances = vec![Importance::default(); self.column_count()];
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            let importance = &mut importances[node.column as usize];
            importance.split_count += 1;
            importance.gain += node.gain;
        }
        importances
    }

    /// Approximate size in memory.
    pub fn memory_bytes(&self) -> usize {
        let sets: usize = (self.trees.iter().flat_map(|tree| &tree.nodes))
            .map(|node| match &node.test {
                Test::Categories { set, .. } => set.len() * 4,
                Test::Number { .. } => 0,
            })
            .sum();
        let nodes: usize = self.trees.iter().map(|tree| tree.nodes.len()).sum();
        let node_bytes = size_of::<super::tree::Node>() + size_of::<super::tree::Outcome>();
        2 * sets + nodes * node_bytes + self.scorer.memory_bytes()
    }

    fn wrong_columns(&self, count: usize) -> Error {
        Error::Mismatch {
            name: "values in a row",
            count,
            expected: self.column_count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BinOptions, Dataset, Examples, Parameters, fit};
    use super::*;

    #[test]
    fn columns_that_are_added_change_no_score() {
        let rows: Vec<f32> = (0..400).map(|at| (at * 37 % 101) as f32).collect();
        let labels: Vec<f32> = rows.chunks(2).map(|row| row[0] - row[1]).collect();
        let examples = Examples::new(Features::new(&rows, 2).unwrap(), &labels);
        let parameters = Parameters {
            objective: Objective::Regression,
            trees: 9,
            leaves: 6,
            leaf_rows_min: 5,
            ..Parameters::default()
        };
        let dataset = Dataset::new(&examples, &BinOptions::default()).unwrap();
        let fitted = fit(&dataset, None, &parameters).unwrap().ensemble;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let narrow = fitted.with_names(names(&["a", "b"])).unwrap();
        let wanted: Vec<String> = names(&["b", "new", "a"]);
        let wide = narrow.clone().over_columns(&wanted).unwrap();
        assert_eq!(wide.names(), wanted);
        for row in rows.chunks(2) {
            let widened = [row[1], f32::NAN, row[0]];
            let (one, other) = (narrow.predict_row(row), wide.predict_row(&widened));
            assert_eq!(one.unwrap().to_bits(), other.unwrap().to_bits());
        }
        let again = Ensemble::from_lightgbm(&wide.to_lightgbm()).unwrap();
        assert_eq!(again, wide, "it is stored like any other");
        let lacking = narrow.over_columns(&names(&["a", "c"])).unwrap_err();
        assert!(lacking.to_string().contains("`b`"), "{lacking}");
    }
}
