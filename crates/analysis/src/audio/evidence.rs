//! What a reading of the metre is judged by: onset and harmony envelopes read at its beats.

use super::frames::RHYTHM_FPS;
use super::key::{HARMONY_FPS, TONALITY_MIN, mean_chroma, tonality};
use super::onset::{GROUP_COUNT, OnsetEnvelope};
use super::tempo::Autocorrelation;

/// Half width in which an envelope is read around a position, in frames.
const READ_RADIUS: usize = 2;
/// Frames on either side that an onset of one group and a change of harmony must exceed.
const ONSET_RADIUS: usize = 5;
const CHANGE_RADIUS: usize = 3;
/// The envelopes that readings are judged by.
pub(crate) struct Evidence<'a> {
    pub envelope: &'a OnsetEnvelope,
    /// Means of the total and of each group.
    pub means: [f64; GROUP_COUNT + 1],
    pub repeats: &'a Autocorrelation,
    novelty: Vec<f32>,
    pub novelty_mean: f64,
    /// Peaks of the harmonic novelty per second.
    pub change_rate_hz: f64,
    /// Onsets per second in the total and in each group.
    pub rates_hz: [f64; GROUP_COUNT + 1],
    pub harmony_repeats: Autocorrelation,
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
        let mut rates_hz = [envelope.onset_rate_hz; GROUP_COUNT + 1];
        for (index, group) in envelope.groups.iter().enumerate() {
            let least = (2.0 * means[index + 1]) as f32;
            rates_hz[index + 1] = peak_rate(group, least, ONSET_RADIUS, RHYTHM_FPS);
        }
        let change_rate_hz = peak_rate(&novelty, novelty_mean as f32, CHANGE_RADIUS, HARMONY_FPS);
        Self {
            envelope,
            means,
            repeats,
            novelty,
            novelty_mean,
            change_rate_hz,
            rates_hz,
            harmony_repeats,
        }
    }

    /// Mean of a series at a phase of the beats, relative to its mean; series 0 is the total, then
    /// the groups.
    pub(crate) fn level(&self, series: usize, beats: &[f64], phase: f64) -> f64 {
        let values = self.series(series);
        let norm = self.means[series].max(1e-9);
        let reads = positions(beats, phase).map(|at| read_peak(values, at));
        average(reads) / norm / PEAK_BIAS
    }

    /// Onset strength of all bands (0) or of a group.
    pub(crate) fn series(&self, index: usize) -> &[f32] {
        match index.checked_sub(1) {
            Some(group) => &self.envelope.groups[group],
            None => &self.envelope.total,
        }
    }

    /// Levels of a series on every other beat and on those between.
    pub(crate) fn alternate(&self, series: usize, beats: &[f64]) -> (f64, f64) {
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

    pub(crate) fn novelty_level(&self, beats: &[f64], phase: f64) -> f64 {
        average(positions(beats, phase).map(|at| self.read_novelty(at)))
            / self.novelty_mean.max(1e-9)
    }

    pub(crate) fn alternate_novelty(&self, beats: &[f64]) -> (f64, f64) {
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

    /// How far the best of `beats_per_bar` offsets stands out from the mean of all beats.
    pub(crate) fn bar_contrast(values: &[f64], beats_per_bar: usize) -> f64 {
        let whole = average(values.iter().copied());
        let best = (0..beats_per_bar)
            .map(|offset| average(values.iter().skip(offset).step_by(beats_per_bar).copied()))
            .fold(0.0, f64::max);
        best - whole
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

/// Least clarity of a pulse in what is not tonal, in units of what chance reaches: random clicks stay under 0.9.
const PULSE_MIN: f64 = 1.0;
/// Multiples of a beat at which a pulse repeats itself.
const PULSE_MULTIPLES: [f64; 4] = [1.0, 2.0, 3.0, 4.0];

/// Share of the bands that rise together from which onsets may be bursts of noise: those start at 0.82, all music of
/// the audio kit that keeps no steady beat stays under 0.63, and full mixes reach 0.72.
const BURST_BREADTH: f64 = 0.75;

/// Whether notes are heard, and not the colour of bursts of noise: one that comes again and again is as held as
/// notes are.
pub(crate) fn has_notes(envelope: &OnsetEnvelope, chroma: &[[f32; 12]]) -> bool {
    envelope.breadth < BURST_BREADTH && tonality(chroma, &mean_chroma(chroma)) >= TONALITY_MIN
}

/// Whether what was read as a beat is one: the onsets repeat at it more than random ones do, or notes are heard,
/// whose players may be as free with time as they like.
///
/// - Shape: `period` in frames of the envelope; `chroma` the profiles of the harmony frames.
/// - The mean autocorrelation at one to four beats, each weighed by how much of the track it was measured on, grows
///   for random onsets as one over the root of their number; it is held against that.
pub(crate) fn has_pulse(
    envelope: &OnsetEnvelope,
    repeats: &Autocorrelation,
    period: f64,
    chroma: &[[f32; 12]],
) -> bool {
    let frame_count = envelope.total.len().max(1) as f64;
    let clarity = average(PULSE_MULTIPLES.into_iter().map(|multiple| {
        let lag = multiple * period;
        repeats.peak_near(lag, PULSE_TOLERANCE) * (1.0 - lag / frame_count).max(0.0)
    }));
    let onset_count = envelope.onset_rate_hz * frame_count / RHYTHM_FPS;
    clarity * onset_count.sqrt() >= PULSE_MIN || has_notes(envelope, chroma)
}

/// How far a beat may drift from its tempo, as its share.
const PULSE_TOLERANCE: f64 = 0.03;

/// A peak within ±2 frames of a random position exceeds the mean by about this factor; taking it off
/// keeps the ratios' floor at the scale of the mean.
const PEAK_BIAS: f64 = 2.0;

fn mean(values: &[f32]) -> f64 {
    average(values.iter().map(|&value| f64::from(value)))
}

pub(crate) fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// Values per second that reach `least` and are the highest within `radius`.
fn peak_rate(values: &[f32], least: f32, radius: usize, frames_per_second: f64) -> f64 {
    let count = (0..values.len())
        .filter(|&index| {
            let value = values[index];
            let from = index.saturating_sub(radius);
            let to = (index + radius + 1).min(values.len());
            value > 0.0
                && value >= least
                && values[from..index].iter().all(|&before| before < value)
                && values[index + 1..to].iter().all(|&after| after <= value)
        })
        .count();
    count as f64 * frames_per_second / values.len().max(1) as f64
}

/// Positions at a phase between consecutive beats.
pub(crate) fn positions(beats: &[f64], phase: f64) -> impl Iterator<Item = f64> {
    beats
        .windows(2)
        .map(move |pair| pair[0] + (pair[1] - pair[0]) * phase)
}

pub(crate) fn read_peak(values: &[f32], at: f64) -> f64 {
    let centre = at.round().max(0.0) as usize;
    let from = centre.saturating_sub(READ_RADIUS).min(values.len());
    let to = (centre + READ_RADIUS + 1).min(values.len());
    f64::from(
        values[from..to]
            .iter()
            .fold(0.0f32, |peak, &value| peak.max(value)),
    )
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
