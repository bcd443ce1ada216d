//! How rich the words are.

use std::collections::{HashMap, HashSet};

/// Window of the moving-average type-token ratio, in words: shorter than most songs.
pub const MATTR_WINDOW: usize = 50;
/// Type-token ratio at which a stretch of text is used up; fixed by the measure's authors.
const MTLD_THRESHOLD: f64 = 0.72;
/// Fewer words than this say nothing stable about diversity (McCarthy and Jarvis).
const MTLD_WORDS_MIN: usize = 50;

/// Vocabulary measures of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Vocabulary {
    /// Words counted with repeats.
    pub token_count: usize,
    /// Distinct words.
    pub type_count: usize,
    /// Distinct words per word, 0..=1; falls with length.
    pub type_token_ratio: Option<f64>,
    /// Mean type-token ratio over all windows of [`MATTR_WINDOW`] words; `None` when shorter.
    pub mattr_ratio: Option<f64>,
    /// Mean length in words of stretches that keep the ratio above 0.72; `None` below 50 words.
    pub mtld_words: Option<f64>,
}

impl Vocabulary {
    /// Measures folded words.
    ///
    /// - Cost: O(words).
    /// - Source: Covington and McFall 2010 (MATTR); McCarthy and Jarvis 2010 (MTLD, both directions).
    pub fn measure<S: AsRef<str>>(words: &[S]) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let numbered: Vec<usize> = words
            .iter()
            .map(|word| {
                let next = numbers.len();
                *numbers.entry(word.as_ref()).or_insert(next)
            })
            .collect();
        Self::of_numbered(&numbered)
    }

    /// Measures words of which only is known which are equal.
    ///
    /// - Shape: equal words have equal numbers, numbered from 0 by first appearance.
    pub(super) fn of_numbered(words: &[usize]) -> Self {
        let type_count = words.iter().max().map_or(0, |last| last + 1);
        let ratio = type_count as f64 / words.len() as f64;
        Self {
            token_count: words.len(),
            type_count,
            type_token_ratio: (!words.is_empty()).then_some(ratio),
            mattr_ratio: mattr(words, MATTR_WINDOW),
            mtld_words: mtld(words),
        }
    }
}

/// Counts distinct words among the first `window_words`; `None` when the text is shorter, because
/// counts over different lengths do not compare.
pub fn unique_words_in_first<S: AsRef<str>>(words: &[S], window_words: usize) -> Option<usize> {
    let window = words.get(..window_words)?;
    Some(
        window
            .iter()
            .map(AsRef::as_ref)
            .collect::<HashSet<&str>>()
            .len(),
    )
}

fn mattr(words: &[usize], window: usize) -> Option<f64> {
    let window_count = (words.len() + 1)
        .checked_sub(window)
        .filter(|count| *count > 0)?;
    let mut counts = vec![0usize; words.iter().max().map_or(0, |last| last + 1)];
    let (mut sum, mut types) = (0usize, 0usize);
    for (place, word) in words.iter().enumerate() {
        types += usize::from(counts[*word] == 0);
        counts[*word] += 1;
        if let Some(leaving) = place.checked_sub(window).map(|place| words[place]) {
            counts[leaving] -= 1;
            types -= usize::from(counts[leaving] == 0);
        }
        if place + 1 >= window {
            sum += types;
        }
    }
    Some(sum as f64 / (window_count * window) as f64)
}

fn mtld(words: &[usize]) -> Option<f64> {
    if words.len() < MTLD_WORDS_MIN {
        return None;
    }
    let forward = mtld_one_way(words.iter().copied(), words.len());
    let backward = mtld_one_way(words.iter().rev().copied(), words.len());
    Some((forward + backward) / 2.0)
}

fn mtld_one_way(words: impl Iterator<Item = usize>, word_count: usize) -> f64 {
    let mut factors = 0.0;
    // The stretch in which each word was seen last; numbers are below the count of words.
    let mut seen_in = vec![0usize; word_count];
    let mut stretch = 1;
    let (mut types, mut length) = (0usize, 0usize);
    for word in words {
        types += usize::from(seen_in[word] != stretch);
        seen_in[word] = stretch;
        length += 1;
        if types as f64 / length as f64 <= MTLD_THRESHOLD {
            factors += 1.0;
            stretch += 1;
            (types, length) = (0, 0);
        }
    }
    if length > 0 {
        factors += (1.0 - types as f64 / length as f64) / (1.0 - MTLD_THRESHOLD);
    }
    // A text that never repeats a word has no finished stretch: the text itself is the bound.
    if factors > 0.0 {
        word_count as f64 / factors
    } else {
        word_count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_worked_ratios() {
        let vocabulary = Vocabulary::measure(&["a", "b", "a", "c"]);
        assert_eq!((vocabulary.token_count, vocabulary.type_count), (4, 3));
        assert_eq!(vocabulary.type_token_ratio, Some(0.75));
        assert_eq!(
            (vocabulary.mattr_ratio, vocabulary.mtld_words),
            (None, None)
        );
        assert_eq!(mattr(&[0, 1, 0, 0], 2), Some((2.0 + 2.0 + 1.0) / 6.0));
        assert_eq!(unique_words_in_first(&["a", "a", "b"], 2), Some(1));
        assert_eq!(unique_words_in_first(&["a"], 2), None);
    }

    #[test]
    fn mtld_counts_stretches() {
        // One word repeated: every second word ends a stretch, so stretches are two words long.
        assert_eq!(mtld(&[0; 60]), Some(2.0));
        let distinct: Vec<String> = (0..60).map(|index| index.to_string()).collect();
        assert_eq!(Vocabulary::measure(&distinct).mtld_words, Some(60.0));
        assert_eq!(Vocabulary::measure::<&str>(&[]).type_token_ratio, None);
    }
}
