//! Russian by rule: where words may be stressed, how they then sound, and which of them rhyme.
//!
//! No pronouncing dictionary of Russian is built in. What spelling and grammar tell is told, and what they
//! leave open stays open: a word keeps every place that its stress may have, with a weight.

mod rime;
mod sounds;
mod stress;
mod stressed_words;

pub use rime::RussianEnd;
pub use sounds::{Sound, transcribe};
pub use stress::{StressCandidate, StressCandidates};
