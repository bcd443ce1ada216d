//! How plausible the beats of each reading are, beside those of the others.
//!
//! One network hears all that describes a reading: its level, how its beats divide, and what tells the
//! beat from the off-beat. It hears each number twice, as it is and as what it is over the mean of all
//! readings of the track: a keyboard has few low notes wherever the beat is, and what tells is which
//! reading has more of them than others. Tempo and phase are so chosen in one.

use super::division_features::DIVISION_FEATURE_COUNT;
use super::phase_features::PHASE_FEATURE_COUNT;
use super::reading::Reading;
use super::reading_features::FEATURE_COUNT;
use super::reading_weights::READING_NETWORK;

/// Numbers that describe a reading.
const DESCRIPTION_COUNT: usize = FEATURE_COUNT + DIVISION_FEATURE_COUNT + PHASE_FEATURE_COUNT;
/// Inputs of the network: the description, and what it is over the mean of the track.
pub(crate) const READING_INPUT_COUNT: usize = 2 * DESCRIPTION_COUNT;

/// Log-odds scores of the readings of one track; only differences mean something.
///
/// - Shape: one for each reading.
/// - Cost: O(readings × inputs × hidden units).
pub(crate) fn score_readings(readings: &[Reading]) -> Vec<f64> {
    let descriptions: Vec<[f64; DESCRIPTION_COUNT]> = readings.iter().map(describe).collect();
    let means = means(&descriptions);
    let scored = descriptions.iter();
    scored
        .map(|description| READING_NETWORK.score(&inputs(description, &means)))
        .collect()
}

fn describe(reading: &Reading) -> [f64; DESCRIPTION_COUNT] {
    let parts = reading.features.iter();
    let parts = parts.chain(&reading.division).chain(&reading.phase);
    let mut description = [0.0; DESCRIPTION_COUNT];
    for (value, part) in description.iter_mut().zip(parts) {
        *value = *part;
    }
    description
}

/// Means over the readings; zeros without any.
fn means(descriptions: &[[f64; DESCRIPTION_COUNT]]) -> [f64; DESCRIPTION_COUNT] {
    let mut means = [0.0; DESCRIPTION_COUNT];
    for description in descriptions {
        for (mean, value) in means.iter_mut().zip(description) {
            *mean += value / descriptions.len() as f64;
        }
    }
    means
}

fn inputs(
    description: &[f64; DESCRIPTION_COUNT],
    means: &[f64; DESCRIPTION_COUNT],
) -> [f64; READING_INPUT_COUNT] {
    let mut inputs = [0.0; READING_INPUT_COUNT];
    let (own, over_mean) = inputs.split_at_mut(DESCRIPTION_COUNT);
    own.copy_from_slice(description);
    for ((input, value), mean) in over_mean.iter_mut().zip(description).zip(means) {
        *input = value - mean;
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(tempo: f64, division: f64, phase: f64) -> Reading {
        Reading {
            bpm: 100.0,
            beats: Vec::new(),
            features: [tempo; FEATURE_COUNT],
            division: [division; DIVISION_FEATURE_COUNT],
            phase: [phase; PHASE_FEATURE_COUNT],
        }
    }

    #[test]
    fn inputs_are_the_description_and_what_it_is_over_the_mean() {
        let descriptions =
            [reading(1.0, 2.0, 3.0), reading(3.0, 2.0, 1.0)].map(|one| describe(&one));
        let inputs = inputs(&descriptions[0], &means(&descriptions));
        let at = |index: usize| (inputs[index], inputs[DESCRIPTION_COUNT + index]);
        assert_eq!(at(0), (1.0, -1.0));
        assert_eq!(at(FEATURE_COUNT), (2.0, 0.0));
        assert_eq!(at(DESCRIPTION_COUNT - 1), (3.0, 1.0));
    }

    #[test]
    fn readings_are_scored_beside_each_other() {
        assert!(score_readings(&[]).is_empty());
        let one = reading(0.5, 0.0, 0.2);
        let scores = score_readings(&[one.clone(), one.clone()]);
        assert_eq!(scores[0], scores[1]);
        let beside = score_readings(&[one, reading(0.1, 0.3, 0.0)]);
        assert!(beside[0].is_finite() && beside[0] != scores[0]);
    }
}
