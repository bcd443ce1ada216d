//! Models that keep the nearest items of each item.

pub mod item_cosine;
pub mod rp3beta;

pub use item_cosine::item_cosine;
pub use rp3beta::{Rp3BetaOptions, rp3beta};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::matrix::InteractionMatrix;
use crate::top_k::top_k;

/// The nearest items of each item with their similarity, nearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemNeighbours {
    lists: Vec<Vec<(u32, f32)>>,
}

impl ItemNeighbours {
    /// Takes lists made elsewhere, such as nearest neighbours in an embedding space.
    ///
    /// - Errors: [`Error::OutOfRange`] for a neighbour that is no item, [`Error::NotFinite`] for a
    ///   similarity.
    pub fn from_lists(lists: Vec<Vec<(u32, f32)>>) -> Result<Self> {
        let count = lists.len();
        for (row, list) in lists.iter().enumerate() {
            for &(neighbour, similarity) in list {
                let index = neighbour as usize;
                if index >= count {
                    return Err(Error::OutOfRange {
                        axis: "item",
                        index,
                        count,
                    });
                }
                if !similarity.is_finite() {
                    return Err(Error::NotFinite { row, column: index });
                }
            }
        }
        Ok(Self { lists })
    }

    /// The lists of all items, in their order.
    pub fn lists(&self) -> &[Vec<(u32, f32)>] {
        &self.lists
    }

    /// Number of items.
    pub fn item_count(&self) -> usize {
        self.lists.len()
    }

    /// Returns the neighbours of an item, nearest first, ties by lower item.
    pub fn of(&self, item: usize) -> &[(u32, f32)] {
        self.lists.get(item).map_or(&[], Vec::as_slice)
    }

    /// Scores every item by the weighted similarity to a listener's items.
    ///
    /// Items outside the model are passed over: they have no neighbours.
    ///
    /// - Cost: O(entries × neighbours + items).
    pub fn score(&self, entries: &[(usize, f32)]) -> Vec<f32> {
        let mut scores = vec![0.0; self.lists.len()];
        for &(item, weight) in entries {
            for &(neighbour, similarity) in self.of(item) {
                scores[neighbour as usize] += weight * similarity;
            }
        }
        scores
    }

    /// Keeps the `count` most similar others of each item, given all similarities of one item.
    ///
    /// `fill` adds into a zeroed slice of all items; similarities of 0 or less are dropped.
    fn from_rows(item_count: usize, count: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let lists = (0..item_count)
            .into_par_iter()
            .map_init(
                || vec![0f32; item_count],
                |similarities, item| {
                    similarities.fill(0.0);
                    fill(item, similarities);
                    similarities[item] = 0.0;
                    let candidates: Vec<u32> = (0..item_count as u32)
                        .filter(|&other| similarities[other as usize] > 0.0)
                        .collect();
                    let values: Vec<f32> = (candidates.iter())
                        .map(|&other| similarities[other as usize])
                        .collect();
                    (top_k(&values, count).into_iter())
                        .map(|at| (candidates[at], values[at]))
                        .collect()
                },
            )
            .collect();
        Self { lists }
    }
}

/// Adds `Σ_u a(u, item) · b(u, other)` over the listeners of an item to every other item.
fn add_paths(
    by_item: &InteractionMatrix,
    matrix: &InteractionMatrix,
    item: usize,
    step: impl Fn(usize, f32) -> f32,
    sums: &mut [f32],
) {
    for (row, weight) in by_item.entries(item) {
        let factor = step(row, weight);
        for (other, weight) in matrix.entries(row) {
            sums[other] += factor * weight;
        }
    }
}
