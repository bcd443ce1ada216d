//! The lyrics embedding that a tenant's own songs teach: learned by a job, kept as one document, read when
//! lyrics are analysed.

mod document;
mod job;
mod spaces;

pub use document::LearnedLyrics;
pub use job::learn_lyrics;
pub use leitmotif_analysis::lyrics::learned::{SONGS_MAX, SONGS_MIN};
pub use spaces::LyricsSpaces;

#[cfg(test)]
mod tests;
