//! Sung lines: words divided into syllables with their sounds and places.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::fixed_map::FixedMap;
use super::phonemes::{Phoneme, Pronunciation, ReadingSource, pronounce};
use super::tokens::{Token, folded, tokenize};

/// Small words that carry no beat and whose rhymes are accidents.
const SMALL_WORDS: [&str; 84] = [
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do",
    "does", "for", "from", "had", "has", "have", "he", "her", "him", "his", "i", "i'm", "if", "in",
    "into", "is", "it", "it's", "its", "i'd", "i'll", "i've", "me", "my", "no", "nor", "not", "of",
    "oh", "on", "or", "our", "out", "she", "should", "so", "than", "that", "that's", "the",
    "their", "them", "then", "there", "these", "they", "this", "those", "to", "too", "up", "us",
    "was", "we", "were", "what", "when", "where", "which", "who", "will", "with", "would", "ya",
    "yeah", "you", "you're", "your", "'cause", "uh",
];

/// One syllable of a sung word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syllable {
    /// Vowel class, `0..15`.
    pub vowel: u8,
    /// The consonants up to the next vowel of the word, exact; packed, for comparison only.
    pub after: u32,
    /// The same with voiced and voiceless partners merged and nasals levelled.
    pub after_near: u32,
    /// The consonants before the vowel since the previous vowel; packed.
    pub before: u32,
    /// Stress: 0 none, 1 primary, 2 secondary.
    pub stress: u8,
    /// First character in the line.
    pub start_char: usize,
    /// Character after the last.
    pub end_char: usize,
}

/// One word of a sung line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SungWord {
    /// Folded spelling.
    pub folded: String,
    /// Its syllables; empty when the word has no vowel sound.
    pub syllables: Vec<Syllable>,
    /// Whether it is a function word, sung without a beat of its own.
    pub is_small: bool,
    /// Whether its sound was guessed from the letters.
    pub is_guessed: bool,
}

/// Divides English lines into sung words, remembering each word's sound.
///
/// - Cost: one dictionary look-up per distinct word.
#[derive(Debug, Default)]
pub struct Singer {
    sounds: HashMap<String, WordSound>,
}

impl Singer {
    /// Returns the pronunciation of a word sung before; `None` for others.
    pub fn pronunciation(&self, word: &str) -> Option<&Pronunciation> {
        self.sounds.get(word).map(|sound| &sound.pronunciation)
    }

    /// Divides one line.
    pub fn sing(&mut self, line: &str) -> Vec<SungWord> {
        tokenize(line)
            .into_iter()
            .map(|token| {
                let folded = folded(token.text);
                match self.sounds.get(&folded) {
                    Some(sound) => sound.sung(token, folded),
                    None => {
                        let sound = WordSound::new(&folded);
                        let sung = sound.sung(token, folded.clone());
                        self.sounds.insert(folded, sound);
                        sung
                    }
                }
            })
            .collect()
    }
}

/// How a distinct word sounds.
#[derive(Debug)]
pub(super) struct WordSound {
    pub pronunciation: Pronunciation,
    /// Placed on the folded spelling, as if it opened the line.
    syllables: Vec<Syllable>,
    is_small: bool,
}

impl WordSound {
    /// Looks a folded word up.
    pub(super) fn new(word: &str) -> Self {
        let pronunciation = pronounce(word);
        let first = pronunciation.readings.first();
        let mut syllables = first.map_or(Vec::new(), |reading| syllables(reading));
        place(&mut syllables, word, 0);
        Self {
            syllables,
            is_small: is_small(word),
            pronunciation,
        }
    }

    /// The word where it stands.
    pub(super) fn sung(&self, token: Token<'_>, folded: String) -> SungWord {
        let mut syllables = self.syllables.clone();
        if token.text == folded {
            for syllable in &mut syllables {
                syllable.start_char += token.start_char;
                syllable.end_char += token.start_char;
            }
        } else {
            place(&mut syllables, token.text, token.start_char);
        }
        SungWord {
            syllables,
            is_small: self.is_small,
            is_guessed: self.pronunciation.source == ReadingSource::Letters,
            folded,
        }
    }
}

