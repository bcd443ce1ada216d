//! Weights of the evidence in the confidence of a rhyme scheme: of the five measurements in
//! `confidence.rs`, and the offset.
//!
//! Fitted on annotated verse of the public domain: English by models that did not see the author, five
//! folds; French by spelling, which is not learned, with rising steps after the weights as sung. Not edited by hand; made from the repository's root by
//!
//! ```text
//! cargo run --release -p leitmotif-eval -- calibrate rhyme --english VERSE.pgold --french VERSE.pgold --out crates/analysis/src/lyrics/rhyme/confidence_weights.rs
//! cargo fmt --all
//! ```

/// Verse on the page, by sound.
pub(super) static VERSE: [f64; 6] = [0.6018, -2.4058, -0.2369, -0.0288, 0.0000, 5.3079];

/// Sung lines, by sound.
pub(super) static SUNG: [f64; 6] = [0.4965, -2.0091, -0.1329, -0.1228, -4.8415, 4.1813];

/// Verse on the page, by spelling.
pub(super) static SPELLED_VERSE: [f64; 6] = [0.5665, -1.6115, -0.2982, -0.2962, 0.0000, 2.5526];

/// Sung lines, by spelling.
pub(super) static SPELLED_SUNG: [f64; 6] = [0.2837, -1.7375, 0.1589, -0.0122, -2.9249, 3.4333];

/// Steps from the score by these weights to the probability.
pub(super) static SPELLED_SUNG_STEPS: [(f64, f64); 5] = [
    (0.0021, 0.1853),
    (0.7144, 0.8472),
    (0.9169, 0.9852),
    (0.9614, 0.9936),
    (0.9707, 0.9972),
];
