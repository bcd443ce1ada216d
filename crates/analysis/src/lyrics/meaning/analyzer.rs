//! Meaning behind the common contract.

use super::describe::{DESCRIPTORS, MEANING_VERSION, describe_meaning};
use crate::analyzer::{AnalysisError, Analyzer, AnalyzerManifest, TrackInput};
use crate::descriptor::Descriptor;
use crate::lyrics::language::identify_language_of;
use crate::lyrics::text::LyricsText;
use crate::lyrics::words::TextWords;

/// Measures sentiment and themes of lyrics; needs no audio.
#[derive(Debug, Clone, Copy, Default)]
pub struct MeaningAnalyzer;

impl Analyzer for MeaningAnalyzer {
    fn describe(&self) -> AnalyzerManifest {
        AnalyzerManifest {
            name: "meaning".to_owned(),
            version: MEANING_VERSION.to_owned(),
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
        let text = LyricsText::parse(lyrics);
        let words = TextWords::of(&text);
        let language = identify_language_of(&text, &words);
        let code = language.as_ref().map(|guess| guess.code.as_str());
        Ok(describe_meaning(&text, &words, code))
    }
}
