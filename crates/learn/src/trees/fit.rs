//! Boosting: each tree corrects the sum of those before it.

use super::dataset::Dataset;
use super::ensemble::Ensemble;
use super::features::Examples;
use super::grow::{Grown, grow};
use super::objective::{Loss, check_binary, check_relevance};
use super::parameters::{Objective, Parameters};
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::random::SplitMix;
use crate::rank_metrics::graded_ndcg_at;

/// Scores this near to 0 are not worth a constant in the first tree.
const BIAS_MIN: f64 = 1e-15;

/// Keeps choices of rows and columns apart.
const COLUMN_STREAM: u64 = 0x5bd1_e995_97f4_a7c1;

/// A fitted ensemble and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The trees; after an early stop, those up to the best.
    pub ensemble: Ensemble,
    /// Loss on the validation set after each tree: 1 − NDCG, log loss or mean squared error. Empty
    /// without a validation set.
    pub validation_losses: Vec<f64>,
}

/// Fits trees to a dataset; the same for any number of threads.
///
/// - Shape: `validation`, when given, has the columns of the dataset.
/// - Errors: [`Error::InvalidOption`], [`Error::InvalidRow`] for a label that does not suit the
///   objective, [`Error::Mismatch`] for a ranking without queries or other columns in `validation`.
/// - Cost: per tree O(rows × columns × log leaves) when splits are even, on all threads of the
///   current pool; memory 24 bytes a row and 4 KiB a column and leaf at most.
/// - Source: Friedman 2001 with second-order leaf values (Chen and Guestrin 2016), grown as in
///   [Ke et al. 2017](https://papers.nips.cc/paper/6907). Departure from LightGBM: bounds of bins
///   come from other sampled rows, so that models agree in quality, not to the bit.
pub fn fit(
    dataset: &Dataset,
    validation: Option<&Examples<'_>>,
    parameters: &Parameters,
) -> Result<Fit> {
    parameters.check()?;
    let loss = Loss::new(parameters.objective, dataset)?;
    let mut judge = match validation {
        Some(examples) => Some(Judge::new(examples, dataset, parameters)?),
        None => None,
    };
    // A constant beside scores that rows start from would be another model than theirs.
    let initial = match &dataset.initial_scores {
        Some(_) => 0.0,
        None => loss.initial_score(dataset),
    };
    let mut scores = vec![initial; dataset.row_count];
    add_initial(dataset.initial_scores.as_deref(), &mut scores);
    let mut gradients = vec![[0f32; 2]; dataset.row_count];
    let mut chance = Chance::new(dataset, parameters);
    let mut trees: Vec<Tree> = Vec::new();
    for round in 0..parameters.trees {
        loss.fill(dataset, &scores, &mut gradients);
        let (rows, is_seen) = chance.draw(round);
        let grown = grow(dataset, parameters, &gradients, rows, is_seen);
        if grown.tree.nodes.is_empty() {
            if chance.is_used() {
                continue;
            }
            break;
        }
        add_scores(dataset, &grown, &mut scores);
        let mut tree = grown.tree;
        if trees.is_empty() {
            add_bias(&mut tree, initial);
        }
        trees.push(tree);
        let added = &trees[trees.len() - 1..];
        if judge.as_mut().is_some_and(|judge| judge.is_over(added)) {
            break;
        }
    }
    let validation_losses = judge.map(|judge| judge.losses).unwrap_or_default();
    if parameters.early_stopping.is_some() && !validation_losses.is_empty() {
        trees.truncate(best_of(&validation_losses) + 1);
    }
    if trees.is_empty() {
        trees.push(Tree::constant(initial, dataset.row_count as u64));
    }
    let infos = dataset.infos.clone();
    Ok(Fit {
        ensemble: Ensemble::of_fit(trees, infos, parameters.objective),
        validation_losses,
    })
}

/// Adds a tree's values to the scores of all rows, those outside the bag too.
fn add_scores(dataset: &Dataset, grown: &Grown, scores: &mut [f64]) {
    if grown.row_count() == dataset.row_count {
        grown.add_to(scores);
        return;
    }
    for (row, score) in scores.iter_mut().enumerate() {
        *score += grown.score(dataset, row);
    }
}

/// Adds what each row starts from.
fn add_initial(initial: Option<&[f32]>, scores: &mut [f64]) {
    for (score, initial) in scores.iter_mut().zip(initial.into_iter().flatten()) {
        *score += f64::from(*initial);
    }
}

/// Moves the common score of all rows into a tree.
fn add_bias(tree: &mut Tree, bias: f64) {
    if bias.abs() < BIAS_MIN {
        return;
    }
    let nodes = tree.nodes.iter_mut().map(|node| &mut node.outcome);
    for outcome in nodes.chain(&mut tree.leaves) {
        outcome.value += bias;
    }
    tree.shrinkage = 1.0;
}

