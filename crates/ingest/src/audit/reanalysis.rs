//! Our own analysis of the lyrics beside what others measured on them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use leitmotif_analysis::lyrics::{WORDS_VERSION, analyze_lyrics};
use serde_json::Value;

use super::document::{Comparison, Disagreement, Reanalysis};
use crate::imports::cells::number_of;

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

/// Analyses lyrics and compares.
///
/// - Cost: the analysis of every text once, some half a millisecond each.
/// - Memory: for each track its title and a number a descriptor, for each track and author that
///   measured it 16 bytes; no text.
#[derive(Default)]
pub struct Reanalyzer {
    measured: HashMap<i64, Measured>,
    /// Who measured, in the order first met.
    authors: Vec<String>,
    /// Tracks that an author has measured.
    judged: HashSet<(i64, usize)>,
    /// By descriptor and author.
    comparing: BTreeMap<(usize, usize), Comparing>,
}

struct Measured {
    title: Box<str>,
    values: [Option<f64>; FIELDS.len()],
}

impl Reanalyzer {
    /// Analyses the lyrics of a track; of a track that was analysed before it keeps the first.
    pub fn analyze(&mut self, track: i64, title: &str, lyrics: &str) {
        if self.measured.contains_key(&track) {
            return;
        }
        let found = analyze_lyrics(lyrics).descriptors;
        let value_of = |name: &str| {
            let descriptor = found.iter().find(|descriptor| descriptor.name == name)?;
            descriptor.value.as_f64()
        };
        let measured = Measured {
            title: title.into(),
            values: FIELDS.map(|(name, _)| value_of(name)),
        };
        self.measured.insert(track, measured);
    }

