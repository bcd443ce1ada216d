//! Readings of the metre: candidate beat levels and phases with the evidence for each.
//!
//! A periodicity fixes the beat only up to a factor and half a period. Each candidate is tracked, and
//! then described by what listeners go by: where kick, snare and cymbals fall between its beats,
//! where the harmony changes, how dense events are, and how usual the tempo is.

use super::beat::{PeriodRange, track_beats};
use super::frames::RHYTHM_FPS;
use super::key::HARMONY_FPS;
use super::onset::{GROUP_COUNT, OnsetEnvelope};
use super::tempo::{Autocorrelation, TEMPO_RANGE_BPM};

/// Number of features of one reading; see [`FEATURE_NAMES`].
pub(crate) const FEATURE_COUNT: usize = 28;

/// What the features measure, in order.
pub(crate) const FEATURE_NAMES: [&str; FEATURE_COUNT] = [
    "tempo_log",
    "tempo_log_squared",
    "density_log",
    "density_log_squared",
    "total_beat_over_half",
    "low_beat_over_half",
    "middle_beat_over_half",
    "upper_beat_over_half",
    "high_beat_over_half",
    "quarters_over_halves",
    "low_quarters_over_halves",
    "thirds_over_halves",
    "total_beat",
    "low_beat",
    "harmony_beat_over_half",
    "harmony_beat",
    "low_alternation",
    "upper_alternation",
    "backbeat",
    "harmony_alternation",
    "repeat_1",
    "repeat_2",
    "repeat_3",
    "repeat_4",
    "harmony_repeat_1",
    "harmony_repeat_2",
    "harmony_repeat_3",
    "harmony_repeat_4",
];

/// Freedom of the tempo around a candidate while its beats are tracked.
const TRACKING_RANGE: (f64, f64) = (0.84, 1.19);
/// Levels tried around each salient periodicity.
const LEVELS: [f64; 7] = [1.0, 0.5, 2.0, 1.0 / 3.0, 3.0, 2.0 / 3.0, 1.5];
/// Salient periodicities that are tried at all levels.
const SALIENT_COUNT: usize = 2;
/// Candidates nearer than this are one.
const SAME_PERIOD: f64 = 0.06;
/// Half width in which an envelope is read around a position, in frames.
const READ_RADIUS: usize = 2;
/// Share of the mean added to both sides of a ratio, so that absent bands do not decide.
const RATIO_FLOOR: f64 = 0.15;

/// One reading of the metre.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub bpm: f64,
    /// Beats in rhythm frames, rising.
    pub beats: Vec<f64>,
    pub features: [f64; FEATURE_COUNT],
}

