//! The numbers that tell whether beats divide into two or three.
//!
//! In compound time a beat holds three quavers: something sounds a third and two thirds of the way, and
//! little in the middle. Swing has the last third alone, and triplets over a plain beat leave the middle
//! to other parts of the band, so each place is read by itself and in more than one band.

use super::evidence::Evidence;
use super::reading_weights::COMPOUND;
use crate::logistic::probability;

/// Number of division features of one reading.
pub(crate) const DIVISION_FEATURE_COUNT: usize = 14;

/// Share of the mean added to both sides of a ratio, so that absent bands do not decide.
const RATIO_FLOOR: f64 = 0.15;
/// Relative width in which a repeat is looked for: as for the other repeats of a reading.
const REPEAT_TOLERANCE: f64 = 0.03;

/// Describes how a reading's beats divide; `period` in rhythm frames.
pub(crate) fn division_features(
    evidence: &Evidence<'_>,
    beats: &[f64],
    period: f64,
) -> [f64; DIVISION_FEATURE_COUNT] {
    let at = |series: usize, phase: f64| evidence.level(series, beats, phase);
    let ratio = |a: f64, b: f64| ((a + RATIO_FLOOR) / (b + RATIO_FLOOR)).ln();
    let [first, second, half] = [1.0 / 3.0, 2.0 / 3.0, 0.5];
    let over_half = |series: usize, phase: f64| ratio(at(series, phase), at(series, half));
    let quarters = (at(0, 0.25) + at(0, 0.75)) / 2.0;
    let sixths = (at(0, 1.0 / 6.0) + at(0, 5.0 / 6.0)) / 2.0;
    let lesser_third = at(0, first).min(at(0, second));
    let repeat = |times: f64| evidence.repeats.peak_near(period * times, REPEAT_TOLERANCE);
    let harmony = |phase: f64| evidence.novelty_level(beats, phase);
    [
        over_half(0, first),
        over_half(0, second),
        over_half(1, second),
        over_half(2, first),
        over_half(2, second),
        over_half(4, first),
        over_half(4, second),
        ratio(lesser_third, at(0, half).max(quarters)),
        ratio(sixths, quarters),
        ratio(harmony(second), harmony(half)),
        repeat(first) - repeat(half),
        repeat(second),
        repeat(1.5),
        repeat(4.0 / 3.0),
    ]
}

/// Probability that beats which divide in this way are in compound time.
pub(crate) fn compound_probability(division: &[f64; DIVISION_FEATURE_COUNT]) -> f64 {
    probability(division, &COMPOUND)
}

#[cfg(test)]
mod tests {
    use super::super::onset::OnsetEnvelope;
    use super::super::tempo::Autocorrelation;
    use super::*;

    /// Features of onsets in every `division`-th of a beat of 48 frames.
    fn of_even_onsets(division: usize) -> [f64; DIVISION_FEATURE_COUNT] {
        let total: Vec<f32> = (0..48 * 40)
            .map(|frame| {
                if frame % (48 / division) == 0 {
                    1.0
                } else {
                    0.0
                }
            })
            .collect();
        let envelope = OnsetEnvelope {
            groups: std::array::from_fn(|_| total.clone()),
            total,
            ..OnsetEnvelope::default()
        };
        let repeats = Autocorrelation::compute(&envelope.total);
        let evidence = Evidence::new(&envelope, &repeats, &[]);
        let beats: Vec<f64> = (0..40).map(|beat| f64::from(beat) * 48.0).collect();
        division_features(&evidence, &beats, 48.0)
    }

    #[test]
    fn halves_and_thirds_are_told_apart() {
        let (halves, thirds) = (of_even_onsets(2), of_even_onsets(3));
        for index in [0, 1, 2, 3, 4, 5, 6, 7] {
            assert!(thirds[index] > 0.5 && halves[index] < -0.5, "{index}");
        }
        assert!(thirds[10] > 0.5 && halves[10] < -0.5);
    }
}
