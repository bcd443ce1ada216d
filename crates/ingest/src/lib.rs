//! Music on its way in: files and tables become tracks, tracks become analyses.

pub mod accuracy;
pub mod audit;
pub mod catalogue;
pub mod clashes;
pub mod duplicates;
pub mod error;
pub mod imports;
pub mod jobs;
pub mod listens;
pub mod lyrics_encoder;
pub mod lyrics_space;
pub mod plugins;
pub mod retag;
#[cfg(test)]
mod testing;
pub mod tracks;
pub mod verse;
pub mod words_query;

pub use catalogue::Catalogue;
pub use error::Error;
