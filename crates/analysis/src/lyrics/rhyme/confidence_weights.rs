//! Weights of the evidence in the confidence of a rhyme scheme: of the five measurements in
//! `confidence.rs`, and the offset.
//!
//! Fitted on annotated verse of the public domain: English by models that did not see the author, five
//! folds; French by rule, and by spelling for other languages, neither of which is learned; by spelling as
//! sung with rising steps after the weights. Not edited by hand; made from the repository's root by
//!
//! ```text
//! cargo run --release -p leitmotif-eval -- calibrate rhyme --english VERSE.pgold --french VERSE.pgold --out crates/analysis/src/lyrics/rhyme/confidence_weights.rs
//! cargo fmt --all
//! ```

/// Verse on the page, by sound.
pub(super) static VERSE: [f64; 6] = [0.6018, -2.4058, -0.2369, -0.0288, 0.0000, 5.3079];

/// Sung lines, by sound.
pub(super) static SUNG: [f64; 6] = [0.4965, -2.0091, -0.1329, -0.1228, -4.8415, 4.1813];

/// French verse on the page, by rule.
pub(super) static FRENCH_VERSE: [f64; 6] = [0.5767, -1.1492, -0.2382, -0.4094, 0.0000, 0.7477];

/// Sung lines in French, by rule.
pub(super) static FRENCH_SUNG: [f64; 6] = [0.2014, -1.5657, 0.0923, -0.2842, -2.4202, 3.5226];

/// Verse on the page, by spelling.
pub(super) static SPELLED_VERSE: [f64; 6] = [0.5874, -1.6067, -0.2973, -0.2802, 0.0000, 2.5043];

/// Sung lines, by spelling.
pub(super) static SPELLED_SUNG: [f64; 6] = [0.2751, -1.6959, 0.1508, -0.0164, -2.9334, 3.4178];

/// Steps from the score by these weights to the probability.
pub(super) static SPELLED_SUNG_STEPS: [(f64, f64); 5] = [
    (0.0023, 0.1841),
    (0.7197, 0.8468),
    (0.9165, 0.9853),
    (0.9604, 0.9933),
    (0.9682, 0.9973),
];
