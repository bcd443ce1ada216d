//! Russian letters to sounds, the stress being given.

use std::fmt;

/// One sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// A vowel in IPA: `a e i ɨ o u` under stress, `ɐ ə ɪ ɨ ʊ` elsewhere.
    Vowel(char),
    /// A consonant: its letter in IPA, and whether it is soft; `j`, `ɕ` and `ʨ` always are.
    Consonant(char, bool),
}

impl fmt::Display for Sound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vowel(vowel) => write!(formatter, "{vowel}"),
            Self::Consonant(base, true) if !matches!(base, 'j' | 'ɕ' | 'ʨ') => {
                write!(formatter, "{base}ʲ")
            }
            Self::Consonant(base, _) => write!(formatter, "{base}"),
        }
    }
}

/// Spellings that are spoken otherwise; a vowel stays one vowel, so places of stress stay too. Longer ones
/// come before those that they hold.
const RESPELLINGS: [(&str, &str); 22] = [
    ("здравств", "здраств"),
    ("чувств", "чуств"),
    ("безмолвств", "безмолств"),
    ("сердц", "серц"),
    ("солнц", "сонц"),
    ("поздн", "позн"),
    ("праздн", "празн"),
    ("звездн", "звезн"),
    ("счастл", "щасл"),
    ("лестн", "лесн"),
    ("стн", "сн"),
    ("тся", "ца"),
    ("ться", "ца"),
    ("сч", "щ"),
    ("зч", "щ"),
    ("жч", "щ"),
    ("тч", "ч"),
    ("дч", "ч"),
    ("сш", "ш"),
    ("зш", "ш"),
    ("зж", "ж"),
    ("гк", "хк"),
];

/// Words in which `ого` and `его` are no endings, and other words spoken unlike their spelling.
const PLAIN_G: [&str; 10] = [
    "много",
    "немного",
    "строго",
    "нестрого",
    "убого",
    "полого",
    "отлого",
    "дорого",
    "недорого",
    "благо",
];
const SPOKEN: [(&str, &str); 8] = [
    ("что", "што"),
    ("чтоб", "штоб"),
    ("чтобы", "штобы"),
    ("ничто", "ништо"),
    ("конечно", "конешно"),
    ("скучно", "скушно"),
    ("нарочно", "нарошно"),
    ("бог", "бох"),
];

/// Speaks a word.
///
/// - Shape: `word` in lower case; `stressed` is the place of the stressed vowel among the vowel letters, from 0; letters
///   that are not Russian are silent.
/// - Cost: O(letters).
/// - Source: R. I. Avanesov, *Russkoe literaturnoe proiznoshenie* (reduction, softness, voice); A. Timberlake, *A
///   Reference Grammar of Russian*, 2004, ch. 2. Departures: long consonants are spoken short, softness passes
///   only from dentals to dentals, words of foreign origin have no rules of their own.
pub fn transcribe(word: &str, stressed: usize) -> Vec<Sound> {
    let letters = spoken_letters(word);
    let mut sounds: Vec<Sound> = Vec::with_capacity(letters.len());
    let vowel_count = letters.iter().filter(|letter| is_vowel(**letter)).count();
    let mut vowel = 0;
    for (at, letter) in letters.iter().copied().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        if is_vowel(letter) {
            if needs_glide(letter, before) {
                sounds.push(Sound::Consonant('j', true));
            }
            let place = VowelPlace {
                from_stress: vowel as isize - stressed as isize,
                is_last_letter: at + 1 == letters.len(),
                is_last_vowel: vowel + 1 == vowel_count,
                is_before_open: matches!(letters.get(at + 1), Some('а' | 'о')),
                after: sounds.last().copied(),
            };
            sounds.push(Sound::Vowel(spoken_vowel(letter, &place)));
            vowel += 1;
        } else if let Some(base) = consonant(letter) {
            let next = letters.get(at + 1).copied();
            let is_soft = match letter {
                'ж' | 'ш' | 'ц' => false,
                'ч' | 'щ' | 'й' => true,
                _ => matches!(next, Some('ь' | 'е' | 'ё' | 'и' | 'ю' | 'я')),
            };
            if sounds.last() != Some(&Sound::Consonant(base, is_soft)) {
                sounds.push(Sound::Consonant(base, is_soft));
            }
        }
    }
    assimilate(&mut sounds);
    sounds
}

