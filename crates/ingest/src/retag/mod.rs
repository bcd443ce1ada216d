//! Writing what was measured into the tags of the owner's own files, and taking it back.

mod delta;
mod file;
mod flac;
mod journal;
mod names;
mod values;

#[cfg(test)]
mod tests;

pub use file::{KnownSound, TagChange, TagPlan, apply, plan};
pub use journal::{Journal, UndoReport, undo};
pub use names::TagName;
pub use values::{Measured, TagField, TagValues, values_of};
