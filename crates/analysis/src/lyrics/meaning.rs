//! What lyrics say: how bright or dark each line is, and what it is about.

mod analyzer;
mod describe;
mod lexicon;
mod modifiers;
mod sentiment;
mod theme_words;
mod themes;

pub use analyzer::MeaningAnalyzer;
pub(super) use describe::describe_meaning;
pub use describe::{MEANING_VERSION, MIN_MATCHED_COUNT};
pub use lexicon::{LexiconError, SentimentLexicon};
pub use sentiment::{LineSentiment, measure_line};
pub use themes::{Theme, themes_of_line};

#[cfg(test)]
mod tests;