pub(super) fn is_vowel(letter: char) -> bool {
    matches!(
        letter,
        'а' | 'е' | 'ё' | 'и' | 'о' | 'у' | 'ы' | 'э' | 'ю' | 'я'
    )
}

fn spoken_letters(word: &str) -> Vec<char> {
    let mut spoken = match SPOKEN.iter().find(|(written, _)| *written == word) {
        Some((_, spoken)) => (*spoken).to_owned(),
        None => word.to_owned(),
    };
    for (written, said) in RESPELLINGS {
        if spoken.contains(written) {
            spoken = spoken.replace(written, said);
        }
    }
    let mut letters: Vec<char> = spoken.chars().collect();
    let is_ending = letters.ends_with(&['о', 'г', 'о']) || letters.ends_with(&['е', 'г', 'о']);
    if is_ending && !PLAIN_G.contains(&word) {
        let g = letters.len() - 2;
        letters[g] = 'в';
    }
    letters
}

/// Whether a vowel letter brings a `j`: `я ю е ё` where no consonant is before them, `и` and `о` behind a sign.
fn needs_glide(letter: char, before: Option<char>) -> bool {
    let is_sign = matches!(before, Some('ь' | 'ъ'));
    match letter {
        'е' | 'ё' | 'ю' | 'я' => is_sign || before.is_none_or(is_vowel),
        'и' | 'о' => before == Some('ь'),
        _ => false,
    }
}

struct VowelPlace {
    /// Vowels after the stressed one; below 0 before it.
    from_stress: isize,
    is_last_letter: bool,
    is_last_vowel: bool,
    is_before_open: bool,
    after: Option<Sound>,
}

fn spoken_vowel(letter: char, place: &VowelPlace) -> char {
    let after_soft = matches!(place.after, Some(Sound::Consonant(_, true)));
    let after_hissing = matches!(place.after, Some(Sound::Consonant('ʐ' | 'ʂ' | 'ʦ', _)));
    let after_hard = matches!(place.after, Some(Sound::Consonant(_, false)));
    let phoneme = match letter {
        'а' | 'я' => 'a',
        'о' | 'ё' => 'o',
        'у' | 'ю' => 'u',
        'е' | 'э' => 'e',
        'ы' => 'ɨ',
        _ if after_hard => 'ɨ',
        _ => 'i',
    };
    if place.from_stress == 0 {
        return phoneme;
    }
    match phoneme {
        'u' => 'ʊ',
        'i' => 'ɪ',
        'ɨ' => 'ɨ',
        // `тётя` ends as `мама` does; all other vowels behind soft consonants fall together.
        'a' if after_soft && place.is_last_letter && place.is_last_vowel => 'ə',
        'a' | 'o' | 'e' if after_soft => 'ɪ',
        'e' if after_hissing && place.from_stress > 0 => 'ə',
        'e' if after_hard => 'ɨ',
        'e' => 'ɪ',
        // The syllable before the stress, the opening, and both of two such vowels.
        _ if place.from_stress == -1 || !after_hard || place.is_before_open => 'ɐ',
        _ => 'ə',
    }
}

fn consonant(letter: char) -> Option<char> {
    Some(match letter {
        'б' => 'b',
        'в' => 'v',
        'г' => 'g',
        'д' => 'd',
        'ж' => 'ʐ',
        'з' => 'z',
        'й' => 'j',
        'к' => 'k',
        'л' => 'l',
        'м' => 'm',
        'н' => 'n',
        'п' => 'p',
        'р' => 'r',
        'с' => 's',
        'т' => 't',
        'ф' => 'f',
        'х' => 'x',
        'ц' => 'ʦ',
        'ч' => 'ʨ',
        'ш' => 'ʂ',
        'щ' => 'ɕ',
        _ => return None,
    })
}

const VOICED: [char; 6] = ['b', 'v', 'g', 'd', 'ʐ', 'z'];
const VOICELESS: [char; 6] = ['p', 'f', 'k', 't', 'ʂ', 's'];

