//! Whether two French words rhyme, over all ways to read their ends.

use super::sounds::{Reading, readings};

/// Evidence of each [`Agreement`], in log odds that words set to rhyme agree so against chance. Our own estimates: the
/// first and the last of what verse of seven authors shows, to half a unit.
const LOG_ODDS: [f32; 6] = [5.0, 1.5, 0.5, -1.5, -2.5, -3.5];
/// Evidence of a pair is kept within this.
const LOG_ODDS_MAX: f32 = 4.0;

/// How far two readings agree; the order is that of [`LOG_ODDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Agreement {
    /// In vowel and coda, and before an open vowel.
    Full,
    /// In an open vowel that carries a rhyme alone.
    Sufficient,
    /// In an open vowel that hundreds of words end in.
    Weak,
    /// In the vowel, before other consonants.
    Assonance,
    /// But for vowels that are near, or in all that is heard where verse tells what is written apart.
    Near,
    Apart,
}

/// The end of a line: how its last word sounds.
#[derive(Debug, Clone, PartialEq)]
pub struct FrenchEnd {
    readings: Vec<Reading>,
}

impl FrenchEnd {
    /// Prepares the last word of a line; one without a vowel rhymes with nothing.
    ///
    /// - Cost: O(letters).
    pub fn new(word: &str) -> Self {
        Self {
            readings: readings(word),
        }
    }

    /// Returns the evidence that two ends rhyme in verse, in log odds; a mute `e` rhymes with its like only, and so
    /// does the ending of verbs in `er`.
    ///
    /// - Source: the rules of rhyme, with the consonant of support for open vowels and the genders of rhyme:
    ///   F. Deloffre, *Le vers français*, 1973; the silent letters: M. Grevisse, *Le bon usage*, on pronunciation.
    pub fn log_odds(&self, other: &Self) -> f32 {
        self.evidence(other, true)
    }

    /// The same in song, where the ear alone decides.
    pub fn log_odds_sung(&self, other: &Self) -> f32 {
        self.evidence(other, false)
    }

    /// The best that a pair of readings says, less what is against those readings.
    fn evidence(&self, other: &Self, is_verse: bool) -> f32 {
        let pairs = self.readings.iter().flat_map(|one| {
            let others = other.readings.iter();
            others.map(move |other| {
                let agreement = one.agreement(other, is_verse);
                LOG_ODDS[agreement as usize] + (one.weight * other.weight).ln() / 2.0
            })
        });
        let best = pairs.fold(f32::NEG_INFINITY, f32::max);
        best.clamp(-LOG_ODDS_MAX, LOG_ODDS_MAX)
    }
}

impl Reading {
    fn agreement(&self, other: &Self, is_verse: bool) -> Agreement {
        let is_same_end = self.coda == other.coda;
        if self.vowel == other.vowel && is_same_end {
            let is_full = !self.coda.is_empty() || self.support == other.support;
            let agreement = match self.vowel {
                _ if is_full => Agreement::Full,
                'e' | 'i' | 'y' | 'a' => Agreement::Weak,
                _ => Agreement::Sufficient,
            };
            let is_apart = is_verse && self.ending != other.ending;
            return if is_apart { Agreement::Near } else { agreement };
        }
        if self.vowel == other.vowel && !self.coda.is_empty() && !other.coda.is_empty() {
            return Agreement::Assonance;
        }
        let is_near = matches!(
            (self.vowel, other.vowel),
            ('e', 'ɛ') | ('ɛ', 'e') | ('I', 'U') | ('U', 'I') | ('w', 'ɛ') | ('ɛ', 'w')
        );
        if is_near && is_same_end {
            return Agreement::Near;
        }
        Agreement::Apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odds(left: &str, right: &str) -> f32 {
        FrenchEnd::new(left).log_odds(&FrenchEnd::new(right))
    }

    fn sung(left: &str, right: &str) -> f32 {
        FrenchEnd::new(left).log_odds_sung(&FrenchEnd::new(right))
    }

    #[test]
    fn rhymes_are_heard_through_their_spelling() {
        for (left, right) in [
            ("amour", "toujours"),
            ("temps", "autant"),
            ("mer", "fer"),
            ("chanter", "monter"),
            ("yeux", "adieux"),
            ("maître", "peut-être"),
            ("ville", "tranquille"),
            ("fille", "famille"),
            ("souvent", "vent"),
            ("aimaient", "jamais"),
        ] {
            assert!(
                odds(left, right) > 2.0,
                "{left} {right}: {}",
                odds(left, right)
            );
        }
    }

    #[test]
    fn what_looks_alike_may_not_rhyme() {
        for (left, right) in [
            ("ville", "famine"),
            ("amour", "amer"),
            ("nation", "nature"),
            ("chat", "rat"),
            ("main", "mine"),
            ("rose", "rosse"),
        ] {
            assert!(
                odds(left, right) < 1.0,
                "{left} {right}: {}",
                odds(left, right)
            );
        }
    }

    #[test]
    fn song_lets_pass_what_verse_tells_apart() {
        for (left, right) in [("mer", "mère"), ("parlé", "parler"), ("joli", "folie")] {
            assert!(odds(left, right) < 0.0, "{left} {right}");
            assert!(
                sung(left, right) > 1.8,
                "{left} {right}: {}",
                sung(left, right)
            );
        }
    }

    #[test]
    fn a_word_without_a_vowel_rhymes_with_nothing() {
        assert_eq!(odds("", "amour"), -LOG_ODDS_MAX);
        assert_eq!(odds("pst", "pst"), -LOG_ODDS_MAX);
        assert_eq!(odds("amour", "toujours"), odds("toujours", "amour"));
    }
}
