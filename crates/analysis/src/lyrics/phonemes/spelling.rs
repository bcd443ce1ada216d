//! Respelling: case, accents, elisions, numbers, compounds and inflections.

use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;

use super::dictionary::Dictionary;
use super::{Phoneme, Pronunciation, ReadingSource, join};
use crate::lyrics::fixed_map::FixedMap;

/// Elided and dialect spellings whose reading the dictionary lacks or lists as something else.
const RESPELLINGS: [(&str, &str); 36] = [
    ("'bout", "bout"),
    ("'cuz", "'cause"),
    ("'coz", "'cause"),
    ("cos", "'cause"),
    ("'til", "till"),
    ("'round", "round"),
    ("'fore", "fore"),
    ("'neath", "neath"),
    ("'em", "um"),
    ("em", "um"),
    ("ya'll", "y'all"),
    ("yall", "y'all"),
    ("tha", "the"),
    ("da", "duh"),
    ("dat", "that"),
    ("dis", "this"),
    ("dem", "them"),
    ("wit'", "with"),
    ("lil", "little"),
    ("lil'", "little"),
    ("thru", "through"),
    ("nite", "night"),
    ("luv", "love"),
    ("o'er", "ore"),
    ("e'er", "air"),
    ("ne'er", "nair"),
    ("e'en", "een"),
    ("heav'n", "heaven"),
    ("pow'r", "power"),
    ("flow'r", "flower"),
    ("show'r", "shower"),
    ("hour'", "hour"),
    ("ev'ry", "every"),
    ("thro'", "through"),
    ("tho'", "though"),
    ("th'", "the"),
];

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// Lower-cases, strips accents and unifies apostrophes and hyphens.
pub(super) fn simplify(word: &str) -> String {
    let letters = word.chars().take(256).flat_map(char::to_lowercase);
    if word.is_ascii() {
        // Has no accents to take apart, which costs more than all the rest.
        return letters.filter_map(simplified).collect();
    }
    letters.nfd().filter_map(simplified).collect()
}

fn simplified(letter: char) -> Option<char> {
    match letter {
        'a'..='z' | '0'..='9' | '\'' | '-' => Some(letter),
        '’' | '‘' | '`' | '´' | 'ʼ' => Some('\''),
        '‐' | '‑' | '–' | '—' | '_' | '/' => Some('-'),
        'ß' => Some('s'),
        'æ' | 'œ' => Some('e'),
        'ø' => Some('o'),
        'ł' => Some('l'),
        _ => None,
    }
}

/// Splits at hyphens and between letters and digits; digits become number words.
pub(super) fn parts(word: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for piece in word.split('-') {
        let mut rest = piece;
        while let Some(first) = rest.chars().next() {
            let is_digit = first.is_ascii_digit();
            let end = rest
                .find(|letter: char| letter.is_ascii_digit() != is_digit)
                .unwrap_or(rest.len());
            let (head, tail) = rest.split_at(end);
            if is_digit {
                parts.extend(number_words(head));
            } else if head.chars().any(|letter| letter.is_ascii_alphabetic()) {
                parts.push(respelled(head));
            }
            rest = tail;
        }
    }
    parts
}

fn respelled(part: &str) -> String {
    static TABLE: OnceLock<FixedMap<&str, &str>> = OnceLock::new();
    let table = TABLE.get_or_init(|| RESPELLINGS.into_iter().collect());
    (*table.get(part).unwrap_or(&part)).to_owned()
}

/// Speaks a number up to 9999 in words, years in pairs, longer ones digit by digit.
fn number_words(digits: &str) -> Vec<String> {
    let words: Vec<&str> = match (digits.len(), digits.parse::<usize>()) {
        (1..=4, Ok(value)) if !(digits.starts_with('0') && digits.len() > 1) => below_10000(value),
        _ => digits
            .chars()
            .filter_map(|digit| digit.to_digit(10))
            .filter_map(|digit| ONES.get(digit as usize).copied())
            .collect(),
    };
    words.into_iter().map(str::to_owned).collect()
}

fn below_10000(value: usize) -> Vec<&'static str> {
    let below_100 = |value: usize| -> Vec<&'static str> {
        match (ONES.get(value), TENS.get(value / 10), ONES.get(value % 10)) {
            (Some(one), _, _) => vec![*one],
            (None, Some(ten), Some(_)) if value.is_multiple_of(10) => vec![*ten],
            (None, Some(ten), Some(one)) => vec![*ten, *one],
            _ => Vec::new(),
        }
    };
    let (high, low) = (value / 100, value % 100);
    let mut words = match (high, low) {
        (0, _) => return below_100(low),
        (10..=99, 0) if high % 10 == 0 => {
            let mut words = below_100(high / 10);
            words.push("thousand");
            return words;
        }
        (20, 1..=9) => vec!["two", "thousand"],
        (10..=99, 1..) => below_100(high),
        _ => {
            let mut words = below_100(high);
            words.push("hundred");
            words
        }
    };
    if low > 0 {
        if high >= 10 && low < 10 && high != 20 {
            words.push("oh");
        }
        words.extend(below_100(low));
    }
    words
}

