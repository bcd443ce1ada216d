//! Weights of the evidence in the confidences.
//!
//! Fitted on excerpts of 12 whole songs of each of the 14 styles of the demo's synthesiser. No recorded
//! music and no clip of an evaluation kit took part.
//! Not edited by hand; made from the repository's root by
//!
//! ```text
//! cargo run --release -p leitmotif-eval -- calibrate audio --out crates/analysis/src/audio/confidence_weights.rs
//! cargo fmt --all
//! ```

/// Weights of the distance of the halves and of the length, as logarithms, and the offset, of energy.
pub(crate) static ENERGY: [f64; 3] = [-0.2464, 0.4347, -0.8139];

/// The same of danceability.
pub(crate) static DANCEABILITY: [f64; 3] = [-0.6815, 0.4183, -1.6878];

/// The same of acousticness.
pub(crate) static ACOUSTICNESS: [f64; 3] = [-0.3580, 0.1637, -0.6616];

/// The same of speechiness.
pub(crate) static SPEECHINESS: [f64; 3] = [-0.7571, 0.0083, -0.0577];
