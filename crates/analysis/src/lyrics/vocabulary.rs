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
        Self::of_numbered(&numbered(words))
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

/// Vocabulary of several texts in a row, such as all that an artist wrote, in windows of a fixed length.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowVocabulary {
    /// Words of all texts, counted with repeats.
    pub token_count: usize,
    /// Different words among the first of the window's length; `None` where the texts are shorter.
    pub unique_in_first: Option<usize>,
    /// Mean of that over every window of the length, each beginning one word after the last; it does not
    /// hang on which text came first.
    pub unique_mean: Option<f64>,
    /// Windows that the mean is over.
    pub window_count: usize,
}

impl WindowVocabulary {
    /// Measures texts as one.
    ///
    /// - Shape: `texts` are folded words ([`super::lyrics_words`]) in an order that the caller states, as the
    ///   count in the first window depends on it; a text that stands twice counts twice.
    /// - Units: words; `None` where the texts hold fewer words than the window, because counts over different
    ///   lengths do not compare, and for a window of 0.
    /// - Cost: O(words).
    /// - Source: the first-35,000-words count of M. Daniels, "The largest vocabulary in hip hop", The
    ///   Pudding, 2014; the mean as in Covington and McFall 2010.
    pub fn of_texts<S: AsRef<str>>(texts: &[Vec<S>], window_words: usize) -> Self {
        let words: Vec<&str> = texts.iter().flatten().map(AsRef::as_ref).collect();
        let numbered = numbered(&words);
        let window_count = match window_words {
            0 => 0,
            _ => (words.len() + 1).saturating_sub(window_words),
        };
        Self {
            token_count: words.len(),
            unique_in_first: unique_words_in_first(&words, window_words)
                .filter(|_| window_count > 0),
            unique_mean: mattr(&numbered, window_words).map(|ratio| ratio * window_words as f64),
            window_count,
        }
    }

    /// Why there is no count, where there is none.
    pub fn too_short(&self, window_words: usize) -> Option<String> {
        let is_short = self.unique_in_first.is_none();
        is_short.then(|| format!("{} of {window_words} words", self.token_count))
    }
}

/// Numbers words from 0 by first appearance.
fn numbered<S: AsRef<str>>(words: &[S]) -> Vec<usize> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let numbered = words.iter().map(|word| {
        let next = numbers.len();
        *numbers.entry(word.as_ref()).or_insert(next)
    });
    numbered.collect()
}

fn mattr(words: &[usize], window: usize) -> Option<f64> {
    let window_count = (words.len() + 1)
        .checked_sub(window)
        .filter(|count| *count > 0 && window > 0)?;
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
    use proptest::prelude::*;

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
    fn texts_in_a_row_are_counted_in_windows() {
        let texts = [vec!["a", "b", "a"], vec!["c"], vec![], vec!["c", "d"]];
        // a b a | b a c | a c c | c c d
        let found = WindowVocabulary::of_texts(&texts, 3);
        assert_eq!((found.token_count, found.window_count), (6, 4));
        assert_eq!(found.unique_in_first, Some(2));
        assert_eq!(found.unique_mean, Some((2.0 + 3.0 + 2.0 + 2.0) / 4.0));
        assert_eq!(found.too_short(3), None);
        let turned: Vec<Vec<&str>> = texts.iter().rev().cloned().collect();
        assert_eq!(
            WindowVocabulary::of_texts(&turned, 3).unique_in_first,
            Some(2)
        );
        let whole = WindowVocabulary::of_texts(&texts, 6);
        assert_eq!(
            (whole.unique_in_first, whole.unique_mean),
            (Some(4), Some(4.0))
        );
        let short = WindowVocabulary::of_texts(&texts, 7);
        assert_eq!((short.unique_in_first, short.unique_mean), (None, None));
        assert_eq!(short.too_short(7).as_deref(), Some("6 of 7 words"));
        let nothing = WindowVocabulary::of_texts(&texts, 0);
        assert_eq!((nothing.unique_in_first, nothing.unique_mean), (None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn windows_agree_with_counting_each(words in prop::collection::vec(0usize..9, 0..60), window in 1usize..12) {
            let texts = [words.iter().map(usize::to_string).collect::<Vec<_>>()];
            let found = WindowVocabulary::of_texts(&texts, window);
            let counts: Vec<usize> = words
                .windows(window)
                .map(|window| window.iter().collect::<HashSet<_>>().len())
                .collect();
            prop_assert_eq!(found.window_count, counts.len());
            prop_assert_eq!(found.unique_in_first, counts.first().copied());
            let mean = counts.iter().sum::<usize>() as f64 / counts.len().max(1) as f64;
            prop_assert!(found.unique_mean.is_none_or(|found| (found - mean).abs() < 1e-9));
        }
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
