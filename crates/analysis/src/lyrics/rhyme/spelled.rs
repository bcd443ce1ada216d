//! Rhyme by spelling, for languages we have no pronunciations of.

/// Evidence of equal rimes, of equal ends only, and of neither, in log odds: spelled evidence is
/// weaker than sound, so it is kept below what the learned model gives a perfect rhyme.
const LOG_ODDS: [f32; 3] = [3.0, 0.8, -3.0];

/// The end of a word as it is spelled, reduced to what sounds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpelledRime {
    rime: String,
}

impl SpelledRime {
    /// Reduces a word by the rules of its language.
    ///
    /// - Shape: `language` is an ISO 639-1 code; others than ru, uk, fr, de, es, it, pt, pl get the
    ///   last vowel group and what follows. `None` for a word without a vowel.
    pub fn new(word: &str, language: &str) -> Option<Self> {
        let mut letters: Vec<char> = word
            .chars()
            .flat_map(char::to_lowercase)
            .filter(|l| l.is_alphabetic())
            .collect();
        match language {
            "fr" => strip_french_silence(&mut letters),
            "ru" | "uk" => soften_russian(&mut letters),
            "pl" => letters
                .iter_mut()
                .for_each(|l| *l = if *l == 'ó' { 'u' } else { *l }),
            "de" => devoice_german(&mut letters),
            _ => {}
        }
        let last = letters.iter().rposition(|letter| is_vowel(*letter))?;
        let mut start = last;
        let ends_open = last + 1 == letters.len();
        let reaches_back = match language {
            // The stress is on the last vowel but one, as a rule, when the word ends in a vowel.
            "es" | "it" | "pt" | "pl" => ends_open && !is_accented(letters.get(last)),
            // Open rhymes need the consonant before them: `голова` and `трава`.
            _ => false,
        };
        if reaches_back {
            let before = letters.get(..last).and_then(|head| {
                let consonant = head.iter().rposition(|letter| !is_vowel(*letter))?;
                head.get(..consonant)?
                    .iter()
                    .rposition(|letter| is_vowel(*letter))
            });
            start = before.unwrap_or(start);
        } else if ends_open && matches!(language, "ru" | "uk" | "fr") {
            start = last.saturating_sub(1);
        }
        let rime = letters
            .get(start..)?
            .iter()
            .map(|letter| unaccented(*letter))
            .collect();
        Some(Self { rime })
    }

    /// Returns the rime of a word without a vowel: it rhymes with nothing, not even itself.
    pub fn unknown() -> Self {
        Self {
            rime: String::new(),
        }
    }

    /// Returns the reduced letters.
    pub fn as_str(&self) -> &str {
        &self.rime
    }

    /// Returns the evidence that two words rhyme, in log odds.
    pub fn log_odds(&self, other: &Self) -> f32 {
        let [equal, similar, apart] = LOG_ODDS;
        let tail = |rime: &Self| -> Vec<char> { rime.rime.chars().rev().take(2).collect() };
        if self.rime.is_empty() || other.rime.is_empty() {
            apart
        } else if self.rime == other.rime {
            equal
        } else if tail(self) == tail(other) {
            similar
        } else {
            apart
        }
    }
}

/// Counts syllables by vowel groups; `None` for scripts without vowel letters.
pub(crate) fn spelled_syllable_count(word: &str, language: &str) -> Option<usize> {
    let mut letters: Vec<char> = word
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|letter| letter.is_alphabetic())
        .collect();
    if language == "fr" && letters.len() > 2 {
        strip_french_silence(&mut letters);
    }
    let is_known = matches!(
        language,
        "ru" | "uk" | "fr" | "de" | "es" | "it" | "pt" | "pl" | "nl" | "sv" | "ro" | "tr" | "cs"
    );
    if !is_known {
        return None;
    }
    let mut count = 0;
    let mut previous: Option<char> = None;
    for letter in &letters {
        if is_vowel(*letter) {
            let joins = previous.is_some_and(|before| joins(before, *letter, language));
            count += usize::from(!joins);
        }
        previous = Some(*letter);
    }
    Some(if language == "fr" {
        count.max(1)
    } else {
        count
    })
}

/// Tells whether two neighbouring vowel letters share a syllable.
fn joins(before: char, letter: char, language: &str) -> bool {
    if !is_vowel(before) {
        return false;
    }
    let pair = [before, letter];
    match language {
        "ru" | "uk" | "tr" | "sv" | "cs" => pair == ['o', 'u'],
        "es" | "pt" | "it" | "ro" => {
            let is_weak = |letter: char| matches!(letter, 'i' | 'u' | 'y' | 'ü');
            is_weak(before) || is_weak(letter)
        }
        "pl" => before == 'i' || pair == ['a', 'u'],
        "de" | "nl" => {
            matches!(
                pair,
                ['e', 'i' | 'u']
                    | ['a', 'i' | 'u' | 'a']
                    | ['ä', 'u']
                    | ['i', 'e' | 'j']
                    | ['o', 'o' | 'e' | 'u']
                    | ['e', 'e']
                    | ['u', 'i']
            )
        }
        _ => !matches!(letter, 'é' | 'ï' | 'ë' | 'ö' | 'ü'),
    }
}

