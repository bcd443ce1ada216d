//! The embedded sentiment lexicon: deflated text, unpacked once.

use std::io::Read;
use std::sync::OnceLock;

use crate::lyrics::fixed_map::FixedMap;

/// First line of the unpacked data; the digit is the format's version.
const MAGIC: &str = "LMSENT1";
/// Ceiling of the unpacked size: the embedded table needs 90 kB, a wrong file must not take more.
const UNPACKED_BYTES_MAX: u64 = 4 << 20;
/// Largest valence in tenths; raters judged on −4..=4.
const TENTHS_MAX: i8 = 40;

static PACKED: &[u8] = include_bytes!("../../../data/sentiment.bin");

/// Why a packed lexicon cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    /// The deflate stream is broken or holds no UTF-8.
    #[error("cannot unpack the sentiment lexicon")]
    Unpack(#[source] std::io::Error),
    /// A line is not a token and its valence.
    #[error("the sentiment lexicon is malformed in line {line_number}")]
    Malformed {
        /// Counted from 1.
        line_number: usize,
    },
}

/// Words and emoticons with the mean valence that people gave them.
#[derive(Debug)]
pub struct SentimentLexicon {
    tenths: FixedMap<Box<str>, i8>,
}

impl SentimentLexicon {
    /// Returns the lexicon built into the program, unpacking it on first use.
    ///
    /// - Cost: about 2 ms once, less than 1 MB kept.
    /// - Source: Hutto and Gilbert, "VADER: a parsimonious rule-based model for sentiment analysis of
    ///   social media text", ICWSM 2014; ten raters a token.
    pub fn embedded() -> &'static Self {
        static LEXICON: OnceLock<SentimentLexicon> = OnceLock::new();
        LEXICON.get_or_init(|| {
            Self::from_packed(PACKED).expect("the embedded file is covered by a test")
        })
    }

    /// Unpacks a lexicon.
    ///
    /// - Shape: deflate over lines: the magic, then `token TAB tenths`, valence in tenths.
    /// - Errors: [`LexiconError`] for anything else.
    pub fn from_packed(packed: &[u8]) -> Result<Self, LexiconError> {
        let mut text = String::new();
        flate2::read::DeflateDecoder::new(packed)
            .take(UNPACKED_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(LexiconError::Unpack)?;
        let mut tenths = FixedMap::default();
        for (index, line) in text.lines().enumerate() {
            if index == 0 && line == MAGIC {
                continue;
            }
            let entry = line
                .split_once('\t')
                .filter(|(token, _)| index > 0 && !token.is_empty())
                .and_then(|(token, valence)| Some((token, valence.parse::<i8>().ok()?)))
                .filter(|(_, valence)| (-TENTHS_MAX..=TENTHS_MAX).contains(valence));
            let Some((token, valence)) = entry else {
                let line_number = index + 1;
                return Err(LexiconError::Malformed { line_number });
            };
            tenths.insert(token.into(), valence);
        }
        Ok(Self { tenths })
    }

    /// Returns the number of tokens.
    pub fn entry_count(&self) -> usize {
        self.tenths.len()
    }

    /// Returns the mean valence of a token as it is listed (words are listed in lower case).
    ///
    /// - Units: −4.0 (most negative) to 4.0; never 0.
    pub fn valence(&self, token: &str) -> Option<f64> {
        self.tenths
            .get(token)
            .map(|tenths| f64::from(*tenths) / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_embedded_table_is_whole() {
        let lexicon = SentimentLexicon::embedded();
        assert_eq!(lexicon.entry_count(), 7_506);
        assert_eq!(lexicon.valence("love"), Some(3.2));
        assert_eq!(lexicon.valence(":("), Some(-1.9));
        assert_eq!(lexicon.valence("table"), None);
    }

    #[test]
    fn broken_tables_are_errors() {
        for text in [
            "",
            "LMSENT1\ngood",
            "LMSENT1\n\t3",
            "LMSENT1\ngood\t99",
            "good\t19",
        ] {
            let read = SentimentLexicon::from_packed(&packed(text));
            match text {
                "" => assert_eq!(read.unwrap().entry_count(), 0),
                _ => assert!(
                    matches!(read, Err(LexiconError::Malformed { .. })),
                    "{text:?}"
                ),
            }
        }
        let noise = SentimentLexicon::from_packed(&[0xff; 40]);
        assert!(matches!(noise, Err(LexiconError::Unpack(_))));
    }
}
