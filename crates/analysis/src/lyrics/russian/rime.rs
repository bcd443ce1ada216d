//! Whether two Russian words rhyme, over all ways to stress them.

use super::sounds::{Sound, transcribe};
use super::stress::StressCandidates;

/// How far two ends agree, as log odds that words set to rhyme agree so against chance: in all sounds from
/// the stressed vowel on, in all but what rhyming verse has always let pass, in the stressed vowel, in
/// nothing. Our own estimates: of words by chance about one pair in a hundred agrees in all sounds.
const LOG_ODDS: [f32; 4] = [4.5, 2.0, -1.0, -4.0];
/// Evidence of a pair is kept within this, as that of spelled rimes is.
const LOG_ODDS_MAX: f32 = 3.0;

/// The end of a line: how its last word sounds from each vowel on that may be stressed.
#[derive(Debug, Clone, PartialEq)]
pub struct RussianEnd {
    rimes: Vec<Rime>,
}

/// One way to end.
#[derive(Debug, Clone, PartialEq)]
struct Rime {
    weight: f32,
    /// The sound before the stressed vowel, which an open end needs.
    support: Option<Sound>,
    sounds: Vec<Sound>,
}

impl RussianEnd {
    /// Prepares the last word of a line; one without a vowel rhymes with nothing.
    ///
    /// - Cost: O(letters × vowels).
    pub fn new(word: &str) -> Self {
        let Some(stress) = StressCandidates::of(word) else {
            return Self { rimes: Vec::new() };
        };
        let rimes = stress.candidates.iter().filter_map(|candidate| {
            let word = if candidate.is_yo {
                with_yo(&stress.word, candidate.vowel)
            } else {
                stress.word.clone()
            };
            Rime::new(
                &transcribe(&word, candidate.vowel),
                candidate.vowel,
                candidate.weight,
            )
        });
        Self {
            rimes: rimes.collect(),
        }
    }

    /// Returns the evidence that two ends rhyme, in log odds: the ways to stress both are summed up by their
    /// weights, so that ends whose stress is open rhyme as far as some stress lets them.
    ///
    /// - Source: rhyme from the stressed vowel on, with the consonant before it where the line ends in that
    ///   vowel: V. Zhirmunsky, *Rifma, ee istoriya i teoriya*, 1923.
    pub fn log_odds(&self, other: &Self) -> f32 {
        let mut likelihood = 0.0f32;
        let mut weights = 0.0f32;
        for one in &self.rimes {
            for other in &other.rimes {
                let weight = one.weight * other.weight;
                likelihood += weight * LOG_ODDS[one.distance(other)].exp();
                weights += weight;
            }
        }
        if weights <= 0.0 {
            return -LOG_ODDS_MAX;
        }
        (likelihood / weights)
            .ln()
            .clamp(-LOG_ODDS_MAX, LOG_ODDS_MAX)
    }
}

impl Rime {
    fn new(sounds: &[Sound], vowel: usize, weight: f32) -> Option<Self> {
        let is_vowel = |sound: &Sound| matches!(sound, Sound::Vowel(_));
        let mut vowels = sounds
            .iter()
            .enumerate()
            .filter(|(_, sound)| is_vowel(sound));
        let (start, _) = vowels.nth(vowel)?;
        let heard = sounds.get(start..)?.iter().map(|sound| heard(*sound));
        Some(Self {
            weight,
            support: start
                .checked_sub(1)
                .and_then(|before| sounds.get(before))
                .copied(),
            sounds: heard.collect(),
        })
    }

    /// The place in [`LOG_ODDS`].
    fn distance(&self, other: &Self) -> usize {
        if self.sounds.first() != other.sounds.first() {
            return 3;
        }
        let is_open = self.sounds.len() == 1 && other.sounds.len() == 1;
        if is_open {
            return match (self.support, other.support) {
                (one, other) if one == other => 0,
                // `я` and `меня`, `мои` and `любви`: softness alone has carried the rhyme.
                (one, other) if is_softening(one) && is_softening(other) => 1,
                _ => 2,
            };
        }
        if self.agrees(other, |one, other| one == other) {
            return 0;
        }
        match self.agrees(other, is_close) || self.without_last_j() == other.without_last_j() {
            true => 1,
            false => 2,
        }
    }

