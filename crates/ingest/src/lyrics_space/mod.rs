//! The lyrics embedding that a tenant's own songs teach: learned by a job, kept as one document, read when
//! lyrics are analysed, as is the encoder that stands beside it.

mod document;
mod job;
mod pages;
mod spaces;

pub use document::LearnedLyrics;
pub use job::learn_lyrics;
pub use leitmotif_analysis::lyrics::learned::{SONGS_MAX, SONGS_MIN};
pub(crate) use pages::Pages;
pub use spaces::LyricsSpaces;
pub(crate) use spaces::off_thread;

#[cfg(test)]
mod tests;
