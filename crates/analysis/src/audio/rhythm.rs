//! The rhythm analyzer: onsets, tempo, beats, metre.

use super::beat::{PeriodRange, track_beats};
use super::frames::{RHYTHM_FPS, Spectra};
use super::onset::OnsetEnvelope;
use super::tempo::{TempoEstimate, estimate_tempo};

/// Freedom of the tempo around the estimate while beats are tracked.
const TRACKING_RANGE: (f64, f64) = (0.8, 1.25);

/// What is known of a track's rhythm.
#[derive(Debug, Default)]
pub(crate) struct Rhythm {
    pub envelope: OnsetEnvelope,
    pub tempo: Option<TempoEstimate>,
    /// Beat times in seconds, rising; empty without a tempo.
    pub beats_s: Vec<f64>,
    /// Downbeat times in seconds, a part of `beats_s`; empty without a metre.
    pub downbeats_s: Vec<f64>,
    /// Beats per bar and the confidence in it.
    pub metre: Option<(u32, f64)>,
}

/// Measures rhythm. The harmony frames, when there are any, help to find bars.
pub(crate) fn measure_rhythm(spectra: &Spectra) -> Rhythm {
    let envelope = OnsetEnvelope::compute(&spectra.rhythm);
    let Some(mut tempo) = estimate_tempo(&envelope) else {
        return Rhythm { envelope, ..Rhythm::default() };
    };
    let period = 60.0 * RHYTHM_FPS / tempo.bpm;
    let range =
        PeriodRange { shortest: period * TRACKING_RANGE.0, longest: period * TRACKING_RANGE.1 };
    let activation = beat_activation(&envelope);
    let beats = track_beats(&activation, range);
    let beats_s: Vec<f64> = beats.iter().map(|&frame| frame as f64 / RHYTHM_FPS).collect();
    if let Some(bpm) = tempo_of_beats(&beats_s) {
        tempo.bpm = bpm;
    }
    Rhythm { envelope, tempo: Some(tempo), beats_s, downbeats_s: Vec::new(), metre: None }
}

/// Half width of the window whose highest onset scales the activation, in seconds.
const SCALE_HALF_WIDTH_S: f64 = 3.0;
/// Extra weight of the low band: kick and bass sit on beats more often than hats and voices.
const LOW_WEIGHT: f32 = 1.0;

/// Turns the onset envelope into a beat activation in 0..=1, relative to the music around.
fn beat_activation(envelope: &OnsetEnvelope) -> Vec<f32> {
    let mut activation: Vec<f32> = envelope
        .total
        .iter()
        .zip(&envelope.groups[0])
        .map(|(total, low)| total + LOW_WEIGHT * low)
        .collect();
    let half = (SCALE_HALF_WIDTH_S * RHYTHM_FPS) as usize;
    let scale = sliding_maximum(&activation, half);
    for (value, scale) in activation.iter_mut().zip(scale) {
        *value /= scale.max(1.0);
    }
    activation
}

/// Highest value within `half` of each position. Cost: O(values) amortised.
fn sliding_maximum(values: &[f32], half: usize) -> Vec<f32> {
    let mut queue: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
    let mut next = 0;
    (0..values.len())
        .map(|index| {
            while next < values.len() && next <= index + half {
                while queue.back().is_some_and(|&last| values[last] <= values[next]) {
                    queue.pop_back();
                }
                queue.push_back(next);
                next += 1;
            }
            while queue.front().is_some_and(|&first| first + half < index) {
                queue.pop_front();
            }
            queue.front().map_or(0.0, |&first| values[first])
        })
        .collect()
}

/// Tempo of tracked beats: mean of the intervals near the median, which averages out the frame grid.
fn tempo_of_beats(beats_s: &[f64]) -> Option<f64> {
    let mut intervals: Vec<f64> = beats_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.sort_by(f64::total_cmp);
    let median = *intervals.get(intervals.len() / 2)?;
    let near: Vec<f64> =
        intervals.into_iter().filter(|interval| (interval / median - 1.0).abs() < 0.1).collect();
    let mean = near.iter().sum::<f64>() / near.len().max(1) as f64;
    (mean > 0.0).then(|| 60.0 / mean)
}
