//! Our own analysis of the lyrics beside what others measured on them.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use leitmotif_analysis::lyrics::{WORDS_VERSION, analyze_lyrics};
use serde_json::Value;

use super::document::{Comparison, Disagreement, Reanalysis};
use crate::imports::cells::number_of;

/// Lyrics that wait for their analysis: enough that no thread waits for the next row, a few megabytes at most.
const WAITING_MAX: usize = 256;
/// Threads that analyse at most; half a millisecond a song keeps up with any reader of rows.
const THREADS_MAX: usize = 8;
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

/// Analyses lyrics as they go by and compares.
///
/// - All lyrics are analysed, so that the largest disagreements are the largest of all. What comes out does not
///   depend on the order of the rows or on the number of threads.
/// - Cost: half a millisecond a song, spread over the cores; who offers waits when they cannot keep up. Memory:
///   some 150 bytes a song and 30 for each value of others, and no text beyond those that wait.
#[derive(Default)]
pub struct Reanalyzer {
    analysts: Option<Analysts>,
    available: u64,
    titles: HashMap<i64, Box<str>>,
    /// Who measured, in the order first met.
    authors: Vec<String>,
    theirs: BTreeMap<(usize, usize), BTreeMap<i64, f64>>,
}

/// Our values, by field.
type Measured = [Option<f64>; FIELDS.len()];
/// What a thread found, by track.
type Found = Vec<(i64, Measured)>;

/// Threads that analyse what is sent to them until nothing more can come.
struct Analysts {
    sender: SyncSender<(i64, String)>,
    threads: Vec<JoinHandle<Found>>,
}

impl Analysts {
    /// `None` where no thread can be had.
    fn start() -> Option<Self> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let count = thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..count.min(THREADS_MAX)).map_while(|_| {
            let receiver = Arc::clone(&receiver);
            let named = thread::Builder::new().name("reanalysis".to_owned());
            named.spawn(move || analyze_all(&receiver)).ok()
        });
        let threads: Vec<_> = threads.collect();
        (!threads.is_empty()).then_some(Self { sender, threads })
    }
}

fn analyze_all(receiver: &Mutex<Receiver<(i64, String)>>) -> Found {
    let mut found = Found::new();
    loop {
        // A thread that broke holds nothing that the others need whole.
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match next {
            Ok((track, lyrics)) => found.push((track, measure(&lyrics))),
            Err(_) => return found,
        }
    }
}

fn measure(lyrics: &str) -> Measured {
    let found = analyze_lyrics(lyrics).descriptors;
    FIELDS.map(|(name, _)| {
        let descriptor = found.iter().find(|descriptor| descriptor.name == name)?;
        descriptor.value.as_f64()
    })
}

impl Reanalyzer {
    /// Whether somebody measured in `content` what we measure.
    pub fn is_comparable(content: &Value) -> bool {
        let places = FIELDS.iter().flat_map(|(_, places)| places.iter());
        let mut values = places.filter_map(|place| content.pointer(place));
        values.any(|value| number_of(value).is_some())
    }

    /// Counts lyrics that there is nothing to compare with.
    pub fn pass(&mut self) {
        self.available += 1;
    }

    /// Sends the lyrics of a track to be analysed.
    pub fn offer(&mut self, track: i64, title: &str, lyrics: &str) {
        self.available += 1;
        if self.analysts.is_none() {
            self.analysts = Analysts::start();
        }
        let Some(analysts) = &self.analysts else {
            return;
        };
        // Where every thread broke, fewer are analysed than there are, and the comparison says so.
        if analysts.sender.send((track, lyrics.to_owned())).is_ok() {
            self.titles.insert(track, title.into());
        }
    }

    /// Takes what somebody measured; of tracks without lyrics nothing is kept.
    pub fn take(&mut self, track: i64, author: &str, content: &Value) {
        if !self.titles.contains_key(&track) {
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

    /// Waits for the last analysis and compares; `None` when there were no lyrics.
    pub fn finish(mut self) -> Option<Reanalysis> {
        if self.available == 0 {
            return None;
        }
        let mut measured: HashMap<i64, Measured> = HashMap::new();
        if let Some(Analysts { sender, threads }) = self.analysts.take() {
            drop(sender);
            for thread in threads {
                // What a broken thread had found is missing from the count of tracks.
                measured.extend(thread.join().unwrap_or_default());
            }
        }
        let mut reanalysis = Reanalysis {
            tracks: measured.len() as u64,
            tracks_available: self.available,
            version: WORDS_VERSION.to_owned(),
            ..Reanalysis::default()
        };
        for ((field, author), values) in &self.theirs {
            let (Some((name, _)), Some(author)) = (FIELDS.get(*field), self.authors.get(*author))
            else {
                continue;
            };
            let ours = |track: &i64| *measured.get(track)?.get(*field)?;
            let pairs = values
                .iter()
                .filter_map(|(track, theirs)| Some((*track, *theirs, ours(track)?)));
            let mut pairs: Vec<Pair> = pairs.collect();
            if pairs.is_empty() {
                continue;
            }
            reanalysis.comparisons.push(compare(name, author, &pairs));
            let spread = spread_of(&pairs);
            let apart = |pair: &Pair| (pair.1 - pair.2).abs();
            pairs.sort_by(|one, other| apart(other).total_cmp(&apart(one)));
            pairs.truncate(DISAGREEMENTS_SHOWN);
            reanalysis.disagreements.extend(pairs.iter().map(|pair| {
                let (track, theirs, ours) = *pair;
                let title = self.titles.get(&track);
                Disagreement {
                    track: track.to_string(),
                    title: title.map_or_else(String::new, |title| title.to_string()),
                    field: (*name).to_owned(),
                    author: author.clone(),
                    theirs,
                    ours,
                    deviations: apart(pair) / spread,
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

    /// The disagreement may be of any song, however many there are.
    #[test]
    fn all_lyrics_are_analysed_and_their_order_does_not_count() {
        let compare = |tracks: &mut dyn Iterator<Item = i64>| {
            let mut reanalyzer = Reanalyzer::default();
            for track in tracks {
                reanalyzer.offer(track, "T", "la la");
                let words = if track == 1_999 { 9 } else { 2 + track % 2 };
                reanalyzer.take(track, "a", &json!({ "word_count": words }));
            }
            reanalyzer.finish().unwrap()
        };
        let found = compare(&mut (0..2_500));
        assert_eq!((found.tracks, found.tracks_available), (2_500, 2_500));
        assert_eq!(found.disagreements[0].track, "1999");
        assert_eq!(found.disagreements.len(), DISAGREEMENTS_SHOWN);
        assert_eq!(found, compare(&mut (0..2_500).rev()));
    }

    #[test]
    fn without_lyrics_there_is_nothing_to_compare() {
        assert_eq!(Reanalyzer::default().finish(), None);
    }
}
