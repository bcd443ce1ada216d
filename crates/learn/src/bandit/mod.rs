//! Choosing among a few ways to do something by what came of it, and judging ways that were not tried.
//!
//! An arm is one of the ways, a trial is one time that it was chosen, and a success is a trial that went as it should. What is
//! best may differ between segments of listeners or moments; what is known of an arm elsewhere stands in where a segment has
//! seen little. Every choice has a probability that is written down beside it, and what other rules would have reached is
//! estimated from these.

mod off_policy;
mod sample_ratio;
mod thompson;

pub use off_policy::{Estimate, Logged, estimate};
pub use sample_ratio::{SampleRatio, sample_ratio};
pub use thompson::{Counts, ThompsonOptions, shares};
