//! Lines to words with their places.

/// One word of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// The word as written, with inner apostrophes and hyphens.
    pub text: &'a str,
    /// Place of its first character in the line, in Unicode scalar values.
    pub start_char: usize,
    /// Place after its last character.
    pub end_char: usize,
}

/// Splits a line into words.
///
/// - Shape: a word is a run of letters, digits and combining marks; apostrophes inside it, before
///   it when a letter follows directly at a word start (`'cause`), and after a dropped `g`
///   (`runnin'`) belong to it; hyphens inside it too. Chinese, Japanese and Thai are not segmented:
///   a run is one word.
/// - Cost: O(characters).
pub fn tokenize(line: &str) -> Vec<Token<'_>> {
    let letters: Vec<(usize, char)> = line.char_indices().collect();
    let letter_at = |place: usize| letters.get(place).map_or(' ', |(_, letter)| *letter);
    let byte_at = |place: usize| letters.get(place).map_or(line.len(), |(byte, _)| *byte);
    let mut tokens = Vec::new();
    let mut place = 0;
    while place < letters.len() {
        let is_elision = is_apostrophe(letter_at(place)) && is_word_letter(letter_at(place + 1));
        if !is_word_letter(letter_at(place)) && !is_elision {
            place += 1;
            continue;
        }
        let start = place;
        place += 1;
        loop {
            let letter = letter_at(place);
            let is_joint = is_apostrophe(letter) || is_hyphen(letter);
            if is_word_letter(letter) || (is_joint && is_word_letter(letter_at(place + 1))) {
                place += 1;
            } else {
                break;
            }
        }
        if is_apostrophe(letter_at(place)) && place >= 2 {
            let ending = (letter_at(place - 2), letter_at(place - 1));
            if matches!(ending, ('i' | 'I', 'n' | 'N')) {
                place += 1;
            }
        }
        if let Some(text) = line.get(byte_at(start)..byte_at(place)) {
            tokens.push(Token {
                text,
                start_char: start,
                end_char: place,
            });
        }
    }
    tokens
}

/// Lower-cases a word and unifies its apostrophes: the form that vocabulary counts.
pub fn folded(word: &str) -> String {
    if word.is_ascii() {
        let mut folded = word.to_ascii_lowercase();
        if folded.contains('`') {
            folded = folded.replace('`', "'");
        }
        return folded;
    }
    word.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| if is_apostrophe(letter) { '\'' } else { letter })
        .collect()
}

fn is_word_letter(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '\u{300}'..='\u{36f}')
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | 'ʼ' | '`')
}

fn is_hyphen(letter: char) -> bool {
    matches!(letter, '-' | '‐' | '‑')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_words_as_sung() {
        let words = |line: &'static str| -> Vec<&str> {
            tokenize(line).iter().map(|token| token.text).collect()
        };
        assert_eq!(
            words("Keep runnin', 'cause it's late-night!"),
            ["Keep", "runnin'", "'cause", "it's", "late-night"]
        );
        assert_eq!(words("Я иду — домой"), ["Я", "иду", "домой"]);
        assert_eq!(words(" -- '' ... "), Vec::<&str>::new());
        assert_eq!(words("100%"), ["100"]);
    }

    #[test]
    fn places_count_characters() {
        let tokens = tokenize("é là-bas");
        let places: Vec<(usize, usize)> = tokens
            .iter()
            .map(|token| (token.start_char, token.end_char))
            .collect();
        assert_eq!(places, [(0, 1), (2, 8)]);
    }
}
