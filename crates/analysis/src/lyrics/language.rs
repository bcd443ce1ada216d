//! Which language lyrics are in.

mod profiles;

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::fixed_map::FixedMap;
use super::text::LyricsText;
use super::words::TextWords;
use profiles::PROFILES;

/// Words that are read: a verdict does not change after this many.
const WORD_COUNT_MAX: usize = 300;
/// Letters below which no verdict is given.
const LETTER_COUNT_MIN: usize = 12;
/// Score below which a Latin text shows no language: one or two function words can be a loan.
const SCORE_MIN: f32 = 1.4;
/// Times one word counts: `la la la` is not Spanish.
const REPEAT_COUNT_MAX: usize = 3;
/// Different words a verdict needs that are listed or have a letter of one language alone.
const LISTED_COUNT_MIN: usize = 2;
/// Score that any Latin text has for a language outside the profiles, per word.
const UNKNOWN_PER_WORD: f32 = 0.06;
/// Steepness of the verdict; set so that a lead of two unique function words gives 0.9.
const LEAD_WEIGHT: f32 = 1.1;

/// A language verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LanguageGuess {
    /// ISO 639-1 code.
    pub code: String,
    /// Probability against the other known languages, 0..=1.
    pub confidence: f32,
}

/// Tells the language of a text; `None` when it is too short or like nothing known.
///
/// - Shape: Latin script by function words, typical letters and typical letter groups for en, fr,
///   de, es, it, pt, pl, nl, sv, ro, tr, cs; Cyrillic between ru and uk; other scripts by script.
/// - Cost: O(characters), a few hundred microseconds for a song.
pub fn identify_language(text: &str) -> Option<LanguageGuess> {
    let lines: Vec<&str> = text.lines().collect();
    identify(&lines, &TextWords::of_lines(lines.iter().copied()))
}

/// Tells the language of parsed lyrics and their words, as [`identify_language`] does.
pub(super) fn identify_language_of(
    text: &LyricsText,
    words: &TextWords<'_>,
) -> Option<LanguageGuess> {
    let lines: Vec<&str> = text.lines.iter().map(|line| line.text.as_str()).collect();
    identify(&lines, words)
}

fn identify(lines: &[&str], words: &TextWords<'_>) -> Option<LanguageGuess> {
    let scripts = ScriptCounts::of(lines);
    let (script, share) = scripts.leading()?;
    match script {
        Script::Latin => identify_latin(words),
        Script::Cyrillic => Some(identify_cyrillic(lines, share)),
        other => Some(LanguageGuess {
            code: other.language().to_owned(),
            confidence: share,
        }),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Script {
    Latin,
    Cyrillic,
    Greek,
    Hebrew,
    Arabic,
    Devanagari,
    Thai,
    Hangul,
    Kana,
    Han,
    Georgian,
    Armenian,
}

impl Script {
    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Self::Latin,
            '\u{400}'..='\u{52f}' => Self::Cyrillic,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{590}'..='\u{5ff}' => Self::Hebrew,
            '\u{600}'..='\u{6ff}' => Self::Arabic,
            '\u{900}'..='\u{97f}' => Self::Devanagari,
            '\u{e00}'..='\u{e7f}' => Self::Thai,
            '\u{ac00}'..='\u{d7af}' | '\u{1100}'..='\u{11ff}' => Self::Hangul,
            '\u{3040}'..='\u{30ff}' => Self::Kana,
            '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' => Self::Han,
            '\u{10a0}'..='\u{10ff}' => Self::Georgian,
            '\u{530}'..='\u{58f}' => Self::Armenian,
            _ => return None,
        })
    }

    /// The language most written in the script; a script alone cannot tell more.
    fn language(self) -> &'static str {
        match self {
            Self::Latin => "en",
            Self::Cyrillic => "ru",
            Self::Greek => "el",
            Self::Hebrew => "he",
            Self::Arabic => "ar",
            Self::Devanagari => "hi",
            Self::Thai => "th",
            Self::Hangul => "ko",
            Self::Kana => "ja",
            Self::Han => "zh",
            Self::Georgian => "ka",
            Self::Armenian => "hy",
        }
    }
}

struct ScriptCounts {
    counts: HashMap<Script, usize>,
}

impl ScriptCounts {
    fn of(lines: &[&str]) -> Self {
        let mut counts = HashMap::new();
        let mut latin = 0usize;
        for letter in lines.iter().flat_map(|line| line.chars()) {
            match Script::of(letter) {
                Some(Script::Latin) => latin += 1,
                Some(script) => *counts.entry(script).or_default() += 1,
                None => {}
            }
        }
        if latin > 0 {
            counts.insert(Script::Latin, latin);
        }
        Self { counts }
    }

