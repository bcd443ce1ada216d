//! Gradients that push apart pairs of a query by the NDCG their order costs.

use rayon::prelude::*;

use super::dataset::Dataset;
use super::objective::Gradient;
use crate::rank_metrics::{discount, ideal_gain};

/// Keeps pairs with equal scores from counting without bound; from LightGBM.
const SCORE_DISTANCE_MIN: f64 = 0.01;

/// Burges' lambdas on a dataset.
///
/// - Source: Burges 2010, section 7, with LightGBM's rules: pairs count when one row is among the
///   first `truncation`, a pair's weight is divided by 0.01 + its score distance, and the lambdas
///   of a query are scaled by `log₂(1 + Σ) / Σ`. Departure: rows whose scores agree in single
///   precision are in the order of the data.
pub(super) struct LambdaRank {
    truncation: usize,
    sigmoid: f64,
    is_normalized: bool,
    /// One over the best DCG of each query within the truncation; 0 when nothing is relevant.
    inverse_ideals: Vec<f64>,
    /// Discount of each rank, as far as the longest query.
    discounts: Vec<f64>,
}

impl LambdaRank {
    pub(super) fn new(
        dataset: &Dataset,
        truncation: usize,
        sigmoid: f64,
        is_normalized: bool,
    ) -> Self {
        let groups = || dataset.group_bounds.windows(2);
        let inverse_ideals = groups()
            .map(|pair| {
                let ideal = ideal_gain(&dataset.labels[pair[0]..pair[1]], truncation);
                if ideal > 0.0 { 1.0 / ideal } else { 0.0 }
            })
            .collect();
        let longest = groups().map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        Self {
            truncation,
            sigmoid,
            is_normalized,
            inverse_ideals,
            discounts: (0..longest).map(discount).collect(),
        }
    }

    /// Computes the gradients of all queries.
    pub(super) fn fill(&self, dataset: &Dataset, scores: &[f64], gradients: &mut [Gradient]) {
        let mut rest = gradients;
        let mut queries = Vec::with_capacity(self.inverse_ideals.len());
        for (pair, &inverse_ideal) in dataset.group_bounds.windows(2).zip(&self.inverse_ideals) {
            let (mine, others) = rest.split_at_mut(pair[1] - pair[0]);
            queries.push((pair[0], inverse_ideal, mine));
            rest = others;
        }
        queries.into_par_iter().with_min_len(32).for_each_init(
            Scratch::default,
            |scratch, (start, inverse_ideal, gradients)| {
                let rows = start..start + gradients.len();
                let query = Query {
                    labels: &dataset.labels[rows.clone()],
                    scores: &scores[rows.clone()],
                    inverse_propensities: (dataset.inverse_propensities.as_deref())
                        .map(|all| &all[rows]),
                    inverse_ideal,
                };
                self.fill_query(&query, scratch, gradients);
            },
        );
    }

    fn fill_query(&self, query: &Query<'_>, scratch: &mut Scratch, gradients: &mut [Gradient]) {
        gradients.fill([0.0; 2]);
        if query.inverse_ideal == 0.0 {
            return;
        }
        scratch.rank(query);
        let count = query.scores.len();
        let (first, last) = (scratch.scores[0], scratch.scores[count - 1]);
        let is_distance_weighed = self.is_normalized && first != last;
        let mut total = 0.0;
        for high in 0..self.truncation.min(count) {
            for low in high + 1..count {
                if scratch.labels[high] != scratch.labels[low] {
                    total += self.push_apart(query, scratch, [high, low], is_distance_weighed);
                }
            }
        }
        let scale = if self.is_normalized && total > 0.0 {
            (1.0 + total).log2() / total
        } else {
            1.0
        };
        for (&row, sums) in scratch.order.iter().zip(&scratch.sums) {
            gradients[row as usize] = sums.map(|sum| (sum * scale) as f32);
        }
    }

    /// Adds the lambdas of a pair of ranks; returns how much both were pushed, before propensities:
    /// evening out queries must not undo them.
    fn push_apart(
        &self,
        query: &Query<'_>,
        scratch: &mut Scratch,
        ranks: [usize; 2],
        is_distance_weighed: bool,
    ) -> f64 {
        let [mut better, mut worse] = ranks;
        if scratch.labels[better] < scratch.labels[worse] {
            (better, worse) = (worse, better);
        }
        let distance = scratch.scores[better] - scratch.scores[worse];
        let gain = scratch.gains[better] - scratch.gains[worse];
        let discount = (self.discounts[better] - self.discounts[worse]).abs();
        let mut cost = gain * discount * query.inverse_ideal;
        if is_distance_weighed {
            cost /= SCORE_DISTANCE_MIN + distance.abs();
        }
        let chance = 1.0 / (1.0 + (self.sigmoid * distance).exp());
        let push = self.sigmoid * cost * chance;
        let scale = match query.inverse_propensities {
            Some(all) => f64::from(all[scratch.order[better] as usize]),
            None => 1.0,
        };
        let lambda = scale * push;
        let curvature = self.sigmoid * lambda * (1.0 - chance);
        scratch.sums[better][0] -= lambda;
        scratch.sums[worse][0] += lambda;
        scratch.sums[better][1] += curvature;
        scratch.sums[worse][1] += curvature;
        2.0 * push
    }
}

struct Query<'d> {
    labels: &'d [f32],
    scores: &'d [f64],
    inverse_propensities: Option<&'d [f32]>,
    inverse_ideal: f64,
}

/// A query in the order of its scores, best first.
#[derive(Default)]
struct Scratch {
    keys: Vec<u64>,
    order: Vec<u32>,
    scores: Vec<f64>,
    labels: Vec<f32>,
    gains: Vec<f64>,
    sums: Vec<[f64; 2]>,
}

impl Scratch {
    /// Sorts by falling score, ties by row: one integer a row, which sorts without jumps.
    fn rank(&mut self, query: &Query<'_>) {
        self.keys.clear();
        self.keys
            .extend((query.scores.iter().zip(0u64..)).map(|(&score, row)| {
                let bits = (score as f32).to_bits();
                let ascending = if bits >> 31 == 1 {
                    !bits
                } else {
                    bits | 1 << 31
                };
                u64::from(!ascending) << 32 | row
            }));
        self.keys.sort_unstable();
        self.order.clear();
        self.order.extend(self.keys.iter().map(|&key| key as u32));
        let by_rank = || self.order.iter().map(|&row| row as usize);
        self.scores.clear();
        self.scores.extend(by_rank().map(|row| query.scores[row]));
        self.labels.clear();
        self.labels.extend(by_rank().map(|row| query.labels[row]));
        self.gains.clear();
        self.gains.extend(
            self.labels
                .iter()
                .map(|&label| f64::from(label).exp2() - 1.0),
        );
        self.sums.clear();
        self.sums.resize(query.scores.len(), [0.0; 2]);
    }
}
