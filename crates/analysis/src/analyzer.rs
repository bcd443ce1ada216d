//! The one contract that built-in analyzers and plugins implement.

use serde::{Deserialize, Serialize};

use crate::audio::AudioBuffer;
use crate::descriptor::Descriptor;

/// What an analyzer says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalyzerManifest {
    /// Stable lower-case name: `rhythm`, `harmony`, `sound`, `words`, `meaning`.
    pub name: String,
    /// Version of the analyzer; two versions never mix in one comparison.
    pub version: String,
    /// Whether the analyzer needs decoded audio.
    pub needs_audio: bool,
    /// Whether the analyzer needs lyrics.
    pub needs_lyrics: bool,
    /// Names of the descriptors it may return.
    pub descriptors: Vec<String>,
}

/// What is known of the track under analysis; both parts are optional, lyrics-only catalogues are
/// first-class.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrackInput<'a> {
    /// Decoded audio.
    pub audio: Option<&'a AudioBuffer>,
    /// Lyrics as UTF-8 text, one line of verse per line.
    pub lyrics: Option<&'a str>,
}

/// Why an analysis failed. Bad input is an error, never a panic.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The input this analyzer needs is absent.
    #[error("the analyzer needs {needed}, the track has none")]
    MissingInput {
        /// `audio` or `lyrics`.
        needed: &'static str,
    },
    /// The input is there but cannot be analysed.
    #[error("cannot analyse: {reason}")]
    Unsuitable {
        /// What is wrong and what would do.
        reason: String,
    },
}

/// Turns a track into descriptors. Implementations are deterministic: same input and version give
/// the same descriptors, on one thread or many.
pub trait Analyzer: Send + Sync {
    /// Describes the analyzer.
    fn describe(&self) -> AnalyzerManifest;

    /// Measures the track.
    ///
    /// - Errors: [`AnalysisError`] when the needed input is absent or unsuitable.
    fn analyze(&self, input: &TrackInput<'_>) -> Result<Vec<Descriptor>, AnalysisError>;
}