/// The envelopes that readings are judged by.
pub(crate) struct Evidence<'a> {
    envelope: &'a OnsetEnvelope,
    means: [f64; GROUP_COUNT + 1],
    repeats: &'a Autocorrelation,
    novelty: Vec<f32>,
    novelty_mean: f64,
    harmony_repeats: Autocorrelation,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(
        envelope: &'a OnsetEnvelope,
        repeats: &'a Autocorrelation,
        chroma: &[[f32; 12]],
    ) -> Self {
        let novelty = harmonic_novelty(chroma);
        let novelty_mean = mean(&novelty);
        let mut means = [0.0; GROUP_COUNT + 1];
        means[0] = mean(&envelope.total);
        for (value, group) in means.iter_mut().skip(1).zip(&envelope.groups) {
            *value = mean(group);
        }
        let harmony_repeats = Autocorrelation::compute(&novelty);
        Self {
            envelope,
            means,
            repeats,
            novelty,
            novelty_mean,
            harmony_repeats,
        }
    }

    /// All readings of a track. Cost: one beat tracking per candidate period.
    pub(crate) fn readings(&self, salient: &[(f64, f64)], activation: &[f32]) -> Vec<Reading> {
        let mut readings = Vec::new();
        for period in candidate_periods(salient) {
            let range = PeriodRange {
                shortest: (period * TRACKING_RANGE.0).max(60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.1),
                longest: period * TRACKING_RANGE.1,
            };
            let beats: Vec<f64> = track_beats(activation, range)
                .into_iter()
                .map(|beat| beat as f64)
                .collect();
            if beats.len() < 3 {
                continue;
            }
            let shifted: Vec<f64> = beats
                .windows(2)
                .map(|pair| (pair[0] + pair[1]) / 2.0)
                .collect();
            for beats in [beats, shifted] {
                if let Some(period) = period_of_beats(&beats) {
                    let features = self.features(&beats, period);
                    let bpm = 60.0 * RHYTHM_FPS / period;
                    readings.push(Reading {
                        bpm,
                        beats,
                        features,
                    });
                }
            }
        }
        readings
    }

    fn features(&self, beats: &[f64], period: f64) -> [f64; FEATURE_COUNT] {
        let at = |series: usize, phase: f64| self.level(series, beats, phase);
        let ratio = |a: f64, b: f64| ((a + RATIO_FLOOR) / (b + RATIO_FLOOR)).ln();
        let over_half = |series: usize| ratio(at(series, 0.0), at(series, 0.5));
        let quarters = |series: usize| {
            ratio(
                at(series, 0.25) + at(series, 0.75),
                at(series, 0.0) + at(series, 0.5),
            )
        };
        let thirds = ratio(at(0, 1.0 / 3.0) + at(0, 2.0 / 3.0), at(0, 0.5) * 2.0);
        let tempo = (RHYTHM_FPS / period / 2.0).log2();
        let onsets_per_beat = (self.envelope.onset_rate_hz * period / RHYTHM_FPS + 0.1).log2();
        let harmony_beat = self.novelty_level(beats, 0.0);
        let harmony_half = self.novelty_level(beats, 0.5);
        let (low_even, low_odd) = self.alternate(1, beats);
        let (upper_even, upper_odd) = self.alternate(3, beats);
        let (low_step, upper_step) = (ratio(low_even, low_odd), ratio(upper_even, upper_odd));
        let (harmony_even, harmony_odd) = self.alternate_novelty(beats);
        let lag = period * HARMONY_FPS / RHYTHM_FPS;
        let repeat = |times: f64| self.repeats.peak_near(period * times, 0.03);
        let harmony_repeat = |times: f64| self.harmony_repeats.at(lag * times);
        [
            tempo,
            tempo * tempo,
            onsets_per_beat,
            onsets_per_beat * onsets_per_beat,
            over_half(0),
            over_half(1),
            over_half(2),
            over_half(3),
            over_half(4),
            quarters(0),
            quarters(1),
            thirds,
            (at(0, 0.0) + RATIO_FLOOR).ln(),
            (at(1, 0.0) + RATIO_FLOOR).ln(),
            ratio(harmony_beat, harmony_half),
            (harmony_beat + RATIO_FLOOR).ln(),
            low_step.abs(),
            upper_step.abs(),
            (-low_step * upper_step).max(0.0).sqrt(),
            ratio(harmony_even, harmony_odd).abs(),
            repeat(1.0),
            repeat(2.0),
            repeat(3.0),
            repeat(4.0),
            harmony_repeat(1.0),
            harmony_repeat(2.0),
            harmony_repeat(3.0),
            harmony_repeat(4.0),
        ]
    }

    /// Mean of a series at a phase of the beats, relative to its mean; series 0 is the total, then
    /// the groups.
    fn level(&self, series: usize, beats: &[f64], phase: f64) -> f64 {
        let values = self.series(series);
        let norm = self.means[series].max(1e-9);
        let reads = positions(beats, phase).map(|at| read_peak(values, at));
        average(reads) / norm / PEAK_BIAS
    }

    fn series(&self, index: usize) -> &[f32] {
        match index.checked_sub(1) {
            Some(group) => &self.envelope.groups[group],
            None => &self.envelope.total,
        }
    }

    /// Levels of a series on every other beat and on those between.
    fn alternate(&self, series: usize, beats: &[f64]) -> (f64, f64) {
        let values = self.series(series);
        let norm = self.means[series].max(1e-9) * PEAK_BIAS;
        let half = |first: usize| {
            average(
                beats
                    .iter()
                    .skip(first)
                    .step_by(2)
                    .map(|&at| read_peak(values, at)),
            ) / norm
        };
        (half(0), half(1))
    }

    fn novelty_level(&self, beats: &[f64], phase: f64) -> f64 {
        average(positions(beats, phase).map(|at| self.read_novelty(at)))
            / self.novelty_mean.max(1e-9)
    }

    fn alternate_novelty(&self, beats: &[f64]) -> (f64, f64) {
        let half = |first: usize| {
            average(
                beats
                    .iter()
                    .skip(first)
                    .step_by(2)
                    .map(|&at| self.read_novelty(at)),
            ) / self.novelty_mean.max(1e-9)
        };
        (half(0), half(1))
    }

    /// Harmonic novelty at a rhythm frame, linear between harmony frames.
    pub(crate) fn read_novelty(&self, frame: f64) -> f64 {
        let at = (frame * HARMONY_FPS / RHYTHM_FPS).max(0.0);
        let index = at.floor() as usize;
        let left = self.novelty.get(index).copied().unwrap_or(0.0);
        let right = self.novelty.get(index + 1).copied().unwrap_or(left);
        f64::from(left) + f64::from(right - left) * (at - at.floor())
    }

    /// Low-band onset strength at a rhythm frame, relative to its mean.
    pub(crate) fn read_low(&self, frame: f64) -> f64 {
        read_peak(self.series(1), frame) / self.means[1].max(1e-9) / PEAK_BIAS
    }
}

