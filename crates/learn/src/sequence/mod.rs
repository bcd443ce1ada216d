//! Models of what comes next in a session.
//!
//! A session is the items somebody played in one sitting, oldest first. Both models answer for the
//! running session alone, so that they serve a listener nobody has seen before, and both learn from
//! one finished session at a time as well as from a whole log.

mod board;
mod neighbours;
mod rules;

pub use board::ScoreBoard;
pub use neighbours::{SessionNeighbours, SessionNeighboursOptions};
pub use rules::{SequentialRules, SequentialRulesOptions};

use crate::error::{Error, Result};

/// Refuses an item that the model has no place for.
fn check_item(item: u32, item_count: usize) -> Result<()> {
    if (item as usize) < item_count {
        return Ok(());
    }
    Err(Error::OutOfRange {
        axis: "item",
        index: item as usize,
        count: item_count,
    })
}

/// Refuses a weight or decay outside 0 to 1.
fn check_share(name: &'static str, value: f32) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::InvalidOption {
        name,
        value: f64::from(value),
        allowed: "0 to 1",
    })
}
