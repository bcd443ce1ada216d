//! Showing which words of a field were found.

use std::collections::HashSet;

use leitmotif_learn::retrieval::tokenize;

/// A field with the found words marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highlight {
    /// `title`, `artist`, `release`, `genre` or `lyrics`.
    pub field: &'static str,
    /// The text in order.
    pub parts: Vec<HighlightPart>,
}

/// A piece of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HighlightPart {
    /// The text.
    pub text: String,
    /// Whether it was found.
    pub is_match: bool,
}

/// Marks found words; nothing when there is none.
pub fn mark(field: &'static str, text: &str, words: &HashSet<String>) -> Option<Highlight> {
    let mut parts: Vec<HighlightPart> = Vec::new();
    let mut push = |text: &str, is_match: bool| {
        if !text.is_empty() {
            let text = text.to_owned();
            parts.push(HighlightPart { text, is_match });
        }
    };
    let mut from = 0;
    let mut has_match = false;
    for token in tokenize(text) {
        if words.contains(&token.text) {
            has_match = true;
            push(&text[from..token.span.start], false);
            push(&text[token.span.clone()], true);
            from = token.span.end;
        }
    }
    push(&text[from..], false);
    has_match.then_some(Highlight { field, parts })
}

/// Marks the line of verse with the most distinct found words, the first of several.
pub fn mark_line(lyrics: &str, words: &HashSet<String>) -> Option<Highlight> {
    let found_in = |line: &str| {
        let tokens = tokenize(line).into_iter().map(|token| token.text);
        let found: HashSet<String> = tokens.filter(|word| words.contains(word)).collect();
        found.len()
    };
    let lines = lyrics.lines().map(|line| (found_in(line), line));
    let (count, line) = lines.rev().max_by_key(|(count, _)| *count)?;
    if count == 0 {
        return None;
    }
    mark("lyrics", line.trim(), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(highlight: Option<Highlight>) -> String {
        let parts = highlight.into_iter().flat_map(|h| h.parts);
        parts
            .map(|part| {
                if part.is_match {
                    format!("<{}>", part.text)
                } else {
                    part.text
                }
            })
            .collect()
    }

    #[test]
    fn found_words_are_marked_as_they_are_written() {
        let words = HashSet::from(["deja".to_owned(), "vu".to_owned()]);
        assert_eq!(
            shown(mark("title", "Déjà Vu (live)", &words)),
            "<Déjà> <Vu> (live)"
        );
        assert_eq!(mark("title", "other", &words), None);
        let verse = "a line\nvu again\nthe deja of vu\ndeja vu";
        assert_eq!(shown(mark_line(verse, &words)), "the <deja> of <vu>");
        assert_eq!(mark_line("nothing", &words), None);
        assert_eq!(mark_line("", &words), None);
    }
}