    /// The commonest script with its share; Han with some kana is Japanese.
    fn leading(mut self) -> Option<(Script, f32)> {
        let kana = self.counts.get(&Script::Kana).copied().unwrap_or(0);
        let han = self.counts.get(&Script::Han).copied().unwrap_or(0);
        if kana * 10 > han {
            self.counts.remove(&Script::Han);
            if kana > 0 {
                self.counts.insert(Script::Kana, kana + han);
            }
        }
        let total: usize = self.counts.values().sum();
        let (script, count) = self
            .counts
            .into_iter()
            .max_by_key(|(script, count)| (*count, *script))?;
        // Syllabic scripts say in one letter what alphabets say in two or three.
        let is_dense = matches!(script, Script::Han | Script::Kana | Script::Hangul);
        let needed = if is_dense {
            LETTER_COUNT_MIN / 3
        } else {
            LETTER_COUNT_MIN
        };
        (count >= needed).then(|| (script, count as f32 / total as f32))
    }
}

fn identify_cyrillic(text: &[&str], share: f32) -> LanguageGuess {
    let count = |letters: &str| {
        text.iter()
            .flat_map(|line| line.chars())
            .filter(|letter| letters.contains(*letter))
            .count()
    };
    let (ukrainian, russian) = (count("іїєґІЇЄҐ") as f32, count("ыэъёЫЭЪЁ") as f32);
    let code = if ukrainian > russian { "uk" } else { "ru" };
    let lead = ukrainian.max(russian) / (ukrainian + russian).max(1.0);
    let is_undecided = ukrainian + russian == 0.0;
    LanguageGuess {
        code: code.to_owned(),
        confidence: share * if is_undecided { 0.8 } else { lead },
    }
}

/// What a word or letter group says: languages that list it, each with the same weight.
struct Lists {
    words: FixedMap<&'static str, Vec<usize>>,
    clitics: FixedMap<&'static str, Vec<usize>>,
    groups: Vec<(&'static str, Vec<usize>)>,
    /// The groups that begin with a byte: a search for each of them would read every word a hundred
    /// times.
    groups_by_byte: Vec<Vec<PackedGroup>>,
    letters: FixedMap<char, Vec<usize>>,
}

/// A group of at most eight bytes as a number, its first byte lowest.
struct PackedGroup {
    place: usize,
    length: usize,
    bytes: u64,
}

fn packed(bytes: &[u8]) -> u64 {
    let first = bytes.iter().take(8).rev();
    first.fold(0, |packed, byte| packed << 8 | u64::from(*byte))
}

fn lists() -> &'static Lists {
    static LISTS: OnceLock<Lists> = OnceLock::new();
    LISTS.get_or_init(Lists::new)
}

impl Lists {
    fn new() -> Self {
        let mut words: FixedMap<&str, Vec<usize>> = FixedMap::default();
        let mut clitics: FixedMap<&str, Vec<usize>> = FixedMap::default();
        let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
        let mut letters: FixedMap<char, Vec<usize>> = FixedMap::default();
        for (language, profile) in PROFILES.iter().enumerate() {
            for word in profile.words.split_whitespace() {
                words.entry(word).or_default().push(language);
            }
            for clitic in profile.clitics.split_whitespace() {
                clitics.entry(clitic).or_default().push(language);
            }
            for group in profile.groups.split_whitespace() {
                match groups.iter_mut().find(|(known, _)| *known == group) {
                    Some((_, languages)) => languages.push(language),
                    None => groups.push((group, vec![language])),
                }
            }
            for letter in profile.letters.chars() {
                letters.entry(letter).or_default().push(language);
            }
        }
        let mut groups_by_byte: Vec<Vec<PackedGroup>> = (0..256).map(|_| Vec::new()).collect();
        for (place, (group, _)) in groups.iter().enumerate() {
            let bytes = packed(group.as_bytes());
            groups_by_byte[(bytes & 0xff) as usize].push(PackedGroup {
                place,
                length: group.len(),
                bytes,
            });
        }
        Self {
            words,
            clitics,
            groups,
            groups_by_byte,
            letters,
        }
    }

    /// What a folded word says: languages with their weight, in the order of the lists, and whether
    /// the word itself is listed or has a letter of one language alone.
    fn signs_of<'l>(&'l self, word: &str, signs: &mut Vec<(&'l [usize], f32)>) -> bool {
        if let Some(languages) = self.words.get(word) {
            signs.push((languages, 1.0));
            return true;
        }
        let mut is_own = false;
        if let Some((head, tail)) = word.split_once('\'') {
            // `j'aime`, `l'eau`, `don't`: the clitic carries the language.
            for part in [head, tail] {
                let languages = self.clitics.get(part).or_else(|| self.words.get(part));
                if let Some(languages) = languages {
                    signs.push((languages, 0.7));
                }
            }
        }
        for place in self.groups_in(word) {
            if let Some((_, languages)) = self.groups.get(place) {
                signs.push((languages, 0.25));
            }
        }
        if !word.is_ascii() {
            for letter in word.chars() {
                if let Some(languages) = self.letters.get(&letter) {
                    signs.push((languages, 0.5));
                    is_own |= languages.len() == 1;
                }
            }
        }
        is_own
    }