    /// Takes what somebody measured on a track that was analysed; what an author says of it a second
    /// time does not count.
    pub fn take(&mut self, track: i64, author: &str, content: &Value) {
        let found = FIELDS.map(|(_, places)| {
            let found = places.iter().find_map(|place| content.pointer(place));
            found.and_then(number_of)
        });
        if found.iter().all(Option::is_none) {
            return;
        }
        let author = self.author(author);
        let Some(measured) = self.measured.get(&track) else {
            return;
        };
        if !self.judged.insert((track, author)) {
            return;
        }
        for (field, (theirs, ours)) in found.iter().zip(measured.values).enumerate() {
            if let (Some(theirs), Some(ours)) = (*theirs, ours) {
                let comparing = self.comparing.entry((field, author)).or_default();
                comparing.take(Pair {
                    track,
                    theirs,
                    ours,
                });
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

    /// Compares; `None` when there were no lyrics.
    pub fn finish(self) -> Option<Reanalysis> {
        if self.measured.is_empty() {
            return None;
        }
        let tracks = self.measured.len() as u64;
        let mut reanalysis = Reanalysis {
            tracks,
            tracks_available: tracks,
            version: WORDS_VERSION.to_owned(),
            ..Reanalysis::default()
        };
        for ((field, author), comparing) in &self.comparing {
            let (Some((name, _)), Some(author)) = (FIELDS.get(*field), self.authors.get(*author))
            else {
                continue;
            };
            reanalysis.comparisons.push(comparing.finish(name, author));
            let spread = comparing.spread();
            let furthest = comparing.furthest.iter();
            reanalysis.disagreements.extend(furthest.map(|pair| {
                Disagreement {
                    track: pair.track.to_string(),
                    title: self
                        .measured
                        .get(&pair.track)
                        .map_or(String::new(), |measured| measured.title.to_string()),
                    field: (*name).to_owned(),
                    author: author.clone(),
                    theirs: pair.theirs,
                    ours: pair.ours,
                    deviations: pair.distance() / spread,
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

/// What both say of a track.
#[derive(Clone, Copy)]
struct Pair {
    track: i64,
    theirs: f64,
    ours: f64,
}

impl Pair {
    fn distance(&self) -> f64 {
        (self.theirs - self.ours).abs()
    }

    /// Furthest apart first; equal ones by track, so that the order of the rows does not show.
    fn compare(&self, other: &Self) -> Ordering {
        let by_distance = other.distance().total_cmp(&self.distance());
        by_distance.then_with(|| self.track.cmp(&other.track))
    }
}

/// One descriptor and one author, pair by pair.
///
/// - Source: B. P. Welford, Note on a method for calculating corrected sums of squares and products,
///   1962: sums of squares would lose the digits that a correlation is made of.
#[derive(Default)]
struct Comparing {
    count: f64,
    theirs_mean: f64,
    ours_mean: f64,
    theirs_squares: f64,
    ours_squares: f64,
    products: f64,
    distances: f64,
    /// The pairs that are furthest apart, in order. The spread, which is the same for all of them,
    /// cannot change it.
    furthest: Vec<Pair>,
}

impl Comparing {
    fn take(&mut self, pair: Pair) {
        self.count += 1.0;
        let (theirs, ours) = (pair.theirs - self.theirs_mean, pair.ours - self.ours_mean);
        self.theirs_mean += theirs / self.count;
        self.ours_mean += ours / self.count;
        self.theirs_squares += theirs * (pair.theirs - self.theirs_mean);
        self.ours_squares += ours * (pair.ours - self.ours_mean);
        self.products += theirs * (pair.ours - self.ours_mean);
        self.distances += pair.distance();
        let place = self
            .furthest
            .partition_point(|one| one.compare(&pair) == Ordering::Less);
        if place < DISAGREEMENTS_SHOWN {
            self.furthest.truncate(DISAGREEMENTS_SHOWN - 1);
            self.furthest.insert(place, pair);
        }
    }

    fn finish(&self, field: &str, author: &str) -> Comparison {
        let scale = (self.theirs_squares * self.ours_squares).sqrt();
        Comparison {
            field: field.to_owned(),
            author: author.to_owned(),
            tracks: self.count as u64,
            theirs_mean: self.theirs_mean,
            ours_mean: self.ours_mean,
            difference_mean: self.distances / self.count,
            correlation: (scale / self.count > 1e-12)
                .then(|| (self.products / scale).clamp(-1.0, 1.0)),
        }
    }

    /// Standard deviation of both sides together, so that fields of any unit can be set side by side.
    fn spread(&self) -> f64 {
        let within = (self.theirs_squares + self.ours_squares) / (2.0 * self.count);
        let between = ((self.theirs_mean - self.ours_mean) / 2.0).powi(2);
        (within + between).sqrt().max(1e-9)
    }
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
            reanalyzer.analyze(track, &format!("T{track}"), &lyrics);
            let words = lyrics.split_whitespace().count();
            let words = if track == 7 { 5_000 } else { words };
            reanalyzer.take(track, "counts", &json!({ "word_count": words }));
            reanalyzer.take(track, "counts", &json!({ "word_count": 1 }));
        }
        reanalyzer.take(99, "counts", &json!({ "word_count": 1 }));
        let found = reanalyzer.finish().unwrap();
        assert_eq!((found.tracks, found.tracks_available), (10, 10));
        assert_eq!(found.comparisons[0].tracks, 10);
        let worst = &found.disagreements[0];
        assert_eq!((worst.track.as_str(), worst.theirs), ("7", 5_000.0));
    }

    /// Mean, correlation and spread as sums over all pairs give them.
    #[test]
    fn pairs_are_compared_as_they_come() {
        let pairs: Vec<Pair> = (0..200)
            .map(|track| Pair {
                track,
                theirs: 1e6 + (track * 37 % 101) as f64,
                ours: 1e6 + (track * 37 % 101) as f64 * 0.5 + (track % 7) as f64,
            })
            .collect();
        let mut comparing = Comparing::default();
        pairs.iter().for_each(|pair| comparing.take(*pair));
        let mean = |of: &dyn Fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>() / 200.0;
        let (theirs, ours) = (mean(&|p| p.theirs), mean(&|p| p.ours));
        let product = mean(&|p| (p.theirs - theirs) * (p.ours - ours));
        let variances = mean(&|p| (p.theirs - theirs).powi(2)) * mean(&|p| (p.ours - ours).powi(2));
        let found = comparing.finish("f", "a");
        assert!((found.correlation.unwrap() - product / variances.sqrt()).abs() < 1e-9);
        assert!((found.difference_mean - mean(&Pair::distance)).abs() < 1e-9);
        let middle = (theirs + ours) / 2.0;
        let spread = mean(&|p| ((p.theirs - middle).powi(2) + (p.ours - middle).powi(2)) / 2.0);
        assert!((comparing.spread() - spread.sqrt()).abs() < 1e-9);
        let mut sorted = pairs;
        sorted.sort_by(Pair::compare);
        let tracks = |pairs: &[Pair]| pairs.iter().map(|pair| pair.track).collect::<Vec<_>>();
        assert_eq!(
            tracks(&comparing.furthest),
            tracks(&sorted[..DISAGREEMENTS_SHOWN])
        );
    }

    #[test]
    fn without_lyrics_there_is_nothing_to_compare() {
        assert_eq!(Reanalyzer::default().finish(), None);
    }
}
