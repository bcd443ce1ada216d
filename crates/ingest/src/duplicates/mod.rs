//! Recordings that are in the catalogue more than once. They are grouped and shown, never merged.

mod groups;
mod job;
mod store;

pub use groups::{DuplicateGroup, DuplicateTrack};
pub use job::DuplicatesRunner;
pub use store::{Decision, DuplicateReport, decide, read_report};
