//! Text as the words that are compared: without case, accents and punctuation.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest word that is kept, in characters: longer ones are cut. Real words are shorter; a line of
/// noise without a space must not become a term of its own length.
const WORD_CHARS_MAX: usize = 40;

/// One word with where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The word as it is compared.
    pub text: String,
    /// Its bytes in the original.
    pub span: Range<usize>,
}

/// Splits text into words.
///
/// Compatibility decomposition, marks dropped, lower case; letters and digits make words, apostrophes
/// inside a word vanish (`don't` and `dont` are one). Each ideograph, kana or hangul syllable is a
/// word, as these scripts set no spaces.
///
/// - Cost: O(characters).
/// - Source: Unicode Standard Annex 15, form NFKD.
pub fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut open: Option<(Token, usize)> = None;
    let mut characters = text.char_indices().peekable();
    while let Some((start, c)) = characters.next() {
        let end = start + c.len_utf8();
        if is_combining_mark(c) {
            if let Some((token, _)) = &mut open {
                token.span.end = end;
            }
            continue;
        }
        let is_inner = matches!(c, '\'' | '’' | 'ʼ')
            && open.is_some()
            && (characters.peek()).is_some_and(|(_, next)| next.is_alphanumeric());
        if is_inner {
            continue;
        }
        let is_alone = is_spaceless(c);
        if is_alone || !c.is_alphanumeric() {
            tokens.extend(open.take().map(|(token, _)| token));
        }
        if !c.is_alphanumeric() {
            continue;
        }
        let (token, length) = open.get_or_insert_with(|| {
            let text = String::new();
            let span = start..end;
            (Token { text, span }, 0)
        });
        token.span.end = end;
        if *length < WORD_CHARS_MAX {
            *length += 1;
            push_folded(&mut token.text, c);
        }
        if is_alone {
            tokens.extend(open.take().map(|(token, _)| token));
        }
    }
    tokens.extend(open.map(|(token, _)| token));
    tokens.retain(|token| !token.text.is_empty());
    tokens
}

/// Folds one word as [`tokenize`] does; what is not a letter or digit vanishes.
pub fn fold_word(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    (word.chars())
        .filter(|c| c.is_alphanumeric())
        .for_each(|c| push_folded(&mut folded, c));
    folded
}

fn push_folded(folded: &mut String, c: char) {
    if c.is_ascii() {
        folded.push(c.to_ascii_lowercase());
        return;
    }
    for part in std::iter::once(c).nfkd().flat_map(char::to_lowercase) {
        // Letters that Unicode does not decompose, though a keyboard without them writes these.
        match part {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            part if part.is_alphanumeric() => folded.push(part),
            _ => {}
        }
    }
}

fn is_spaceless(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0x20000..=0x2FA1F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_case_marks_and_punctuation() {
        let check = |text: &str, expected: &[&str]| {
            let words: Vec<_> = tokenize(text).into_iter().map(|token| token.text).collect();
            assert_eq!(words, expected, "{text}");
        };
        check("Beyoncé – Déjà Vu!", &["beyonce", "deja", "vu"]);
        check("Бьётся Мой", &["бьется", "мои"]);
        check("DON'T don’t 'tis'", &["dont", "dont", "tis"]);
        check("Ｆｕｌｌ ﬁne Ⅳ", &["full", "fine", "iv"]);
        check("Sigur Rós / Ágætis", &["sigur", "ros", "agaetis"]);
        check("e\u{301}te\u{301}", &["ete"]);
        check("東京 fm", &["東", "京", "fm"]);
        check("  ...  ", &[]);
        check("Straße ŁÓDŹ", &["strasse", "lodz"]);
        assert_eq!(fold_word("N'Zo"), "nzo");
    }

    #[test]
    fn spans_lead_back_to_the_original() {
        let text = "Ça va, e\u{301}té";
        let spans: Vec<&str> = (tokenize(text).iter())
            .map(|token| &text[token.span.clone()])
            .collect();
        assert_eq!(spans, ["Ça", "va", "e\u{301}té"]);
        let long = "x".repeat(500);
        let tokens = tokenize(&long);
        assert_eq!((tokens.len(), tokens[0].text.len()), (1, WORD_CHARS_MAX));
        assert_eq!(tokens[0].span, 0..500);
    }
}