/// Rows and columns that trees see.
struct Chance<'f> {
    parameters: &'f Parameters,
    row_count: usize,
    used_columns: usize,
    rows_random: SplitMix,
    columns_random: SplitMix,
    bag: Vec<u32>,
}

impl<'f> Chance<'f> {
    fn new(dataset: &Dataset, parameters: &'f Parameters) -> Self {
        Self {
            parameters,
            row_count: dataset.row_count,
            used_columns: dataset.columns.len(),
            rows_random: SplitMix::new(parameters.seed),
            columns_random: SplitMix::new(parameters.seed ^ COLUMN_STREAM),
            bag: Vec::new(),
        }
    }

    fn is_used(&self) -> bool {
        self.parameters.bagging_fraction < 1.0 || self.parameters.feature_fraction < 1.0
    }

    /// Rows and columns of a tree.
    fn draw(&mut self, round: usize) -> (Vec<u32>, Vec<bool>) {
        let share = |count: usize, fraction: f64| {
            ((count as f64 * fraction).round() as usize).clamp(count.min(1), count)
        };
        if self.parameters.bagging_fraction < 1.0 {
            if round.is_multiple_of(self.parameters.bagging_trees) {
                let chosen = share(self.row_count, self.parameters.bagging_fraction);
                self.bag = self.rows_random.choose(self.row_count, chosen);
            }
        } else if self.bag.is_empty() {
            self.bag = (0..self.row_count as u32).collect();
        }
        let mut is_seen = vec![self.parameters.feature_fraction >= 1.0; self.used_columns];
        if self.parameters.feature_fraction < 1.0 {
            let chosen = share(self.used_columns, self.parameters.feature_fraction);
            for column in self.columns_random.choose(self.used_columns, chosen) {
                is_seen[column as usize] = true;
            }
        }
        (self.bag.clone(), is_seen)
    }
}

/// Watches the loss on the validation set.
struct Judge<'v> {
    examples: Examples<'v>,
    objective: Objective,
    ndcg_at: usize,
    patience: Option<usize>,
    scores: Vec<f64>,
    losses: Vec<f64>,
}

impl<'v> Judge<'v> {
    fn new(examples: &Examples<'v>, dataset: &Dataset, parameters: &Parameters) -> Result<Self> {
        examples.check()?;
        let row_count = examples.features.row_count();
        if examples.features.column_count() != dataset.column_count {
            return Err(Error::Mismatch {
                name: "columns in the validation set",
                count: examples.features.column_count(),
                expected: dataset.column_count,
            });
        }
        match parameters.objective {
            Objective::LambdaRank { .. } => {
                check_relevance(examples.labels)?;
                if examples.group_sizes.is_empty() {
                    return Err(Error::Mismatch {
                        name: "rows in queries of the validation set",
                        count: 0,
                        expected: row_count,
                    });
                }
            }
            Objective::Binary => check_binary(examples.labels)?,
            Objective::Regression => {}
        }
        let mut scores = vec![0.0; row_count];
        add_initial(examples.initial_scores, &mut scores);
        Ok(Self {
            examples: *examples,
            objective: parameters.objective,
            ndcg_at: parameters.ndcg_at,
            patience: parameters.early_stopping,
            scores,
            losses: Vec::new(),
        })
    }

    /// Adds trees; tells whether the loss has not fallen for too long.
    fn is_over(&mut self, added: &[Tree]) -> bool {
        for (row, score) in self.examples.features.rows().zip(&mut self.scores) {
            *score += added.iter().map(|tree| tree.score(row)).sum::<f64>();
        }
        self.losses.push(self.loss());
        let waited = self.losses.len() - 1 - best_of(&self.losses);
        self.patience
            .is_some_and(|patience| waited >= patience.max(1))
    }

    fn loss(&self) -> f64 {
        let rows = self.scores.iter().zip(self.examples.labels);
        let rows = rows.map(|(&score, &label)| (score, f64::from(label)));
        let count = self.scores.len() as f64;
        match self.objective {
            Objective::Regression => {
                rows.map(|(score, label)| (score - label).powi(2))
                    .sum::<f64>()
                    / count
            }
            Objective::Binary => {
                // ln(1 + e^±score), written so that it does not overflow.
                let losses = rows.map(|(score, label)| {
                    score.max(0.0) - score * label + (-score.abs()).exp().ln_1p()
                });
                losses.sum::<f64>() / count
            }
            Objective::LambdaRank { .. } => {
                let (mut sum, mut start) = (0.0, 0);
                for &size in self.examples.group_sizes {
                    let rows = start..start + size;
                    let labels = &self.examples.labels[rows.clone()];
                    sum += graded_ndcg_at(labels, &self.scores[rows], self.ndcg_at);
                    start += size;
                }
                1.0 - sum / self.examples.group_sizes.len() as f64
            }
        }
    }
}

/// Index of the least loss, the first of equals.
fn best_of(losses: &[f64]) -> usize {
    let mut best = 0;
    for (at, loss) in losses.iter().enumerate() {
        if *loss < losses[best] {
            best = at;
        }
    }
    best
}