/// Drops final letters that French does not pronounce.
fn strip_french_silence(letters: &mut Vec<char>) {
    let ends_with =
        |letters: &[char], end: &[char]| letters.len() > end.len() + 1 && letters.ends_with(end);
    if ends_with(letters, &['e', 'n', 't']) && letters.len() > 5 {
        letters.truncate(letters.len() - 3);
        return;
    }
    while letters.len() > 2
        && letters
            .last()
            .is_some_and(|l| matches!(l, 's' | 't' | 'd' | 'x' | 'z' | 'p' | 'g'))
    {
        letters.pop();
    }
    if letters.len() > 2 && letters.last() == Some(&'e') {
        letters.pop();
        if letters.len() > 2 {
            // `vie` keeps its vowel, `rime` its consonant; doubled consonants sound once.
            let is_double = letters.len() >= 2 && letters.last() == letters.get(letters.len() - 2);
            if is_double {
                letters.pop();
            }
        }
    }
}

/// Final consonants lose their voice, the soft sign and `ё` are levelled.
fn soften_russian(letters: &mut Vec<char>) {
    letters.retain(|letter| !matches!(letter, 'ь' | 'ъ'));
    for letter in letters.iter_mut() {
        *letter = match *letter {
            'ё' => 'о',
            'я' => 'а',
            'ю' => 'у',
            'э' => 'е',
            'ы' => 'и',
            other => other,
        };
    }
    if let Some(last) = letters.last_mut() {
        *last = match *last {
            'б' => 'п',
            'в' => 'ф',
            'г' => 'к',
            'д' => 'т',
            'ж' => 'ш',
            'з' => 'с',
            other => other,
        };
    }
}

fn devoice_german(letters: &mut [char]) {
    if let Some(last) = letters.last_mut() {
        *last = match *last {
            'b' => 'p',
            'd' => 't',
            'g' => 'k',
            'ß' => 's',
            other => other,
        };
    }
}

fn is_vowel(letter: char) -> bool {
    matches!(
        unaccented(letter),
        'a' | 'e'
            | 'i'
            | 'o'
            | 'u'
            | 'y'
            | 'а'
            | 'е'
            | 'и'
            | 'о'
            | 'у'
            | 'э'
            | 'ю'
            | 'я'
            | 'ы'
            | 'ё'
            | 'і'
            | 'ї'
            | 'є'
            | 'ı'
    )
}

fn is_accented(letter: Option<&char>) -> bool {
    letter.is_some_and(|letter| unaccented(*letter) != *letter)
}

fn unaccented(letter: char) -> char {
    match letter {
        'à'..='å' | 'ă' | 'ą' => 'a',
        'è'..='ë' | 'ę' | 'ě' => 'e',
        'ì'..='ï' => 'i',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' | 'ů' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rimes_by_language() {
        for (language, left, right, rhymes) in [
            ("ru", "дорога", "тревога", true),
            ("ru", "ночь", "прочь", true),
            ("ru", "сад", "закат", true),
            ("ru", "трава", "рука", false),
            ("fr", "amour", "toujours", true),
            ("fr", "belle", "rebelles", true),
            ("fr", "nuit", "jour", false),
            ("de", "Tag", "mag", true),
            ("de", "Hund", "bunt", true),
            ("es", "corazón", "canción", true),
            ("es", "vida", "herida", true),
            ("it", "mare", "amare", true),
            ("pl", "góra", "chmura", true),
        ] {
            let rime = |word| SpelledRime::new(word, language);
            assert_eq!(
                rime(left) == rime(right),
                rhymes,
                "{language}: {left} {right}"
            );
        }
        assert_eq!(SpelledRime::new("тк", "ru"), None);
        assert_eq!(SpelledRime::new("", "fr"), None);
    }

    #[test]
    fn syllables_by_language() {
        for (language, word, expected) in [
            ("ru", "молоко", Some(3)),
            ("ru", "в", Some(0)),
            ("fr", "lumière", Some(2)),
            ("fr", "rose", Some(1)),
            ("de", "Häuser", Some(2)),
            ("es", "corazón", Some(3)),
            ("it", "piano", Some(2)),
            ("pl", "miasto", Some(2)),
            ("ja", "夜", None),
        ] {
            assert_eq!(spelled_syllable_count(word, language), expected, "{word}");
        }
    }
}
