//! Answering a query from the lists: term at a time, rarest word first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::expand::{QueryWord, TextQuery};
use super::features::Matched;
use super::index::{NAME_FIELDS, TextIndex};
use super::postings::Postings;

/// BM25's saturation: how soon a repeated word stops counting. The usual value of the literature.
const K1: f32 = 1.2;
/// How much each short field counts: a word in the title says more than one in the release.
const FIELD_WEIGHTS: [f32; NAME_FIELDS] = [3.0, 2.5, 1.2, 0.8];
/// How much a long field is held against its words; low for names, which are not written longer to
/// be found.
const FIELD_B: [f32; NAME_FIELDS] = [0.6, 0.4, 0.3, 0.3];
const LYRICS_B: f32 = 0.75;
/// Documents that may collect scores; further words then only add to those that have some. Rare words
/// come first, so what is left out would have been found by frequent words alone.
const ACCUMULATORS_MAX: usize = 20_000;

/// A document that was found, with what each way of comparing says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextHit {
    /// The document.
    pub id: u128,
    /// Short fields: share of the best score any document could have, 0 to 1.
    pub names: f32,
    /// Lyrics, likewise; 0 when they may not match.
    pub lyrics: f32,
    /// Share of the title that the query names, times `coverage`: 1 when the query is the title.
    pub title: f32,
    /// Share of the query, by rarity of its words, that is in short fields.
    pub coverage: f32,
    /// Longest run of the query's words that stands together in one short field, as a share of it.
    pub phrase: f32,
    /// Whether every word of the query is in a title, artist or release.
    pub is_complete: bool,
}

/// Memory that searches reuse: two numbers per document.
#[derive(Debug, Clone, Default)]
pub struct SearchScratch {
    names: Accumulators,
    lyrics: Accumulators,
}

#[derive(Debug, Clone, Default)]
struct Accumulators {
    totals: Vec<f32>,
    /// What the present word gave, so that of several spellings the best counts once.
    given: Vec<f32>,
    touched: Vec<u32>,
    of_word: Vec<u32>,
}

/// The lists and weights of one field group.
struct Leg<'i> {
    lists: &'i [Postings],
    documents: f32,
}

impl Leg<'_> {
    /// Inverse document frequency in the form that is never negative.
    fn idf(&self, term: u32) -> f32 {
        let count = self.lists.get(term as usize).map_or(0, Postings::count) as f32;
        (1.0 + (self.documents - count + 0.5).max(0.5) / (count + 0.5)).ln()
    }

    fn postings_of(&self, word: &QueryWord) -> u64 {
        let lists = word
            .terms
            .iter()
            .filter_map(|(term, _)| self.lists.get(*term as usize));
        lists.map(|list| u64::from(list.count())).sum()
    }
}

impl TextIndex {
    /// Finds the `count` best documents of each field group that `admits` lets pass, in no order that
    /// means anything between groups: by names, then those that only lyrics found.
    ///
    /// - Shape: at most `2 · count` hits.
    /// - Cost: reads the lists of the query's terms; once 20,000 documents have scores, frequent
    ///   words only read the blocks that hold one of them.
    /// - Source: Robertson, Zaragoza and Taylor 2004 (BM25F); Moffat and Zobel 1996 ("continue") for
    ///   the bound on accumulators.
    pub fn search(
        &self,
        query: &TextQuery,
        count: usize,
        admits: &dyn Fn(u128) -> bool,
        scratch: &mut SearchScratch,
    ) -> Vec<TextHit> {
        if query.is_empty() || count == 0 {
            return Vec::new();
        }
        let names = self.names_leg();
        let lyrics = self.lyrics_leg();
        self.collect_names(query, &names, &mut scratch.names);
        if query.with_lyrics {
            self.collect_lyrics(query, &lyrics, &mut scratch.lyrics);
        }
        let mut found = self.best(&scratch.names, count, admits);
        let known = found.len();
        found.extend(self.best(&scratch.lyrics, count, admits));
        found[known..].sort_unstable();
        let (first, second) = found.split_at(known);
        let mut documents = first.to_vec();
        let seen: std::collections::HashSet<u32> = first.iter().copied().collect();
        documents.extend(second.iter().filter(|document| !seen.contains(document)));
        let bounds = (best_possible(query, &names), best_possible(query, &lyrics));
        let hits = (documents.iter())
            .map(|&document| self.hit(query, document, scratch, bounds))
            .collect();
        scratch.names.clear();
        scratch.lyrics.clear();
        hits
    }

