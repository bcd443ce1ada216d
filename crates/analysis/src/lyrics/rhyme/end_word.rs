//! What two words say about rhyming with each other, as sparse features.

use crate::lyrics::phonemes::{Phoneme, Pronunciation, ReadingSource, pronounce};

/// Longest spelling tail compared; longer agreement says nothing new.
const SPELLING_TAIL_MAX: usize = 5;

/// Class of the first consonant; lower classes are vowels.
const FIRST_CONSONANT: u8 = 15;

const SPELLING_BY_LEVEL: usize = 1;
const CODA_BY_VOWEL: usize = SPELLING_BY_LEVEL + 7 * 5;
const VOWEL_PAIR: usize = CODA_BY_VOWEL + 7 * 2;
const SOURCE_BY_LEVEL: usize = VOWEL_PAIR + 120;
const STRESS_BY_LEVEL: usize = SOURCE_BY_LEVEL + 3 * 5;
const TAIL_BY_LEVEL: usize = STRESS_BY_LEVEL + 3 * 5;
const RIME_SPELLING: usize = TAIL_BY_LEVEL + 3 * 5;
const PENULT: usize = RIME_SPELLING + 8;
const CODA_BY_SPELLING: usize = PENULT + 8;

/// Count of pair features; the first is always on.
pub const PAIR_FEATURE_COUNT: usize = CODA_BY_SPELLING + 7 * 6;

/// Fills the list of features where there are fewer.
pub const NO_FEATURE: u16 = u16::MAX;

/// The strongest sound agreement between two words' endings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RhymeLevel {
    /// The last vowels differ.
    None,
    /// The last vowels agree, what follows does not.
    Assonance,
    /// The last syllables agree from the vowel on.
    LastSyllable,
    /// Everything agrees from the stressed vowel on.
    Perfect,
    /// The whole readings agree.
    Homophone,
}

/// A word at the end of a line, prepared for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndWord {
    letters: Vec<u8>,
    tails: Vec<Tail>,
    is_guessed: bool,
}

/// The end of one reading.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tail {
    classes: Vec<u8>,
    stressed_from: usize,
    last_vowel_at: usize,
    penult_vowel: Option<u8>,
    last_stress: u8,
    tail_syllable_count: usize,
}

impl EndWord {
    /// Prepares an English word.
    ///
    /// - Cost: one [`pronounce`].
    pub fn new(word: &str) -> Self {
        Self::from_pronunciation(word, &pronounce(word))
    }

    /// Prepares a word whose pronunciation is known.
    pub fn from_pronunciation(word: &str, pronunciation: &Pronunciation) -> Self {
        let letters = word
            .chars()
            .flat_map(char::to_lowercase)
            .filter(char::is_ascii_lowercase)
            .map(|letter| letter as u8)
            .collect();
        Self {
            letters,
            tails: pronunciation
                .readings
                .iter()
                .filter_map(|r| Tail::new(r))
                .collect(),
            is_guessed: pronunciation.source == ReadingSource::Letters,
        }
    }

    /// Returns the strongest sound agreement over all readings.
    pub fn level(&self, other: &Self) -> RhymeLevel {
        self.best_tails(other)
            .map_or(RhymeLevel::None, |(level, _, _)| level)
    }

    fn best_tails<'a>(&'a self, other: &'a Self) -> Option<(RhymeLevel, &'a Tail, &'a Tail)> {
        let mut best: Option<(RhymeLevel, &Tail, &Tail)> = None;
        for left in &self.tails {
            for right in &other.tails {
                let level = left.level(right);
                if best.is_none_or(|(best_level, _, _)| level > best_level) {
                    best = Some((level, left, right));
                }
            }
        }
        best
    }

    fn spelling_tail(&self, other: &Self) -> usize {
        let pairs = self.letters.iter().rev().zip(other.letters.iter().rev());
        pairs.take_while(|(left, right)| left == right).count()
    }

    /// The letters from the last vowel group on, a silent final `e` not counted as one.
    fn spelled_rime(&self) -> &[u8] {
        let is_vowel = |letter: &u8| matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
        let mut end = self.letters.len();
        if end > 2 && self.letters.last() == Some(&b'e') {
            end -= 1;
        }
        let head = self.letters.get(..end).unwrap_or(&[]);
        let Some(last) = head.iter().rposition(is_vowel) else {
            return &self.letters;
        };
        let start = head
            .get(..last)
            .and_then(|before| before.iter().rposition(|letter| !is_vowel(letter)))
            .map_or(0, |consonant| consonant + 1);
        self.letters.get(start..).unwrap_or(&[])
    }
}

