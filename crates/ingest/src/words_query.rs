//! A text of a few words in the space of lyrics.

use std::sync::OnceLock;

use leitmotif_analysis::lyrics::LYRICS_EMBEDDING_SPACE;
use leitmotif_analysis::lyrics::embedding::embed;
use leitmotif_analysis::lyrics::tokens::{folded, tokenize};
use leitmotif_storage::ports::VectorSpace;

/// Places words in the space that lyrics are placed in by the same analyzer; `None` for a text
/// without words. A query has no style, so those dimensions stay zero.
///
/// - Cost: O(words).
pub fn words_vector(text: &str) -> Option<(VectorSpace, Vec<f32>)> {
    static SPACE: OnceLock<Option<VectorSpace>> = OnceLock::new();
    let space = SPACE.get_or_init(|| LYRICS_EMBEDDING_SPACE.parse().ok());
    let tokens = text.lines().flat_map(tokenize);
    let words: Vec<String> = tokens.map(|token| folded(token.text)).collect();
    let vector = embed(words.iter().map(String::as_str), &[]);
    let is_placed = vector.iter().any(|value| *value != 0.0);
    space
        .clone()
        .filter(|_| is_placed)
        .map(|space| (space, vector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_a_place_and_nothing_has_none() {
        let (space, vector) = words_vector("rain on the river").unwrap();
        assert_eq!(space.as_str(), LYRICS_EMBEDDING_SPACE);
        assert!((vector.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(words_vector("…"), None);
    }
}
