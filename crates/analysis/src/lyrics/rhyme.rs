//! Rhyme: how likely two words rhyme, the scheme of a stanza, and chains across lines.

mod chains;
mod confidence;
mod confidence_weights;
mod end_word;
mod fit;
mod model;
mod scheme;
mod spelled;

pub use chains::{ChainLimits, RhymeChains, RhymeSpan};
pub use confidence::{SCHEME_EVIDENCE_COUNT, SCHEME_TERM_COUNT, scheme_terms};
pub use end_word::{EndWord, NO_FEATURE, PAIR_FEATURE_COUNT, RhymeLevel, pair_features};
pub use fit::AnnotatedPoem;
pub use model::{DecoderSettings, RhymeModel, RhymeModelError, SchemePrior};
pub use scheme::Scheme;
pub use spelled::SpelledRime;
pub(crate) use spelled::spelled_syllable_count;