    fn agrees(&self, other: &Self, is_alike: impl Fn(Sound, Sound) -> bool) -> bool {
        let same_length = self.sounds.len() == other.sounds.len();
        let mut pairs = self.sounds.iter().zip(&other.sounds);
        same_length && pairs.all(|(one, other)| is_alike(*one, *other))
    }

    /// `милый` has always rhymed with `силы`.
    fn without_last_j(&self) -> &[Sound] {
        match self.sounds.as_slice() {
            [rest @ .., Sound::Consonant('j', _)] if rest.len() > 1 => rest,
            all => all,
        }
    }
}

/// A sound as rhyme hears it: `и` and `ы` are one, and so are the unstressed vowels of one kind.
fn heard(sound: Sound) -> Sound {
    match sound {
        Sound::Vowel('ɨ' | 'ɪ' | 'i') => Sound::Vowel('i'),
        Sound::Vowel('ɐ' | 'ə') => Sound::Vowel('ə'),
        Sound::Vowel('ʊ' | 'u') => Sound::Vowel('u'),
        other => other,
    }
}

/// Differences that rhyme lets pass: unstressed vowels that are not `u`, softness, and `г` spoken as `х`.
fn is_close(one: Sound, other: Sound) -> bool {
    match (one, other) {
        (Sound::Vowel('i' | 'ə'), Sound::Vowel('i' | 'ə')) => true,
        (Sound::Consonant('k' | 'x', _), Sound::Consonant('k' | 'x', _)) => true,
        (Sound::Consonant(one, _), Sound::Consonant(other, _)) => one == other,
        _ => one == other,
    }
}

/// Whether an open vowel stands behind a soft sound, or behind none.
fn is_softening(support: Option<Sound>) -> bool {
    !matches!(support, Some(Sound::Consonant(_, false)))
}

/// Writes `ё` for the vowel letter at a place.
fn with_yo(word: &str, vowel: usize) -> String {
    let mut seen = 0;
    let letters = word.chars().map(|letter| {
        let is_here = super::sounds::is_vowel(letter) && {
            seen += 1;
            seen == vowel + 1
        };
        if is_here { 'ё' } else { letter }
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odds(left: &str, right: &str) -> f32 {
        RussianEnd::new(left).log_odds(&RussianEnd::new(right))
    }

    #[test]
    fn pairs_of_the_poets_rhyme_and_others_do_not() {
        for (left, right) in [
            ("правил", "заставил"),
            ("занемог", "мог"),
            ("себя", "тебя"),
            ("сад", "закат"),
            ("дорога", "тревога"),
            ("мгновенье", "виденье"),
            ("тяжелый", "веселый"),
            ("наедине", "тишине"),
            ("слез", "роз"),
            ("милый", "силы"),
            ("снег", "брег"),
            ("я", "меня"),
        ] {
            let found = odds(left, right);
            assert!(found > 0.5, "{left} {right} {found}");
            assert_eq!(found, odds(right, left));
        }
        for (left, right) in [
            ("трава", "рука"),
            ("вода", "огонь"),
            ("зимой", "слеза"),
            ("люблю", "пойду"),
            ("дорога", "земля"),
            ("в", "в"),
        ] {
            assert!(
                odds(left, right) < 0.0,
                "{left} {right} {}",
                odds(left, right)
            );
        }
    }

    #[test]
    fn known_stress_makes_surer() {
        assert_eq!(odds("ночь", "прочь"), LOG_ODDS_MAX);
        assert!(odds("карандаш", "шалаш") < LOG_ODDS_MAX);
    }
}
