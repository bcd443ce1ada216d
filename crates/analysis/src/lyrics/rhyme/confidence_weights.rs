//! Weights of the evidence in the confidence of a rhyme scheme: of the terms in `confidence.rs`, and the
//! offset.
//!
//! Fitted on annotated verse of the public domain: English by models that did not see the author, five
//! folds; French by rule, and by spelling for other languages, neither of which is learned. Not edited by
//! hand; made from the repository's root by
//!
//! ```text
//! cargo run --release -p leitmotif-eval -- calibrate rhyme --english VERSE.pgold --french VERSE.pgold --out crates/analysis/src/lyrics/rhyme/confidence_weights.rs
//! cargo fmt --all
//! ```

/// Verse on the page, by sound.
pub(super) static VERSE: [f64; 14] = [
    1.4036, -0.9962, -0.2074, -0.0042, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0545, -1.7380,
    -0.0662, -0.1191, 2.0242,
];

/// Sung lines, by sound.
pub(super) static SUNG: [f64; 14] = [
    1.3046, -0.6600, -0.1322, -0.0678, -0.5691, -1.4533, 0.6417, -0.1765, 0.1670, 0.2203, -1.8990,
    -0.4394, 0.0000, 1.0925,
];

/// French verse on the page, by rule.
pub(super) static FRENCH_VERSE: [f64; 14] = [
    0.6878, -0.4963, -0.1034, -0.4017, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.1050, -0.5022,
    0.0141, -0.3944, -0.9360,
];

/// Sung lines in French, by rule.
pub(super) static FRENCH_SUNG: [f64; 14] = [
    1.0137, -0.6382, -0.0029, -0.1622, -0.1753, -0.8081, 0.3620, 0.2021, -0.2758, -0.0994, -0.8497,
    0.0031, 0.0000, -0.4820,
];

/// Verse on the page, by spelling.
pub(super) static SPELLED_VERSE: [f64; 14] = [
    1.5082, -1.0717, -0.2114, -0.2875, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, -0.7862, -0.5078,
    0.0114, -0.3683, -0.0463,
];

/// Sung lines, by spelling.
pub(super) static SPELLED_SUNG: [f64; 14] = [
    1.9756, -1.1861, -0.0960, -0.0042, -1.1219, -1.4953, 0.9995, 0.2212, -0.1464, -0.9575, -1.0391,
    0.0010, 0.0000, -0.0008,
];
