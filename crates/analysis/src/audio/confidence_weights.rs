//! Weights of the evidence in the confidences.
//!
//! Fitted on random pieces that were composed and rendered for it: songs for a band in eighteen
//! styles and keyboard pieces played with human timing. No recorded music and no clip of an evaluation
//! kit took part. Not edited by hand; made from the repository's root by
//!
//! ```text
//! python3 eval/tools/make_training_clips.py CLIPS FluidR3_GM.sf2 540 700 300000
//! cargo run --release -p leitmotif-eval -- audio --data CLIPS --verbose --readings > READINGS
//! python3 eval/tools/fit_rhythm_weights.py crates/analysis/src/audio confidence READINGS
//! cargo fmt --all
//! ```

/// Weights of the log odds and of the lead of a tempo, and the offset.
pub(crate) static TEMPO: [f64; 3] = [0.4139, 0.7591, -0.2981];

/// Weights of the lead and of the strength of a key, and the offset.
pub(crate) static KEY: [f64; 3] = [18.3635, 0.0, -0.4543];
