//! The best test of a leaf.

use super::binning::ColumnBins;
use super::histogram::Sums;
use super::parameters::{Monotone, Parameters};
use super::split_categories::best_categories;

/// Keeps quotients of empty sums finite.
const EPSILON: f64 = 1e-15;

/// Rows of a leaf as the search for a split sees them.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeafSums {
    pub(super) sums: Sums,
    pub(super) row_count: usize,
    /// Least and greatest value that constraints allow.
    pub(super) bounds: [f64; 2],
}

/// Which bins go left.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rule {
    /// Bins up to this one, and the bin of missing values where so decided.
    UpTo { bin: usize, is_missing_left: bool },
    /// These bins.
    Among(Vec<usize>),
}

/// A split that may be made.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) gain: f64,
    pub(super) column: usize,
    pub(super) rule: Rule,
    /// Sums of the left side; the rest is right.
    pub(super) left: Sums,
    /// Unscaled values of both sides.
    pub(super) values: [f64; 2],
}

impl Candidate {
    /// Tells for each bin whether it goes left.
    pub(super) fn left_bins(&self, bins: &ColumnBins) -> [bool; 256] {
        let mut is_left = [false; 256];
        match &self.rule {
            Rule::UpTo {
                bin,
                is_missing_left,
            } => {
                is_left[..=*bin].fill(true);
                if let Some(missing) = bins.missing_bin() {
                    is_left[missing] = *is_missing_left;
                }
            }
            Rule::Among(bins) => bins.iter().for_each(|&bin| is_left[bin] = true),
        }
        is_left
    }
}

/// Weighs the sides of splits of one leaf by one column.
pub(super) struct Scale<'p> {
    pub(super) parameters: &'p Parameters,
    pub(super) leaf: LeafSums,
    monotone: Monotone,
    is_constrained: bool,
    /// Rows per hessian.
    rows_per_weight: f64,
}

impl Scale<'_> {
    /// Estimates how many rows have so much hessian.
    pub(super) fn rows(&self, weight: f64) -> usize {
        (weight * self.rows_per_weight + 0.5) as usize
    }

    /// Tells whether a side is large enough to be a leaf.
    pub(super) fn is_enough(&self, weight: f64) -> bool {
        weight >= self.parameters.leaf_hessian_min
            && self.rows(weight) >= self.parameters.leaf_rows_min
    }

    /// Value of a leaf with these sums.
    pub(super) fn value(&self, [slope, weight]: Sums, lambda: f64) -> f64 {
        let value = -slope / (weight + lambda + EPSILON);
        value.clamp(self.leaf.bounds[0], self.leaf.bounds[1])
    }

    /// What both sides save; nothing for a split that breaks a constraint.
    pub(super) fn gain(&self, left: Sums, right: Sums, lambda: f64) -> f64 {
        if !self.is_constrained {
            let save = |[slope, weight]: Sums| slope * slope / (weight + lambda + EPSILON);
            return save(left) + save(right);
        }
        let values = [self.value(left, lambda), self.value(right, lambda)];
        let is_broken = match self.monotone {
            Monotone::Free => false,
            Monotone::Increasing => values[0] > values[1],
            Monotone::Decreasing => values[0] < values[1],
        };
        if is_broken {
            return f64::NEG_INFINITY;
        }
        let save = |[slope, weight]: Sums, value: f64| {
            -(2.0 * slope * value + (weight + lambda) * value * value)
        };
        save(left, values[0]) + save(right, values[1])
    }

    /// What the leaf saves as it is, and a split has to surpass.
    fn gain_before(&self) -> f64 {
        let lambda = self.parameters.lambda_l2;
        let [slope, weight] = self.leaf.sums;
        let value = self.value(self.leaf.sums, lambda);
        -(2.0 * slope * value + (weight + lambda) * value * value) + self.parameters.gain_min
    }

    /// Sums of the other side.
    pub(super) fn rest(&self, side: Sums) -> Sums {
        [self.leaf.sums[0] - side[0], self.leaf.sums[1] - side[1]]
    }
}

/// A split of one column and what both sides save by it.
pub(super) struct Best {
    pub(super) gain: f64,
    pub(super) rule: Rule,
    pub(super) left: Sums,
    pub(super) lambda: f64,
}

/// Finds the best split of a leaf by one column.
///
/// - Cost: O(bins), O(bins × log bins) for categories.
pub(super) fn best_split(
    parameters: &Parameters,
    leaf: LeafSums,
    column: usize,
    (bins, monotone): (&ColumnBins, Monotone),
    sums: &[Sums],
) -> Option<Candidate> {
    let is_free = leaf.bounds == [f64::NEG_INFINITY, f64::INFINITY];
    let scale = Scale {
        parameters,
        leaf,
        monotone,
        is_constrained: monotone != Monotone::Free || !is_free,
        rows_per_weight: leaf.row_count as f64 / (leaf.sums[1] + EPSILON),
    };
    let best = match bins {
        ColumnBins::Numerical { .. } => best_threshold(&scale, bins.missing_bin(), sums),
        ColumnBins::Categorical { .. } => best_categories(&scale, sums),
    }?;
    let gain = best.gain - scale.gain_before();
    (gain > 0.0 && gain.is_finite()).then(|| Candidate {
        gain,
        column,
        values: [
            scale.value(best.left, best.lambda),
            scale.value(scale.rest(best.left), best.lambda),
        ],
        left: best.left,
        rule: best.rule,
    })
}

/// Finds the best threshold, missing values on the better side.
fn best_threshold(scale: &Scale<'_>, missing: Option<usize>, sums: &[Sums]) -> Option<Best> {
    let value_bins = missing.unwrap_or(sums.len());
    let lambda = scale.parameters.lambda_l2;
    let (mut best_gain, mut best) = (f64::NEG_INFINITY, None);
    let mut offer = |left: Sums, right: Sums, bin: usize, is_missing_left: bool| {
        let gain = scale.gain(left, right, lambda);
        if gain > best_gain {
            best_gain = gain;
            best = Some((left, bin, is_missing_left));
        }
    };
    let mut right = [0.0; 2];
    for bin in (1..value_bins).rev() {
        right = [right[0] + sums[bin][0], right[1] + sums[bin][1]];
        let left = scale.rest(right);
        if !scale.is_enough(left[1]) {
            break;
        }
        if scale.is_enough(right[1]) {
            offer(left, right, bin - 1, true);
        }
    }
    if missing.is_some() {
        let mut left = [0.0; 2];
        for (bin, sum) in sums[..value_bins].iter().enumerate() {
            left = [left[0] + sum[0], left[1] + sum[1]];
            let right = scale.rest(left);
            if !scale.is_enough(right[1]) {
                break;
            }
            if scale.is_enough(left[1]) {
                offer(left, right, bin, false);
            }
        }
    }
    best.map(|(left, bin, is_missing_left)| Best {
        gain: best_gain,
        rule: Rule::UpTo {
            bin,
            is_missing_left,
        },
        left,
        lambda,
    })
}
