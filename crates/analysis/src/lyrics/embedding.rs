//! Lyrics as a vector: what words they use, and how.

use std::collections::BTreeMap;

/// Name of the vector space; vectors of different spaces never compare.
pub const LYRICS_EMBEDDING_SPACE: &str = "leitmotif-words-1";
/// Length of the vector.
pub const LYRICS_EMBEDDING_DIMENSIONS: usize = 128;

/// Dimensions that hold style statistics, at the end.
const STYLE_DIMENSIONS: usize = 24;
const WORD_DIMENSIONS: usize = LYRICS_EMBEDDING_DIMENSIONS - STYLE_DIMENSIONS;
/// Share of the squared length that words take; style has the rest. Word overlap between two songs
/// is sparse and noisy in so few dimensions, so it gets little more than half.
const WORD_SHARE: f32 = 0.6;

/// Builds the vector.
///
/// - Shape: 104 dimensions of signed word hashes, each word in two of them, weighted `ln(1 + count)`;
///   then `style` statistics scaled to about −1..=1 and padded with zeros to 24.
/// - Units: L2 length 1; all zeros when there is nothing to say.
/// - Cost: O(words).
/// - Source: Weinberger et al., "Feature hashing for large scale multitask learning" (2009).
pub fn embed<'a>(words: impl Iterator<Item = &'a str>, style: &[f32]) -> Vec<f32> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    embed_counted(counts.into_iter(), style)
}

/// As [`embed`], of the different words with their counts, in any order.
pub(super) fn embed_counted<'a>(
    words: impl Iterator<Item = (&'a str, usize)>,
    style: &[f32],
) -> Vec<f32> {
    // Sums of floats depend on their order, so that must not be the order of the text.
    let mut counts: Vec<(&str, usize)> = words.collect();
    counts.sort_unstable_by_key(|(word, _)| *word);
    let mut word_part = vec![0.0f32; WORD_DIMENSIONS];
    for (word, count) in counts {
        let weight = (1.0 + count as f32).ln();
        for hash in [
            hashed(word, 0xcbf2_9ce4_8422_2325),
            hashed(word, 0x9e37_79b9_7f4a_7c15),
        ] {
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            if let Some(cell) = word_part.get_mut((hash % WORD_DIMENSIONS as u64) as usize) {
                *cell += sign * weight;
            }
        }
    }
    let mut style_part: Vec<f32> = style
        .iter()
        .take(STYLE_DIMENSIONS)
        .map(|value| {
            if value.is_finite() {
                value.clamp(-1.0, 1.0)
            } else {
                0.0
            }
        })
        .collect();
    style_part.resize(STYLE_DIMENSIONS, 0.0);
    scale_to(&mut word_part, WORD_SHARE.sqrt());
    scale_to(&mut style_part, (1.0 - WORD_SHARE).sqrt());
    let mut vector = word_part;
    vector.append(&mut style_part);
    scale_to(&mut vector, 1.0);
    vector
}

fn scale_to(vector: &mut [f32], length: f32) {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value *= length / norm);
    }
}

/// FNV-1a with a finishing mix: stable across platforms and releases.
fn hashed(word: &str, seed: u64) -> u64 {
    let hash = word.bytes().fold(seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_unit_length_and_is_deterministic() {
        let words = ["river", "night", "river"];
        let vector = embed(words.into_iter(), &[0.5, f32::NAN, 9.0]);
        assert_eq!(vector.len(), LYRICS_EMBEDDING_DIMENSIONS);
        let norm: f32 = vector.iter().map(|value| value * value).sum();
        assert!((norm - 1.0).abs() < 1e-5);
        assert_eq!(vector, embed(words.into_iter(), &[0.5, f32::NAN, 9.0]));
        let counted = [("river", 2), ("night", 1)];
        assert_eq!(vector, embed_counted(counted.into_iter(), &[0.5, 0.0, 9.0]));
        assert!(
            embed(std::iter::empty(), &[])
                .iter()
                .all(|value| *value == 0.0)
        );
    }
}
