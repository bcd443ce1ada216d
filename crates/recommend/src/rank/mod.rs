//! From the offers of all sources to one order: by fixed weights, or by what a ranker has learnt.

mod columns;
mod features;
mod learned;
mod listened;
mod pool;
mod running;

pub use columns::{
    COLUMN_COUNT, ListenerFacts, column_names, fill_row, group_of, names_with, pooled_of_row,
    skip_rate,
};
pub use features::{FeatureAsk, FeatureColumns, FeatureGone, FeatureRows, shown, views_of};
pub use learned::{LearntOrder, RankedRows, Ranker};
pub use listened::ListenedShare;
pub use pool::{Pooled, at_moment, in_order, pool, reasons, shortlist};
pub use running::RunningSession;

/// A candidate with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Its index in the catalogue view.
    pub index: usize,
    /// Sum of what sources and columns give it.
    pub score: f32,
}

/// Ranks by the weighted sum of the offers, in the order of the pool.
pub fn blend(pool: &[Pooled]) -> Vec<Ranked> {
    let ranked = pool.iter().map(|one| Ranked {
        index: one.index,
        score: one.blended,
    });
    ranked.collect()
}
