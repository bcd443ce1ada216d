//! Musical keys and which go together.

use std::fmt;
use std::str::FromStr;

use leitmotif_domain::error::InvalidValue;
use leitmotif_learn::retrieval::{DescriptorWord, DescriptorWords, KeyName};

const TONICS: [&str; 12] = [
    "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B",
];
/// Semitones up to the dominant, and to the subdominant.
const DOMINANT: u8 = 7;
const SUBDOMINANT: u8 = 5;

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MusicalKey {
    /// Pitch class of the tonic, C = 0, below 12.
    pub tonic: u8,
    /// Whether it is minor.
    pub is_minor: bool,
}

/// Which keys go with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyMatch {
    /// The key itself.
    #[default]
    Same,
    /// The key, and the minor or major one of the same notes.
    Relative,
    /// Those, and dominant and subdominant: the neighbours on the wheel of disc jockeys.
    Wheel,
}

impl MusicalKey {
    /// The keys that go with this one, itself first.
    pub fn matching(self, wanted: KeyMatch) -> Vec<Self> {
        let moved = |semitones: u8| Self {
            tonic: (self.tonic + semitones) % 12,
            ..self
        };
        let relative = Self {
            is_minor: !self.is_minor,
            ..moved(if self.is_minor { 3 } else { 9 })
        };
        let all = [self, relative, moved(DOMINANT), moved(SUBDOMINANT)];
        let count = match wanted {
            KeyMatch::Same => 1,
            KeyMatch::Relative => 2,
            KeyMatch::Wheel => 4,
        };
        all[..count].to_vec()
    }
}

impl From<KeyName> for MusicalKey {
    fn from(name: KeyName) -> Self {
        Self {
            tonic: name.tonic % 12,
            is_minor: name.is_minor,
        }
    }
}

impl fmt::Display for MusicalKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tonic = TONICS[usize::from(self.tonic) % TONICS.len()];
        let mode = if self.is_minor { "minor" } else { "major" };
        write!(formatter, "{tonic} {mode}")
    }
}

impl FromStr for MusicalKey {
    type Err = InvalidValue;

    /// Reads a key as a query would be read: `A minor`, `Bb major`, `f sharp min`.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let words = DescriptorWords::parse(text, &|_| false);
        match (words.rest.trim(), &words.found[..]) {
            ("", [(DescriptorWord::Key(key), _)]) => Ok((*key).into()),
            _ => {
                let shown: String = text.chars().take(32).collect();
                let reason = format!("`{shown}` is not a key such as `A minor` or `F# major`");
                Err(InvalidValue::new("key", reason))
            }
        }
    }
}

impl FromStr for KeyMatch {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "same" => Ok(Self::Same),
            "relative" => Ok(Self::Relative),
            "wheel" => Ok(Self::Wheel),
            _ => Err(InvalidValue::new(
                "key_match",
                "must be `same`, `relative` or `wheel`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wheel_is_that_of_disc_jockeys() {
        let check = |key: &str, wanted: KeyMatch, expected: &[&str]| {
            let key: MusicalKey = key.parse().unwrap();
            let names: Vec<String> = (key.matching(wanted).iter())
                .map(ToString::to_string)
                .collect();
            assert_eq!(names, expected, "{key}");
        };
        check(
            "a minor",
            KeyMatch::Wheel,
            &["A minor", "C major", "E minor", "D minor"],
        );
        check(
            "C major",
            KeyMatch::Wheel,
            &["C major", "A minor", "G major", "F major"],
        );
        check("Bb maj", KeyMatch::Relative, &["A# major", "G minor"]);
        check("f# min", KeyMatch::Same, &["F# minor"]);
        for wrong in ["", "H2", "a", "minor", "A minor 1994", "A minor song"] {
            assert!(wrong.parse::<MusicalKey>().is_err(), "{wrong}");
        }
    }
}
