//! The rival that was not chosen: word vectors from co-occurrence, averaged.

use std::collections::{BTreeMap, HashMap};

use leitmotif_analysis::singular::{SparseRows, leading_directions};

/// Words on each side that a word occurs with; of 5, 10 and 20 the best on these poems.
const WINDOW: usize = 20;
/// Components, as the chosen way has at most.
const DIMENSIONS: usize = 128;
/// Frequency at which a word weighs half.
const HALF_WEIGHT: f64 = 1e-3;
/// Exponent that smooths the frequencies of contexts.
const CONTEXT_EXPONENT: f64 = 0.75;

/// Positive pointwise mutual information, decomposed (Levy & Goldberg, "Neural word embedding as implicit
/// matrix factorization", 2014); a text is the mean of its words by smooth inverse frequency, less the common
/// direction (Arora et al., 2017).
pub struct Cooccurrence {
    words: BTreeMap<String, usize>,
    weights: Vec<f32>,
    vectors: Vec<f32>,
    width: usize,
    common: Vec<f32>,
}

impl Cooccurrence {
    pub fn learn(texts: &[Vec<String>]) -> Self {
        let words = shared_words(texts);
        let numbered: Vec<Vec<Option<usize>>> = (texts.iter())
            .map(|text| text.iter().map(|word| words.get(word).copied()).collect())
            .collect();
        let information = positive_information(&numbered, words.len());
        let directions = leading_directions(&information, words.len(), DIMENSIONS, &mut |_, _| {});
        let width = directions.len() / words.len().max(1);
        let mut vectors = vec![0.0f32; words.len() * width];
        for (row, vector) in vectors.chunks_exact_mut(width.max(1)).enumerate() {
            for (word, value) in information.row(row) {
                let direction = &directions[word as usize * width..][..width];
                (vector.iter_mut().zip(direction)).for_each(|(sum, along)| *sum += value * along);
            }
        }
        let mut counts = vec![0usize; words.len()];
        numbered
            .iter()
            .flatten()
            .flatten()
            .for_each(|&word| counts[word] += 1);
        let total = counts.iter().sum::<usize>().max(1) as f64;
        let weight = |count: usize| (HALF_WEIGHT / (HALF_WEIGHT + count as f64 / total)) as f32;
        let mut learned = Self {
            words,
            weights: counts.into_iter().map(weight).collect(),
            vectors,
            width,
            common: Vec::new(),
        };
        let mut rows = SparseRows::default();
        for mean in texts.iter().filter_map(|text| learned.mean(text)) {
            rows.push((0u32..).zip(mean));
        }
        learned.common = leading_directions(&rows, width, 1, &mut |_, _| {});
        learned
    }

    pub fn embed(&self, words: &[String]) -> Option<Vec<f32>> {
        let mut mean = self.mean(words)?;
        let along: f32 = mean
            .iter()
            .zip(&self.common)
            .map(|(value, common)| value * common)
            .sum();
        for (value, common) in mean.iter_mut().zip(&self.common) {
            *value -= along * common;
        }
        Some(mean)
    }

    /// The weighted mean, of length 1.
    fn mean(&self, words: &[String]) -> Option<Vec<f32>> {
        let mut sum = vec![0.0f32; self.width];
        for word in words
            .iter()
            .filter_map(|word| self.words.get(word).copied())
        {
            let vector = &self.vectors[word * self.width..][..self.width];
            let weight = self.weights[word];
            sum.iter_mut()
                .zip(vector)
                .for_each(|(sum, value)| *sum += weight * value);
        }
        let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        sum.iter_mut().for_each(|value| *value /= length);
        (length > 0.0).then_some(sum)
    }
}

/// Words of two texts or more.
fn shared_words(texts: &[Vec<String>]) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts {
        let mut different: Vec<&str> = text.iter().map(String::as_str).collect();
        different.sort_unstable();
        different.dedup();
        different
            .into_iter()
            .for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let shared = counts.into_iter().filter(|(_, count)| *count >= 2);
    shared
        .enumerate()
        .map(|(place, (word, _))| (word.to_owned(), place))
        .collect()
}

/// How much more often two words stand near each other than by chance: its logarithm where positive.
fn positive_information(texts: &[Vec<Option<usize>>], words: usize) -> SparseRows {
    let mut pairs: HashMap<(usize, usize), f64> = HashMap::new();
    for text in texts {
        for (place, word) in text.iter().enumerate() {
            let near = text.iter().skip(place + 1).take(WINDOW);
            for (&one, &other) in near.filter_map(|other| word.as_ref().zip(other.as_ref())) {
                *pairs.entry((one, other)).or_default() += 1.0;
                *pairs.entry((other, one)).or_default() += 1.0;
            }
        }
    }
    let mut sums = vec![0.0f64; words];
    pairs
        .iter()
        .for_each(|((word, _), count)| sums[*word] += count);
    let smoothed: f64 = sums.iter().map(|sum| sum.powf(CONTEXT_EXPONENT)).sum();
    let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); words];
    for ((word, context), count) in pairs {
        let chance = sums[context].powf(CONTEXT_EXPONENT) / smoothed;
        let information = (count / (sums[word] * chance)).ln();
        if information > 0.0 {
            rows[word].push((context as u32, information as f32));
        }
    }
    let mut information = SparseRows::default();
    for (word, mut row) in rows.into_iter().enumerate() {
        row.sort_unstable_by_key(|(context, _)| *context);
        // Every word keeps its row, whatever stands in it.
        let own = row.is_empty().then_some((word as u32, 0.0));
        information.push(row.into_iter().chain(own));
    }
    information
}
