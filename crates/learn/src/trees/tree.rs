//! One tree: tests that lead to a leaf.

use super::binning::{ZERO, category_of};

/// What a missing value is at a test; in the order of LightGBM's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing: NaN counts as 0.
    None,
    /// Zero and NaN.
    Zero,
    /// NaN.
    Nan,
}

/// Decides between left and right.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// Left up to the threshold.
    Number {
        threshold: f64,
        missing: Missing,
        is_missing_left: bool,
    },
    /// Left when the bit of the category is set; 32 categories a word.
    Categories { set: Vec<u32>, missing: Missing },
}

/// An inner node. Children from 0 are nodes, negative ones are `!leaf`, as in LightGBM's files.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) column: u32,
    pub(super) test: Test,
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) gain: f64,
    pub(super) outcome: Outcome,
}

/// What the rows that reach a place amount to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Outcome {
    pub(super) value: f64,
    /// Sum of hessians.
    pub(super) weight: f64,
    /// Number of rows in the fit.
    pub(super) count: u64,
}

/// A tree; its first node, if it has any, is the root.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// One leaf more than nodes.
    pub(super) leaves: Vec<Outcome>,
    pub(super) shrinkage: f64,
}

impl Test {
    /// Tells whether a value goes left.
    pub(super) fn is_left(&self, value: f32) -> bool {
        match self {
            Self::Number {
                threshold,
                missing,
                is_missing_left,
            } => {
                let is_missing = match missing {
                    Missing::None => false,
                    Missing::Zero => value.is_nan() || value.abs() <= ZERO,
                    Missing::Nan => value.is_nan(),
                };
                if is_missing {
                    return *is_missing_left;
                }
                let value = if value.is_nan() { 0.0 } else { value };
                f64::from(value) <= *threshold
            }
            Self::Categories { set, .. } => category_of(value).is_some_and(|category| {
                let word = set.get(category as usize / 32).copied().unwrap_or(0);
                word >> (category % 32) & 1 == 1
            }),
        }
    }
}

impl Tree {
    /// A tree that says the same of every row.
    pub(super) fn constant(value: f64, count: u64) -> Self {
        let leaf = Outcome {
            value,
            weight: 0.0,
            count,
        };
        Self {
            nodes: Vec::new(),
            leaves: vec![leaf],
            shrinkage: 1.0,
        }
    }

    /// Index of the leaf a row comes to.
    pub(super) fn leaf_of(&self, row: &[f32]) -> usize {
        let mut at = if self.nodes.is_empty() { !0 } else { 0 };
        while at >= 0 {
            let node = &self.nodes[at as usize];
            at = if node.test.is_left(row[node.column as usize]) {
                node.left
            } else {
                node.right
            };
        }
        !at as usize
    }

    /// Score that the tree adds to a row.
    pub(super) fn score(&self, row: &[f32]) -> f64 {
        self.leaves[self.leaf_of(row)].value
    }

    /// Outcome of a node or leaf by its child number.
    pub(super) fn outcome(&self, child: i32) -> Outcome {
        if child >= 0 {
            self.nodes[child as usize].outcome
        } else {
            self.leaves[!child as usize]
        }
    }
}
