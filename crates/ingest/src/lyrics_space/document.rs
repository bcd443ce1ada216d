//! A learned space as it is stored.

use leitmotif_analysis::lyrics::LyricsSpace;
use leitmotif_domain::Timestamp;
use leitmotif_storage::ports::VectorSpace;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Result;

/// Version of the stored form and of what the numbers mean; an unknown one is refused.
const FORMAT: u16 = 1;
/// Bytes of the checksum before the document.
const CHECKSUM_BYTES: usize = 32;

/// What one learning made of the lyrics of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedLyrics {
    format: u16,
    /// Which learning it was; part of the name of the space.
    pub number: u64,
    /// When it was learned.
    pub learned_at: Timestamp,
    /// Different songs that it learned from.
    pub songs: u64,
    /// The embedding.
    pub embedding: LyricsSpace,
}

impl LearnedLyrics {
    pub(super) fn new(
        number: u64,
        learned_at: Timestamp,
        songs: u64,
        embedding: LyricsSpace,
    ) -> Self {
        Self {
            format: FORMAT,
            number,
            learned_at,
            songs,
            embedding,
        }
    }

    /// The space whose vectors it makes.
    pub fn space(&self) -> VectorSpace {
        VectorSpace::of_learned_lyrics(self.number)
    }

    /// Writes it, with a checksum in front.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let document = postcard::to_allocvec(self).map_err(leitmotif_storage::Error::bug)?;
        let mut bytes = Sha256::digest(&document).to_vec();
        bytes.extend_from_slice(&document);
        Ok(bytes)
    }

    /// Reads it; bytes of any origin give an embedding that is whole, or an error.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = |reason: String| leitmotif_storage::Error::Corrupt {
            reason: format!(
                "the learned lyrics space: {reason}; `leitmotif lyrics learn` makes another"
            ),
        };
        let Some((checksum, document)) = bytes.split_at_checked(CHECKSUM_BYTES) else {
            return Err(damaged(format!("{} bytes, too few", bytes.len())).into());
        };
        if Sha256::digest(document).as_slice() != checksum {
            return Err(damaged("the checksum is another".to_owned()).into());
        }
        let (format, _) = postcard::take_from_bytes::<u16>(document)
            .map_err(|error| damaged(error.to_string()))?;
        if format != FORMAT {
            return Err(damaged(format!("format {format} is not known")).into());
        }
        Ok(postcard::from_bytes(document).map_err(|error| damaged(error.to_string()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leitmotif_analysis::lyrics::LyricsCorpus;

    fn learned() -> LearnedLyrics {
        let mut corpus = LyricsCorpus::default();
        for song in 0..60 {
            let words: Vec<String> = (0..40)
                .map(|at| format!("w{}", (song * 7 + at * at) % 130))
                .collect();
            corpus.add(words.iter().map(String::as_str));
        }
        let embedding = LyricsSpace::learn(corpus, &mut |_, _| {}).unwrap();
        LearnedLyrics::new(3, Timestamp::from_ms(5), 60, embedding)
    }

    #[test]
    fn what_is_written_is_read_and_anything_else_is_refused() {
        let learned = learned();
        let bytes = learned.to_bytes().unwrap();
        assert_eq!(LearnedLyrics::from_bytes(&bytes).unwrap(), learned);
        assert_eq!(learned.space().as_str(), "leitmotif-lyrics-3");
        let refused = |bytes: &[u8]| LearnedLyrics::from_bytes(bytes).unwrap_err().to_string();
        assert!(refused(&[]).contains("too few"));
        assert!(refused(&bytes[..bytes.len() - 1]).contains("checksum"));
        let mut flipped = bytes.clone();
        flipped[40] ^= 1;
        assert!(refused(&flipped).contains("checksum"));
        let other = LearnedLyrics {
            format: 9,
            ..learned
        };
        assert!(refused(&other.to_bytes().unwrap()).contains("format 9"));
    }
}
