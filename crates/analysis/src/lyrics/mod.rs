//! Lyrics descriptors: language, vocabulary, rhyme, flow, sentiment, themes.

pub mod embedding;
pub mod explicit;
pub mod flow;
pub mod french;
pub mod language;
pub mod learned;
pub mod meaning;
pub mod phonemes;
pub mod rap;
pub mod readability;
pub mod rhyme;
pub mod russian;
pub mod scansion;
pub mod syllables;
pub mod text;
pub mod tokens;
pub mod vocabulary;

mod analysis;
mod analyzer;
mod fixed_map;
mod words;

pub use analysis::{
    LyricsAnalysis, WORDS_VERSION, analyze_lyrics, analyze_lyrics_as, lyrics_words,
};
pub use analyzer::WordsAnalyzer;
pub use embedding::{LYRICS_EMBEDDING_DIMENSIONS, LYRICS_EMBEDDING_SPACE};
pub use language::{LanguageGuess, identify_language};
pub use learned::{LyricsCorpus, LyricsSpace, TooLittle};
pub use meaning::{MEANING_VERSION, MeaningAnalyzer};
pub use rhyme::RhymeSpan;
pub use text::{LyricsLine, LyricsText, Section};
