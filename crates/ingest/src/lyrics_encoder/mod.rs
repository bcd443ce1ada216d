//! Lyrics embedded by a sentence encoder that the operator brings: what one is, and the job that embeds
//! the songs that are there already.

mod job;
#[cfg(feature = "onnx")]
mod onnx;

pub use job::encode_lyrics;
#[cfg(feature = "onnx")]
pub use onnx::OnnxEncoder;

use leitmotif_analysis::lyrics::LyricsText;
use leitmotif_storage::ports::VectorSpace;

use crate::error::Result;

/// Gives texts vectors; one for a process, shared by all tenants, since it learns nothing from them.
///
/// - The same text gives the same vector as long as the process runs; other weights or another tokenizer
///   are another space.
/// - A call takes long and blocks: it belongs off the async threads.
pub trait LyricsEncoder: Send + Sync {
    /// The space of its vectors.
    fn space(&self) -> &VectorSpace;

    /// Components of a vector.
    fn dimensions(&self) -> usize;

    /// Tokens that are read at once, the marks of its beginning and end among them.
    fn window_tokens(&self) -> usize;

    /// Embeds a text as a vector of length 1; `None` for a text that has no token it knows.
    ///
    /// - Errors: `Encoder` when it gives no numbers for this text.
    /// - Cost: bounded in time and memory, whatever the text.
    fn embed(&self, text: &str) -> Result<Option<Vec<f32>>>;
}

/// The vector of lyrics as they are written: headings, times and tags of lyrics files are not text.
pub(crate) fn vector_of(encoder: &dyn LyricsEncoder, lyrics: &str) -> Result<Option<Vec<f32>>> {
    let parsed = LyricsText::parse(lyrics);
    let lines: Vec<&str> = parsed.lines.iter().map(|line| line.text.as_str()).collect();
    encoder.embed(&lines.join("\n"))
}

#[cfg(test)]
mod tests;
