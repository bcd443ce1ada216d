//! Metrics: numbers about what was shown and what became of it, each by a definition in a file.
//!
//! `definition.rs` reads a file, `facts.rs` keeps of the log what metrics are made of, in the `rows.rs` of each listener,
//! `attribution.rs` gives each outcome to what was shown, `evaluation.rs` adds up by listener into a `tally.rs`,
//! `interval.rs` says how sure the value is, and `registry.rs` keeps facts level with the log and recounts them. Sums are of integers, so that the order in which
//! events came cannot show.

pub mod attribution;
pub mod built_in;
pub mod definition;
pub mod evaluation;
pub mod facts;
pub mod interval;
#[cfg(test)]
mod naive;
pub mod registry;
pub mod rows;
pub mod tally;
#[cfg(test)]
mod tests;

pub use definition::{Better, MetricDefinition, Observation, VALUE_SCALE};
pub use evaluation::{Breakdown, Query};
pub use registry::{LiveMetric, MetricRegistry, RecountProgress};
pub use tally::{Evaluation, MetricValue};
