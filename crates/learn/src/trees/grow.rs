//! Growing one tree, the most gainful leaf first.

use rayon::prelude::*;

use super::binning::{ColumnBins, THRESHOLD_MAX};
use super::dataset::{BLOCK, Dataset};
use super::histogram::{Histogram, Layout};
use super::objective::Gradient;
use super::parameters::{Monotone, Parameters};
use super::split::{Candidate, LeafSums, Rule, best_split};
use super::tree::{Missing, Node, Outcome, Test, Tree};

/// Columns whose splits one task seeks; fewer cost more in hand-over than in work.
const COLUMNS_PER_TASK: usize = 8;

/// A tree with what it made of the rows it was grown on.
pub(super) struct Grown {
    pub(super) tree: Tree,
    /// Rows of the fit, leaf by leaf.
    rows: Vec<u32>,
    /// Where each leaf's rows are.
    leaf_rows: Vec<std::ops::Range<usize>>,
    /// For each node its used column and which bins go left.
    tests: Vec<(usize, [bool; 256])>,
}

impl Grown {
    /// Adds the values of the leaves to the scores of the rows the tree was grown on.
    pub(super) fn add_to(&self, scores: &mut [f64]) {
        for (leaf, rows) in self.tree.leaves.iter().zip(&self.leaf_rows) {
            for &row in &self.rows[rows.clone()] {
                scores[row as usize] += leaf.value;
            }
        }
    }

    /// Number of rows the tree was grown on.
    pub(super) fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Score that the tree adds to a row of the dataset, in the fit or not.
    pub(super) fn score(&self, dataset: &Dataset, row: usize) -> f64 {
        let mut at = if self.tree.nodes.is_empty() { !0 } else { 0 };
        while at >= 0 {
            let (column, is_left) = &self.tests[at as usize];
            let node = &self.tree.nodes[at as usize];
            at = match is_left[dataset.bin(row, *column) as usize] {
                true => node.left,
                false => node.right,
            };
        }
        self.tree.leaves[!at as usize].value
    }
}

/// A leaf that may still be split.
struct Leaf {
    rows: std::ops::Range<usize>,
    sums: LeafSums,
    depth: usize,
    /// Where the tree points at it: a node, and whether as the left child.
    parent: Option<(usize, bool)>,
    value: f64,
    histogram: Option<Histogram>,
    best: Option<Candidate>,
}

struct Grower<'f> {
    dataset: &'f Dataset,
    parameters: &'f Parameters,
    gradients: &'f [Gradient],
    layout: Layout,
    rows: Vec<u32>,
    spill: Vec<u32>,
    leaves: Vec<Leaf>,
    nodes: Vec<Node>,
    tests: Vec<(usize, [bool; 256])>,
}

/// Grows a tree on some rows and columns of a dataset.
///
/// - Cost: O(rows × columns × depth) at worst; histograms of both children of a split cost one
///   pass over the rows of the smaller. Memory: a histogram a leaf.
/// - Source: Ke et al. 2017 (LightGBM): leaf-wise growth on histograms.
pub(super) fn grow(
    dataset: &Dataset,
    parameters: &Parameters,
    gradients: &[Gradient],
    rows: Vec<u32>,
    is_seen: Vec<bool>,
) -> Grown {
    let mut grower = Grower {
        dataset,
        parameters,
        gradients,
        layout: Layout::new(dataset, is_seen),
        spill: vec![0; rows.len()],
        leaves: Vec::new(),
        nodes: Vec::new(),
        tests: Vec::new(),
        rows,
    };
    grower.plant();
    while grower.leaves.len() < parameters.leaves {
        let Some(leaf) = grower.most_gainful() else {
            break;
        };
        grower.split(leaf);
    }
    grower.finish()
}

