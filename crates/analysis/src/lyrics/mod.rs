//! Lyrics descriptors.

pub mod phonemes;
pub mod rhyme;
