//! Rhyme: how likely two words rhyme, the scheme of a stanza, and chains across lines.

mod chains;
mod end_word;
mod model;
mod scheme;

pub use chains::{RhymeChains, RhymeSpan, rhyme_chains};
pub use end_word::{EndWord, PAIR_FEATURE_COUNT, RhymeLevel, pair_features};
pub use model::{DecoderSettings, RhymeModel, RhymeModelError, SchemePrior};
pub use scheme::Scheme;