fn is_small(word: &str) -> bool {
    static TABLE: OnceLock<FixedMap<&str, ()>> = OnceLock::new();
    let table = TABLE.get_or_init(|| SMALL_WORDS.into_iter().map(|word| (word, ())).collect());
    table.contains_key(word)
}

/// Divides a reading at its vowels.
fn syllables(reading: &[Phoneme]) -> Vec<Syllable> {
    let mut syllables: Vec<Syllable> = Vec::new();
    let mut pending = 0u32;
    for phoneme in reading {
        match (phoneme.vowel(), phoneme.stress()) {
            (Some(vowel), Some(stress)) => {
                syllables.push(Syllable {
                    vowel,
                    after: 0,
                    after_near: 0,
                    before: pending,
                    stress,
                    start_char: 0,
                    end_char: 0,
                });
                pending = 0;
            }
            _ => {
                let code = u32::from(phoneme.class()).saturating_sub(14);
                let near = NEAR
                    .get(code.saturating_sub(1) as usize)
                    .map_or(8, |near| u32::from(*near));
                pending = pending << 5 | code;
                if let Some(last) = syllables.last_mut() {
                    last.after = last.after << 5 | code;
                    last.after_near = last.after_near << 5 | near;
                }
            }
        }
    }
    syllables
}

/// Consonants in class order (B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH), merged where
/// the ear takes one for the other in rap: stops, sibilants, nasals.
const NEAR: [u8; 24] = [
    1, 2, 1, 3, 3, 1, 8, 2, 1, 6, 5, 5, 5, 1, 7, 4, 2, 1, 3, 3, 8, 8, 4, 2,
];

/// Spreads syllables over the letters of their word, at vowel groups where those agree in number.
fn place(syllables: &mut [Syllable], word: &str, start_char: usize) {
    let letters: Vec<char> = word.chars().collect();
    let count = syllables.len();
    if count == 0 {
        return;
    }
    let starts = vowel_group_starts(&letters);
    let mut cuts: Vec<usize> = if starts.len() == count {
        // A syllable takes one consonant before its vowel, when there is one.
        starts
            .iter()
            .map(|start| start.saturating_sub(usize::from(*start > 1)))
            .collect()
    } else {
        (0..count)
            .map(|place| place * letters.len() / count)
            .collect()
    };
    if let Some(first) = cuts.first_mut() {
        *first = 0;
    }
    cuts.push(letters.len());
    for (syllable, cut) in syllables.iter_mut().zip(cuts.windows(2)) {
        if let [start, end] = cut {
            syllable.start_char = start_char + start;
            syllable.end_char = start_char + (*end).max(*start);
        }
    }
}

fn vowel_group_starts(letters: &[char]) -> Vec<usize> {
    let is_vowel = |letter: char| "aeiouyAEIOUY".contains(letter);
    let mut starts = Vec::new();
    let mut is_inside = false;
    for (place, letter) in letters.iter().enumerate() {
        let is_silent_e = *letter == 'e' && place + 1 == letters.len() && !starts.is_empty();
        let opens = is_vowel(*letter) && !is_inside && !is_silent_e;
        if opens {
            starts.push(place);
        }
        is_inside = is_vowel(*letter);
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_words_and_places_syllables() {
        let words = Singer::default().sing("I remember music");
        let counts: Vec<usize> = words.iter().map(|word| word.syllables.len()).collect();
        assert_eq!(counts, [1, 3, 2]);
        let places: Vec<(usize, usize)> = words
            .iter()
            .flat_map(|word| word.syllables.iter().map(|s| (s.start_char, s.end_char)))
            .collect();
        assert_eq!(
            places,
            [(0, 1), (2, 4), (4, 7), (7, 10), (11, 13), (13, 16)]
        );
        assert!(words.first().is_some_and(|word| word.is_small));
    }
}
