//! The whole of lyrics analysis: text in, descriptors, rhyme chains and vector out.

mod sound;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::embedding::embed_counted;
use super::explicit::{ExplicitWords, is_explicit};
use super::language::{LanguageGuess, identify_language_of};
use super::meaning::describe_meaning;
use super::rhyme::RhymeSpan;
use super::text::LyricsText;
use super::vocabulary::{Vocabulary, unique_words_in_first};
use super::words::TextWords;
use crate::descriptor::Descriptor;
use sound::Sound;

/// Version of every descriptor of the words; a changed number a user can see bumps it.
pub const WORDS_VERSION: &str = "6";
/// Window in which large vocabularies are compared across artists.
const UNIQUE_WORDS_WINDOW: usize = 35_000;

/// Words that tell who is sung about, of love, and calls; their shares are part of the vector.
const SELF_WORDS: [&str; 8] = ["i", "me", "my", "i'm", "mine", "я", "мне", "мой"];
const YOU_WORDS: [&str; 6] = ["you", "your", "you're", "ты", "тебя", "тебе"];
const WE_WORDS: [&str; 6] = ["we", "us", "our", "мы", "нас", "нам"];
const LOVE_WORDS: [&str; 6] = ["love", "heart", "baby", "kiss", "любовь", "сердце"];
const CALL_WORDS: [&str; 9] = ["oh", "yeah", "hey", "la", "na", "ooh", "uh", "ой", "эй"];

/// How the names of descriptors begin that are computed from lines; the others are from words.
const OF_LINES: [&str; 10] = [
    "line_count",
    "stanza_count",
    "repeated_line",
    "syllables_per_line",
    "stress_",
    "verse_",
    "feet_per_line",
    "rhyme_",
    "multi_syllable_rhyme",
    "internal_rhyme",
];

/// What lyrics analysis found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LyricsAnalysis {
    /// Measured properties of the words; those that cannot be measured are there with `null`.
    pub descriptors: Vec<Descriptor>,
    /// Sentiment and themes, of [`super::MEANING_VERSION`].
    pub meaning: Vec<Descriptor>,
    /// Rhyme chains for display; lines count [`LyricsText::lines`].
    pub chains: Vec<RhymeSpan>,
    /// Vector in the space [`super::LYRICS_EMBEDDING_SPACE`].
    pub embedding: Vec<f32>,
    /// What of the text was not read; see [`LyricsText::remarks`].
    pub remarks: Vec<String>,
}

/// Analyses lyrics, telling the language by itself.
///
/// - Shape: any text, plain or LRC; see [`LyricsText::parse`] for its bounds.
/// - Cost: about half a millisecond for a song of 1,500 characters.
pub fn analyze_lyrics(raw: &str) -> LyricsAnalysis {
    analyze_lyrics_as(raw, None)
}

/// Analyses lyrics whose language (ISO 639-1) the caller may know.
pub fn analyze_lyrics_as(raw: &str, language: Option<&str>) -> LyricsAnalysis {
    let text = LyricsText::parse(raw);
    let words = TextWords::of(&text);
    let language = match language {
        Some(code) => Some(LanguageGuess {
            code: code.to_owned(),
            confidence: 1.0,
        }),
        None => identify_language_of(&text, &words),
    };
    let code = language.as_ref().map(|guess| guess.code.as_str());
    let meaning = describe_meaning(&text, &words, code);
    let sound = match code {
        Some("en") => Sound::of_english(&text, &words),
        Some("fr") => Sound::of_french(&text, &words),
        Some("ru") => Sound::of_russian(&text, &words),
        Some(code) => Sound::of_spelling(&text, &words, code),
        None => Sound::default(),
    };
    let ids: Vec<usize> = words.all().iter().map(|word| word.id).collect();
    let measured = Measured {
        text: &text,
        language,
        words: &words,
        vocabulary: Vocabulary::of_numbered(&ids),
        repeated_line_ratio: repeated_line_ratio(&ids, &words),
        sound,
    };
    LyricsAnalysis {
        descriptors: measured.descriptors(),
        meaning,
        embedding: embed_counted(words.counted(), &measured.style()),
        chains: measured
            .sound
            .chains
            .map_or(Vec::new(), |chains| chains.spans),
        remarks: text.remarks,
    }
}

/// The words of lyrics as vocabulary counts them: in order, in lower case.
///
/// - Shape: any text, plain or LRC, with the bounds of [`LyricsText::parse`].
pub fn lyrics_words(raw: &str) -> Vec<String> {
    let text = LyricsText::parse(raw);
    TextWords::of(&text).folded().map(str::to_owned).collect()
}

/// Share of lines that repeat an earlier one; `None` without lines.
fn repeated_line_ratio(ids: &[usize], words: &TextWords<'_>) -> Option<f64> {
    let mut start = 0;
    let mut distinct: HashSet<&[usize]> = HashSet::new();
    let mut line_count = 0usize;
    for line in words.lines() {
        distinct.insert(&ids[start..start + line.len()]);
        start += line.len();
        line_count += 1;
    }
    (line_count > 0).then(|| 1.0 - distinct.len() as f64 / line_count as f64)
}