impl Grower<'_> {
    fn plant(&mut self) {
        let mut sums = [0.0; 2];
        for &row in &self.rows {
            let gradient = self.gradients[row as usize].map(f64::from);
            sums = [sums[0] + gradient[0], sums[1] + gradient[1]];
        }
        let leaf_sums = LeafSums {
            sums,
            row_count: self.rows.len(),
            bounds: [f64::NEG_INFINITY, f64::INFINITY],
        };
        self.leaves.push(Leaf {
            rows: 0..self.rows.len(),
            sums: leaf_sums,
            depth: 0,
            parent: None,
            value: 0.0,
            histogram: None,
            best: None,
        });
        if self.may_split(0) {
            self.leaves[0].histogram = Some(self.histogram_of(0));
            self.seek(0);
        }
    }

    /// The leaf with the greatest gain, the earlier of equals.
    fn most_gainful(&self) -> Option<usize> {
        let gains = self.leaves.iter().enumerate();
        gains
            .filter_map(|(at, leaf)| leaf.best.as_ref().map(|best| (at, best.gain)))
            .fold(None, |most: Option<(usize, f64)>, next| match most {
                Some(most) if most.1 >= next.1 => Some(most),
                _ => Some(next),
            })
            .map(|(at, _)| at)
    }

    fn may_split(&self, leaf: usize) -> bool {
        let leaf = &self.leaves[leaf];
        leaf.depth < self.parameters.depth_max
            && leaf.sums.row_count >= 2 * self.parameters.leaf_rows_min.max(1)
    }

    fn histogram_of(&self, leaf: usize) -> Histogram {
        let rows = &self.rows[self.leaves[leaf].rows.clone()];
        Histogram::of_rows(self.dataset, &self.layout, rows, self.gradients)
    }

    /// Finds the best split of a leaf whose histogram is known.
    fn seek(&mut self, at: usize) {
        let leaf = &self.leaves[at];
        let Some(histogram) = &leaf.histogram else {
            return;
        };
        let seek_column = |column: usize| {
            let bins = &self.dataset.columns[column];
            let monotone = self.parameters.monotone_of(self.dataset.used[column]);
            let sums = histogram.column(&self.layout, column);
            best_split(self.parameters, leaf.sums, column, (bins, monotone), sums)
        };
        let columns: Vec<usize> = (0..self.dataset.columns.len())
            .filter(|&column| self.layout.is_seen(column))
            .collect();
        let candidates: Vec<Option<Candidate>> = (columns.par_iter())
            .with_min_len(COLUMNS_PER_TASK)
            .map(|&column| seek_column(column))
            .collect();
        let best = candidates
            .into_iter()
            .flatten()
            .reduce(|best, next| if next.gain > best.gain { next } else { best });
        self.leaves[at].best = best;
    }

    fn split(&mut self, at: usize) {
        let Some(best) = self.leaves[at].best.take() else {
            return;
        };
        let bins = &self.dataset.columns[best.column];
        let is_left = best.left_bins(bins);
        let rows = self.leaves[at].rows.clone();
        let left_count = self.partition(rows.clone(), best.column, &is_left);
        if left_count == 0 || left_count == rows.len() {
            // Rounding promised rows that are not there: the leaf stays as it is.
            self.leaves[at].histogram = None;
            return;
        }
        self.push_node(at, &best);
        self.tests.push((best.column, is_left));
        self.push_children(at, &best, rows.start + left_count);
        let right = self.leaves.len() - 1;
        if self.leaves.len() >= self.parameters.leaves {
            return;
        }
        self.hand_down(at, right);
        for child in [at, right] {
            if self.may_split(child) {
                self.seek(child);
            } else {
                self.leaves[child].histogram = None;
            }
        }
    }

    /// Moves the rows that go left before the others, each part in its order.
    fn partition(
        &mut self,
        range: std::ops::Range<usize>,
        column: usize,
        is_left: &[bool; 256],
    ) -> usize {
        let bins = &self.dataset.blocks[column / BLOCK];
        let lane = column % BLOCK;
        let rows = &mut self.rows[range];
        let spill = &mut self.spill[..rows.len()];
        let (mut left, mut right) = (0, 0);
        for at in 0..rows.len() {
            let row = rows[at];
            let goes_left = usize::from(is_left[bins[row as usize][lane] as usize]);
            // Both are written and one of them kept, which needs no jump.
            rows[left] = row;
            spill[right] = row;
            left += goes_left;
            right += 1 - goes_left;
        }
        rows[left..].copy_from_slice(&spill[..right]);
        left
    }

    fn push_node(&mut self, at: usize, best: &Candidate) {
        let leaf = &self.leaves[at];
        let node = self.nodes.len();
        if let Some((parent, is_left)) = leaf.parent {
            let parent = &mut self.nodes[parent];
            let child = if is_left {
                &mut parent.left
            } else {
                &mut parent.right
            };
            *child = node as i32;
        }
        self.nodes.push(Node {
            column: self.dataset.used[best.column] as u32,
            test: test_of(&self.dataset.columns[best.column], &best.rule),
            left: !(at as i32),
            right: !(self.leaves.len() as i32),
            gain: best.gain,
            outcome: Outcome {
                value: leaf.value * self.parameters.learning_rate,
                weight: leaf.sums.sums[1],
                count: leaf.rows.len() as u64,
            },
        });
    }

    /// Makes the leaf its left child and adds the right one.
    fn push_children(&mut self, at: usize, best: &Candidate, middle: usize) {
        let node = self.nodes.len() - 1;
        let monotone = self.parameters.monotone_of(self.dataset.used[best.column]);
        let leaf = &mut self.leaves[at];
        let (mut left_bounds, mut right_bounds) = (leaf.sums.bounds, leaf.sums.bounds);
        let between = best.values[0].midpoint(best.values[1]);
        match monotone {
            Monotone::Free => {}
            Monotone::Increasing => (left_bounds[1], right_bounds[0]) = (between, between),
            Monotone::Decreasing => (left_bounds[0], right_bounds[1]) = (between, between),
        }
        let total = leaf.sums.sums;
        let right = Leaf {
            rows: middle..leaf.rows.end,
            sums: LeafSums {
                sums: [total[0] - best.left[0], total[1] - best.left[1]],
                row_count: leaf.rows.end - middle,
                bounds: right_bounds,
            },
            depth: leaf.depth + 1,
            parent: Some((node, false)),
            value: best.values[1],
            histogram: None,
            best: None,
        };
        leaf.rows.end = middle;
        leaf.sums = LeafSums {
            sums: best.left,
            row_count: leaf.rows.len(),
            bounds: left_bounds,
        };
        leaf.depth += 1;
        leaf.parent = Some((node, true));
        leaf.value = best.values[0];
        self.leaves.push(right);
    }

    /// Makes the histograms of both children: one from its rows, the other by subtraction.
    fn hand_down(&mut self, left: usize, right: usize) {
        let Some(mut parent) = self.leaves[left].histogram.take() else {
            return;
        };
        if !self.may_split(left) && !self.may_split(right) {
            return;
        }
        let is_left_smaller = self.leaves[left].rows.len() < self.leaves[right].rows.len();
        let (smaller, larger) = match is_left_smaller {
            true => (left, right),
            false => (right, left),
        };
        let histogram = self.histogram_of(smaller);
        parent.subtract(&histogram);
        self.leaves[smaller].histogram = Some(histogram);
        self.leaves[larger].histogram = Some(parent);
    }

    fn finish(self) -> Grown {
        let leaves = self.leaves.iter().map(|leaf| Outcome {
            value: leaf.value * self.parameters.learning_rate,
            weight: leaf.sums.sums[1],
            count: leaf.rows.len() as u64,
        });
        let tree = Tree {
            nodes: self.nodes,
            leaves: leaves.collect(),
            shrinkage: self.parameters.learning_rate,
        };
        Grown {
            tree,
            rows: self.rows,
            leaf_rows: self.leaves.into_iter().map(|leaf| leaf.rows).collect(),
            tests: self.tests,
        }
    }
}

/// Says a rule about bins in terms of values.
fn test_of(bins: &ColumnBins, rule: &Rule) -> Test {
    match (bins, rule) {
        (
            ColumnBins::Numerical {
                bounds,
                has_missing,
            },
            Rule::UpTo {
                bin,
                is_missing_left,
            },
        ) => Test::Number {
            // The last bin has no bound: the split parts numbers from missing values.
            threshold: (bounds.get(*bin).copied().unwrap_or(f64::INFINITY))
                .clamp(-THRESHOLD_MAX, THRESHOLD_MAX),
            missing: if *has_missing {
                Missing::Nan
            } else {
                Missing::None
            },
            is_missing_left: *is_missing_left,
        },
        (ColumnBins::Categorical { categories }, Rule::Among(among)) => {
            let members = || among.iter().map(|&bin| categories[bin - 1] as usize);
            let word_count = members().max().map_or(0, |most| most / 32 + 1);
            let mut set = vec![0u32; word_count];
            members().for_each(|category| set[category / 32] |= 1 << (category % 32));
            Test::Categories {
                set,
                missing: Missing::Nan,
            }
        }
        _ => unreachable!("rules are made from the bins of the same column"),
    }
}
