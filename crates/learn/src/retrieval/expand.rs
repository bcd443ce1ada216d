//! A query: each of its words with the words of the catalogue it may stand for.

use super::fold::tokenize;
use super::index::TextIndex;

/// Words of a query that are read; a line of verse has about ten.
const QUERY_WORDS_MAX: usize = 24;
/// Words one query word may stand for besides itself: beyond the most frequent of them the rest
/// would only find what nobody means, and each costs reading its list.
const PREFIXES_MAX: usize = 48;
const MISTAKEN_MAX: usize = 12;
/// Letters from which one mistake, and two, are forgiven. With fewer, half the words of a language
/// are one mistake apart.
const ONE_MISTAKE_FROM: usize = 4;
const TWO_MISTAKES_FROM: usize = 8;
/// A word in more than one of so many documents is what was meant; rarer ones may be mistakes
/// themselves.
const MISTAKE_SHARE: u32 = 2_000;
/// What a word counts that was completed, or corrected by one or two letters, against 1 for one that
/// was written. Their order matters (what was written wins), their size hardly: the blend is fitted
/// on top of them.
const PREFIX_WEIGHT: f32 = 0.75;
const ONE_MISTAKE_WEIGHT: f32 = 0.7;
const TWO_MISTAKES_WEIGHT: f32 = 0.5;

/// How a query is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryOptions {
    /// Whether lyrics may match. Without, they also do not count in any weight.
    pub with_lyrics: bool,
    /// Whether the last word may be unfinished.
    pub is_typing: bool,
}

/// One word of a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QueryWord {
    /// Terms it may stand for, each with what it counts, best first.
    pub terms: Vec<(u32, f32)>,
}

/// A query that was read against an index; it is answered by the same state of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TextQuery {
    pub(crate) words: Vec<QueryWord>,
    pub(crate) with_lyrics: bool,
}

impl TextQuery {
    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// What term of the document a word stands for, if any: its weight.
    pub(crate) fn weight(&self, word: usize, term: u32) -> Option<f32> {
        let terms = &self.words.get(word)?.terms;
        terms.iter().find(|(t, _)| *t == term).map(|(_, w)| *w)
    }
}

impl TextIndex {
    /// Reads a query: words, their completions where it is still being typed, and corrections of words
    /// that are not or hardly in the catalogue.
    ///
    /// - Cost: per word, the lists of its trigrams in the vocabulary; no documents.
    pub fn query(&self, text: &str, options: QueryOptions) -> TextQuery {
        let mut tokens: Vec<String> = tokenize(text).into_iter().map(|t| t.text).collect();
        tokens.truncate(QUERY_WORDS_MAX);
        let is_open = options.is_typing && text.ends_with(|c: char| c.is_alphanumeric());
        let last = tokens.len().saturating_sub(1);
        let words = tokens.iter().enumerate().map(|(place, word)| QueryWord {
            terms: self.stands_for(word, is_open && place == last, options.with_lyrics),
        });
        TextQuery {
            words: words.collect(),
            with_lyrics: options.with_lyrics,
        }
    }

    /// The words of the catalogue that a query uses, as they are compared: for showing what matched.
    pub fn words_of<'i>(&'i self, query: &'i TextQuery) -> impl Iterator<Item = &'i str> {
        let terms = query.words.iter().flat_map(|word| &word.terms);
        terms.map(|(term, _)| self.vocabulary.word(*term))
    }

    fn stands_for(&self, word: &str, is_open: bool, with_lyrics: bool) -> Vec<(u32, f32)> {
        let frequency = |term: u32| self.frequency(term, with_lyrics);
        let mut terms = Vec::new();
        let own = (self.vocabulary.number(word)).filter(|&term| frequency(term) > 0);
        terms.extend(own.map(|term| (term, 1.0)));
        if is_open {
            let longer = self.vocabulary.beginning_with(word);
            let longer = longer.filter(|&term| frequency(term) > 0).collect();
            terms.extend(self.most_frequent(longer, PREFIXES_MAX, PREFIX_WEIGHT, with_lyrics));
        }
        let is_sure = own.is_some_and(|term| {
            u64::from(frequency(term)) * u64::from(MISTAKE_SHARE) >= self.len() as u64
        });
        let letters = word.chars().count();
        let distance_max = match letters {
            TWO_MISTAKES_FROM.. => 2,
            ONE_MISTAKE_FROM.. => 1,
            _ => 0,
        };
        let is_completed = terms.len() > usize::from(own.is_some());
        if distance_max > 0 && !is_sure && !is_completed {
            let near = self.vocabulary.near(word, distance_max);
            for (distance, weight) in [(1, ONE_MISTAKE_WEIGHT), (2, TWO_MISTAKES_WEIGHT)] {
                let at = near.iter().filter(|(_, apart)| *apart == distance);
                let at = at
                    .map(|(term, _)| *term)
                    .filter(|&term| frequency(term) > 0);
                terms.extend(self.most_frequent(at.collect(), MISTAKEN_MAX, weight, with_lyrics));
            }
        }
        terms
    }

    fn most_frequent(
        &self,
        mut terms: Vec<u32>,
        count: usize,
        weight: f32,
        with_lyrics: bool,
    ) -> Vec<(u32, f32)> {
        terms.sort_by_key(|&term| (std::cmp::Reverse(self.frequency(term, with_lyrics)), term));
        terms.truncate(count);
        terms.into_iter().map(|term| (term, weight)).collect()
    }
}
