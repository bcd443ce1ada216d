//! How a query lies in the short fields of a document: as a whole title, as a run of words.

use super::expand::TextQuery;
use super::index::{NAME_FIELDS, TextIndex};

/// The last short field.
const GENRES: usize = NAME_FIELDS - 1;

/// How a document's short fields answer a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Matched {
    pub title: f32,
    pub coverage: f32,
    pub phrase: f32,
    pub is_complete: bool,
}

impl Matched {
    pub const NONE: Self = Self {
        title: 0.0,
        coverage: 0.0,
        phrase: 0.0,
        is_complete: false,
    };
}

impl TextIndex {
    pub(crate) fn matched(&self, query: &TextQuery, document: u32) -> Option<Matched> {
        let card = self.documents.get(document as usize)?;
        let mut rest = self.words_of_card(card);
        let mut matched = Matched::NONE;
        let mut covered = vec![0.0f32; query.words.len()];
        for field in 0..NAME_FIELDS {
            let (words, after) = rest.split_at(usize::from(card.lengths[field]).min(rest.len()));
            rest = after;
            let mut named = vec![0.0f32; words.len()];
            for (place, _) in query.words.iter().enumerate() {
                for (at, &term) in words.iter().enumerate() {
                    if let Some(weight) = query.weight(place, term) {
                        // A genre is a property, not a name: it is not what a word was meant to name.
                        if field != GENRES {
                            covered[place] = covered[place].max(weight);
                        }
                        named[at] = named[at].max(weight);
                    }
                }
            }
            if field == 0 && !words.is_empty() {
                matched.title = named.iter().sum::<f32>() / words.len() as f32;
            }
            let run = longest_run(query, words) as f32 / query.words.len().max(1) as f32;
            matched.phrase = matched.phrase.max(run);
        }
        let idf: Vec<f32> = (query.words.iter()).map(|w| self.names_idf(w)).collect();
        let total: f32 = idf.iter().sum();
        let held: f32 = idf
            .iter()
            .zip(&covered)
            .map(|(idf, share)| idf * share)
            .sum();
        matched.is_complete = covered.iter().all(|&share| share > 0.0);
        matched.coverage = held / total.max(f32::MIN_POSITIVE);
        // Any one word names the whole of some short title; the whole query must.
        matched.title *= matched.coverage;
        Some(matched)
    }
}

/// Most words in a row that query and field have in common.
fn longest_run(query: &TextQuery, words: &[u32]) -> usize {
    let mut longest = 0;
    let mut above = vec![0usize; words.len() + 1];
    for place in 0..query.words.len() {
        let mut row = vec![0usize; words.len() + 1];
        for (at, &term) in words.iter().enumerate() {
            if query.weight(place, term).is_some() {
                row[at + 1] = above[at] + 1;
                longest = longest.max(row[at + 1]);
            }
        }
        above = row;
    }
    longest
}