/// Finds a reading through related dictionary words.
pub(super) fn derive(dictionary: &Dictionary, part: &str) -> Option<Pronunciation> {
    let bare = part.trim_matches('\'');
    if bare != part && dictionary.contains(bare) && !part.ends_with("in'") {
        return derived(dictionary.readings(bare));
    }
    dropped_g(dictionary, bare)
        .or_else(|| archaic(dictionary, bare))
        .or_else(|| inflected(dictionary, bare))
        .or_else(|| compound(dictionary, bare))
}

fn derived(readings: Vec<Vec<Phoneme>>) -> Option<Pronunciation> {
    let source = ReadingSource::Derived;
    (!readings.is_empty()).then_some(Pronunciation { readings, source })
}

/// `runnin` is `running` with another nasal.
fn dropped_g(dictionary: &Dictionary, bare: &str) -> Option<Pronunciation> {
    let stem = bare.strip_suffix("in")?;
    let mut readings = dictionary.readings(&format!("{stem}ing"));
    let alveolar = Phoneme::from_arpabet("N")?;
    for reading in &mut readings {
        if let Some(last) = reading.last_mut() {
            *last = alveolar;
        }
    }
    derived(readings)
}

/// Elided and older endings: `lov'd`, `wand'ring`, `goest`, `goeth`.
fn archaic(dictionary: &Dictionary, bare: &str) -> Option<Pronunciation> {
    if let Some(stem) = bare.strip_suffix("'d").or_else(|| bare.strip_suffix("'t")) {
        let readings = dictionary.readings(&format!("{stem}ed"));
        if !readings.is_empty() {
            return derived(readings);
        }
    }
    if bare.contains('\'') {
        for filler in ["e", "o", "i", ""] {
            let readings = dictionary.readings(&bare.replace('\'', filler));
            if !readings.is_empty() {
                return derived(readings);
            }
        }
    }
    for (ending, tail) in [("est", "IH0 S T"), ("eth", "IH0 TH"), ("st", "S T")] {
        let Some(stem) = bare.strip_suffix(ending) else {
            continue;
        };
        let with_e = format!("{stem}e");
        for candidate in [stem, with_e.as_str()] {
            let readings = dictionary.readings(candidate);
            if candidate.len() >= 2 && !readings.is_empty() {
                return derived(with_tail(readings, tail));
            }
        }
    }
    None
}

/// Regular endings of listed stems.
fn inflected(dictionary: &Dictionary, bare: &str) -> Option<Pronunciation> {
    const ENDINGS: [(&str, &str); 10] = [
        ("'s", "Z"),
        ("s", "Z"),
        ("ness", "N AH0 S"),
        ("less", "L AH0 S"),
        ("ly", "L IY0"),
        ("ful", "F AH0 L"),
        ("ing", "IH0 NG"),
        ("er", "ER0"),
        ("ish", "IH0 SH"),
        ("y", "IY0"),
    ];
    for (ending, tail) in ENDINGS {
        let Some(stem) = bare.strip_suffix(ending).filter(|stem| stem.len() >= 3) else {
            continue;
        };
        let with_e = format!("{stem}e");
        for candidate in [stem, with_e.as_str()] {
            let readings = dictionary.readings(candidate);
            let is_double = ending == "s" && stem.ends_with('s');
            if !(readings.is_empty() || is_double) {
                let voiceless = ["p", "t", "k", "f", "th"]
                    .iter()
                    .any(|end| stem.ends_with(end));
                let tail = if tail == "Z" && voiceless { "S" } else { tail };
                return derived(with_tail(readings, tail));
            }
        }
    }
    None
}

/// Two listed words written together; the longest second word wins.
fn compound(dictionary: &Dictionary, bare: &str) -> Option<Pronunciation> {
    if !bare.is_ascii() {
        return None;
    }
    for split in 3..bare.len().saturating_sub(2) {
        let (head, tail) = bare.split_at_checked(split)?;
        if dictionary.contains(head) && dictionary.contains(tail) {
            let source = ReadingSource::Derived;
            let head = Pronunciation {
                readings: dictionary.readings(head),
                source,
            };
            let tail = Pronunciation {
                readings: dictionary.readings(tail),
                source,
            };
            return Some(join(&head, &tail));
        }
    }
    None
}

fn with_tail(mut readings: Vec<Vec<Phoneme>>, tail: &str) -> Vec<Vec<Phoneme>> {
    for reading in &mut readings {
        reading.extend(tail.split(' ').filter_map(Phoneme::from_arpabet));
    }
    readings
}
