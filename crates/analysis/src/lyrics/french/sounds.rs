//! From letters to the sounds of a word's end.

use super::consonants::{coda_of, codas, support, support_of};

/// Vowel letters.
const VOWELS: &str = "aeiouyàâäéèêëîïôöùûüÿ";
/// Letters that are silent at the end of a word.
const SILENT: &str = "stdxzpg";
/// Vowels of several letters, the longest first, with their sounds; nasal ones are capital letters.
const VOWEL_GROUPS: [(&str, char); 17] = [
    ("eau", 'o'),
    ("oeu", 'ø'),
    ("aou", 'u'),
    ("au", 'o'),
    ("eu", 'ø'),
    ("eû", 'ø'),
    ("ou", 'u'),
    ("où", 'u'),
    ("oû", 'u'),
    ("oi", 'w'),
    ("oî", 'w'),
    ("oy", 'w'),
    ("ai", 'ɛ'),
    ("aî", 'ɛ'),
    ("ay", 'ɛ'),
    ("ei", 'ɛ'),
    ("ey", 'ɛ'),
];
/// Groups before `n` and `m` that sound as one nasal vowel: `oin` is told from `ain`.
const NASAL_GROUPS: [(&str, char); 7] = [
    ("oi", 'W'),
    ("oy", 'W'),
    ("ai", 'I'),
    ("ei", 'I'),
    ("ay", 'I'),
    ("ey", 'I'),
    ("eu", 'U'),
];
/// Endings in `ent` that are no form of a verb.
const NASAL_ENDINGS: [&str; 5] = ["ement", "amment", "emment", "iment", "ument"];

/// How a word ends in writing, which verse minds and the ear does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Masculine,
    /// In a mute `e`.
    Feminine,
    /// In the `er` of verbs.
    Infinitive,
}

/// One way to sound.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    /// Among the readings of the word.
    pub weight: f32,
    pub vowel: char,
    /// What sounds after the vowel.
    pub coda: String,
    /// The sound before the vowel, which open ends need; `None` at the start of a word and after a vowel.
    pub support: Option<char>,
    pub ending: Ending,
}

/// What is left of a word when its silent letters are gone.
struct Stem<'a> {
    letters: &'a str,
    weight: f32,
    ending: Ending,
}

/// All readings of a word; none where it has no vowel.
pub(super) fn readings(word: &str) -> Vec<Reading> {
    let word = letters_of(word);
    let word = word.as_str();
    let mut found = Vec::new();
    let without_plural = word.strip_suffix('s').unwrap_or(word);
    let mute = without_plural.strip_suffix('e').filter(has_vowel);
    let infinitive = without_plural.strip_suffix("er").filter(|b| !b.is_empty());
    if let Some(verb) = word.strip_suffix("ent").filter(has_vowel) {
        if verb.ends_with("ai") || verb.ends_with("oi") {
            found.extend(of_masculine(verb, 1.0));
        } else if NASAL_ENDINGS.iter().any(|ending| word.ends_with(ending)) {
            found.extend(of_masculine(word, 1.0));
        } else {
            found.extend(of_masculine(word, 0.5));
            found.extend(of_feminine(verb, 0.5));
        }
    } else if let Some(stem) = mute {
        found.extend(of_feminine(stem, 1.0));
    } else if let Some(stem) = infinitive {
        found.push(Reading::open('e', stem, Ending::Infinitive, 0.7));
        let sounded = Reading::open('ɛ', stem, Ending::Masculine, 0.3);
        found.push(Reading {
            coda: "r".to_owned(),
            ..sounded
        });
    } else if let Some(stem) = word.strip_suffix("ez") {
        found.push(Reading::open('e', stem, Ending::Masculine, 1.0));
    } else {
        found.extend(of_masculine(word, 1.0));
    }
    found
}

impl Reading {
    fn open(vowel: char, before: &str, ending: Ending, weight: f32) -> Self {
        Self {
            weight,
            vowel,
            coda: String::new(),
            support: support(before, "e"),
            ending,
        }
    }
}

