//! Our own analysis of a sample of the lyrics beside what others measured on them.

use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use leitmotif_analysis::lyrics::{WORDS_VERSION, analyze_lyrics};
use serde_json::Value;

use super::document::{Comparison, Disagreement, Reanalysis};
use crate::imports::cells::number_of;

/// Lyrics analysed again: a second of work at half a millisecond each, and correlations that are
/// sure to about ±0.06.
pub const SAMPLE_MAX: usize = 1_000;
/// Disagreements that are named.
const DISAGREEMENTS_SHOWN: usize = 20;
/// Our descriptors, and where others keep a value that should be the same.
const FIELDS: [(&str, &[&str]); 7] = [
    ("rhyme_density_ratio", &["/data/features/rhyme_density"]),
    ("word_count", &["/data/features/total_words", "/word_count"]),
    ("unique_word_count", &["/data/features/unique_words"]),
    ("type_token_ratio", &["/data/features/ttr_score"]),
    ("syllable_count", &["/data/features/syllable_count"]),
    (
        "syllables_per_line_mean",
        &["/data/features/average_syllables_per_line"],
    ),
    ("internal_rhyme_count", &["/data/features/internal_rhymes"]),
];

/// Picks a sample and compares.
///
/// - The sample is the tracks with the smallest hashes of their ids: the same for the same
///   catalogue, whatever its order.
/// - Memory: the texts of the sample, and nothing of the others.
#[derive(Default)]
pub struct Reanalyzer {
    sampled: BinaryHeap<(u64, i64)>,
    waiting: HashMap<i64, Waiting>,
    measured: HashMap<i64, Measured>,
    available: u64,
    /// Who measured, in the order first met.
    authors: Vec<String>,
    theirs: BTreeMap<(usize, usize), BTreeMap<i64, f64>>,
}

struct Waiting {
    title: String,
    lyrics: String,
}

struct Measured {
    title: String,
    values: [Option<f64>; FIELDS.len()],
}

impl Reanalyzer {
    /// Offers a track with lyrics to the sample.
    pub fn offer(&mut self, track: i64, title: &str, lyrics: &str) {
        self.available += 1;
        let mut hasher = DefaultHasher::new();
        track.hash(&mut hasher);
        let hash = hasher.finish();
        let is_full = self.sampled.len() >= SAMPLE_MAX;
        if is_full
            && self
                .sampled
                .peek()
                .is_some_and(|(largest, _)| hash >= *largest)
        {
            return;
        }
        let waiting = Waiting {
            title: title.to_owned(),
            lyrics: lyrics.to_owned(),
        };
        if self.waiting.insert(track, waiting).is_none() {
            self.sampled.push((hash, track));
        }
        if self.sampled.len() > SAMPLE_MAX
            && let Some((_, left_out)) = self.sampled.pop()
        {
            self.waiting.remove(&left_out);
            for of_field in self.theirs.values_mut() {
                of_field.remove(&left_out);
            }
        }
    }

    /// Takes what somebody measured; of tracks outside the sample nothing is kept.
    pub fn take(&mut self, track: i64, author: &str, content: &Value) {
        if !self.waiting.contains_key(&track) && !self.measured.contains_key(&track) {
            return;
        }
        for (field, (_, places)) in FIELDS.iter().enumerate() {
            let found = places.iter().find_map(|place| content.pointer(place));
            if let Some(value) = found.and_then(number_of) {
                let author = self.author(author);
                let of_field = self.theirs.entry((field, author)).or_default();
                of_field.insert(track, value);
            }
        }
    }

    fn author(&mut self, name: &str) -> usize {
        let known = self.authors.iter().position(|author| author == name);
        known.unwrap_or_else(|| {
            self.authors.push(name.to_owned());
            self.authors.len() - 1
        })
    }

    /// Analyses the lyrics of the sample.
    pub fn analyze(&mut self) {
        for (track, waiting) in self.waiting.drain() {
            let found = analyze_lyrics(&waiting.lyrics).descriptors;
            let value_of = |name: &str| {
                let descriptor = found.iter().find(|descriptor| descriptor.name == name)?;
                descriptor.value.as_f64()
            };
            let measured = Measured {
                title: waiting.title,
                values: FIELDS.map(|(name, _)| value_of(name)),
            };
            self.measured.insert(track, measured);
        }
    }