/// All measurements, ready to be reported.
struct Measured<'a> {
    text: &'a LyricsText,
    language: Option<LanguageGuess>,
    words: &'a TextWords<'a>,
    vocabulary: Vocabulary,
    repeated_line_ratio: Option<f64>,
    sound: Sound,
}

impl Measured<'_> {
    fn descriptors(&self) -> Vec<Descriptor> {
        let mut descriptors = self.text_descriptors();
        descriptors.extend(self.sound.flow_descriptors());
        descriptors.extend(self.sound.reading_descriptors());
        descriptors.extend(self.sound.rhyme_descriptors());
        let lines = (self.text.lines.len(), "lines");
        let words = (self.words.count(), "words");
        let counted = descriptors.into_iter().map(|descriptor| {
            let is_of_lines = OF_LINES
                .iter()
                .any(|start| descriptor.name.starts_with(start));
            descriptor.computed_from(if is_of_lines { lines } else { words })
        });
        counted.collect()
    }

    fn text_descriptors(&self) -> Vec<Descriptor> {
        let count = |name, value: usize| described(name, json!(value), None, "count");
        let vocabulary = &self.vocabulary;
        let words: Vec<&str> = self.words.folded().collect();
        let language = self.language.as_ref();
        let is_listed = language.is_some_and(|guess| matches!(guess.code.as_str(), "en" | "ru"));
        let explicit = is_listed.then(|| ExplicitWords::find(self.text, self.words));
        let unlisted = || Some("the list of words is of English and Russian".to_owned());
        let word_count = self.words.count();
        let few_words = format!(
            "{word_count} of {UNIQUE_WORDS_WINDOW} words: a measure of all that an artist wrote"
        );
        vec![
            described(
                "language",
                json!(language.map(|guess| guess.code.as_str())),
                language.map(|guess| guess.confidence),
                "function-words+script",
            ),
            count("line_count", self.text.lines.len()),
            count("stanza_count", self.text.stanzas().len()),
            count("word_count", word_count),
            count("unique_word_count", vocabulary.type_count),
            measured(
                "type_token_ratio",
                vocabulary.type_token_ratio,
                None,
                "types/tokens",
            ),
            measured("mattr_ratio", vocabulary.mattr_ratio, None, "mattr-50"),
            measured("mtld_words", vocabulary.mtld_words, None, "mtld-0.72"),
            described(
                "unique_words_first_35k_count",
                json!(unique_words_in_first(&words, UNIQUE_WORDS_WINDOW)),
                None,
                "first-35000",
            )
            .because(Some(few_words)),
            measured(
                "repeated_line_ratio",
                self.repeated_line_ratio,
                None,
                "folded-lines",
            ),
            described(
                "explicit_word_count",
                json!(explicit.as_ref().map(ExplicitWords::count)),
                None,
                "word-list",
            )
            .because(unlisted()),
            described(
                "explicit_words",
                json!(explicit.as_ref().map(ExplicitWords::told)),
                None,
                "word-list",
            )
            .because(unlisted()),
        ]
    }

    /// Statistics for the vector, each scaled so that songs spread over about −1..=1.
    fn style(&self) -> Vec<f32> {
        let mut style = self.sound.style(self.text.lines.len());
        let word_count = self.words.count() as f64;
        let line_count = self.text.lines.len() as f64;
        let per_word = |count: usize| (word_count > 0.0).then(|| count as f64 / word_count);
        let share_of =
            |list: &[&str]| per_word(self.words.sum(|word| usize::from(list.contains(&word))));
        let letters = self.words.sum(|word| word.chars().count());
        let explicit_count = self.words.sum(|word| usize::from(is_explicit(word)));
        style.extend([
            spread(self.vocabulary.mattr_ratio, 0.7, 0.15),
            spread(self.vocabulary.mtld_words, 55.0, 50.0),
            spread(self.vocabulary.type_token_ratio, 0.45, 0.25),
            spread(self.repeated_line_ratio, 0.25, 0.3),
            spread((line_count > 0.0).then(|| line_count.ln()), 3.6, 1.0),
            spread(per_word(letters), 4.0, 0.8),
            spread(share_of(&SELF_WORDS), 0.08, 0.06),
            spread(share_of(&YOU_WORDS), 0.05, 0.05),
            spread(share_of(&WE_WORDS), 0.015, 0.02),
            spread(share_of(&LOVE_WORDS), 0.02, 0.03),
            spread(share_of(&CALL_WORDS), 0.02, 0.04),
            spread(per_word(explicit_count), 0.01, 0.02),
        ]);
        style
    }
}

/// Scales a statistic; the unknown is the middle, which says nothing.
fn spread(value: Option<f64>, middle: f64, width: f64) -> f32 {
    value.map_or(0.0, |value| ((value - middle) / width) as f32)
}

fn described(name: &str, value: Value, confidence: Option<f32>, method: &str) -> Descriptor {
    let confidence = if value.is_null() { None } else { confidence };
    Descriptor {
        name: name.to_owned(),
        value,
        confidence,
        method: method.to_owned(),
        version: WORDS_VERSION.to_owned(),
        reason: None,
        evidence_count: None,
        evidence_unit: None,
    }
}

fn measured(name: &str, value: Option<f64>, confidence: Option<f32>, method: &str) -> Descriptor {
    described(name, json!(value), confidence, method)
}

#[cfg(test)]
mod tests;
