//! The words of a text, cut and folded once for everybody who counts them.

use std::collections::HashMap;

use super::text::LyricsText;
use super::tokens::{Token, folded, tokenize};

/// One word where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlacedWord<'a> {
    pub token: Token<'a>,
    /// Place of its folded form among the different ones.
    pub id: usize,
}

/// All words in order, and the different ones by first appearance.
///
/// - Cost: O(characters); one hash look-up a word, so that nobody after it needs one.
#[derive(Debug, Default)]
pub(super) struct TextWords<'a> {
    words: Vec<PlacedWord<'a>>,
    line_ends: Vec<usize>,
    forms: Vec<String>,
    counts: Vec<usize>,
}

impl<'a> TextWords<'a> {
    /// Cuts lines into words.
    pub(super) fn of_lines(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        // Keys come from outside, so the hash must be one that cannot be aimed at.
        let mut ids: HashMap<String, usize> = HashMap::new();
        for line in lines {
            for token in tokenize(line) {
                let form = folded(token.text);
                let id = match ids.get(&form) {
                    Some(id) => *id,
                    None => {
                        let id = all.forms.len();
                        all.forms.push(form.clone());
                        all.counts.push(0);
                        ids.insert(form, id);
                        id
                    }
                };
                all.counts[id] += 1;
                all.words.push(PlacedWord { token, id });
            }
            all.line_ends.push(all.words.len());
        }
        all
    }

    /// Cuts the lines of lyrics into words.
    pub(super) fn of(text: &'a LyricsText) -> Self {
        Self::of_lines(text.lines.iter().map(|line| line.text.as_str()))
    }

    /// Words, each as often as it stands.
    pub(super) fn count(&self) -> usize {
        self.words.len()
    }

    /// The words in order.
    pub(super) fn all(&self) -> &[PlacedWord<'a>] {
        &self.words
    }

    /// The words of each line.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[PlacedWord<'a>]> {
        let mut start = 0;
        self.line_ends.iter().map(move |end| {
            let line = &self.words[start..*end];
            start = *end;
            line
        })
    }

    /// Folded forms by id.
    pub(super) fn forms(&self) -> &[String] {
        &self.forms
    }

    /// Folded forms with how often each stands, by id.
    pub(super) fn counted(&self) -> impl Iterator<Item = (&str, usize)> {
        self.forms
            .iter()
            .map(String::as_str)
            .zip(self.counts.iter().copied())
    }

    /// Sums up a number of each different word, as often as it stands.
    pub(super) fn sum(&self, number: impl Fn(&str) -> usize) -> usize {
        self.counted()
            .map(|(form, count)| number(form) * count)
            .sum()
    }

    /// The folded words in order.
    pub(super) fn folded(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| self.forms[word.id].as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_numbered_by_first_appearance() {
        let words = TextWords::of_lines(["The Night, the", "", "night falls"].into_iter());
        let ids: Vec<usize> = words.all().iter().map(|word| word.id).collect();
        assert_eq!(ids, [0, 1, 0, 1, 2]);
        let counted: Vec<(&str, usize)> = words.counted().collect();
        assert_eq!(counted, [("the", 2), ("night", 2), ("falls", 1)]);
        let lines: Vec<usize> = words.lines().map(<[PlacedWord]>::len).collect();
        assert_eq!(lines, [3, 0, 2]);
        assert_eq!(words.sum(str::len), 2 * 3 + 2 * 5 + 5);
        assert!(words.folded().eq(["the", "night", "the", "night", "falls"]));
    }
}
