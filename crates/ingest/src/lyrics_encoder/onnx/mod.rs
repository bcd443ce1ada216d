//! An encoder from two files: a network in ONNX and a tokenizer as Hugging Face writes it.

mod network;
mod windows;

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use leitmotif_domain::limits;
use leitmotif_storage::ports::VectorSpace;
use sha2::{Digest, Sha256};

use self::network::Network;
use self::windows::{Window, Windows};
use super::LyricsEncoder;
use crate::error::{Error, Result};

/// Where the network lies: beside the tokenizer, or where exporters put it.
const MODEL_FILES: [&str; 2] = ["model.onnx", "onnx/model.onnx"];
const TOKENIZER_FILE: &str = "tokenizer.json";
/// Largest network: the largest file of the format, whose weights may lie outside beyond it.
const MODEL_BYTES_MAX: u64 = 2 << 30;
/// Largest tokenizer: those of 250,000 pieces take 20 MB.
const TOKENIZER_BYTES_MAX: u64 = 256 << 20;

/// A sentence encoder that was read from a folder.
///
/// - Shape: a text becomes windows of at most 512 tokens; the vector is the mean of what the network tells of
///   them, weighted by their tokens, at length 1. A network that tells every token (`last_hidden_state`) is
///   read as the mean over its tokens; one that tells the text (`sentence_embedding`, or else
///   `pooler_output`) as it is.
/// - Cost: a text has at most 8,192 tokens that are read, one window at a time, on the calling thread.
/// - Source: Reimers and Gurevych, "Sentence-BERT" (2019), section 3, for the mean over tokens.
pub struct OnnxEncoder {
    space: VectorSpace,
    dimensions: usize,
    windows: Windows,
    network: Network,
}

impl OnnxEncoder {
    /// Reads `model.onnx` (or `onnx/model.onnx`) and `tokenizer.json`, and tries them on a full window.
    ///
    /// - Errors: `Unreadable` for a file that is not there; `Encoder` with what is wrong with it.
    /// - Cost: seconds for networks of a hundred megabytes; about three times the file in memory for a moment.
    pub fn open(folder: &Path) -> Result<Self> {
        let model = MODEL_FILES.map(|name| folder.join(name));
        let [beside, nested] = &model;
        let model = if nested.is_file() && !beside.is_file() {
            nested
        } else {
            beside
        };
        let network = read(model, MODEL_BYTES_MAX)?;
        let tokenizer = read(&folder.join(TOKENIZER_FILE), TOKENIZER_BYTES_MAX)?;
        let space = space_of(&network, &tokenizer);
        let windows = guarded(|| Windows::read(&tokenizer))
            .map_err(|reason| Error::encoder(format!("`{TOKENIZER_FILE}` {reason}")))?;
        let shown = model.display();
        let mut network = guarded(|| Network::read(&network))
            .map_err(|reason| Error::encoder(format!("`{shown}` {reason}")))?;
        let dimensions = tried(&mut network, &windows.widest())
            .map_err(|reason| Error::encoder(format!("`{shown}` {reason}")))?;
        Ok(Self {
            space,
            dimensions,
            windows,
            network,
        })
    }
}

impl LyricsEncoder for OnnxEncoder {
    fn space(&self) -> &VectorSpace {
        &self.space
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn window_tokens(&self) -> usize {
        self.windows.tokens_max()
    }

    fn embed(&self, text: &str) -> Result<Option<Vec<f32>>> {
        let windows = guarded(|| self.windows.cut(text)).map_err(Error::encoder)?;
        if windows.is_empty() {
            return Ok(None);
        }
        let mut sum = vec![0.0f64; self.dimensions];
        for window in &windows {
            let told = guarded(|| self.network.tell(window)).map_err(Error::encoder)?;
            for (sum, told) in sum.iter_mut().zip(told) {
                *sum += window.text_tokens as f64 * f64::from(told);
            }
        }
        let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
        if !length.is_finite() || length == 0.0 {
            let reason = format!("the network gives a vector of length {length} for this text");
            return Err(Error::encoder(reason));
        }
        Ok(Some(
            sum.iter().map(|value| (value / length) as f32).collect(),
        ))
    }
}

/// Tries a full window that holds the last token of the tokenizer; says how many numbers come out.
fn tried(network: &mut Network, window: &Window) -> std::result::Result<usize, String> {
    let tokens = window.ids.len();
    let told = guarded(|| network.tell(window))
        .map_err(|reason| format!("fails on {tokens} tokens of `{TOKENIZER_FILE}`: {reason}"))?;
    let most = limits::VECTOR_DIMENSION_MAX;
    match told.len() {
        0 => Err("gives vectors without a number".to_owned()),
        many if many > most => Err(format!(
            "gives vectors of {many} numbers, and a space takes at most {most}"
        )),
        _ if !told.iter().all(|value| value.is_finite()) => {
            Err("gives values that are no numbers (NaN or infinite)".to_owned())
        }
        fine => Ok(fine),
    }
}

/// Calls into code that was not written for strangers' files: a panic there is a refusal.
fn guarded<T>(
    work: impl FnOnce() -> std::result::Result<T, String>,
) -> std::result::Result<T, String> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err("cannot be worked with: reading it panics".to_owned()))
}

/// The space of these weights with this tokenizer.
fn space_of(network: &[u8], tokenizer: &[u8]) -> VectorSpace {
    let mut hasher = Sha256::new();
    // The length keeps the end of one file from being the beginning of the other.
    hasher.update((network.len() as u64).to_le_bytes());
    hasher.update(network);
    hasher.update(tokenizer);
    let digest = hasher.finalize();
    let first = digest.iter().take(8);
    VectorSpace::of_lyrics_encoder(first.fold(0, |hash, byte| hash << 8 | u64::from(*byte)))
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let unreadable = |reason: std::io::Error| Error::unreadable(path, reason);
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more tells a file at the bound from one beyond it.
    let mut bounded = file.take(bytes_max + 1);
    bounded.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        let path: PathBuf = path.to_owned();
        let reason = format!("`{}` is larger than {bytes_max} bytes", path.display());
        return Err(Error::encoder(reason));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