impl Tail {
    fn new(reading: &[Phoneme]) -> Option<Self> {
        let last_vowel_at = reading.iter().rposition(|phoneme| phoneme.is_vowel())?;
        let stressed = |wanted: u8| reading.iter().rposition(|p| p.stress() == Some(wanted));
        let stressed_from = stressed(1).or_else(|| stressed(2)).unwrap_or(last_vowel_at);
        let vowels: Vec<u8> = reading
            .iter()
            .filter_map(|phoneme| phoneme.vowel())
            .collect();
        let tail = reading.get(stressed_from..).unwrap_or(&[]);
        Some(Self {
            classes: reading.iter().map(|phoneme| phoneme.class()).collect(),
            stressed_from,
            last_vowel_at,
            penult_vowel: vowels
                .len()
                .checked_sub(2)
                .and_then(|place| vowels.get(place))
                .copied(),
            last_stress: reading
                .get(last_vowel_at)
                .and_then(|p| p.stress())
                .unwrap_or(0),
            tail_syllable_count: tail.iter().filter(|phoneme| phoneme.is_vowel()).count(),
        })
    }

    fn rime(&self) -> &[u8] {
        self.classes.get(self.last_vowel_at..).unwrap_or(&[])
    }

    fn stressed_tail(&self) -> &[u8] {
        self.classes.get(self.stressed_from..).unwrap_or(&[])
    }

    fn coda(&self) -> &[u8] {
        self.classes.get(self.last_vowel_at + 1..).unwrap_or(&[])
    }

    fn vowel(&self) -> u8 {
        self.classes.get(self.last_vowel_at).copied().unwrap_or(0)
    }

    fn level(&self, other: &Self) -> RhymeLevel {
        if self.classes == other.classes {
            RhymeLevel::Homophone
        } else if self.rime() != other.rime() {
            match self.vowel() == other.vowel() {
                true => RhymeLevel::Assonance,
                false => RhymeLevel::None,
            }
        } else if self.stressed_tail() == other.stressed_tail() {
            RhymeLevel::Perfect
        } else {
            RhymeLevel::LastSyllable
        }
    }
}

/// Lists the features that are on for a pair of words, symmetric in the two.
///
/// - Shape: ten indices below [`PAIR_FEATURE_COUNT`]; unused ones repeat [`NO_FEATURE`].
/// - Cost: O(readings² × word length), nothing is allocated.
pub fn pair_features(left: &EndWord, right: &EndWord) -> [u16; 10] {
    let spelling = match left.spelling_tail(right) {
        _ if left.letters == right.letters => SPELLING_TAIL_MAX + 1,
        length => length.min(SPELLING_TAIL_MAX),
    };
    let Some((level, left_tail, right_tail)) = left.best_tails(right) else {
        let mut features = [NO_FEATURE; 10];
        features[0] = 0;
        features[1] = (SPELLING_BY_LEVEL + spelling * 5) as u16;
        return features;
    };
    let level_place = level as usize;
    let coda = coda_relation(left_tail.coda(), right_tail.coda());
    let is_same_vowel = left_tail.vowel() == right_tail.vowel();
    let guessed_count = usize::from(left.is_guessed) + usize::from(right.is_guessed);
    let stressed_count =
        usize::from(left_tail.last_stress > 0) + usize::from(right_tail.last_stress > 0);
    let tails = match (
        left_tail.tail_syllable_count,
        right_tail.tail_syllable_count,
    ) {
        (1, 1) => 0,
        (one, other) if one == other => 1,
        _ => 2,
    };
    let is_same_spelled_rime = left.spelled_rime() == right.spelled_rime();
    let is_same_coda = left_tail.coda() == right_tail.coda();
    let penult = match (left_tail.penult_vowel, right_tail.penult_vowel) {
        (Some(one), Some(other)) if one == other => 3,
        (Some(_), Some(_)) => 2,
        (None, None) => 0,
        _ => 1,
    };
    [
        0,
        SPELLING_BY_LEVEL + spelling * 5 + level_place,
        CODA_BY_VOWEL + coda * 2 + usize::from(is_same_vowel),
        CODA_BY_SPELLING + coda * 6 + spelling.min(SPELLING_TAIL_MAX),
        VOWEL_PAIR + unordered(left_tail.vowel(), right_tail.vowel()),
        SOURCE_BY_LEVEL + guessed_count * 5 + level_place,
        STRESS_BY_LEVEL + stressed_count * 5 + level_place,
        TAIL_BY_LEVEL + tails * 5 + level_place,
        RIME_SPELLING
            + usize::from(is_same_spelled_rime) * 4
            + usize::from(is_same_vowel) * 2
            + usize::from(is_same_coda),
        PENULT + penult * 2 + usize::from(level >= RhymeLevel::LastSyllable),
    ]
    .map(|feature| feature as u16)
}