    /// Compares one document with a query by its short fields, whether the lists would have found it
    /// or not; its lyrics are not looked at.
    pub fn compare(&self, query: &TextQuery, id: u128) -> Option<TextHit> {
        let document = self.document(id)?;
        let names = self.names_leg();
        let matched = self.matched(query, document)?;
        let bound = best_possible(query, &names);
        Some(TextHit {
            id,
            names: (self.score_names(query, document, &names) / bound).clamp(0.0, 1.0),
            lyrics: 0.0,
            title: matched.title,
            coverage: matched.coverage,
            phrase: matched.phrase,
            is_complete: matched.is_complete,
        })
    }

    /// The documents that hold every word of a query, in any field that may match, ascending by when
    /// they were put in.
    ///
    /// - Cost: reads every list of the query.
    pub fn holding_all(&self, query: &TextQuery) -> Vec<u128> {
        let mut held: Option<Vec<u32>> = None;
        for word in &query.words {
            let mut documents = Vec::new();
            for (term, _) in &word.terms {
                let names = self.names.get(*term as usize);
                let lyrics = self
                    .lyrics
                    .get(*term as usize)
                    .filter(|_| query.with_lyrics);
                for list in names.into_iter().chain(lyrics) {
                    list.for_each(|document, _| documents.push(document));
                }
            }
            documents.sort_unstable();
            documents.dedup();
            held = Some(match held {
                None => documents,
                Some(mut all) => {
                    all.retain(|document| documents.binary_search(document).is_ok());
                    all
                }
            });
        }
        let documents = held.unwrap_or_default().into_iter();
        documents
            .filter(|&document| self.documents[document as usize].is_live)
            .map(|document| self.ids[document as usize])
            .collect()
    }

    fn hit(
        &self,
        query: &TextQuery,
        document: u32,
        scratch: &SearchScratch,
        bounds: (f32, f32),
    ) -> TextHit {
        let matched = self.matched(query, document).unwrap_or(Matched::NONE);
        let of = |totals: &[f32]| totals.get(document as usize).copied().unwrap_or(0.0);
        TextHit {
            id: self.ids[document as usize],
            names: (of(&scratch.names.totals) / bounds.0).clamp(0.0, 1.0),
            lyrics: (of(&scratch.lyrics.totals) / bounds.1).clamp(0.0, 1.0),
            title: matched.title,
            coverage: matched.coverage,
            phrase: matched.phrase,
            is_complete: matched.is_complete,
        }
    }

    fn names_leg(&self) -> Leg<'_> {
        Leg {
            lists: &self.names,
            documents: self.len() as f32,
        }
    }

    fn lyrics_leg(&self) -> Leg<'_> {
        Leg {
            lists: &self.lyrics,
            documents: self.mean_lyrics_length().1 as f32,
        }
    }

    /// Inverse document frequency of a query word in the short fields: that of the spelling meant
    /// most likely.
    pub(crate) fn names_idf(&self, word: &QueryWord) -> f32 {
        let leg = self.names_leg();
        (word.terms.first()).map_or_else(|| leg.idf(u32::MAX), |(term, _)| leg.idf(*term))
    }

    fn collect_names(&self, query: &TextQuery, leg: &Leg<'_>, into: &mut Accumulators) {
        let means = self.mean_lengths();
        let weights: Vec<[f32; 256]> = (0..NAME_FIELDS)
            .map(|field| {
                std::array::from_fn(|length| {
                    let share = length as f32 / means[field];
                    FIELD_WEIGHTS[field] / (1.0 - FIELD_B[field] + FIELD_B[field] * share)
                })
            })
            .collect();
        into.collect(query, leg, self.documents.len(), |document, packed| {
            let lengths = &self.documents[document as usize].lengths;
            let mut count = 0.0;
            for (field, weights) in weights.iter().enumerate() {
                let times = f32::from((packed >> (2 * field)) & 3);
                count += times * weights[usize::from(lengths[field])];
            }
            count * (K1 + 1.0) / (count + K1)
        });
    }

    fn collect_lyrics(&self, query: &TextQuery, leg: &Leg<'_>, into: &mut Accumulators) {
        let (mean, _) = self.mean_lyrics_length();
        into.collect(query, leg, self.documents.len(), |document, count| {
            let length = f32::from(self.documents[document as usize].lyrics_length);
            let norm = K1 * (1.0 - LYRICS_B + LYRICS_B * length / mean);
            let count = f32::from(count);
            count * (K1 + 1.0) / (count + norm)
        });
    }

    /// The score of the short fields of one document, from its own words.
    fn score_names(&self, query: &TextQuery, document: u32, leg: &Leg<'_>) -> f32 {
        let means = self.mean_lengths();
        let card = &self.documents[document as usize];
        let mut terms = self.words_of_card(card).iter();
        let mut fields: [Vec<u32>; NAME_FIELDS] = Default::default();
        for (field, held) in fields.iter_mut().enumerate() {
            held.extend(terms.by_ref().take(usize::from(card.lengths[field])));
        }
        let saturated = |term: u32| {
            let mut count = 0.0;
            for (field, held) in fields.iter().enumerate() {
                let times = held.iter().filter(|&&other| other == term).count().min(3) as f32;
                let share = held.len() as f32 / means[field];
                let norm = 1.0 - FIELD_B[field] + FIELD_B[field] * share;
                count += times * FIELD_WEIGHTS[field] / norm;
            }
            count * (K1 + 1.0) / (count + K1)
        };
        let of_word = |word: &QueryWord| {
            let terms = word.terms.iter();
            terms
                .map(|&(term, weight)| weight * leg.idf(term) * saturated(term))
                .fold(0.0, f32::max)
        };
        query.words.iter().map(of_word).sum()
    }

    /// The best live documents that pass, as numbers in ascending order.
    fn best(&self, from: &Accumulators, count: usize, admits: &dyn Fn(u128) -> bool) -> Vec<u32> {
        // Scores are positive, so their bits are ordered as they are.
        let mut kept: BinaryHeap<Reverse<(u32, Reverse<u32>)>> = BinaryHeap::new();
        for &document in &from.touched {
            let score = from.totals[document as usize].to_bits();
            let place = (score, Reverse(document));
            let is_full = kept.len() == count;
            if is_full && kept.peek().is_some_and(|Reverse(least)| place <= *least) {
                continue;
            }
            let is_live = self.documents[document as usize].is_live;
            if !is_live || !admits(self.ids[document as usize]) {
                continue;
            }
            if is_full {
                kept.pop();
            }
            kept.push(Reverse(place));
        }
        let mut documents: Vec<u32> = kept.into_iter().map(|Reverse(place)| place.1.0).collect();
        documents.sort_unstable();
        documents
    }
}

