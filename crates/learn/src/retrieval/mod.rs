//! Finding documents by words: an inverted index of a few weighted fields, tolerant of typing
//! mistakes, and the blend that orders what several ways of finding agree and disagree on.
//!
//! [`TextIndex`] is made for catalogues: short fields (title, artist, release, genres) that are kept
//! whole, and one long one (lyrics) of which only counts are kept. It is updated in place.

mod assemble;
mod blend;
mod descriptor_words;
mod edit_distance;
mod expand;
mod features;
mod fold;
mod index;
mod postings;
mod search;
mod vocabulary;

pub use assemble::assemble;
pub use blend::{Blend, BlendQuery, LEG_NAMES, LegScores};
pub use descriptor_words::{DescriptorWord, DescriptorWords, KeyName};
pub use edit_distance::edit_distance_within;
pub use expand::{QueryOptions, TextQuery};
pub use fold::{Token, fold_word, tokenize};
pub use index::{TextDocument, TextIndex};
pub use search::{SearchScratch, TextHit};

#[cfg(test)]
mod tests;
