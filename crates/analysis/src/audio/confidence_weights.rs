//! Weights of the evidence in the confidences.
//!
//! Fitted on songs of the demo's synthesiser: 45 of each of its 14 styles, a third of them clean, a third with
//! pink noise, a third without treble. No recorded music and no clip of an evaluation kit took part.
//! Not edited by hand; made from the repository's root by
//!
//! ```text
//! cargo run --release -p leitmotif-eval -- calibrate audio --out crates/analysis/src/audio/confidence_weights.rs
//! cargo fmt --all
//! ```

/// Weight of the lead of a tempo, and the offset.
pub(crate) static TEMPO: [f64; 2] = [1.0387, 1.3557];

/// Weights of a key's lead, of the segments and of the opening that agree, and the offset.
pub(crate) static KEY: [f64; 4] = [4.1275, 0.5039, 1.8953, 0.0720];