/// Passes voice and softness back from each consonant to the one before it; at the end of the word no
/// obstruent has voice.
fn assimilate(sounds: &mut [Sound]) {
    let mut next: Option<Sound> = None;
    for (from_end, sound) in sounds.iter_mut().rev().enumerate() {
        if let Sound::Consonant(base, is_soft) = *sound {
            let mut spoken = base;
            match next {
                None if from_end == 0 => spoken = devoiced(base),
                Some(Sound::Consonant(other, _)) if is_voiceless(other) => spoken = devoiced(base),
                // `в` loses its voice but gives none: `свой`.
                Some(Sound::Consonant(other, _)) if VOICED.contains(&other) && other != 'v' => {
                    spoken = voiced(base);
                }
                _ => {}
            }
            let is_dental = matches!(spoken, 's' | 'z' | 'n' | 't' | 'd');
            let softens = match next {
                Some(Sound::Consonant('s' | 'z' | 'n' | 't' | 'd', is_soft)) => is_soft,
                Some(Sound::Consonant('ʨ' | 'ɕ', _)) => spoken == 'n',
                _ => false,
            };
            *sound = Sound::Consonant(spoken, is_soft || (is_dental && softens));
        }
        next = Some(*sound);
    }
}

fn is_voiceless(base: char) -> bool {
    VOICELESS.contains(&base) || matches!(base, 'x' | 'ʦ' | 'ʨ' | 'ɕ')
}

fn devoiced(base: char) -> char {
    let place = VOICED.iter().position(|voiced| *voiced == base);
    place.map_or(base, |place| VOICELESS[place])
}

fn voiced(base: char) -> char {
    let place = VOICELESS.iter().position(|voiceless| *voiceless == base);
    place.map_or(base, |place| VOICED[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Speaks a word whose stressed vowel is in capitals.
    fn spoken(marked: &str) -> String {
        let vowels = marked
            .chars()
            .filter(|c| is_vowel(c.to_lowercase().next().unwrap_or(*c)));
        let stressed = vowels.clone().position(char::is_uppercase).unwrap_or(0);
        let sounds = transcribe(&marked.to_lowercase(), stressed);
        sounds.iter().map(Sound::to_string).collect()
    }

    #[test]
    fn vowels_are_reduced_as_in_the_handbooks() {
        for (marked, expected) in [
            ("молокО", "məlɐko"),
            ("водА", "vɐda"),
            ("гОрод", "gorət"),
            ("огорОд", "ɐgɐrot"),
            ("вообщЕ", "vɐɐpɕe"),
            ("веснА", "vʲɪsna"),
            ("рЯбь", "rʲapʲ"),
            ("рябИна", "rʲɪbʲinə"),
            ("пЯтый", "pʲatɨj"),
            ("пятАк", "pʲɪtak"),
            ("женА", "ʐɨna"),
            ("жИзнь", "ʐɨzʲnʲ"),
            ("сОлнце", "sonʦə"),
            ("тЁтя", "tʲotʲə"),
            ("мОре", "morʲɪ"),
            ("этАж", "ɪtaʂ"),
            ("юлА", "jʊla"),
            ("моЯ", "mɐja"),
            ("егО", "jɪvo"),
            ("мнОго", "mnogə"),
            ("соловьИ", "səlɐvʲji"),
        ] {
            assert_eq!(spoken(marked), expected, "{marked}");
        }
    }

    #[test]
    fn voice_is_lost_at_the_end_and_passes_back() {
        for (marked, expected) in [
            ("дУб", "dup"),
            ("пОезд", "pojɪst"),
            ("любОвь", "lʲʊbofʲ"),
            ("лОдка", "lotkə"),
            ("прОсьба", "prozʲbə"),
            ("вокзАл", "vɐgzal"),
            ("твОй", "tvoj"),
            ("вторОй", "ftɐroj"),
            ("мЯгко", "mʲaxkə"),
            ("счАстье", "ɕasʲtʲjɪ"),
            ("чУвство", "ʨustvə"),
            ("учИться", "ʊʨiʦə"),
            ("чтО", "ʂto"),
            ("бОг", "box"),
            ("дрУг", "druk"),
            ("гвОздь", "gvosʲtʲ"),
            ("лЕчь", "lʲeʨ"),
        ] {
            assert_eq!(spoken(marked), expected, "{marked}");
        }
    }

    #[test]
    fn strange_words_are_no_panic() {
        for word in ["", "ь", "ъъ", "hello", "яяя", "тск", "1812"] {
            for stressed in [0, 1, 9] {
                transcribe(word, stressed);
            }
        }
    }
}
