//! Sparse sums over all items, cleared in the time of what was touched.

use crate::top_k::top_k;

/// Adds up scores of few of many items; reused from one query to the next.
///
/// - Shape: one slot an item.
/// - Cost: adding is O(1); reading and clearing are O(touched).
#[derive(Debug, Clone, Default)]
pub struct ScoreBoard {
    sums: Vec<f32>,
    touched: Vec<u32>,
}

impl ScoreBoard {
    /// Makes an empty board of `item_count` slots.
    pub fn new(item_count: usize) -> Self {
        Self {
            sums: vec![0.0; item_count],
            touched: Vec::new(),
        }
    }

    /// Adds a positive amount to an item; anything else, and a stranger, is passed over.
    pub fn add(&mut self, item: u32, amount: f32) {
        let Some(sum) = self.sums.get_mut(item as usize) else {
            return;
        };
        if amount > 0.0 {
            if *sum == 0.0 {
                self.touched.push(item);
            }
            *sum += amount;
        }
    }

    /// Takes the `k` highest sums, best first, ties by lower item, and clears the board.
    pub fn take_top(&mut self, k: usize) -> Vec<(u32, f32)> {
        self.touched.sort_unstable();
        let sums: Vec<f32> = (self.touched.iter())
            .map(|&item| self.sums[item as usize])
            .collect();
        let best = (top_k(&sums, k).into_iter())
            .map(|at| (self.touched[at], sums[at]))
            .collect();
        self.clear();
        best
    }

    fn clear(&mut self) {
        for &item in &self.touched {
            self.sums[item as usize] = 0.0;
        }
        self.touched.clear();
    }
}
