//! Weights of the metre features, fitted on readings of labelled clips.

use super::reading::FEATURE_COUNT;

/// Mean of each feature over the readings it was fitted on.
const CENTRES: [f64; FEATURE_COUNT] = [
    -0.3996, 0.5594, 1.1645, 1.8882, 0.0147, 0.0228, 0.0239, 0.0114, 0.0028, -1.8576, -1.4870,
    -1.5113, 0.9848, 0.7665, 0.0014, 0.1439, 1.0023, 0.7637, 0.1811, 0.4161, 0.3223, 0.4585,
    0.3648, 0.5153, -0.0729, 0.0027, -0.0120, 0.1333,
];

/// Weights on the centred features.
const WEIGHTS: [f64; FEATURE_COUNT] = [
    0.5359, -0.7760, -0.4042, -0.3054, 0.0375, 0.0702, -0.1319, 0.0872, 0.2281, -0.0985, -0.2153,
    -0.2044, 0.3549, 0.3325, 0.6711, 1.2387, 0.4304, 0.2908, 0.5046, 1.3627, 1.4165, -0.0273,
    0.6339, 2.3149, 0.6874, -2.1475, 1.2110, 1.6332,
];

/// Log-odds score of a reading.
pub(crate) fn score(features: &[f64; FEATURE_COUNT]) -> f64 {
    features
        .iter()
        .zip(&CENTRES)
        .zip(&WEIGHTS)
        .map(|((value, centre), weight)| (value - centre) * weight)
        .sum()
}