/// Small letters after the last apostrophe, ligatures taken apart.
fn letters_of(word: &str) -> String {
    let mut letters = String::new();
    for letter in word.chars().flat_map(char::to_lowercase) {
        match letter {
            'œ' => letters.push_str("oe"),
            'æ' => letters.push_str("ae"),
            'ç' | 'a'..='z' => letters.push(letter),
            '\'' | '’' => letters.clear(),
            _ if VOWELS.contains(letter) => letters.push(letter),
            _ => {}
        }
    }
    letters
}

pub(super) fn is_vowel(letter: char) -> bool {
    VOWELS.contains(letter)
}

/// The `u` of `qu` and `gu` is none.
fn has_vowel(letters: &&str) -> bool {
    let without = letters
        .strip_suffix('u')
        .filter(|l| l.ends_with(['q', 'g']));
    without.unwrap_or(letters).contains(is_vowel)
}

/// Words that end in what is written last, save the letters that are silent there.
fn of_masculine(word: &str, weight: f32) -> Vec<Reading> {
    let mut letters = word;
    while let Some(shorter) = letters.strip_suffix(|l| SILENT.contains(l)) {
        if !shorter.contains(is_vowel) {
            break;
        }
        letters = shorter;
    }
    let was_cut = letters.len() < word.len();
    if letters.ends_with("mb") {
        letters = &letters[..letters.len() - 1];
    }
    // `fault`, `moult`, `eulx`.
    if was_cut && letters.ends_with("ul") {
        letters = &letters[..letters.len() - 1];
    }
    let stem = |letters, weight| Stem {
        letters,
        weight,
        ending: Ending::Masculine,
    };
    let shorter = || &letters[..letters.len() - 1];
    let stems = if letters.ends_with("nc") || letters.ends_with("rc") {
        vec![stem(shorter(), weight)]
    } else if was_cut && letters.ends_with('c') {
        // `direct`, `faict`.
        vec![stem(shorter(), 0.6 * weight), stem(letters, 0.4 * weight)]
    } else if was_cut && letters.ends_with('f') {
        vec![stem(letters, 0.5 * weight), stem(shorter(), 0.5 * weight)]
    } else {
        vec![stem(letters, weight)]
    };
    stems.iter().flat_map(|stem| sounded(stem, false)).collect()
}

/// Words whose mute ending is gone: what is before it sounds.
fn of_feminine(letters: &str, weight: f32) -> Vec<Reading> {
    let hard = letters
        .strip_suffix('u')
        .filter(|l| l.ends_with(['q', 'g']));
    let stem = Stem {
        letters: hard.unwrap_or(letters),
        weight,
        ending: Ending::Feminine,
    };
    sounded(&stem, hard.is_none())
}

/// The letters of a stem's last vowel with what is before and after.
struct Syllable<'a> {
    before: &'a str,
    vowels: &'a str,
    after: &'a str,
}

impl<'a> Syllable<'a> {
    fn last_of(letters: &'a str) -> Option<Self> {
        let end = letters.rfind(is_vowel)?;
        let end = end + letters[end..].chars().next().map_or(0, char::len_utf8);
        let head = &letters[..end];
        let start = head.trim_end_matches(is_vowel).len();
        let (mut before, mut vowels) = (&letters[..start], &letters[start..end]);
        let after = &letters[end..];
        // The `u` of `qui` and `guerre` and the `e` of `plongea` belong to the consonant.
        let is_mute_u = before.ends_with(['q', 'g']) && vowels.starts_with('u');
        let is_dueil = vowels.starts_with("ue") && after.starts_with('l');
        let is_mute_e = before.ends_with('g')
            && ["ea", "eo", "eâ", "eô"]
                .iter()
                .any(|pair| vowels.starts_with(pair))
            && vowels != "eau";
        if (is_mute_u && vowels.len() > 1 && !is_dueil) || is_mute_e {
            before = &letters[..start + 1];
            vowels = &letters[start + 1..end];
        }
        Some(Self {
            before,
            vowels,
            after,
        })
    }
}

