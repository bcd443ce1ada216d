//! What is kept of events: states that merge and do not care for the order events came in.

pub mod counts;
pub mod edge;
pub mod sessions;
pub mod sketch;
pub mod tiles;

pub use counts::Counts;
pub use edge::{Edge, EdgeKey};
pub use sessions::Sessions;
pub use sketch::Sketch;
pub use tiles::Tiles;

/// A state that takes another of its kind in; the order of merges does not show.
pub trait Merge: Default {
    /// Takes another in.
    fn merge(&mut self, other: &Self);
}

impl Merge for i64 {
    fn merge(&mut self, other: &Self) {
        *self = self.saturating_add(*other);
    }
}
