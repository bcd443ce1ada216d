//! Lists that teach: a little chance in what is shown, with exact probabilities, and what a position
//! alone does to the attention of listeners.

mod examination;
mod policy;

pub use examination::{Examination, SWAPS_MIN, ShownPair, SwapCounts, TooFewSwaps};
pub use policy::{ExplorationOptions, Explored, ExploredPair, Listed, Policy, Slot};