/// How a stem sounds; `is_soft` says that a mute `e` follows its last consonant.
fn sounded(stem: &Stem<'_>, is_soft: bool) -> Vec<Reading> {
    let Some(syllable) = Syllable::last_of(stem.letters) else {
        return Vec::new();
    };
    let Syllable {
        before,
        vowels,
        after,
    } = syllable;
    let is_feminine = stem.ending == Ending::Feminine;
    let heard = |vowel: char, coda: String, support: Option<char>, share: f32| Reading {
        weight: stem.weight * share,
        vowel,
        coda,
        support,
        ending: stem.ending,
    };
    if before.ends_with('f') && (vowels, after) == ("e", "mm") {
        return vec![heard('a', "m".to_owned(), Some('f'), 1.0)];
    }
    let plain = |vowels: &str, coda: String, share: f32| {
        let (vowel, support) = vowel_of(before, vowels, !coda.is_empty());
        heard(vowel, coda, support, share)
    };
    if let Some(glided) = vowels.strip_suffix('i').filter(|rest| !rest.is_empty())
        && (matches!(after, "ll" | "lh") || after == "l" && !is_feminine)
    {
        return vec![plain(glided, "j".to_owned(), 1.0)];
    }
    match (vowels, after) {
        ("i" | "y", "ll") => {
            return vec![
                plain("i", "j".to_owned(), 0.6),
                plain("i", "l".to_owned(), 0.4),
            ];
        }
        ("i", "l") if !is_feminine => {
            return vec![
                plain("i", "l".to_owned(), 0.8),
                plain("i", String::new(), 0.2),
            ];
        }
        _ => {}
    }
    if let Some(rest) = after_nasal(after, is_feminine) {
        let coda = coda_of(rest, is_soft, true);
        let nasal = nasal_of(before, vowels, coda.is_empty());
        return nasal
            .into_iter()
            .map(|(vowel, support, share)| heard(vowel, coda.clone(), support, share))
            .collect();
    }
    let codas = codas(after, is_soft);
    codas
        .into_iter()
        .map(|(coda, share)| plain(vowels, coda, share))
        .collect()
}

/// What sounds behind a nasal vowel, if the vowel is one.
fn after_nasal(after: &str, is_feminine: bool) -> Option<&str> {
    let rest = after.strip_prefix(['n', 'm'])?;
    let is_double = ["nn", "mm", "mn"]
        .iter()
        .any(|pair| after.starts_with(pair));
    if is_double || (is_feminine && rest.is_empty()) {
        return None;
    }
    if !is_feminine {
        return Some("");
    }
    // `compte`, `saincte`.
    let inner = rest.strip_prefix(['p', 'b', 'c']);
    Some(inner.filter(|inner| inner.starts_with('t')).unwrap_or(rest))
}

/// Nasal vowels with the sound before and their shares.
fn nasal_of(before: &str, vowels: &str, is_last: bool) -> Vec<(char, Option<char>, f32)> {
    let group = NASAL_GROUPS
        .iter()
        .find(|(group, _)| vowels.ends_with(group));
    if let Some((group, sound)) = group {
        let rest = &vowels[..vowels.len() - group.len()];
        return vec![(*sound, support_of(before, rest, group), 1.0)];
    }
    let last = vowels.chars().next_back().unwrap_or('a');
    let rest = &vowels[..vowels.len() - last.len_utf8()];
    let support = support_of(before, rest, &vowels[rest.len()..]);
    // `bien`, `tient`; but `patient`, `science`.
    if last == 'e' && is_last && rest.ends_with(['i', 'y', 'é']) {
        return vec![('I', support, 0.8), ('A', support, 0.2)];
    }
    let sound = match last {
        'i' | 'î' | 'y' => 'I',
        'o' | 'ô' => 'O',
        'u' | 'û' => 'U',
        _ => 'A',
    };
    vec![(sound, support, 1.0)]
}

