//! What can be chosen about a fit.

use crate::error::{Error, Result};

/// Most leaves of a tree, in a fit and in a model file.
pub(super) const LEAVES_MAX: usize = 65_536;

/// Deepest tree, in a fit and in a model file; walks over trees are recursive.
pub(super) const DEPTH_MAX: usize = 512;

/// Most trees of a model.
pub(super) const TREES_MAX: usize = 100_000;

/// What a fit makes small.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Objective {
    /// Pairs of a query in the wrong order, weighed by the NDCG they cost.
    ///
    /// - Source: Burges 2010 (LambdaMART), with LightGBM's truncation and normalisation.
    LambdaRank {
        /// Pairs count when one of them is among this many first.
        truncation: usize,
        /// Steepness of the sigmoid of score differences, above 0.
        sigmoid: f64,
        /// Evens out queries of different sizes.
        is_normalized: bool,
    },
    /// Log loss of labels 0 and 1; scores are log-odds.
    Binary,
    /// Squared error.
    Regression,
}

impl Objective {
    /// LambdaRank as LightGBM has it by default: truncation 30, sigmoid 1, normalised.
    pub const LAMBDA_RANK: Self = Self::LambdaRank {
        truncation: 30,
        sigmoid: 1.0,
        is_normalized: true,
    };
}

/// How a score may depend on a column, all others held still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Monotone {
    /// In any way.
    #[default]
    Free,
    /// More never lowers it.
    Increasing,
    /// More never raises it.
    Decreasing,
}

/// How splits of categories are found; the names and defaults are LightGBM's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CategoryOptions {
    /// Up to this many bins, one category is parted from all others.
    pub one_hot_max: usize,
    /// Most categories on the smaller side of a split of many.
    pub side_max: usize,
    /// Rows a category needs to take part, and what its hessian is smoothed by.
    pub smoothing: f64,
    /// Squared leaf values cost this much more in such splits.
    pub lambda_l2: f64,
    /// Fewest rows of neighbouring categories that are tried as a border.
    pub group_rows_min: usize,
}

impl Default for CategoryOptions {
    fn default() -> Self {
        Self {
            one_hot_max: 4,
            side_max: 32,
            smoothing: 10.0,
            lambda_l2: 10.0,
            group_rows_min: 100,
        }
    }
}

/// Hyper-parameters of [`super::fit`]; the defaults are LightGBM's.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// What to make small.
    pub objective: Objective,
    /// Most trees, 1..=100,000.
    pub trees: usize,
    /// Most leaves of a tree, 2..=65,536.
    pub leaves: usize,
    /// Deepest leaf, 1..=512.
    pub depth_max: usize,
    /// Share of each tree's values that is added, above 0 and at most 1.
    pub learning_rate: f64,
    /// Fewest rows of a leaf. Rows are estimated from their share of the hessian while a split is
    /// sought, as in LightGBM, which is exact where all hessians are equal.
    pub leaf_rows_min: usize,
    /// Least sum of hessians of a leaf, at least 0.
    pub leaf_hessian_min: f64,
    /// Cost of squared leaf values, at least 0.
    pub lambda_l2: f64,
    /// Least gain of a split, at least 0.
    pub gain_min: f64,
    /// Share of the columns that each tree sees, above 0 and at most 1.
    pub feature_fraction: f64,
    /// Share of the rows that trees see, above 0 and at most 1.
    pub bagging_fraction: f64,
    /// Trees until other rows are chosen, at least 1.
    pub bagging_trees: usize,
    /// Constraint of each column; columns beyond are free.
    pub monotone: Vec<Monotone>,
    /// Splits of categories.
    pub categories: CategoryOptions,
    /// Stops, and keeps the best trees, when this many trees have not helped on the validation set.
    pub early_stopping: Option<usize>,
    /// Place of the NDCG that early stopping looks at.
    pub ndcg_at: usize,
    /// Seed of rows and columns.
    pub seed: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            objective: Objective::LAMBDA_RANK,
            trees: 100,
            leaves: 31,
            depth_max: DEPTH_MAX,
            learning_rate: 0.1,
            leaf_rows_min: 20,
            leaf_hessian_min: 1e-3,
            lambda_l2: 0.0,
            gain_min: 0.0,
            feature_fraction: 1.0,
            bagging_fraction: 1.0,
            bagging_trees: 1,
            monotone: Vec::new(),
            categories: CategoryOptions::default(),
            early_stopping: None,
            ndcg_at: 10,
            seed: 1,
        }
    }
}

impl Parameters {
    pub(super) fn check(&self) -> Result<()> {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        let counts = [
            (
                "trees",
                self.trees,
                within(self.trees, TREES_MAX),
                "1 to 100000",
            ),
            (
                "leaves",
                self.leaves,
                self.leaves > 1 && within(self.leaves, LEAVES_MAX),
                "2 to 65536",
            ),
            (
                "depth_max",
                self.depth_max,
                within(self.depth_max, DEPTH_MAX),
                "1 to 512",
            ),
            (
                "bagging_trees",
                self.bagging_trees,
                self.bagging_trees > 0,
                "at least 1",
            ),
            ("ndcg_at", self.ndcg_at, self.ndcg_at > 0, "at least 1"),
        ];
        for (name, value, is_valid, allowed) in counts {
            require(name, value as f64, is_valid, allowed)?;
        }
        for (name, value) in [
            ("learning_rate", self.learning_rate),
            ("feature_fraction", self.feature_fraction),
            ("bagging_fraction", self.bagging_fraction),
        ] {
            require(
                name,
                value,
                value > 0.0 && value <= 1.0,
                "above 0 and at most 1",
            )?;
        }
        for (name, value) in [
            ("leaf_hessian_min", self.leaf_hessian_min),
            ("lambda_l2", self.lambda_l2),
            ("gain_min", self.gain_min),
            ("categories.smoothing", self.categories.smoothing),
            ("categories.lambda_l2", self.categories.lambda_l2),
        ] {
            let is_valid = value >= 0.0 && value.is_finite();
            require(name, value, is_valid, "at least 0 and finite")?;
        }
        if let Objective::LambdaRank { sigmoid, .. } = self.objective {
            let is_valid = sigmoid > 0.0 && sigmoid.is_finite();
            require("sigmoid", sigmoid, is_valid, "above 0 and finite")?;
        }
        Ok(())
    }

    pub(super) fn monotone_of(&self, column: usize) -> Monotone {
        self.monotone.get(column).copied().unwrap_or_default()
    }
}

fn require(name: &'static str, value: f64, is_valid: bool, allowed: &'static str) -> Result<()> {
    if is_valid {
        return Ok(());
    }
    Err(Error::InvalidOption {
        name,
        value,
        allowed,
    })
}
