//! How plausible a reading of the metre is: a network of one hidden layer (six of 24 units, fitted apart and averaged) over its features.

use super::reading_features::FEATURE_COUNT;
use super::reading_weights::{CENTRES, HIDDEN_BIASES, HIDDEN_WEIGHTS, OUTPUT_WEIGHTS, SCALES};

/// Units of the hidden layer.
pub(crate) const HIDDEN_COUNT: usize = 144;
/// Standard deviations beyond which a feature counts no further: what was never heard when the
/// network was fitted must not decide alone.
const STANDARD_MAX: f64 = 4.0;

/// Log-odds score of a reading; only differences between readings of one track mean something.
pub(crate) fn score(features: &[f64; FEATURE_COUNT]) -> f64 {
    let mut standard = [0.0; FEATURE_COUNT];
    for (index, value) in standard.iter_mut().enumerate() {
        *value = ((features[index] - f64::from(CENTRES[index])) * f64::from(SCALES[index]))
            .clamp(-STANDARD_MAX, STANDARD_MAX);
    }
    HIDDEN_WEIGHTS
        .iter()
        .zip(&HIDDEN_BIASES)
        .zip(&OUTPUT_WEIGHTS)
        .map(|((weights, bias), output)| {
            let sum: f64 = weights
                .iter()
                .zip(&standard)
                .map(|(weight, value)| f64::from(*weight) * value)
                .sum();
            (sum + f64::from(*bias)).tanh() * f64::from(*output)
        })
        .sum()
}
