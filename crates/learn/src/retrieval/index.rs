//! The inverted index: which documents hold which words in which field.

use std::collections::HashMap;

use super::fold::tokenize;
use super::postings::Postings;
use super::vocabulary::Vocabulary;

/// Short fields: title, artist, release, genres.
pub(crate) const NAME_FIELDS: usize = 4;
/// Words of one short field that count; the longest titles of real catalogues have 60.
const FIELD_WORDS_MAX: usize = 64;
/// Words of the lyrics that count: the longest songs have under 4,000, so that one document cannot
/// take the memory of thousands.
const LYRICS_WORDS_MAX: usize = 5_000;
/// Occurrences of a word in one short field that can be told apart: two bits of the posting's byte.
const FIELD_COUNT_MAX: u8 = 3;
/// Removed documents are taken out of the lists when they are one in so many of all.
const DEAD_SHARE: usize = 4;
/// Below this many removed documents the lists are left alone.
const DEAD_MIN: usize = 1_024;

/// The text of one document.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextDocument<'d> {
    /// Title as printed.
    pub title: &'d str,
    /// Artist as printed.
    pub artist: &'d str,
    /// Release it appeared on; empty when unknown.
    pub release: &'d str,
    /// Genres and labels.
    pub genres: &'d [&'d str],
    /// The words that are sung; empty when unknown.
    pub lyrics: &'d str,
}

/// What is kept of one document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DocumentCard {
    /// Where its words begin among all.
    pub words_from: u32,
    /// Words of each short field.
    pub lengths: [u8; NAME_FIELDS],
    /// Words of the lyrics.
    pub lyrics_length: u16,
    pub is_live: bool,
}

/// Documents of a few short fields and a long one, found by words.
///
/// Searching takes `&self`; changing takes `&mut self`. The same calls give the same answers.
#[derive(Debug, Clone, Default)]
pub struct TextIndex {
    pub(crate) vocabulary: Vocabulary,
    /// By term: short fields, two bits of count for each.
    pub(crate) names: Vec<Postings>,
    /// By term: lyrics, with how often.
    pub(crate) lyrics: Vec<Postings>,
    pub(crate) documents: Vec<DocumentCard>,
    pub(crate) ids: Vec<u128>,
    /// Terms of the short fields, document after document, field after field.
    words: Vec<u32>,
    document_of: HashMap<u128, u32>,
    /// Sums over live documents.
    length_sums: [u64; NAME_FIELDS],
    lyrics_length_sum: u64,
    lyrics_documents: u64,
}

impl TextIndex {
    /// Makes an empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Live documents.
    pub fn len(&self) -> usize {
        self.document_of.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.document_of.is_empty()
    }

    /// Whether a document is there.
    pub fn contains(&self, id: u128) -> bool {
        self.document_of.contains_key(&id)
    }

    /// Puts a document in, in place of one with its id.
    ///
    /// - Cost: O(words); now and then the lists are written anew, when a quarter of the documents in
    ///   them were replaced or removed.
    pub fn put(&mut self, id: u128, document: &TextDocument<'_>) {
        self.remove(id);
        let number = self.documents.len() as u32;
        let genres = document.genres.join(" ");
        let fields = [document.title, document.artist, document.release, &genres];
        let words_from = self.words.len() as u32;
        let mut lengths = [0u8; NAME_FIELDS];
        let mut counts: Vec<(u32, u8)> = Vec::new();
        for (field, text) in fields.into_iter().enumerate() {
            for token in tokenize(text).into_iter().take(FIELD_WORDS_MAX) {
                let term = self.term(&token.text);
                self.words.push(term);
                counts.push((term, field as u8));
                lengths[field] += 1;
            }
        }
        self.post_names(number, counts);
        let lyrics_length = self.post_lyrics(number, document.lyrics);
        self.documents.push(DocumentCard {
            words_from,
            lengths,
            lyrics_length,
            is_live: true,
        });
        self.ids.push(id);
        self.document_of.insert(id, number);
        for (sum, length) in self.length_sums.iter_mut().zip(lengths) {
            *sum += u64::from(length);
        }
        self.lyrics_length_sum += u64::from(lyrics_length);
        self.lyrics_documents += u64::from(lyrics_length > 0);
    }

    /// Takes a document out; says whether it was there.
    ///
    /// - Cost: O(1), and as for [`TextIndex::put`].
    pub fn remove(&mut self, id: u128) -> bool {
        let Some(number) = self.document_of.remove(&id) else {
            return false;
        };
        if let Some(card) = self.documents.get_mut(number as usize) {
            card.is_live = false;
            for (sum, length) in self.length_sums.iter_mut().zip(card.lengths) {
                *sum -= u64::from(length);
            }
            self.lyrics_length_sum -= u64::from(card.lyrics_length);
            self.lyrics_documents -= u64::from(card.lyrics_length > 0);
        }
        let dead = self.documents.len() - self.document_of.len();
        if dead > DEAD_MIN && dead * DEAD_SHARE > self.documents.len() {
            self.compact();
        }
        true
    }

