//! A text embedding learned from the songs it is for: no outside weights, any language.
//!
//! Latent semantic analysis: songs are weighted counts of words, and a song's vector is its place among the
//! directions in which songs of the corpus differ most. See `docs/adr/0020-lyrics-space-by-latent-semantic-analysis.md`.

mod corpus;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use corpus::{LyricsCorpus, SONGS_MAX};

use crate::singular::{add_scaled, leading_directions};
use corpus::Weighted;

/// Components of a vector at most. From 64 to 200 the measured quality hardly differs; 128 cost as much as
/// the space of word hashes.
pub const LEARNED_DIMENSIONS_MAX: usize = 128;
/// Different songs with words that are needed: from 30 on the learned space found the other half of a text
/// better than plain word weights did, and below it there is hardly a direction to learn.
pub const SONGS_MIN: usize = 50;
/// Words that two songs or more share, as many as are needed.
pub const WORDS_MIN: usize = 100;
/// Songs for a component: fewer describe single songs and no habit of several.
const SONGS_PER_COMPONENT: usize = 4;

/// Why nothing can be learned from a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLittle {
    /// Too few songs.
    #[error(
        "the words of {songs} different songs are too few to learn from: {SONGS_MIN} are needed"
    )]
    Songs {
        /// Songs with words, those with the same words counted once.
        songs: usize,
    },
    /// Songs enough, and yet they have too few words in common.
    #[error(
        "{words} words are shared by two songs or more, too few to learn from: {WORDS_MIN} are needed"
    )]
    Words {
        /// Words that two songs or more share.
        words: usize,
    },
    /// The words that songs share are in all of them alike.
    #[error("the songs differ in none of the words that they share: there is nothing to learn")]
    Alike,
}

/// A learned embedding: words in, a vector out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct LyricsSpace {
    /// The known words, sorted.
    words: Vec<String>,
    /// What a word weighs, 0..=1: little where it is spread over all songs.
    weights: Vec<f32>,
    /// A direction for each word, `[words × dimensions]`.
    directions: Vec<f32>,
    /// Middle of the songs that were learned from.
    middle: Vec<f32>,
}

/// A space as it is stored, before it is known to be whole.
#[derive(Deserialize)]
struct Parts {
    words: Vec<String>,
    weights: Vec<f32>,
    directions: Vec<f32>,
    middle: Vec<f32>,
}

impl TryFrom<Parts> for LyricsSpace {
    type Error = &'static str;
    fn try_from(parts: Parts) -> Result<Self, Self::Error> {
        let Parts {
            words,
            weights,
            directions,
            middle,
        } = parts;
        let is_sized = !middle.is_empty()
            && weights.len() == words.len()
            && words.len().checked_mul(middle.len()) == Some(directions.len());
        if !is_sized {
            return Err("words, weights and directions differ in number");
        }
        if !words.is_sorted() {
            return Err("the words are not sorted");
        }
        let mut values = weights.iter().chain(&directions).chain(&middle);
        if !values.all(|value| value.is_finite()) {
            return Err("a number is not finite");
        }
        Ok(Self {
            words,
            weights,
            directions,
            middle,
        })
    }
}

impl LyricsSpace {
    /// Learns from a corpus; `on_pass` hears after each pass over it how many of how many are done.
    ///
    /// - Shape: at most [`LEARNED_DIMENSIONS_MAX`] dimensions, and a quarter as many as there are songs.
    /// - Errors: [`TooLittle`] says what is missing.
    /// - Cost: O(passes × different words of all songs × dimensions) on one thread, and 1.2 kB for each word
    ///   of the vocabulary beside the corpus; `docs/measurements.md` has seconds. The same songs in the same
    ///   order give the same space.
    /// - Source: Deerwester et al., "Indexing by latent semantic analysis" (1990), with the log-entropy
    ///   weights of Dumais, "Improving the retrieval of information from external sources" (1991); songs have
    ///   length 1 before the decomposition, and the middle is taken from the vectors: it is what all songs of
    ///   a language share (as Arora et al., "A simple but tough-to-beat baseline for sentence embeddings",
    ///   2017, remove a common direction).
    pub fn learn(
        corpus: LyricsCorpus,
        on_pass: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, TooLittle> {
        if corpus.song_count() < SONGS_MIN {
            let songs = corpus.song_count();
            return Err(TooLittle::Songs { songs });
        }
        let weighted = corpus.weigh();
        if weighted.words.len() < WORDS_MIN {
            let words = weighted.words.len();
            return Err(TooLittle::Words { words });
        }
        let wanted = (weighted.songs.count() / SONGS_PER_COMPONENT).min(LEARNED_DIMENSIONS_MAX);
        let directions = leading_directions(&weighted.songs, weighted.words.len(), wanted, on_pass);
        let Weighted {
            words,
            weights,
            songs,
        } = weighted;
        let width = directions.len() / words.len();
        if width == 0 {
            return Err(TooLittle::Alike);
        }
        let mut middle = vec![0.0f64; width];
        for song in 0..songs.count() {
            let place = unit(placed(songs.row(song), &directions, width));
            for (sum, value) in middle.iter_mut().zip(place.into_iter().flatten()) {
                *sum += f64::from(value) / songs.count() as f64;
            }
        }
        Ok(Self {
            words,
            weights,
            directions,
            middle: middle.into_iter().map(|value| value as f32).collect(),
        })
    }

    /// Embeds a song; `None` when it has no word that was learned, or nothing that sets it apart.
    ///
    /// - Shape: [`Self::dimensions`] values of length 1. `words` as [`super::lyrics_words`] gives them.
    /// - Cost: O(words × (log of the vocabulary + dimensions)).
    pub fn embed<'a>(&self, words: impl Iterator<Item = &'a str>) -> Option<Vec<f32>> {
        let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
        for word in words {
            if let Ok(place) = self
                .words
                .binary_search_by(|known| known.as_str().cmp(word))
            {
                *counts.entry(place).or_default() += 1;
            }
        }
        let entries = counts.into_iter().map(|(place, count)| {
            let weight = corpus::local_weight(count) * self.weights[place];
            (place as u32, weight)
        });
        let mut place = unit(placed(entries, &self.directions, self.dimensions()))?;
        for (value, middle) in place.iter_mut().zip(&self.middle) {
            *value -= middle;
        }
        unit(place)
    }

    /// Components of a vector.
    pub fn dimensions(&self) -> usize {
        self.middle.len()
    }

    /// Words that are known.
    pub fn word_count(&self) -> usize {
        self.words.len()
    }
}

/// The sum of the directions of words by their weights.
fn placed(entries: impl Iterator<Item = (u32, f32)>, directions: &[f32], width: usize) -> Vec<f32> {
    let mut place = vec![0.0f32; width];
    for (word, weight) in entries {
        let direction = &directions[word as usize * width..][..width];
        add_scaled(&mut place, weight, direction);
    }
    place
}

/// A vector of length 1; `None` when there is no direction in it: rounding leaves lengths near 1e-7.
fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    (length > 1e-5 && length.is_finite()).then_some(vector)
}

#[cfg(test)]
mod tests;