/// A vowel and the sound before it.
fn vowel_of(before: &str, vowels: &str, is_closed: bool) -> (char, Option<char>) {
    if matches!(vowels, "ue" | "oe") && is_closed {
        return ('ø', support_of(before, "", "u"));
    }
    let group = VOWEL_GROUPS
        .iter()
        .find(|(group, _)| vowels.ends_with(group));
    if let Some((group, sound)) = group {
        let rest = &vowels[..vowels.len() - group.len()];
        return (*sound, support_of(before, rest, group));
    }
    let last = vowels.chars().next_back().unwrap_or('a');
    let rest = &vowels[..vowels.len() - last.len_utf8()];
    let sound = match last {
        'à' | 'â' | 'ä' => 'a',
        'é' if !is_closed => 'e',
        'é' | 'è' | 'ê' | 'ë' | 'e' => 'ɛ',
        'î' | 'ï' | 'y' | 'ÿ' => 'i',
        'ô' | 'ö' => 'o',
        'u' | 'û' | 'ù' | 'ü' => 'y',
        other => other,
    };
    (sound, support_of(before, rest, &vowels[rest.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The likeliest reading as vowel, coda and the sound before.
    fn read(word: &str) -> String {
        let all = readings(word);
        let best = all.iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
        best.map_or(String::new(), |best| {
            let support = best.support.unwrap_or('-');
            format!("{support}{}{}", best.vowel, best.coda)
        })
    }

    #[test]
    fn ends_sound_as_they_are_spoken() {
        for (word, sound) in [
            ("amour", "mur"),
            ("toujours", "ʒur"),
            ("beauté", "te"),
            ("chanter", "te"),
            ("chantez", "te"),
            ("rose", "roz"),
            ("grâce", "ras"),
            ("passe", "pas"),
            ("rouge", "ruʒ"),
            ("vague", "vag"),
            ("musique", "zik"),
            ("campagne", "paɲ"),
            ("soleil", "lɛj"),
            ("fille", "fij"),
            ("feuille", "føj"),
            ("orgueil", "gøj"),
            ("l’œil", "-øj"),
            ("cœur", "kør"),
            ("chaud", "ʃo"),
            ("oiseaux", "zo"),
            ("roi", "rw"),
            ("avaient", "vɛ"),
            ("vent", "vA"),
            ("doucement", "mA"),
            ("enfants", "fA"),
            ("bien", "jI"),
            ("main", "mI"),
            ("loin", "lW"),
            ("nation", "jO"),
            ("monde", "mOd"),
            ("pense", "pAs"),
            ("lune", "lyn"),
            ("femme", "fam"),
            ("plongea", "ʒa"),
            ("blanc", "lA"),
            ("hault", "-o"),
        ] {
            assert_eq!(read(word), sound, "{word}");
        }
    }

    #[test]
    fn open_spellings_keep_their_readings() {
        let codas = |word: &str| -> Vec<String> {
            let all = readings(word);
            all.into_iter()
                .map(|one| format!("{}{}", one.vowel, one.coda))
                .collect()
        };
        assert_eq!(codas("ville"), ["ij", "il"]);
        assert_eq!(codas("chantent"), ["A", "At"]);
        assert_eq!(codas("hiver"), ["e", "ɛr"]);
        assert_eq!(codas("maistre"), ["ɛstr", "ɛtr"]);
        assert_eq!(codas("parfaict"), ["ɛ", "ɛk"]);
    }

    #[test]
    fn weights_of_a_word_sum_to_one_and_nothing_breaks_it() {
        let letters = ["e", "u", "q", "g", "l", "n", "é", "œ", "'", "s", "t", "î"];
        for code in 0..letters.len().pow(4) {
            let digits = (0..4u32).map(|place| code / letters.len().pow(place) % letters.len());
            let word: String = digits.map(|digit| letters[digit]).collect();
            let all = readings(&word);
            let sum: f32 = all.iter().map(|one| one.weight).sum();
            assert!(
                all.is_empty() || (sum - 1.0).abs() < 1e-5,
                "{word}: {all:?}"
            );
        }
    }
}
