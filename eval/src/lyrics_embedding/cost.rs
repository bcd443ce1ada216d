//! What learning costs, on songs drawn from a distribution like that of language.

use std::time::Instant;

use leitmotif_analysis::lyrics::{LyricsCorpus, LyricsSpace};
use serde_json::{Value, json};

use crate::calibration::rounded;
use crate::random::Random;
use crate::server::process_mb;

/// Words of a song.
const WORDS_PER_SONG: usize = 500;
/// Words of the language.
const LANGUAGE_WORDS: usize = 300_000;
/// Exponent of the ranks of words.
const ZIPF: f64 = 1.05;
/// Subjects; a third of the words of a song are of its subject's order of words.
const SUBJECTS: usize = 40;
/// Songs embedded to be timed.
const EMBEDDED: usize = 1_000;

/// Draws a corpus, learns from it and embeds songs of it.
pub fn measure(songs: usize) -> anyhow::Result<Value> {
    let language = Language::new();
    let before_mb = process_mb("self", "VmRSS:")?;
    let (mut corpus, mut counting_s) = (LyricsCorpus::default(), 0.0);
    for number in 0..songs {
        let words = language.song(number);
        let begun = Instant::now();
        corpus.add(words.iter().map(String::as_str));
        counting_s += begun.elapsed().as_secs_f64();
    }
    let corpus_mb = process_mb("self", "VmRSS:")? - before_mb;
    let begun = Instant::now();
    let space = LyricsSpace::learn(corpus, &mut |_, _| {})?;
    let learning_s = begun.elapsed().as_secs_f64();
    let peak_mb = process_mb("self", "VmHWM:")? - before_mb;
    let asked: Vec<Vec<String>> = (0..EMBEDDED).map(|number| language.song(number)).collect();
    let begun = Instant::now();
    let placed = (asked.iter())
        .filter_map(|words| space.embed(words.iter().map(String::as_str)))
        .count();
    let embedding_ms = 1e3 * begun.elapsed().as_secs_f64() / EMBEDDED as f64;
    Ok(json!({
        "songs": songs,
        "words_per_song": WORDS_PER_SONG,
        "vocabulary": space.word_count(),
        "dimensions": space.dimensions(),
        "counting_s": rounded(counting_s),
        "learning_s": rounded(learning_s),
        "embedding_ms_per_song": rounded(embedding_ms),
        "embedded": placed as f64 / EMBEDDED as f64,
        "corpus_mb": rounded(corpus_mb),
        "peak_mb": rounded(peak_mb),
    }))
}

struct Language {
    /// Sums of the shares of words, by rank.
    sums: Vec<f64>,
}

impl Language {
    fn new() -> Self {
        let mut sum = 0.0;
        let sums = (1..=LANGUAGE_WORDS).map(|rank| {
            sum += (rank as f64).powf(-ZIPF);
            sum
        });
        Self {
            sums: sums.collect(),
        }
    }

    fn song(&self, number: usize) -> Vec<String> {
        let mut random = Random(number as u64);
        let subject = random.index(SUBJECTS);
        let all = self.sums.last().copied().unwrap_or(1.0);
        let mut word = || {
            let drawn = random.uniform() * all;
            let rank = self.sums.partition_point(|sum| *sum < drawn);
            let is_of_subject = random.index(3) == 0;
            let shift = if is_of_subject {
                100 + 400 * subject
            } else {
                0
            };
            format!("w{}", (rank + shift) % LANGUAGE_WORDS)
        };
        (0..WORDS_PER_SONG).map(|_| word()).collect()
    }
}
