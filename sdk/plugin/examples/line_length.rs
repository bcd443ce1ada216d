//! A plugin of words: how long the lines of a song are.

use leitmotif_plugin::{Plugin, Told, Track};

/// Counts words by line.
#[derive(Debug, Default)]
pub struct LineLength {
    word_counts: Vec<u32>,
}

impl Plugin for LineLength {
    fn begin(&mut self, track: Track) {
        let lyrics = track.lyrics.unwrap_or_default();
        let lines = lyrics.lines().filter(|line| !line.trim().is_empty());
        let counts = lines.map(|line| line.split_whitespace().count() as u32);
        self.word_counts = counts.collect();
    }

    fn finish(&mut self) -> Vec<Told> {
        let (Some(longest), count) = (self.word_counts.iter().max(), self.word_counts.len()) else {
            let reason = "there are no words";
            return vec![
                Told::unknown("mean_words", reason),
                Told::unknown("longest_words", reason),
            ];
        };
        let mean = f64::from(self.word_counts.iter().sum::<u32>()) / count as f64;
        vec![
            Told::of("mean_words", mean).by("count"),
            Told::of("longest_words", *longest).by("count"),
        ]
    }
}

leitmotif_plugin::export!(LineLength, "line_length.json");
