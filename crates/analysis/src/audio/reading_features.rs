//! The numbers that describe a reading of the metre.
//!
//! Listeners go by where kick, snare and cymbals fall between the beats, where the harmony changes,
//! how dense events are, what recurs a bar later and how usual the tempo is. What these say depends
//! on the texture: a band with drums marks its beat, a lone keyboard hides it in even motion. So the
//! texture is described as well, the same for all readings of a track.

use super::evidence::{Evidence, average};
use super::frames::RHYTHM_FPS;
use super::key::HARMONY_FPS;
use super::onset::GROUP_COUNT;

const DENSITY_COUNT: usize = 8;
const LEVEL_COUNT: usize = 16;
const BAR_COUNT: usize = 8;
const REPEAT_COUNT: usize = 14;
const TEXTURE_COUNT: usize = GROUP_COUNT + 4;
/// Number of features of one reading; see [`FEATURE_NAMES`].
pub(crate) const FEATURE_COUNT: usize =
    DENSITY_COUNT + LEVEL_COUNT + BAR_COUNT + REPEAT_COUNT + TEXTURE_COUNT;

/// What the features measure, in order.
pub(crate) const FEATURE_NAMES: [&str; FEATURE_COUNT] = [
    "tempo_log",
    "tempo_log_squared",
    "density_log",
    "density_log_squared",
    "low_density_log",
    "middle_density_log",
    "change_density_log",
    "interval_variation",
    "total_beat_over_half",
    "low_beat_over_half",
    "middle_beat_over_half",
    "upper_beat_over_half",
    "high_beat_over_half",
    "quarters_over_halves",
    "low_quarters_over_halves",
    "middle_quarters_over_halves",
    "eighths_over_quarters",
    "thirds_over_halves",
    "low_thirds_over_halves",
    "sixths_over_thirds",
    "total_beat",
    "low_beat",
    "harmony_beat_over_half",
    "harmony_beat",
    "low_alternation",
    "upper_alternation",
    "backbeat",
    "harmony_alternation",
    "low_bars_of_three",
    "low_bars_of_four",
    "harmony_bars_of_three",
    "harmony_bars_of_four",
    "repeat_half",
    "repeat_third",
    "repeat_1",
    "repeat_2",
    "repeat_3",
    "repeat_4",
    "repeat_6",
    "repeat_8",
    "harmony_repeat_1",
    "harmony_repeat_2",
    "harmony_repeat_3",
    "harmony_repeat_4",
    "harmony_repeat_6",
    "harmony_repeat_8",
    "breadth",
    "low_share",
    "middle_share",
    "upper_share",
    "high_share",
    "onset_rate_log",
    "change_rate_log",
    "peakedness",
];

/// Share of the mean added to both sides of a ratio, so that absent bands do not decide.
const RATIO_FLOOR: f64 = 0.15;

/// Describes a reading by its beats and their period in rhythm frames.
pub(crate) fn features(
    evidence: &Evidence<'_>,
    beats: &[f64],
    period: f64,
) -> [f64; FEATURE_COUNT] {
    let mut values = [0.0; FEATURE_COUNT];
    let parts = densities(evidence, beats, period)
        .into_iter()
        .chain(levels(evidence, beats))
        .chain(bars(evidence, beats))
        .chain(repeats(evidence, period))
        .chain(texture(evidence));
    for (value, part) in values.iter_mut().zip(parts) {
        *value = part;
    }
    values
}

fn ratio(a: f64, b: f64) -> f64 {
    ((a + RATIO_FLOOR) / (b + RATIO_FLOOR)).ln()
}

fn densities(evidence: &Evidence<'_>, beats: &[f64], period: f64) -> [f64; DENSITY_COUNT] {
    let tempo = (RHYTHM_FPS / period / 2.0).log2();
    let per_beat = |rate_hz: f64| (rate_hz * period / RHYTHM_FPS + 0.1).log2();
    let onsets = per_beat(evidence.rates_hz[0]);
    let deviations = beats
        .windows(2)
        .map(|pair| ((pair[1] - pair[0]) / period - 1.0).powi(2));
    [
        tempo,
        tempo * tempo,
        onsets,
        onsets * onsets,
        per_beat(evidence.rates_hz[1]),
        per_beat(evidence.rates_hz[2]),
        per_beat(evidence.change_rate_hz),
        (average(deviations).sqrt() + 0.01).ln(),
    ]
}