    /// Writes the lists anew without what was removed, and gives back spare memory.
    ///
    /// - Cost: one pass over all postings. Words that no document holds any more keep their number.
    pub fn compact(&mut self) {
        let mut renumbered = vec![u32::MAX; self.documents.len()];
        let (mut documents, mut ids, mut words) = (Vec::new(), Vec::new(), Vec::new());
        for (old, card) in self.documents.iter().enumerate() {
            if !card.is_live {
                continue;
            }
            renumbered[old] = documents.len() as u32;
            let words_from = words.len() as u32;
            words.extend_from_slice(self.words_of_card(card));
            documents.push(DocumentCard {
                words_from,
                ..*card
            });
            ids.push(self.ids[old]);
        }
        for list in self.names.iter_mut().chain(&mut self.lyrics) {
            let mut fresh = Postings::default();
            list.for_each(|document, weight| {
                let now = renumbered[document as usize];
                if now != u32::MAX {
                    fresh.push(now, weight);
                }
            });
            fresh.shrink();
            *list = fresh;
        }
        (self.documents, self.ids, self.words) = (documents, ids, words);
        let numbers = self.ids.iter().zip(0u32..);
        self.document_of = numbers.map(|(id, number)| (*id, number)).collect();
        self.vocabulary.shrink();
        self.names.shrink_to_fit();
        self.lyrics.shrink_to_fit();
    }

    /// Bytes on the heap; hash tables by rule of thumb.
    pub fn memory_bytes(&self) -> usize {
        let lists = self.names.iter().chain(&self.lyrics);
        let postings: usize = lists.map(Postings::memory_bytes).sum();
        let heads = (self.names.capacity() + self.lyrics.capacity()) * size_of::<Postings>();
        let cards = self.documents.capacity() * size_of::<DocumentCard>();
        let ids = self.ids.capacity() * size_of::<u128>()
            + self.document_of.capacity() * (size_of::<(u128, u32)>() + 1);
        self.vocabulary.memory_bytes() + postings + heads + cards + ids + self.words.capacity() * 4
    }

    /// Distinct words.
    pub fn term_count(&self) -> usize {
        self.vocabulary.len()
    }

    /// In how many documents a term is, removed ones among them.
    pub(crate) fn frequency(&self, term: u32, with_lyrics: bool) -> u32 {
        let of = |lists: &[Postings]| lists.get(term as usize).map_or(0, Postings::count);
        let names = of(&self.names);
        if with_lyrics {
            names + of(&self.lyrics)
        } else {
            names
        }
    }

    /// Mean words of each short field.
    pub(crate) fn mean_lengths(&self) -> [f32; NAME_FIELDS] {
        let count = self.len().max(1) as f32;
        self.length_sums.map(|sum| (sum as f32 / count).max(1.0))
    }

    /// Mean words of the lyrics there are, and of how many documents there are some.
    pub(crate) fn mean_lyrics_length(&self) -> (f32, u64) {
        let count = self.lyrics_documents.max(1);
        (
            (self.lyrics_length_sum as f32 / count as f32).max(1.0),
            self.lyrics_documents,
        )
    }

    pub(crate) fn document(&self, id: u128) -> Option<u32> {
        self.document_of.get(&id).copied()
    }

    /// The terms of the short fields of a document, field after field.
    pub(crate) fn words_of_card(&self, card: &DocumentCard) -> &[u32] {
        let from = card.words_from as usize;
        let length: usize = card.lengths.iter().map(|&length| usize::from(length)).sum();
        self.words.get(from..from + length).unwrap_or_default()
    }

    fn term(&mut self, word: &str) -> u32 {
        let term = self.vocabulary.insert(word);
        if term as usize == self.names.len() {
            self.names.push(Postings::default());
            self.lyrics.push(Postings::default());
        }
        term
    }

    fn post_names(&mut self, document: u32, mut counts: Vec<(u32, u8)>) {
        counts.sort_unstable();
        for same in counts.chunk_by(|a, b| a.0 == b.0) {
            let mut packed = 0u8;
            for &(_, field) in same {
                let shift = 2 * field;
                if (packed >> shift) & FIELD_COUNT_MAX < FIELD_COUNT_MAX {
                    packed += 1 << shift;
                }
            }
            self.names[same[0].0 as usize].push(document, packed);
        }
    }

    fn post_lyrics(&mut self, document: u32, lyrics: &str) -> u16 {
        let mut tokens = tokenize(lyrics);
        tokens.truncate(LYRICS_WORDS_MAX);
        let mut terms: Vec<u32> = Vec::with_capacity(tokens.len());
        for token in &tokens {
            let term = self.term(&token.text);
            terms.push(term);
        }
        terms.sort_unstable();
        for same in terms.chunk_by(|a, b| a == b) {
            let count = u8::try_from(same.len()).unwrap_or(u8::MAX);
            self.lyrics[same[0] as usize].push(document, count);
        }
        u16::try_from(tokens.len()).unwrap_or(u16::MAX)
    }
}