/// The score of a document that holds nothing but the query, each word beyond saturation.
fn best_possible(query: &TextQuery, leg: &Leg<'_>) -> f32 {
    let of_word = |word: &QueryWord| {
        let best = word
            .terms
            .iter()
            .map(|&(term, weight)| weight * leg.idf(term));
        let best = best.fold(0.0, f32::max);
        // A word that is nowhere is missed by every document, and so lowers every share.
        if best > 0.0 { best } else { leg.idf(u32::MAX) }
    };
    let sum: f32 = query.words.iter().map(of_word).sum();
    (sum * (K1 + 1.0)).max(f32::MIN_POSITIVE)
}

impl Accumulators {
    fn collect(
        &mut self,
        query: &TextQuery,
        leg: &Leg<'_>,
        document_count: usize,
        saturated: impl Fn(u32, u8) -> f32,
    ) {
        self.totals.resize(document_count, 0.0);
        self.given.resize(document_count, 0.0);
        let mut words: Vec<(u64, &QueryWord)> = (query.words.iter())
            .map(|word| (leg.postings_of(word), word))
            .collect();
        words.sort_by_key(|(postings, _)| *postings);
        let mut is_closed = false;
        for (_, word) in words {
            if !is_closed && self.touched.len() > ACCUMULATORS_MAX {
                is_closed = true;
                self.touched.sort_unstable();
            }
            for &(term, weight) in &word.terms {
                let Some(list) = leg.lists.get(term as usize).filter(|list| list.count() > 0)
                else {
                    continue;
                };
                let weight = weight * leg.idf(term);
                if is_closed {
                    let touched = std::mem::take(&mut self.touched);
                    list.for_each_of(&touched, |document, packed| {
                        self.give(document, weight * saturated(document, packed));
                    });
                    self.touched = touched;
                } else {
                    list.for_each(|document, packed| {
                        if self.totals[document as usize] == 0.0 {
                            self.touched.push(document);
                        }
                        self.give(document, weight * saturated(document, packed));
                    });
                }
            }
            for document in self.of_word.drain(..) {
                self.given[document as usize] = 0.0;
            }
        }
    }

    fn give(&mut self, document: u32, score: f32) {
        let place = document as usize;
        let before = self.given[place];
        if score > before {
            if before == 0.0 {
                self.of_word.push(document);
            }
            self.totals[place] += score - before;
            self.given[place] = score;
        }
    }

    fn clear(&mut self) {
        for document in self.touched.drain(..) {
            self.totals[document as usize] = 0.0;
        }
    }
}
