//! Songs as counts of words, and as weights.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

use crate::singular::SparseRows;

/// Songs learned from at most; more hardly move a direction.
pub const SONGS_MAX: usize = 100_000;
/// Different words of a song that count, its first: the longest raps have some 1,500.
const WORDS_PER_SONG_MAX: usize = 2_000;
/// Entries kept at most, a song and one of its words each: 240 MB, enough for 57,000 songs thrice over.
const ENTRIES_MAX: usize = 40_000_000;
/// Different words that are counted at most; a million songs in a language have about as many.
const WORDS_SEEN_MAX: usize = 2_000_000;
/// Words that get a direction: those of most songs. Rarer ones are names and spellings.
const VOCABULARY_MAX: usize = 30_000;
/// Songs that a word must be in, or it tells of no likeness.
const SONGS_PER_WORD_MIN: u32 = 2;

/// The words of songs, counted.
///
/// - Bounds: [`SONGS_MAX`] songs, the first 2,000 different words of each, 2,000,000 words in all; what
///   comes beyond is not counted. Songs with the very same counts are one song: copies would make a
///   direction of their own.
/// - Cost: 6 bytes for each different word of each song.
#[derive(Debug, Default)]
pub struct LyricsCorpus {
    ids: HashMap<Box<str>, u32>,
    songs_of_word: Vec<u32>,
    entries: Vec<u32>,
    counts: Vec<u16>,
    ends: Vec<usize>,
    seen: HashSet<u64>,
}

impl LyricsCorpus {
    /// Counts the words of a song; one without words is no song.
    pub fn add<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        if self.is_full() {
            return;
        }
        let mut counts: HashMap<u32, u16> = HashMap::new();
        let mut order = Vec::new();
        for word in words {
            let Some(id) = self.id_of(word) else {
                continue;
            };
            let has_room = counts.len() < WORDS_PER_SONG_MAX;
            match counts.get_mut(&id) {
                Some(count) => *count = count.saturating_add(1),
                None if has_room => {
                    counts.insert(id, 1);
                    order.push(id);
                }
                None => {}
            }
        }
        order.sort_unstable();
        let mut hasher = DefaultHasher::new();
        for id in &order {
            hasher.write_u32(*id);
            hasher.write_u16(counts[id]);
        }
        if order.is_empty() || !self.seen.insert(hasher.finish()) {
            return;
        }
        for id in order {
            self.songs_of_word[id as usize] += 1;
            self.entries.push(id);
            self.counts.push(counts[&id]);
        }
        self.ends.push(self.entries.len());
    }

    /// Whether further songs are not counted.
    pub fn is_full(&self) -> bool {
        self.ends.len() >= SONGS_MAX || self.entries.len() + WORDS_PER_SONG_MAX > ENTRIES_MAX
    }

    /// Different songs.
    pub fn song_count(&self) -> usize {
        self.ends.len()
    }

    fn id_of(&mut self, word: &str) -> Option<u32> {
        if let Some(id) = self.ids.get(word) {
            return Some(*id);
        }
        if self.ids.len() >= WORDS_SEEN_MAX {
            return None;
        }
        let id = self.ids.len() as u32;
        self.ids.insert(word.into(), id);
        self.songs_of_word.push(0);
        Some(id)
    }

    /// Chooses the vocabulary and turns counts into weights.
    pub(super) fn weigh(self) -> Weighted {
        let mut chosen: Vec<(Box<str>, u32)> = (self.ids.into_iter())
            .filter(|(_, id)| self.songs_of_word[*id as usize] >= SONGS_PER_WORD_MIN)
            .collect();
        chosen.sort_unstable_by(|a, b| {
            let songs = |one: &(Box<str>, u32)| self.songs_of_word[one.1 as usize];
            songs(b).cmp(&songs(a)).then(a.0.cmp(&b.0))
        });
        chosen.truncate(VOCABULARY_MAX);
        chosen.sort_unstable();
        let mut places = vec![None; self.songs_of_word.len()];
        for (place, (_, id)) in (0u32..).zip(&chosen) {
            places[*id as usize] = Some(place);
        }
        let mut songs = SparseRows::default();
        let mut start = 0;
        for end in self.ends {
            let ids = self.entries[start..end]
                .iter()
                .zip(&self.counts[start..end]);
            let known = ids.filter_map(|(id, count)| Some((places[*id as usize]?, *count)));
            songs.push(known.map(|(place, count)| (place, f32::from(count))));
            start = end;
        }
        let weights = entropy_weights(&songs, chosen.len());
        songs.scale_rows(|word, count| local_weight(count as u32) * weights[word as usize]);
        Weighted {
            words: chosen.into_iter().map(|(word, _)| word.into()).collect(),
            weights,
            songs,
        }
    }
}

/// What a word that occurs `count` times in a song weighs in it.
pub(super) fn local_weight(count: u32) -> f32 {
    (1.0 + count as f32).ln()
}

/// Weights of words, 1 for one that is in a single song and 0 for one that is in all songs alike: one
/// less the entropy of its spread, of the highest there can be.
fn entropy_weights(songs: &SparseRows, words: usize) -> Vec<f32> {
    let mut totals = vec![0.0f64; words];
    for (word, count) in songs.entries() {
        totals[word as usize] += f64::from(count);
    }
    let mut entropies = vec![0.0f64; words];
    for (word, count) in songs.entries() {
        let share = f64::from(count) / totals[word as usize];
        entropies[word as usize] -= share * share.ln();
    }
    let highest = (songs.count().max(2) as f64).ln();
    // What rounding leaves of a word that is in all songs alike is not blown up to a direction.
    let weight = |entropy: f64| match (1.0 - entropy / highest) as f32 {
        small if small < 1e-6 => 0.0,
        weight => weight.min(1.0),
    };
    entropies.into_iter().map(weight).collect()
}

/// A corpus ready to be decomposed.
pub(super) struct Weighted {
    pub words: Vec<String>,
    pub weights: Vec<f32>,
    pub songs: SparseRows,
}