    /// Compares; `None` when there were no lyrics.
    pub fn finish(mut self) -> Option<Reanalysis> {
        self.analyze();
        if self.measured.is_empty() {
            return None;
        }
        let mut reanalysis = Reanalysis {
            tracks: self.measured.len() as u64,
            tracks_available: self.available,
            version: WORDS_VERSION.to_owned(),
            ..Reanalysis::default()
        };
        for ((field, author), values) in &self.theirs {
            let (Some((name, _)), Some(author)) = (FIELDS.get(*field), self.authors.get(*author))
            else {
                continue;
            };
            let pairs: Vec<Pair> = values
                .iter()
                .filter_map(|(track, theirs)| {
                    let ours = (*self.measured.get(track)?.values.get(*field)?)?;
                    Some((*track, *theirs, ours))
                })
                .collect();
            if pairs.is_empty() {
                continue;
            }
            reanalysis.comparisons.push(compare(name, author, &pairs));
            let spread = spread_of(&pairs);
            reanalysis.disagreements.extend(pairs.iter().map(|pair| {
                let (track, theirs, ours) = *pair;
                Disagreement {
                    track: track.to_string(),
                    title: self
                        .measured
                        .get(&track)
                        .map_or(String::new(), |measured| measured.title.clone()),
                    field: (*name).to_owned(),
                    author: author.clone(),
                    theirs,
                    ours,
                    deviations: (theirs - ours).abs() / spread,
                }
            }));
        }
        let found = &mut reanalysis.disagreements;
        found.sort_by(|one, other| {
            let by_size = other.deviations.total_cmp(&one.deviations);
            by_size.then_with(|| (&one.track, &one.field).cmp(&(&other.track, &other.field)))
        });
        found.retain(|one| one.deviations > 0.0);
        found.truncate(DISAGREEMENTS_SHOWN);
        Some(reanalysis)
    }
}

/// Track, theirs, ours.
type Pair = (i64, f64, f64);

fn compare(field: &str, author: &str, pairs: &[Pair]) -> Comparison {
    let count = pairs.len() as f64;
    let mean = |of: &dyn Fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>() / count;
    let (theirs_mean, ours_mean) = (mean(&|pair| pair.1), mean(&|pair| pair.2));
    let product = mean(&|pair| (pair.1 - theirs_mean) * (pair.2 - ours_mean));
    let theirs_variance = mean(&|pair| (pair.1 - theirs_mean).powi(2));
    let ours_variance = mean(&|pair| (pair.2 - ours_mean).powi(2));
    let scale = (theirs_variance * ours_variance).sqrt();
    Comparison {
        field: field.to_owned(),
        author: author.to_owned(),
        tracks: pairs.len() as u64,
        theirs_mean,
        ours_mean,
        difference_mean: mean(&|pair| (pair.1 - pair.2).abs()),
        correlation: (scale > 1e-12).then(|| (product / scale).clamp(-1.0, 1.0)),
    }
}

/// Standard deviation of both sides together, so that fields of any unit can be set side by side.
fn spread_of(pairs: &[Pair]) -> f64 {
    let values = || pairs.iter().flat_map(|(_, theirs, ours)| [*theirs, *ours]);
    let count = 2.0 * pairs.len() as f64;
    let mean = values().sum::<f64>() / count;
    let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    variance.sqrt().max(1e-9)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VERSE: &str = "I walk along the river in the night\nand every lantern carries me a light\n\
        nobody knows the road that I have known\nthe water and the wind will take me home";

    #[test]
    fn counts_that_are_right_agree_and_wrong_ones_are_named() {
        let mut reanalyzer = Reanalyzer::default();
        for track in 0..10 {
            let lyrics = VERSE.repeat(1 + track as usize);
            reanalyzer.offer(track, &format!("T{track}"), &lyrics);
            let words = lyrics.split_whitespace().count();
            let words = if track == 7 { 5_000 } else { words };
            reanalyzer.take(track, "counts", &json!({ "word_count": words }));
        }
        reanalyzer.take(99, "counts", &json!({ "word_count": 1 }));
        let found = reanalyzer.finish().unwrap();
        assert_eq!((found.tracks, found.tracks_available), (10, 10));
        assert_eq!(found.comparisons[0].tracks, 10);
        let worst = &found.disagreements[0];
        assert_eq!((worst.track.as_str(), worst.theirs), ("7", 5_000.0));
    }

    #[test]
    fn the_sample_is_bounded_and_does_not_depend_on_order() {
        let sample = |tracks: &[i64]| {
            let mut reanalyzer = Reanalyzer::default();
            for track in tracks {
                reanalyzer.offer(*track, "T", "la la");
                reanalyzer.take(*track, "a", &json!({ "word_count": 2 }));
            }
            assert_eq!(reanalyzer.waiting.len(), SAMPLE_MAX);
            assert_eq!(reanalyzer.theirs[&(1, 0)].len(), SAMPLE_MAX);
            let mut kept: Vec<i64> = reanalyzer.waiting.keys().copied().collect();
            kept.sort_unstable();
            kept
        };
        let tracks: Vec<i64> = (0..2_500).collect();
        let backwards: Vec<i64> = (0..2_500).rev().collect();
        assert_eq!(sample(&tracks), sample(&backwards));
    }

    #[test]
    fn without_lyrics_there_is_nothing_to_compare() {
        assert_eq!(Reanalyzer::default().finish(), None);
    }
}
