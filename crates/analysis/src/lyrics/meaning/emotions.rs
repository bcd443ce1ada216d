//! Which emotions words name, by lists of words.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::base_forms::of_base_form;
use super::emotion_words::EMOTION_WORDS;
use super::modifiers::Role;
use super::sentiment::NEGATION_REACH;
use crate::lyrics::fixed_map::FixedMap;
use crate::lyrics::words::TextWords;

/// Emotional words that a text must hold: with fewer, one word decides the whole song.
pub const EMOTION_WORDS_MIN: usize = 3;
/// Different words told of each emotion, and lines told of each word.
const WORDS_TOLD_MAX: usize = 20;
const LINES_TOLD_MAX: usize = 100;

/// An emotion that a word names; the six that people sort emotion words into.
///
/// - Source: P. Shaver et al., "Emotion knowledge: further exploration of a prototype approach", 1987: love, joy,
///   surprise, anger, sadness, fear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Emotion {
    /// Being glad.
    Joy,
    /// Being angry, and hating.
    Anger,
    /// Being afraid.
    Fear,
    /// Being sad, and lonely.
    Sadness,
    /// Loving.
    Love,
    /// Being surprised.
    Surprise,
}

impl Emotion {
    /// Every emotion, in the order of declaration.
    pub const ALL: [Self; 6] = [
        Self::Joy,
        Self::Anger,
        Self::Fear,
        Self::Sadness,
        Self::Love,
        Self::Surprise,
    ];

    /// Returns the stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Joy => "joy",
            Self::Anger => "anger",
            Self::Fear => "fear",
            Self::Sadness => "sadness",
            Self::Love => "love",
            Self::Surprise => "surprise",
        }
    }
}

/// The emotional words of a text.
#[derive(Debug, Default)]
pub(super) struct Emotions {
    /// Lines of each folded word by emotion, counted from 0.
    words: BTreeMap<Emotion, BTreeMap<String, Vec<usize>>>,
    /// Words that name an emotion; one that names two counts once.
    pub word_count: usize,
}

impl Emotions {
    /// Finds them. A word within three words after a negation names no emotion: `not afraid` is neither fear
    /// nor its opposite.
    ///
    /// - Cost: O(characters).
    pub(super) fn find(words: &TextWords<'_>) -> Self {
        let forms = words.forms();
        let named: Vec<&[Emotion]> = forms.iter().map(|form| emotions_of(form)).collect();
        let mut found = Self::default();
        if named.iter().all(|emotions| emotions.is_empty()) {
            return found;
        }
        let negates: Vec<bool> = forms
            .iter()
            .map(|form| Role::of(form) == Role::Negation)
            .collect();
        for (number, line) in words.lines().enumerate() {
            for (place, word) in line.iter().enumerate() {
                let before = &line[place.saturating_sub(NEGATION_REACH)..place];
                let is_negated = before.iter().any(|word| negates[word.id]);
                if named[word.id].is_empty() || is_negated {
                    continue;
                }
                found.word_count += 1;
                for emotion in named[word.id] {
                    let words = found.words.entry(*emotion).or_default();
                    words
                        .entry(forms[word.id].clone())
                        .or_default()
                        .push(number);
                }
            }
        }
        found
    }

    /// The emotions, the largest share first, without those that no word names: `{emotion, share, words}`, each word
    /// `{word, count, lines}`, the most frequent first.
    pub(super) fn told(&self) -> Value {
        let count =
            |words: &BTreeMap<String, Vec<usize>>| -> usize { words.values().map(Vec::len).sum() };
        let total: usize = self.words.values().map(count).sum();
        let mut emotions: Vec<_> = self.words.iter().collect();
        emotions.sort_by_key(|(emotion, words)| (std::cmp::Reverse(count(words)), **emotion));
        let told = emotions.into_iter().map(|(emotion, words)| {
            let mut listed: Vec<_> = words.iter().collect();
            listed.sort_by_key(|(_, lines)| std::cmp::Reverse(lines.len()));
            let words_told = listed
                .into_iter()
                .take(WORDS_TOLD_MAX)
                .map(|(word, lines)| {
                    let shown = &lines[..lines.len().min(LINES_TOLD_MAX)];
                    json!({"word": word, "count": lines.len(), "lines": shown})
                });
            json!({
                "emotion": emotion.name(),
                "share": super::describe::rounded(count(words) as f64 / total.max(1) as f64),
                "words": words_told.collect::<Value>(),
            })
        });
        told.collect()
    }
}

/// The emotions that a folded word names.
fn emotions_of(word: &str) -> &'static [Emotion] {
    static WORDS: OnceLock<FixedMap<&str, Vec<Emotion>>> = OnceLock::new();
    let listed = WORDS.get_or_init(|| {
        let mut listed: FixedMap<&str, Vec<Emotion>> = FixedMap::default();
        for (emotion, words) in EMOTION_WORDS {
            for word in words.split_whitespace() {
                listed.entry(word).or_default().push(emotion);
            }
        }
        listed
    });
    of_base_form(word, |form| listed.get(form).map(Vec::as_slice)).unwrap_or(&[])
}