    /// The places of the groups that a longer word holds, ascending.
    fn groups_in(&self, word: &str) -> impl Iterator<Item = usize> {
        let bytes = word.as_bytes();
        let mut found = 0u128;
        for (at, byte) in bytes.iter().enumerate() {
            let ahead = packed(&bytes[at..]);
            for group in &self.groups_by_byte[usize::from(*byte)] {
                let mask = u64::MAX >> (64 - 8 * group.length);
                if bytes.len() > group.length && ahead & mask == group.bytes {
                    found |= 1 << group.place;
                }
            }
        }
        (0..self.groups.len()).filter(move |place| found >> place & 1 == 1)
    }
}

fn identify_latin(words: &TextWords<'_>) -> Option<LanguageGuess> {
    let lists = lists();
    let mut scores = vec![0.0f32; PROFILES.len()];
    let mut word_count = 0usize;
    let mut listed_count = 0usize;
    // What each word said when it was seen first, as a stretch of all signs, and how often it was.
    let mut signs: Vec<(&[usize], f32)> = Vec::new();
    let mut seen = vec![(0usize, 0..0usize); words.forms().len()];
    for word in words.all().iter().take(WORD_COUNT_MAX) {
        let (seen_count, stretch) = &mut seen[word.id];
        *seen_count += 1;
        if *seen_count > REPEAT_COUNT_MAX {
            continue;
        }
        word_count += 1;
        if *seen_count == 1 {
            let start = signs.len();
            let is_listed = lists.signs_of(&words.forms()[word.id], &mut signs);
            listed_count += usize::from(is_listed);
            *stretch = start..signs.len();
        }
        for (languages, weight) in &signs[stretch.clone()] {
            for language in *languages {
                if let Some(score) = scores.get_mut(*language) {
                    *score += weight / (languages.len() as f32).sqrt();
                }
            }
        }
    }
    if listed_count < LISTED_COUNT_MIN {
        return None;
    }
    verdict(&scores, word_count)
}

fn verdict(scores: &[f32], word_count: usize) -> Option<LanguageGuess> {
    let (best, score) = scores
        .iter()
        .enumerate()
        .max_by(|left, right| left.1.total_cmp(right.1))?;
    let unknown = UNKNOWN_PER_WORD * word_count as f32;
    if *score < SCORE_MIN || *score < unknown {
        return None;
    }
    let others = scores
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != best)
        .map(|(_, s)| s);
    let rivals: f32 = others
        .chain([&unknown])
        .map(|rival| ((rival - score) * LEAD_WEIGHT).exp())
        .sum();
    let code = PROFILES.get(best)?.code.to_owned();
    Some(LanguageGuess {
        code,
        confidence: 1.0 / (1.0 + rivals),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_languages_by_their_small_words() {
        for (text, expected) in [
            (
                "I walk the river road at night and nobody knows where I have been",
                "en",
            ),
            (
                "Je marche dans la nuit et personne ne sait où je vais, mais toi tu dors",
                "fr",
            ),
            (
                "Ich gehe durch die Nacht und niemand weiß, wohin der Weg mich führt",
                "de",
            ),
            (
                "Camino por la noche y nadie sabe a dónde voy, pero el río me conoce",
                "es",
            ),
            (
                "Cammino nella notte e nessuno sa dove vado, ma il fiume mi conosce",
                "it",
            ),
            (
                "Caminho pela noite e ninguém sabe aonde vou, mas o rio não me esquece",
                "pt",
            ),
            (
                "Idę przez noc i nikt nie wie dokąd, ale rzeka jest ze mną i się śmieje",
                "pl",
            ),
            (
                "Я иду по ночной дороге, и никто не знает, куда этот путь ведёт",
                "ru",
            ),
            (
                "Я йду крізь ніч, і ніхто не знає, куди цей шлях веде мене",
                "uk",
            ),
            ("夜の道を歩いている、誰も知らない", "ja"),
            ("밤길을 걷고 있어 아무도 몰라", "ko"),
            ("我走在夜里没有人知道", "zh"),
        ] {
            let guess = identify_language(text);
            assert_eq!(
                guess.as_ref().map(|guess| guess.code.as_str()),
                Some(expected),
                "{text}"
            );
            assert!(guess.is_some_and(|guess| guess.confidence > 0.5), "{text}");
        }
    }

    #[test]
    fn groups_are_found_wherever_they_stand() {
        let lists = lists();
        // They are bits of one number.
        assert!(lists.groups.len() <= 128);
        assert!(
            lists
                .groups
                .iter()
                .all(|(group, _)| (1..=8).contains(&group.len()))
        );
        for word in ["through", "sch", "schön", "coração", "zzyzx", "więcej"] {
            let expected = lists.groups.iter().enumerate();
            let expected = expected
                .filter(|(_, (group, _))| word.len() > group.len() && word.contains(group))
                .map(|(place, _)| place);
            assert!(lists.groups_in(word).eq(expected), "{word}");
        }
    }

    #[test]
    fn says_nothing_about_too_little() {
        for text in [
            "",
            "la la la",
            "oh",
            "123 456 789",
            "♪ ♫",
            "na na na na na na na hey hey",
        ] {
            assert_eq!(identify_language(text), None, "{text}");
        }
    }
}
