//! The words of all documents: found exactly, by their beginning, or in spite of mistakes.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::edit_distance::edit_distance_within;

/// Words looked at behind a beginning: `t` alone begins a tenth of a language, and all of it would be
/// a search of its own.
const PREFIX_LOOK_MAX: usize = 20_000;
/// Stands before and behind a word in its trigrams; no word holds it.
const EDGE: char = '\u{0}';
/// Trigrams that one mistake can take from a word: a swap touches four.
const TRIGRAMS_PER_MISTAKE: usize = 4;

/// Words under dense numbers. A number is never given to another word.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    words: Vec<Arc<str>>,
    number_of: BTreeMap<Arc<str>, u32>,
    with_trigram: HashMap<u64, Vec<u32>>,
}

impl Vocabulary {
    /// The number of a word, a new one where it has none.
    pub fn insert(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.number_of.get(word) {
            return number;
        }
        let number = self.words.len() as u32;
        let shared: Arc<str> = word.into();
        self.words.push(Arc::clone(&shared));
        self.number_of.insert(shared, number);
        for trigram in trigrams(word) {
            self.with_trigram.entry(trigram).or_default().push(number);
        }
        number
    }

    /// The number of a known word.
    pub fn number(&self, word: &str) -> Option<u32> {
        self.number_of.get(word).copied()
    }

    /// The word behind a number.
    pub fn word(&self, number: u32) -> &str {
        self.words.get(number as usize).map_or("", |word| word)
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Words that begin like this and are longer, in their order, a bounded number of them.
    pub fn beginning_with<'v>(&'v self, prefix: &'v str) -> impl Iterator<Item = u32> + 'v {
        let after = (Bound::Excluded(prefix), Bound::Unbounded);
        self.number_of
            .range::<str, _>(after)
            .take_while(move |(word, _)| word.starts_with(prefix))
            .take(PREFIX_LOOK_MAX)
            .map(|(_, &number)| number)
    }

    /// Words at a distance of 1 to `distance_max` mistakes, by distance, then number.
    ///
    /// Words that share enough trigrams are measured; for words without repeated trigrams none at
    /// that distance is missed while the word has more than four trigrams per mistake.
    ///
    /// - Cost: the lists of the word's trigrams, then one bounded distance per shared candidate.
    /// - Source: Ukkonen 1992 for the bound on shared q-grams.
    pub fn near(&self, word: &str, distance_max: usize) -> Vec<(u32, usize)> {
        let letters: Vec<char> = word.chars().collect();
        let own = trigrams(word);
        let needed = own
            .len()
            .saturating_sub(TRIGRAMS_PER_MISTAKE * distance_max);
        let mut shared = vec![0u8; self.words.len()];
        let mut candidates: Vec<u32> = Vec::new();
        let needed = needed.clamp(1, usize::from(u8::MAX)) as u8;
        for trigram in &own {
            for &number in self.with_trigram.get(trigram).into_iter().flatten() {
                let length = self.word(number).len();
                // A letter takes up to four bytes, so bytes bound the letters from both sides.
                let is_long = length > (letters.len() + distance_max) * 4;
                if is_long || length + distance_max < letters.len() {
                    continue;
                }
                if let Some(count) = shared.get_mut(number as usize) {
                    *count = count.saturating_add(1);
                    if *count == needed {
                        candidates.push(number);
                    }
                }
            }
        }
        let mut found: Vec<(u32, usize)> = (candidates.into_iter())
            .filter_map(|number| {
                let other: Vec<char> = self.word(number).chars().collect();
                let distance = edit_distance_within(&letters, &other, distance_max)?;
                (distance > 0).then_some((number, distance))
            })
            .collect();
        found.sort_unstable_by_key(|&(number, distance)| (distance, number));
        found
    }

    /// Bytes on the heap; nodes of the map by rule of thumb.
    pub fn memory_bytes(&self) -> usize {
        let texts: usize = self.words.iter().map(|word| word.len() + 16).sum();
        let tree = self.number_of.len() * (size_of::<Arc<str>>() + 4) * 3 / 2;
        let lists: usize = (self.with_trigram.values())
            .map(|list| list.capacity() * 4 + 48)
            .sum();
        texts + tree + self.words.capacity() * size_of::<Arc<str>>() + lists
    }

    /// Gives back what growing left over.
    pub fn shrink(&mut self) {
        self.words.shrink_to_fit();
        self.with_trigram.values_mut().for_each(Vec::shrink_to_fit);
    }
}

/// The distinct trigrams of a word between two edges on either side.
fn trigrams(word: &str) -> Vec<u64> {
    let edge = [EDGE; 2];
    let padded: Vec<u64> = (edge.into_iter().chain(word.chars()).chain(edge))
        .map(u64::from)
        .collect();
    let mut found: Vec<u64> = padded
        .windows(3)
        .map(|three| {
            three
                .iter()
                .fold(0, |packed, &letter| (packed << 21) | letter)
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_found_by_their_beginning_and_in_spite_of_mistakes() {
        let mut vocabulary = Vocabulary::default();
        for word in ["night", "nights", "knight", "light", "ночь", "nightingale"] {
            vocabulary.insert(word);
        }
        let words = |numbers: Vec<u32>| -> Vec<String> {
            (numbers.into_iter())
                .map(|number| vocabulary.word(number).to_owned())
                .collect()
        };
        assert_eq!(
            words(vocabulary.beginning_with("night").collect()),
            ["nightingale", "nights"]
        );
        let near: Vec<u32> = vocabulary.near("nihgt", 1).iter().map(|n| n.0).collect();
        assert_eq!(words(near), ["night"]);
        let near: Vec<u32> = vocabulary.near("нчоь", 1).iter().map(|n| n.0).collect();
        assert_eq!(words(near), ["ночь"]);
        assert_eq!(vocabulary.number("light"), Some(3));
        assert_eq!(vocabulary.len(), 6);
    }

    proptest! {
        #[test]
        fn one_mistake_in_four_letters_is_always_found(
            word in "[a-e]{4,9}", at in 0usize..9, letter in 0u8..5, kind in 0u8..4,
        ) {
            prop_assume!(trigrams(&word).len() == word.len() + 2);
            let mut letters: Vec<char> = word.chars().collect();
            let at = at % (letters.len() - 1);
            let other = char::from(b'a' + letter);
            match kind {
                0 => letters[at] = other,
                1 => letters.insert(at, other),
                2 => { letters.remove(at); }
                _ => letters.swap(at, at + 1),
            }
            let mistaken: String = letters.into_iter().collect();
            prop_assume!(mistaken != word && mistaken.len() >= 4);
            prop_assume!(trigrams(&mistaken).len() == mistaken.len() + 2);
            let mut vocabulary = Vocabulary::default();
            vocabulary.insert(&word);
            prop_assert_eq!(vocabulary.near(&mistaken, 1), vec![(0, 1)]);
        }
    }
}