/// A peak within ±2 frames of a random position exceeds the mean by about this factor; taking it off
/// keeps the ratios' floor at the scale of the mean.
const PEAK_BIAS: f64 = 2.0;

fn mean(values: &[f32]) -> f64 {
    average(values.iter().map(|&value| f64::from(value)))
}

fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// Positions at a phase between consecutive beats.
fn positions(beats: &[f64], phase: f64) -> impl Iterator<Item = f64> {
    beats
        .windows(2)
        .map(move |pair| pair[0] + (pair[1] - pair[0]) * phase)
}

fn read_peak(values: &[f32], at: f64) -> f64 {
    let centre = at.round().max(0.0) as usize;
    let from = centre.saturating_sub(READ_RADIUS).min(values.len());
    let to = (centre + READ_RADIUS + 1).min(values.len());
    f64::from(
        values[from..to]
            .iter()
            .fold(0.0f32, |peak, &value| peak.max(value)),
    )
}

/// Mean period of beats near the median one, in frames: averages out the frame grid.
pub(crate) fn period_of_beats(beats: &[f64]) -> Option<f64> {
    let mut intervals: Vec<f64> = beats.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.sort_by(f64::total_cmp);
    let median = *intervals.get(intervals.len() / 2)?;
    let near = intervals
        .iter()
        .copied()
        .filter(|interval| (interval / median - 1.0).abs() < 0.1);
    Some(average(near)).filter(|&period| period > 0.0)
}

fn candidate_periods(salient: &[(f64, f64)]) -> Vec<f64> {
    let shortest = 60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.1;
    let longest = 60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.0;
    let mut periods: Vec<f64> = Vec::new();
    for &(period, _) in salient.iter().take(SALIENT_COUNT) {
        for level in LEVELS {
            let candidate = period * level;
            let is_new = periods
                .iter()
                .all(|known| (candidate / known - 1.0).abs() > SAME_PERIOD);
            if (shortest..=longest).contains(&candidate) && is_new {
                periods.push(candidate);
            }
        }
    }
    periods
}

/// Half width of the comparison of harmonies, in seconds.
const NOVELTY_HALF_WIDTH_S: f64 = 0.4;

/// How much the harmony differs between just before and just after each harmony frame: one minus the
/// cosine of the mean pitch-class profiles.
fn harmonic_novelty(chroma: &[[f32; 12]]) -> Vec<f32> {
    let width = (NOVELTY_HALF_WIDTH_S * HARMONY_FPS).round() as usize;
    let mut sums = vec![[0.0f64; 12]];
    let mut running = [0.0f64; 12];
    for row in chroma {
        for (total, &value) in running.iter_mut().zip(row) {
            *total += f64::from(value);
        }
        sums.push(running);
    }
    let span = |from: usize, to: usize| -> [f64; 12] {
        let (from, to) = (sums[from.min(chroma.len())], sums[to.min(chroma.len())]);
        std::array::from_fn(|class| to[class] - from[class])
    };
    (0..chroma.len())
        .map(|frame| {
            let before = span(frame.saturating_sub(width), frame);
            let after = span(frame + 1, frame + 1 + width);
            let dot: f64 = before.iter().zip(&after).map(|(a, b)| a * b).sum();
            let norm = |v: &[f64; 12]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
            let scale = norm(&before) * norm(&after);
            if scale > 0.0 {
                (1.0 - dot / scale).max(0.0) as f32
            } else {
                0.0
            }
        })
        .collect()
}