fn levels(evidence: &Evidence<'_>, beats: &[f64]) -> [f64; LEVEL_COUNT] {
    let at = |series: usize, phase: f64| evidence.level(series, beats, phase);
    let over_half = |series: usize| ratio(at(series, 0.0), at(series, 0.5));
    let quarter = |series: usize| at(series, 0.25) + at(series, 0.75);
    let quarters = |series: usize| ratio(quarter(series), at(series, 0.0) + at(series, 0.5));
    let third = |series: usize| at(series, 1.0 / 3.0) + at(series, 2.0 / 3.0);
    let thirds = |series: usize| ratio(third(series), at(series, 0.5) * 2.0);
    let eighth = at(0, 0.125) + at(0, 0.375) + at(0, 0.625) + at(0, 0.875);
    let sixth = at(0, 1.0 / 6.0) + at(0, 0.5) + at(0, 5.0 / 6.0);
    let harmony_beat = evidence.novelty_level(beats, 0.0);
    let harmony_half = evidence.novelty_level(beats, 0.5);
    [
        over_half(0),
        over_half(1),
        over_half(2),
        over_half(3),
        over_half(4),
        quarters(0),
        quarters(1),
        quarters(2),
        ratio(eighth, quarter(0) * 2.0),
        thirds(0),
        thirds(1),
        ratio(sixth, third(0) * 1.5),
        (at(0, 0.0) + RATIO_FLOOR).ln(),
        (at(1, 0.0) + RATIO_FLOOR).ln(),
        ratio(harmony_beat, harmony_half),
        (harmony_beat + RATIO_FLOOR).ln(),
    ]
}

fn bars(evidence: &Evidence<'_>, beats: &[f64]) -> [f64; BAR_COUNT] {
    let (low_even, low_odd) = evidence.alternate(1, beats);
    let (upper_even, upper_odd) = evidence.alternate(3, beats);
    let (low_step, upper_step) = (ratio(low_even, low_odd), ratio(upper_even, upper_odd));
    let (harmony_even, harmony_odd) = evidence.alternate_novelty(beats);
    let low: Vec<f64> = beats.iter().map(|&beat| evidence.read_low(beat)).collect();
    let norm = evidence.novelty_mean.max(1e-9);
    let harmony: Vec<f64> = beats
        .iter()
        .map(|&beat| evidence.read_novelty(beat) / norm)
        .collect();
    [
        low_step.abs(),
        upper_step.abs(),
        (-low_step * upper_step).max(0.0).sqrt(),
        ratio(harmony_even, harmony_odd).abs(),
        Evidence::bar_contrast(&low, 3),
        Evidence::bar_contrast(&low, 4),
        Evidence::bar_contrast(&harmony, 3),
        Evidence::bar_contrast(&harmony, 4),
    ]
}

fn repeats(evidence: &Evidence<'_>, period: f64) -> [f64; REPEAT_COUNT] {
    let lag = period * HARMONY_FPS / RHYTHM_FPS;
    let repeat = |times: f64| evidence.repeats.peak_near(period * times, 0.03);
    let harmony_repeat = |times: f64| evidence.harmony_repeats.at(lag * times);
    let near = [0.5, 1.0 / 3.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0].map(repeat);
    let harmony = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0].map(harmony_repeat);
    let mut values = [0.0; REPEAT_COUNT];
    for (value, repeat) in values.iter_mut().zip(near.into_iter().chain(harmony)) {
        *value = repeat;
    }
    values
}

fn texture(evidence: &Evidence<'_>) -> [f64; TEXTURE_COUNT] {
    let sum = evidence.means.iter().skip(1).sum::<f64>().max(1e-9);
    let share = |group: usize| (evidence.means[group + 1] / sum + 0.01).ln();
    [
        evidence.envelope.breadth,
        share(0),
        share(1),
        share(2),
        share(3),
        (evidence.rates_hz[0] + 0.1).ln(),
        (evidence.change_rate_hz + 0.1).ln(),
        // The root mean square is 1, so a low mean is few, high peaks.
        (evidence.means[0] + 0.01).ln(),
    ]
}
