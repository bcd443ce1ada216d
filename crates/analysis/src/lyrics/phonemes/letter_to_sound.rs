//! Letters to phonemes for words no dictionary lists.

use super::Phoneme;
use super::dictionary::{Cursor, DictionaryError};

/// Order in which neighbouring letters are asked about, as offsets from the letter itself; nearer
/// letters carry more information, the following one more than the preceding one.
pub const CONTEXT_OFFSETS: [isize; 9] = [0, 1, -1, 2, -2, 3, -3, 4, -4];

/// Symbol of the word boundary and of every character that is not a letter or apostrophe.
pub const BOUNDARY: u8 = 27;

/// A context tree: each letter's sound given ever more of its neighbours.
///
/// - Shape: nodes in breadth-first order, the children of one node side by side and sorted by
///   symbol; each node holds the sound to say when no child matches.
/// - Source: Daelemans and van den Bosch, "Language-independent data-oriented grapheme-to-phoneme
///   conversion" (IGTree); letters were aligned to sounds by expectation maximisation.
#[derive(Debug)]
pub struct LetterToSound {
    symbols: Vec<u8>,
    sounds: Vec<u16>,
    child_starts: Vec<u32>,
    sound_table: Vec<Vec<Phoneme>>,
}

impl LetterToSound {
    /// Guesses the reading of a lower-case word; other characters than `a..=z` and `'` are silent.
    ///
    /// - Cost: O(letters × context).
    pub fn predict(&self, word: &str) -> Vec<Phoneme> {
        let symbols: Vec<u8> = word.chars().filter_map(letter_symbol).collect();
        let mut reading = Vec::with_capacity(symbols.len());
        for index in 0..symbols.len() {
            reading.extend_from_slice(self.sound_at(&symbols, index));
        }
        with_one_primary_stress(reading)
    }

    fn sound_at(&self, symbols: &[u8], index: usize) -> &[Phoneme] {
        let mut node = 0;
        for offset in CONTEXT_OFFSETS {
            let symbol = context_symbol(symbols, index, offset);
            match self.child(node, symbol) {
                Some(child) => node = child,
                None => break,
            }
        }
        let sound = self.sounds.get(node).copied().unwrap_or(0);
        self.sound_table
            .get(usize::from(sound))
            .map_or(&[], Vec::as_slice)
    }

    fn child(&self, node: usize, symbol: u8) -> Option<usize> {
        let start = *self.child_starts.get(node)? as usize;
        let end = *self.child_starts.get(node + 1)? as usize;
        let children = self.symbols.get(start..end)?;
        children
            .iter()
            .position(|candidate| *candidate == symbol)
            .map(|place| start + place)
    }

    /// Reads the tree: sound table, then symbols, sounds (low bytes, high bytes), child counts.
    pub(super) fn from_cursor(cursor: &mut Cursor<'_>) -> Result<Self, DictionaryError> {
        const PART: &str = "letter-to-sound tree";
        let malformed = || DictionaryError::Malformed { part: PART };
        let sound_table = cursor
            .stream(PART)?
            .split(|byte| *byte == u8::MAX)
            .map(|codes| codes.iter().map(|code| Phoneme::from_code(*code)).collect())
            .collect::<Option<Vec<Vec<_>>>>()
            .ok_or_else(malformed)?;
        let symbols = cursor.stream(PART)?.to_vec();
        let low = cursor.stream(PART)?;
        let high = cursor.stream(PART)?;
        let child_counts = cursor.stream(PART)?;
        let node_count = symbols.len();
        if [low.len(), high.len(), child_counts.len()] != [node_count; 3] {
            return Err(malformed());
        }
        let sounds = low
            .iter()
            .zip(high)
            .map(|(low, high)| u16::from_le_bytes([*low, *high]));
        let mut child_starts = Vec::with_capacity(node_count + 1);
        let mut next_child = 1u32;
        for child_count in child_counts {
            child_starts.push(next_child);
            next_child += u32::from(*child_count);
        }
        child_starts.push(next_child);
        if next_child as usize != node_count {
            return Err(malformed());
        }
        Ok(Self {
            symbols,
            sounds: sounds.collect(),
            child_starts,
            sound_table,
        })
    }
}

/// Returns the symbol of a letter: `a..=z` are `0..26`, the apostrophe is 26.
pub fn letter_symbol(letter: char) -> Option<u8> {
    match letter {
        'a'..='z' => Some(letter as u8 - b'a'),
        '\'' => Some(26),
        _ => None,
    }
}

/// Returns the symbol at an offset from a letter, the boundary outside the word.
pub fn context_symbol(symbols: &[u8], index: usize, offset: isize) -> u8 {
    index
        .checked_add_signed(offset)
        .and_then(|place| symbols.get(place))
        .copied()
        .unwrap_or(BOUNDARY)
}

/// Gives a reading exactly one primary stress: letters alone often yield none or several.
fn with_one_primary_stress(mut reading: Vec<Phoneme>) -> Vec<Phoneme> {
    let primary_count = reading
        .iter()
        .filter(|phoneme| phoneme.stress() == Some(1))
        .count();
    if primary_count == 0 {
        let place = reading
            .iter()
            .position(|phoneme| phoneme.stress() == Some(2))
            .or_else(|| reading.iter().position(|phoneme| phoneme.is_vowel()));
        if let Some(phoneme) = place.and_then(|place| reading.get_mut(place)) {
            *phoneme = phoneme.with_stress(1);
        }
    }
    let mut seen = false;
    for phoneme in reading
        .iter_mut()
        .filter(|phoneme| phoneme.stress() == Some(1))
    {
        if seen {
            *phoneme = phoneme.with_stress(2);
        }
        seen = true;
    }
    reading
}
