//! Models that keep the nearest items of each item.

pub mod item_cosine;
pub mod rp3beta;

pub use item_cosine::item_cosine;
pub use rp3beta::{Rp3BetaOptions, rp3beta};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::matrix::InteractionMatrix;

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

    /// Keeps the `count` most similar others of each item.
    ///
    /// `add` adds up what one item has with others, `similarity` makes one number of the item, the
    /// other and their sum; those of 0 or less are dropped.
    ///
    /// - Cost: what `add` costs, and O(others touched) for each item: none of it grows with the items
    ///   that have nothing in common.
    fn from_sums(
        item_count: usize,
        count: usize,
        add: impl Fn(usize, &mut Sums) + Sync,
        similarity: impl Fn(usize, usize, f32) -> f32 + Sync,
    ) -> Self {
        let nearest = |sums: &mut Sums, item: usize| {
            add(item, sums);
            let mut list: Vec<(u32, f32)> = sums
                .drain()
                .filter(|&(other, _)| other as usize != item)
                .map(|(other, sum)| (other, similarity(item, other as usize, sum)))
                .filter(|&(_, similarity)| similarity > 0.0)
                .collect();
            let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
            if list.len() > count {
                list.select_nth_unstable_by(count, order);
                list.truncate(count);
            }
            list.sort_unstable_by(order);
            list.shrink_to_fit();
            list
        };
        let lists = (0..item_count)
            .into_par_iter()
            .map_init(|| Sums::new(item_count), nearest)
            .collect();
        Self { lists }
    }
}

/// A sum for every item, of which few are touched; emptied at the cost of those.
struct Sums {
    values: Vec<f32>,
    is_touched: Vec<bool>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(item_count: usize) -> Self {
        Self {
            values: vec![0.0; item_count],
            is_touched: vec![false; item_count],
            touched: Vec::new(),
        }
    }

    fn add(&mut self, item: usize, amount: f32) {
        if !std::mem::replace(&mut self.is_touched[item], true) {
            self.touched.push(item as u32);
        }
        self.values[item] += amount;
    }

    /// Takes the touched items with their sums out.
    fn drain(&mut self) -> impl Iterator<Item = (u32, f32)> {
        let (values, is_touched) = (&mut self.values, &mut self.is_touched);
        self.touched.drain(..).map(|item| {
            is_touched[item as usize] = false;
            (item, std::mem::take(&mut values[item as usize]))
        })
    }
}

/// Adds `Σ_u a(u, item) · b(u, other)` over the listeners of an item to every other item.
fn add_paths(
    by_item: &InteractionMatrix,
    matrix: &InteractionMatrix,
    item: usize,
    step: impl Fn(usize, f32) -> f32,
    sums: &mut Sums,
) {
    for (row, weight) in by_item.entries(item) {
        let factor = step(row, weight);
        for (other, weight) in matrix.entries(row) {
            sums.add(other, factor * weight);
        }
    }
}
