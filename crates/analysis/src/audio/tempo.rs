//! Tempo: which periodicity of the onset envelope is the beat.

use realfft::RealFftPlanner;

use super::frames::RHYTHM_FPS;
use super::onset::OnsetEnvelope;

/// Tempi considered, in beats per minute.
pub(crate) const TEMPO_RANGE_BPM: (f64, f64) = (40.0, 220.0);
/// Longest lag of the autocorrelation, in seconds: two bars of 4/4 at 60 bpm.
const LAG_S_MAX: f64 = 8.0;
/// Least autocorrelation of a periodicity.
const PERIODICITY_MIN: f64 = 0.05;
/// Shortest track that has a tempo, in seconds: three beats at 60 bpm.
const DURATION_S_MIN: f64 = 3.0;

/// Autocorrelation of an envelope, lag 0 scaled to 1.
#[derive(Debug, Default)]
pub(crate) struct Autocorrelation {
    values: Vec<f32>,
}

impl Autocorrelation {
    /// Computes the unbiased autocorrelation of the envelope less its mean. Cost: two FFTs.
    pub(crate) fn compute(envelope: &[f32]) -> Self {
        let lag_max = ((LAG_S_MAX * RHYTHM_FPS) as usize).min(envelope.len().saturating_sub(1));
        let length = (envelope.len() + lag_max + 1).next_power_of_two();
        let mut planner = RealFftPlanner::<f32>::new();
        let forward = planner.plan_fft_forward(length);
        let inverse = planner.plan_fft_inverse(length);
        let mean = envelope.iter().sum::<f32>() / envelope.len().max(1) as f32;
        let mut input = forward.make_input_vec();
        for (value, sample) in input.iter_mut().zip(envelope) {
            *value = sample - mean;
        }
        let mut spectrum = forward.make_output_vec();
        let mut output = inverse.make_output_vec();
        if forward.process(&mut input, &mut spectrum).is_err() {
            return Self::default();
        }
        for bin in &mut spectrum {
            *bin = (bin.re * bin.re + bin.im * bin.im).into();
        }
        if inverse.process(&mut spectrum, &mut output).is_err() {
            return Self::default();
        }
        let scale = output.first().copied().filter(|&power| power > 0.0).map_or(0.0, |power| 1.0 / power);
        let count = envelope.len() as f32;
        let values = output
            .iter()
            .take(lag_max + 1)
            .enumerate()
            .map(|(lag, value)| value * scale * count / (count - lag as f32))
            .collect();
        Self { values }
    }

    /// Value at a fractional lag, linear between frames; 0 beyond the longest lag.
    pub(crate) fn at(&self, lag: f64) -> f64 {
        let below = lag.floor();
        let index = below.max(0.0) as usize;
        match (self.values.get(index), self.values.get(index + 1)) {
            (Some(&left), Some(&right)) => {
                f64::from(left) + (f64::from(right) - f64::from(left)) * (lag - below)
            }
            _ => 0.0,
        }
    }

    /// Highest value within `tolerance` (relative) of a lag.
    pub(crate) fn peak_near(&self, lag: f64, tolerance: f64) -> f64 {
        let from = (lag * (1.0 - tolerance)).floor().max(1.0) as usize;
        let to = (lag * (1.0 + tolerance)).ceil() as usize;
        self.values
            .get(from..(to + 1).min(self.values.len()))
            .unwrap_or_default()
            .iter()
            .fold(self.at(lag), |peak, &value| peak.max(f64::from(value)))
    }
}

/// A tempo with the evidence for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TempoEstimate {
    pub bpm: f64,
    /// The next best reading, usually half or double.
    pub alternative_bpm: Option<f64>,
    pub confidence: f64,
}

/// Finds the tempo; `None` when nothing repeats.
pub(crate) fn estimate_tempo(envelope: &OnsetEnvelope) -> Option<TempoEstimate> {
    if envelope.is_flat || (envelope.total.len() as f64) < DURATION_S_MIN * RHYTHM_FPS {
        return None;
    }
    let autocorrelation = Autocorrelation::compute(&envelope.total);
    let candidates = candidate_periods(&autocorrelation);
    let mut best: Vec<(f64, f64)> = candidates
        .iter()
        .map(|&(period, salience)| {
            let bpm = 60.0 * RHYTHM_FPS / period;
            let octaves = (bpm / 115.0).log2() / 0.7;
            (salience * (-0.5 * octaves * octaves).exp(), bpm)
        })
        .collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0));
    let &(score, bpm) = best.first()?;
    let alternative = best.iter().skip(1).find(|(_, other)| (other / bpm - 1.0).abs() > 0.06);
    let confidence = alternative.map_or(1.0, |(other, _)| score / (score + other));
    Some(TempoEstimate { bpm, alternative_bpm: alternative.map(|(_, bpm)| *bpm), confidence })
}

/// Peaks of the comb-summed autocorrelation in the tempo range: (period in frames, salience).
fn candidate_periods(autocorrelation: &Autocorrelation) -> Vec<(f64, f64)> {
    let shortest = 60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.1;
    let longest = 60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.0;
    const STEP: f64 = 0.25;
    let count = ((longest - shortest) / STEP) as usize;
    let salience: Vec<f64> = (0..count)
        .map(|index| {
            let period = shortest + STEP * index as f64;
            (1..=4).map(|multiple| autocorrelation.at(period * f64::from(multiple))).sum::<f64>() / 4.0
        })
        .collect();
    (1..count.saturating_sub(1))
        .filter(|&index| {
            salience[index] > PERIODICITY_MIN
                && salience[index] > salience[index - 1]
                && salience[index] >= salience[index + 1]
        })
        .map(|index| (shortest + STEP * index as f64, salience[index]))
        .collect()
}
