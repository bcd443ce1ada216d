//! The embedded pronouncing dictionary: front-coded, deflated, unpacked once.

use std::io::Read;
use std::sync::OnceLock;

use super::letter_to_sound::LetterToSound;
use super::{Phoneme, READINGS_MAX};

/// First bytes of the unpacked data; the digit is the format's version.
pub(super) const MAGIC: &[u8; 8] = b"LMPRON1\n";
/// Ceiling of the unpacked size: the embedded file needs 3 MB, a wrong file must not take more.
const UNPACKED_BYTES_MAX: u64 = 16 << 20;

static PACKED: &[u8] = include_bytes!("../../../data/pronunciations.bin");

/// Why packed pronunciations cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DictionaryError {
    /// The deflate stream is broken.
    #[error("cannot unpack the pronunciations")]
    Unpack(#[source] std::io::Error),
    /// The unpacked bytes are not in the expected layout.
    #[error("pronunciations end early or are malformed in the {part}")]
    Malformed {
        /// The part that was being read.
        part: &'static str,
    },
}

/// Words with their readings, sorted for binary search.
#[derive(Debug)]
pub struct Dictionary {
    letters: Vec<u8>,
    word_ends: Vec<u32>,
    codes: Vec<u8>,
    reading_ends: Vec<u32>,
    /// First entry of each opening, and the count of entries: a search of all of them would wait for
    /// memory at every step.
    opening_starts: Vec<u32>,
    letter_to_sound: LetterToSound,
}

/// Letters that an opening has, and kinds of them.
const OPENING_LETTERS: usize = 3;
const LETTER_KINDS: usize = 29;

/// The number of a word's first letters, ascending with the words: nothing, what sorts before the letters,
/// the letters, what sorts behind them. Behind what is no letter nothing is counted: kinds of several
/// bytes do not ascend with what follows.
fn opening(word: &[u8]) -> usize {
    let mut is_open = true;
    (0..OPENING_LETTERS).fold(0, |number, place| {
        let kind = match word.get(place).filter(|_| is_open) {
            None => 0,
            Some(letter @ b'a'..=b'z') => 2 + usize::from(letter - b'a'),
            Some(other) => {
                is_open = false;
                if *other < b'a' { 1 } else { LETTER_KINDS - 1 }
            }
        };
        number * LETTER_KINDS + kind
    })
}

impl Dictionary {
    /// Returns the dictionary built into the program, unpacking it on first use.
    ///
    /// - Cost: about 30 ms once, 4 MB kept.
    pub fn embedded() -> &'static Self {
        static DICTIONARY: OnceLock<Dictionary> = OnceLock::new();
        DICTIONARY.get_or_init(|| {
            Self::from_packed(PACKED).expect("the embedded file is covered by a test")
        })
    }

    /// Unpacks a dictionary.
    ///
    /// - Shape: deflate over: magic, `u32` entry count, then five length-prefixed streams (word
    ///   prefix and suffix lengths, suffix letters, reading prefix and suffix lengths, suffix
    ///   codes), then the letter-to-sound tree. Entries are sorted by word; equal neighbours are
    ///   further readings.
    /// - Errors: [`DictionaryError`] for anything else.
    pub fn from_packed(packed: &[u8]) -> Result<Self, DictionaryError> {
        let mut bytes = Vec::new();
        flate2::read::DeflateDecoder::new(packed)
            .take(UNPACKED_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(DictionaryError::Unpack)?;
        let mut cursor = Cursor { bytes: &bytes };
        if cursor.take(MAGIC.len(), "magic")? != MAGIC {
            return Err(DictionaryError::Malformed { part: "magic" });
        }
        let entry_count = cursor.count("entry count")?;
        let (letters, word_ends) = front_decoded(&mut cursor, entry_count, "words")?;
        let (codes, reading_ends) = front_decoded(&mut cursor, entry_count, "readings")?;
        let letter_to_sound = LetterToSound::from_cursor(&mut cursor)?;
        let mut dictionary = Self {
            letters,
            word_ends,
            codes,
            reading_ends,
            opening_starts: Vec::new(),
            letter_to_sound,
        };
        dictionary.opening_starts = dictionary.count_openings();
        Ok(dictionary)
    }

    /// Returns the number of entries, counting each reading.
    pub fn entry_count(&self) -> usize {
        self.word_ends.len()
    }

    /// Tells whether a lower-case word is listed.
    pub fn contains(&self, word: &str) -> bool {
        self.first_index(word).is_some()
    }

    /// Returns the listed readings of a lower-case word, at most four.
    pub fn readings(&self, word: &str) -> Vec<Vec<Phoneme>> {
        let Some(first) = self.first_index(word) else {
            return Vec::new();
        };
        (first..self.entry_count())
            .take_while(|index| self.word(*index) == word.as_bytes())
            .take(READINGS_MAX)
            .map(|index| {
                let codes = slice_between(&self.codes, &self.reading_ends, index);
                codes
                    .iter()
                    .filter_map(|code| Phoneme::from_code(*code))
                    .collect()
            })
            .collect()
    }

    /// Returns the rules for words that are not listed.
    pub fn letter_to_sound(&self) -> &LetterToSound {
        &self.letter_to_sound
    }

    fn word(&self, index: usize) -> &[u8] {
        slice_between(&self.letters, &self.word_ends, index)
    }

    fn count_openings(&self) -> Vec<u32> {
        let mut starts = vec![0u32; LETTER_KINDS.pow(OPENING_LETTERS as u32) + 1];
        for index in 0..self.entry_count() {
            starts[opening(self.word(index)) + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        starts
    }

    fn first_index(&self, word: &str) -> Option<usize> {
        let wanted = word.as_bytes();
        let opening = opening(wanted);
        let start_of = |opening: usize| self.opening_starts.get(opening).map(|at| *at as usize);
        let (mut low, mut high) = (start_of(opening)?, start_of(opening + 1)?);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.word(middle) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.entry_count() && self.word(low) == wanted).then_some(low)
    }
}

/// Reads the unpacked bytes front to back.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn take(
        &mut self,
        byte_count: usize,
        part: &'static str,
    ) -> Result<&'a [u8], DictionaryError> {
        let (head, rest) = self
            .bytes
            .split_at_checked(byte_count)
            .ok_or(DictionaryError::Malformed { part })?;
        self.bytes = rest;
        Ok(head)
    }

    pub(super) fn count(&mut self, part: &'static str) -> Result<usize, DictionaryError> {
        let bytes = self.take(4, part)?;
        let value = bytes
            .iter()
            .rev()
            .fold(0u32, |value, byte| (value << 8) | u32::from(*byte));
        Ok(value as usize)
    }

    pub(super) fn stream(&mut self, part: &'static str) -> Result<&'a [u8], DictionaryError> {
        let byte_count = self.count(part)?;
        self.take(byte_count, part)
    }
}

