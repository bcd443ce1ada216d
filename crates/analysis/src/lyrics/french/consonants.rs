//! Consonants before and behind a vowel, from letters to sounds.

use super::sounds::is_vowel;

/// Readings of the consonants behind a vowel: in old spellings some are silent before another.
pub(super) fn codas(letters: &str, is_soft: bool) -> Vec<(String, f32)> {
    let mut pair = letters.chars();
    let share = match (pair.next(), pair.next()) {
        (Some('s'), Some('t' | 'm' | 'n' | 'l' | 'p' | 'c' | 'q')) => 0.4,
        (Some('l'), Some('t' | 'd' | 'p' | 'f' | 'b' | 'm' | 'v')) => 0.4,
        (Some('p' | 'b' | 'c' | 'g'), Some('t')) | (Some('f'), Some('v')) => 0.5,
        _ => 0.0,
    };
    let whole = coda_of(letters, is_soft, false);
    if share == 0.0 {
        return vec![(whole, 1.0)];
    }
    vec![
        (whole, 1.0 - share),
        (coda_of(&letters[1..], is_soft, false), share),
    ]
}

/// Sounds of consonants; behind a nasal vowel a single `s` keeps its sound.
pub(super) fn coda_of(letters: &str, is_soft: bool, is_after_nasal: bool) -> String {
    let mut sounds = String::new();
    let mut rest = letters;
    let mut former = None;
    while let Some(letter) = rest.chars().next() {
        let pairs = [
            ("ch", 'ʃ'),
            ("gn", 'ɲ'),
            ("ph", 'f'),
            ("th", 't'),
            ("ck", 'k'),
            ("cq", 'k'),
        ];
        if let Some((pair, sound)) = pairs.iter().find(|(pair, _)| rest.starts_with(pair)) {
            sounds.push(*sound);
            rest = &rest[pair.len()..];
            former = None;
            continue;
        }
        let is_before_mute = rest.len() == letter.len_utf8() && is_soft;
        let is_repeated = former == Some(letter);
        rest = &rest[letter.len_utf8()..];
        former = Some(letter);
        match letter {
            _ if is_repeated => {}
            'h' => {}
            's' if rest == "c" && is_soft => {}
            'c' if is_before_mute => sounds.push('s'),
            'c' | 'q' => sounds.push('k'),
            'ç' => sounds.push('s'),
            'g' if is_before_mute => sounds.push('ʒ'),
            'j' => sounds.push('ʒ'),
            's' if letters == "s" && is_soft && !is_after_nasal => sounds.push('z'),
            'x' => sounds.push_str("ks"),
            'w' => sounds.push('v'),
            other => sounds.push(other),
        }
    }
    sounds
}

/// The sound before a vowel whose letters follow `before` and `vowels`.
pub(super) fn support_of(before: &str, vowels: &str, next: &str) -> Option<char> {
    match vowels.chars().next_back() {
        Some('i' | 'y' | 'ï') => Some('j'),
        Some(_) => None,
        None => support(before, next),
    }
}

/// The sound that letters end in before the letters of a vowel.
pub(super) fn support(before: &str, next: &str) -> Option<char> {
    let mut letters = before.chars().rev();
    let (last, former) = (letters.next()?, letters.next());
    let is_front = next.starts_with(['e', 'é', 'è', 'ê', 'i', 'î', 'y']);
    match (former, last) {
        (_, 'i' | 'y' | 'ï') => Some('j'),
        (Some('q'), 'u') => Some('k'),
        (Some('g'), 'u') => Some('g'),
        (Some('g'), 'e') => Some('ʒ'),
        (_, letter) if is_vowel(letter) => None,
        (Some('c'), 'h') => Some('ʃ'),
        (Some('p'), 'h') => Some('f'),
        (Some('t'), 'h') => Some('t'),
        (_, 'h') => None,
        (Some('g'), 'n') => Some('ɲ'),
        (Some('l'), 'l') if letters.next() == Some('i') => Some('j'),
        (Some(vowel), 's') if is_vowel(vowel) => Some('z'),
        (_, 'c') if is_front => Some('s'),
        (_, 'c' | 'q') => Some('k'),
        (_, 'ç' | 'x') => Some('s'),
        (_, 'g') if is_front => Some('ʒ'),
        (_, 'j') => Some('ʒ'),
        (_, letter) => Some(letter),
    }
}
