//! Words that make a track explicit; a small list of our own, English and Russian.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::text::LyricsText;
use super::tokens::folded;
use super::words::TextWords;

/// Stems that count with any ending.
const STEMS: [&str; 17] = [
    "fuck",
    "motherfuck",
    "shit",
    "bullshit",
    "bitch",
    "nigg",
    "cunt",
    "whore",
    "asshole",
    "dickhead",
    "faggot",
    "pussy",
    "хуй",
    "хуе",
    "блят",
    "пизд",
    "ебат",
];
/// Words that count only whole: as stems they would catch harmless words.
const WHOLE_WORDS: [&str; 17] = [
    "ass", "dick", "dicks", "cock", "hoe", "hoes", "slut", "sluts", "cum", "tits", "fag", "thot",
    "mf", "muhfucka", "сука", "суки", "бля",
];

/// Distinct words that are told; a text has seldom more than a dozen.
const TOLD_MAX: usize = 100;
/// Lines that are told of one word.
const LINES_MAX: usize = 100;

/// Tells whether a folded word is explicit; starred spellings are told by [`ExplicitWords`] alone.
pub fn is_explicit(word: &str) -> bool {
    let bare = word.trim_matches('\'');
    STEMS.iter().any(|stem| bare.starts_with(stem)) || WHOLE_WORDS.contains(&bare)
}

/// Tells whether a folded word with stars, such as `f**k`, stands for an explicit one: each star is a letter, and
/// what follows the stem is an ending.
fn is_starred(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let begins_with_letter = letters.first().is_some_and(|letter| letter.is_alphabetic());
    if !begins_with_letter || !letters.contains(&'*') {
        return false;
    }
    let fits = |stem: &str, is_whole: bool| {
        let stem: Vec<char> = stem.chars().collect();
        let is_long_enough = if is_whole {
            stem.len() == letters.len()
        } else {
            // Stars beyond the stem could be anything.
            letters.len() >= stem.len() && !letters[stem.len()..].contains(&'*')
        };
        let mut pairs = stem.iter().zip(&letters);
        is_long_enough && pairs.all(|(wanted, found)| *found == '*' || found == wanted)
    };
    STEMS.iter().any(|stem| fits(stem, false)) || WHOLE_WORDS.iter().any(|word| fits(word, true))
}

/// The explicit words of a text with their lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExplicitWords {
    /// Lines of each folded word, counted as the text's lines are, from 0.
    words: BTreeMap<String, Vec<usize>>,
}

impl ExplicitWords {
    /// Finds them, plain or starred.
    ///
    /// - Shape: `words` are those of `text`.
    /// - Cost: O(characters).
    pub(super) fn find(text: &LyricsText, words: &TextWords<'_>) -> Self {
        let forms = words.forms();
        let is_explicit: Vec<bool> = forms.iter().map(|form| is_explicit(form)).collect();
        let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, (line, words)) in text.lines.iter().zip(words.lines()).enumerate() {
            let plain = words.iter().filter(|word| is_explicit[word.id]);
            let plain = plain.map(|word| forms[word.id].clone());
            let starred = line.text.contains('*').then(|| starred_of(&line.text));
            for word in plain.chain(starred.into_iter().flatten()) {
                found.entry(word).or_default().push(number);
            }
        }
        Self { words: found }
    }

    /// How many there are, each as often as it stands.
    pub fn count(&self) -> usize {
        self.words.values().map(Vec::len).sum()
    }

    /// The words, the most frequent first: `{word, count, lines}`, of at most 100 words 100 lines each.
    pub fn told(&self) -> Value {
        let mut words: Vec<_> = self.words.iter().collect();
        words.sort_by_key(|(_, lines)| Reverse(lines.len()));
        let told = words.into_iter().take(TOLD_MAX).map(|(word, lines)| {
            let shown = &lines[..lines.len().min(LINES_MAX)];
            json!({"word": word, "count": lines.len(), "lines": shown})
        });
        told.collect()
    }
}

/// The starred words of a line, folded. A word of letters alone is none.
fn starred_of(line: &str) -> Vec<String> {
    let parts = line.split(|c: char| !(c.is_alphabetic() || c == '*'));
    let words = parts.map(folded).filter(|word| is_starred(word));
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_with_their_lines() {
        let text =
            LyricsText::parse("No shit, Sherlock\nf**k this s*** and fuck that\n*sighs* a*a b***");
        let find = |text| ExplicitWords::find(text, &TextWords::of(text));
        let found = find(&text);
        assert_eq!(found.count(), 4);
        let told = found.told();
        let words: Vec<&str> = told
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["word"].as_str().unwrap())
            .collect();
        assert_eq!(words, ["f**k", "fuck", "s***", "shit"]);
        assert_eq!(told[0], json!({"word": "f**k", "count": 1, "lines": [1]}));
        assert_eq!(find(&LyricsText::parse("")).told(), json!([]));
    }

    #[test]
    fn stars_stand_for_letters_and_no_more() {
        let is = [
            "f*ck",
            "f**king",
            "motherf***er",
            "b*tch",
            "a**",
            "n***a",
            "с*ка",
        ];
        assert!(is.iter().all(|word| is_starred(word)), "{is:?}");
        let is_not = ["***", "f*", "st*r", "g**d", "*uck", "fuck", "a*"];
        for word in is_not {
            assert!(!is_starred(word), "{word}");
        }
    }

    #[test]
    fn catches_forms_and_spares_harmless_words() {
        assert!(
            ["fuckin'", "bitches", "ass", "shitty"]
                .iter()
                .all(|word| is_explicit(word))
        );
        let harmless = [
            "class",
            "assume",
            "cocktail",
            "hoed",
            "scunthorpe",
            "dickens",
            "title",
        ];
        assert!(harmless.iter().all(|word| !is_explicit(word)));
    }
}
