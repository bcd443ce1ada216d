//! What lyrics say: how bright or dark each line is, what it is about, and which emotions it names.

mod analyzer;
mod base_forms;
mod describe;
mod emotion_words;
mod emotions;
mod lexicon;
mod modifiers;
mod sentiment;
mod theme_words;
mod themes;

pub use analyzer::MeaningAnalyzer;
pub(super) use describe::describe_meaning;
pub use describe::{MEANING_VERSION, MIN_MATCHED_COUNT};
pub use emotions::{EMOTION_WORDS_MIN, Emotion};
pub use lexicon::{LexiconError, SentimentLexicon};
pub use sentiment::{LineSentiment, measure_line};
pub use themes::{Theme, themes_of_line};

#[cfg(test)]
mod tests;
