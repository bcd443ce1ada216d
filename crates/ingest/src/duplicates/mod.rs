//! Recordings that are in the catalogue more than once. They are grouped and shown, never merged.

mod groups;
mod job;
mod shared;

pub use job::DuplicatesRunner;
