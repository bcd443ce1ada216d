//! How far analyzers agree: Cohen's kappa, pair by pair and field by field.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::document::Agreement;

/// Fields that several analyzers judge in words, and where each of them keeps it.
const FIELDS: [(&str, &[&str]); 8] = [
    ("sentiment", &["/sentiment"]),
    (
        "genre",
        &[
            "/data/genre_analysis/primary_genre",
            "/data/metadata/genre",
            "/data/basic_analysis/genre",
            "/data/genre_prediction",
        ],
    ),
    (
        "mood",
        &[
            "/data/mood_analysis/primary_mood",
            "/data/metadata/mood",
            "/data/basic_analysis/mood",
        ],
    ),
    (
        "energy",
        &[
            "/data/mood_analysis/energy_level",
            "/data/metadata/energy_level",
            "/data/basic_analysis/energy",
        ],
    ),
    (
        "explicit",
        &[
            "/data/content_analysis/explicit_content",
            "/data/metadata/explicit_content",
            "/data/basic_analysis/explicit",
        ],
    ),
    (
        "complexity",
        &[
            "/data/technical_analysis/complexity_level",
            "/data/lyrics_analysis/complexity_level",
        ],
    ),
    (
        "emotion",
        &[
            "/data/dominant_emotion",
            "/data/advanced_sentiment/dominant_emotion",
        ],
    ),
    (
        "rhyme_scheme",
        &[
            "/data/features/rhyme_scheme",
            "/data/technical_analysis/rhyme_scheme",
        ],
    ),
];
/// Different words of one field; more are free text, on which agreement says nothing.
const WORDS_MAX: usize = 256;
/// Longest word of a field in bytes.
const WORD_BYTES_MAX: usize = 64;

/// What analyzers said, by field and track.
///
/// - Memory: 12 bytes a judgement; a judgement of the same analyzer replaces its former one.
#[derive(Default)]
pub struct Judgements {
    authors: Vec<String>,
    fields: [Field; FIELDS.len()],
}

#[derive(Default)]
struct Field {
    words: HashMap<String, u16>,
    is_free_text: bool,
    by_track: HashMap<(i64, u16), u16>,
}

impl Judgements {
    /// Takes the content of one statement.
    pub fn take(&mut self, track: i64, author: &str, content: &Value) {
        let author = self.number_of(author);
        for (field, (_, places)) in self.fields.iter_mut().zip(FIELDS) {
            let found = places.iter().find_map(|place| content.pointer(place));
            if let Some(word) = found.and_then(word_of) {
                field.take(track, author, word);
            }
        }
    }

    fn number_of(&mut self, author: &str) -> u16 {
        let known = self.authors.iter().position(|name| name == author);
        let number = known.unwrap_or_else(|| {
            self.authors.push(author.to_owned());
            self.authors.len() - 1
        });
        u16::try_from(number).unwrap_or(u16::MAX)
    }

    /// Compares every pair of analyzers that judged at least two tracks in common.
    pub fn compare(&self) -> Vec<Agreement> {
        let mut agreements = Vec::new();
        for (field, (name, _)) in self.fields.iter().zip(FIELDS) {
            for ((first, second), table) in field.tables() {
                let (Some(first), Some(second)) = (
                    self.authors.get(usize::from(first)),
                    self.authors.get(usize::from(second)),
                ) else {
                    continue;
                };
                let tracks = table.values().sum();
                if tracks >= 2 {
                    let (same_share, kappa) = kappa(&table);
                    agreements.push(Agreement {
                        field: name.to_owned(),
                        first: first.clone(),
                        second: second.clone(),
                        tracks,
                        same_share,
                        kappa,
                    });
                }
            }
        }
        agreements
    }
}

/// How often one said this word and the other that.
pub(super) type Contingency = BTreeMap<(u16, u16), u64>;

impl Field {
    fn take(&mut self, track: i64, author: u16, word: String) {
        let next = self.words.len();
        if self.is_free_text || next >= WORDS_MAX && !self.words.contains_key(&word) {
            self.is_free_text = true;
            self.by_track = HashMap::new();
            return;
        }
        let next = u16::try_from(next).unwrap_or(u16::MAX);
        let number = *self.words.entry(word).or_insert(next);
        self.by_track.insert((track, author), number);
    }

    fn tables(&self) -> BTreeMap<(u16, u16), Contingency> {
        let mut rows: Vec<_> = self.by_track.iter().collect();
        rows.sort_unstable();
        let mut tables: BTreeMap<(u16, u16), Contingency> = BTreeMap::new();
        for of_track in rows.chunk_by(|one, other| one.0.0 == other.0.0) {
            for (place, ((_, first), word)) in of_track.iter().enumerate() {
                for ((_, second), other) in of_track.iter().skip(place + 1) {
                    let table = tables.entry((*first, *second)).or_default();
                    *table.entry((**word, **other)).or_insert(0) += 1;
                }
            }
        }
        tables
    }
}

pub(super) fn word_of(value: &Value) -> Option<String> {
    match value {
        Value::Bool(truth) => Some(truth.to_string()),
        Value::String(text) => {
            let word = text.trim().to_lowercase();
            (!word.is_empty() && word.len() <= WORD_BYTES_MAX).then_some(word)
        }
        _ => None,
    }
}

/// Share of equal judgements and Cohen's kappa.
///
/// - Source: J. Cohen, A coefficient of agreement for nominal scales, 1960.
/// - `None` where both always say the same one word: chance would agree as well.
pub(super) fn kappa(table: &Contingency) -> (f64, Option<f64>) {
    let total: u64 = table.values().sum();
    let share = |count: u64| count as f64 / total.max(1) as f64;
    let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
    let mut same = 0;
    for ((one, other), count) in table {
        *first.entry(one).or_insert(0_u64) += count;
        *second.entry(other).or_insert(0_u64) += count;
        same += if one == other { *count } else { 0 };
    }
    let by_chance: f64 = first
        .iter()
        .filter_map(|(word, count)| Some(share(*count) * share(*second.get(word)?)))
        .sum();
    let same = share(same);
    let kappa = (1.0 - by_chance > 1e-12).then(|| (same - by_chance) / (1.0 - by_chance));
    (same, kappa)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The textbook table: 20 both yes, 15 both no, 5 and 10 mixed; kappa 0.4.
    #[test]
    fn kappa_is_cohens() {
        let mut judgements = Judgements::default();
        let said = |word: &str| json!({ "sentiment": word });
        let cells = [
            ("yes", "yes", 20),
            ("yes", "no", 5),
            ("no", "yes", 10),
            ("no", "No ", 15),
        ];
        let mut track = 0;
        for (first, second, count) in cells {
            for _ in 0..count {
                track += 1;
                judgements.take(track, "a", &said("overwritten"));
                judgements.take(track, "a", &said(first));
                judgements.take(track, "b", &said(second));
            }
        }
        let found = judgements.compare();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].tracks, found[0].same_share), (50, 0.7));
        assert!((found[0].kappa.unwrap() - 0.4).abs() < 1e-9);
    }

    #[test]
    fn one_word_and_free_text_say_nothing() {
        let mut judgements = Judgements::default();
        for track in 0..400 {
            for author in ["a", "b"] {
                let mood = format!("mood {track}");
                let content = json!({"sentiment": "neutral",
                    "data": {"mood_analysis": {"primary_mood": mood}}});
                judgements.take(track, author, &content);
            }
        }
        let found = judgements.compare();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].same_share, found[0].kappa), (1.0, None));
    }
}