/// Undoes front coding: each entry repeats a prefix of the one before it.
fn front_decoded(
    cursor: &mut Cursor<'_>,
    entry_count: usize,
    part: &'static str,
) -> Result<(Vec<u8>, Vec<u32>), DictionaryError> {
    let malformed = || DictionaryError::Malformed { part };
    let prefixes = cursor.stream(part)?;
    let suffixes = cursor.stream(part)?;
    let mut payload = cursor.stream(part)?;
    if prefixes.len() != entry_count || suffixes.len() != entry_count {
        return Err(malformed());
    }
    let mut bytes: Vec<u8> = Vec::with_capacity(entry_count * 8);
    let mut ends = Vec::with_capacity(entry_count);
    let mut start = 0;
    for (prefix, suffix) in prefixes.iter().zip(suffixes) {
        let shared = start..start + usize::from(*prefix);
        let next_start = bytes.len();
        if shared.end > next_start {
            return Err(malformed());
        }
        bytes.extend_from_within(shared);
        let (head, rest) = payload
            .split_at_checked(usize::from(*suffix))
            .ok_or_else(malformed)?;
        bytes.extend_from_slice(head);
        payload = rest;
        start = next_start;
        ends.push(u32::try_from(bytes.len()).map_err(|_| malformed())?);
    }
    Ok((bytes, ends))
}

fn slice_between<'a>(bytes: &'a [u8], ends: &[u32], index: usize) -> &'a [u8] {
    let start = match index.checked_sub(1) {
        Some(previous) => ends.get(previous).copied().unwrap_or(0),
        None => 0,
    };
    let end = ends.get(index).copied().unwrap_or(start);
    bytes.get(start as usize..end as usize).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_dictionary_unpacks_quickly() {
        let started = std::time::Instant::now();
        let dictionary = Dictionary::from_packed(PACKED).expect("the embedded file is sound");
        assert!(
            started.elapsed().as_millis() < 1_000,
            "{:?}",
            started.elapsed()
        );
        assert!(dictionary.entry_count() > 130_000);
        assert_eq!(dictionary.readings("wind").len(), 2);
        assert!(dictionary.readings("qqqq").is_empty());
        assert!(dictionary.readings("").is_empty());
        let openings = (0..dictionary.entry_count()).map(|index| opening(dictionary.word(index)));
        assert!(openings.is_sorted());
    }

    #[test]
    fn broken_data_is_an_error() {
        assert!(Dictionary::from_packed(b"").is_err());
        assert!(Dictionary::from_packed(b"not deflate at all").is_err());
        let half = PACKED.get(..PACKED.len() / 2).unwrap_or(&[]);
        assert!(Dictionary::from_packed(half).is_err());
    }
}
