//! Lyrics analysis behind the common contract.

use super::analysis::{WORDS_VERSION, analyze_lyrics};
use crate::analyzer::{AnalysisError, Analyzer, AnalyzerManifest, TrackInput};
use crate::descriptor::Descriptor;

/// Names of the descriptors, in the order they are returned.
const DESCRIPTORS: [&str; 30] = [
    "language",
    "line_count",
    "stanza_count",
    "word_count",
    "unique_word_count",
    "type_token_ratio",
    "mattr_ratio",
    "mtld_words",
    "unique_words_first_35k_count",
    "repeated_line_ratio",
    "explicit_word_count",
    "explicit_words",
    "syllable_count",
    "syllables_per_line_mean",
    "syllables_per_line_variance",
    "stress_regularity_ratio",
    "verse_metre",
    "verse_metre_regularity_ratio",
    "feet_per_line_mean",
    "alliteration_ratio",
    "reading_ease",
    "flesch_kincaid_grade",
    "smog_grade",
    "automated_readability_grade",
    "coleman_liau_grade",
    "rhyme_scheme",
    "rhyme_density_ratio",
    "rhyme_chain_count",
    "multi_syllable_rhyme_count",
    "internal_rhyme_count",
];

/// Measures lyrics; needs no audio.
#[derive(Debug, Clone, Copy, Default)]
pub struct WordsAnalyzer;

impl Analyzer for WordsAnalyzer {
    fn describe(&self) -> AnalyzerManifest {
        AnalyzerManifest {
            name: "words".to_owned(),
            version: WORDS_VERSION.to_owned(),
            needs_audio: false,
            needs_lyrics: true,
            descriptors: DESCRIPTORS.map(str::to_owned).to_vec(),
        }
    }

    fn analyze(&self, input: &TrackInput<'_>) -> Result<Vec<Descriptor>, AnalysisError> {
        let lyrics = input
            .lyrics
            .ok_or(AnalysisError::MissingInput { needed: "lyrics" })?;
        if !lyrics.chars().any(char::is_alphanumeric) {
            let reason = "the lyrics hold no word".to_owned();
            return Err(AnalysisError::Unsuitable { reason });
        }
        Ok(analyze_lyrics(lyrics).descriptors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_what_it_promises() {
        let lyrics = "We walk along the river in the night\n\
            and all the boats are carrying a light";
        let input = TrackInput {
            audio: None,
            lyrics: Some(lyrics),
        };
        let descriptors = WordsAnalyzer.analyze(&input).expect("plain verse");
        let names: Vec<String> = descriptors.into_iter().map(|d| d.name).collect();
        assert_eq!(names, WordsAnalyzer.describe().descriptors);
    }

    #[test]
    fn missing_and_empty_lyrics_are_errors() {
        let missing = WordsAnalyzer.analyze(&TrackInput::default());
        assert!(matches!(
            missing,
            Err(AnalysisError::MissingInput { needed: "lyrics" })
        ));
        let blank = TrackInput {
            audio: None,
            lyrics: Some(" \n--\u{0}"),
        };
        assert!(matches!(
            WordsAnalyzer.analyze(&blank),
            Err(AnalysisError::Unsuitable { .. })
        ));
    }
}