/// Index of an unordered pair of vowels among the 120.
fn unordered(left: u8, right: u8) -> usize {
    let (low, high) = (usize::from(left.min(right)), usize::from(left.max(right)));
    (high * (high + 1) / 2 + low).min(119)
}

/// Classes how two codas differ, from equal to unrelated.
fn coda_relation(left: &[u8], right: &[u8]) -> usize {
    let is_similar = |(one, other): (&u8, &u8)| manner(*one) == manner(*other);
    if left == right {
        usize::from(!left.is_empty())
    } else if left.is_empty() || right.is_empty() {
        2
    } else if left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(one, other)| partner(*one) == partner(*other))
    {
        3
    } else if left.starts_with(right) || right.starts_with(left) {
        4
    } else if left.len() == right.len() && left.iter().zip(right).all(is_similar) {
        5
    } else {
        6
    }
}

/// Consonants of the class order (B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH) with voiced
/// and voiceless partners merged.
const PARTNERS: [u8; 24] = [
    0, 1, 2, 3, 4, 5, 6, 1, 5, 9, 10, 11, 12, 0, 14, 15, 16, 2, 3, 4, 20, 21, 15, 16,
];
/// Their manner: 0 stops, 1 fricatives, 2 affricates, 3 nasals, 4 glides and liquids.
const MANNERS: [u8; 24] = [
    0, 2, 0, 1, 1, 0, 1, 2, 0, 4, 3, 3, 3, 0, 4, 1, 1, 0, 1, 1, 4, 4, 1, 1,
];

fn partner(class: u8) -> Option<u8> {
    PARTNERS
        .get(usize::from(class.checked_sub(FIRST_CONSONANT)?))
        .copied()
}

fn manner(class: u8) -> Option<u8> {
    MANNERS
        .get(usize::from(class.checked_sub(FIRST_CONSONANT)?))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_known_pairs() {
        for (left, right, expected) in [
            ("night", "light", RhymeLevel::Perfect),
            ("measure", "pleasure", RhymeLevel::Perfect),
            ("night", "knight", RhymeLevel::Homophone),
            ("lonely", "slowly", RhymeLevel::LastSyllable),
            ("time", "mine", RhymeLevel::Assonance),
            ("cat", "dog", RhymeLevel::None),
            ("again", "pain", RhymeLevel::Perfect),
        ] {
            assert_eq!(
                EndWord::new(left).level(&EndWord::new(right)),
                expected,
                "{left} {right}"
            );
        }
    }

    #[test]
    fn features_are_symmetric_and_bounded() {
        let words = [
            "love", "move", "wearily", "sky", "", "zzyzx", "é", "o'er", "shore",
        ];
        for left in words.map(EndWord::new) {
            for right in words.map(EndWord::new) {
                let features = pair_features(&left, &right);
                assert_eq!(features, pair_features(&right, &left));
                let is_valid = |f: &u16| *f == NO_FEATURE || usize::from(*f) < PAIR_FEATURE_COUNT;
                assert!(features.iter().all(is_valid));
            }
        }
    }
}
