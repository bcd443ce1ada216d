//! From the offers of all sources to one order: by fixed weights, or by what a ranker has learnt.

mod columns;
mod learned;
mod listened;
mod pool;

pub use columns::{COLUMN_COUNT, ListenerFacts, column_names, fill_row, group_of, skip_rate};
pub use learned::Ranker;
pub use listened::ListenedShare;
pub use pool::{Pooled, pool};

use crate::explain::Reason;

/// A candidate with its score and what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Its index in the catalogue view.
    pub index: usize,
    /// Sum of the contributions.
    pub score: f32,
    /// The contributions, largest first.
    pub reasons: Vec<Reason>,
}

/// Orders by the weighted sum of the offers. Best first, ties by index.
pub fn blend(pool: Vec<Pooled>) -> Vec<Ranked> {
    let ranked = pool.into_iter().map(|one| Ranked {
        index: one.index,
        score: one.blended,
        reasons: one.reasons,
    });
    ranked.collect()
}
