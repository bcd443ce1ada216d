//! Periodicities of the onset envelope.

use realfft::RealFftPlanner;

use super::frames::RHYTHM_FPS;

/// Tempi considered, in beats per minute.
pub(crate) const TEMPO_RANGE_BPM: (f64, f64) = (40.0, 220.0);
/// Longest lag of the autocorrelation, in seconds: two bars of 4/4 at 60 bpm.
const LAG_S_MAX: f64 = 8.0;
/// Least salience of a periodicity; white noise stays under it.
const SALIENCE_MIN: f64 = 0.015;
/// Multiples of a period and their weights; falling, because expressive tempi blur long lags.
const COMB: [(f64, f64); 4] = [(1.0, 0.4), (2.0, 0.3), (3.0, 0.1), (4.0, 0.2)];
/// Centre and width of the log-normal preference for ordinary tempi (van Noorden & Moelants 1999 put
/// the resonance near 120 bpm); wide, as the level is decided elsewhere.
const PRIOR_CENTRE_BPM: f64 = 115.0;
const PRIOR_OCTAVES: f64 = 1.2;

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
        let scale = output
            .first()
            .copied()
            .filter(|&power| power > 0.0)
            .map_or(0.0, |power| 1.0 / power);
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

/// Peaks of the comb-summed autocorrelation in the tempo range, most salient first:
/// (period in frames, salience).
///
/// - Source: comb over the first multiples of the period, as in Percival & Tzanetakis, "Streamlined
///   tempo estimation based on autocorrelation and cross-correlation with pulses", TASLP 2014.
pub(crate) fn salient_periods(autocorrelation: &Autocorrelation) -> Vec<(f64, f64)> {
    let shortest = 60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.1;
    let longest = 60.0 * RHYTHM_FPS / TEMPO_RANGE_BPM.0;
    const STEP: f64 = 0.25;
    let count = ((longest - shortest) / STEP) as usize;
    let salience: Vec<f64> = (0..count)
        .map(|index| {
            let period = shortest + STEP * index as f64;
            let comb: f64 = COMB
                .iter()
                .map(|&(multiple, weight)| weight * autocorrelation.at(period * multiple))
                .sum();
            let octaves = (60.0 * RHYTHM_FPS / period / PRIOR_CENTRE_BPM).log2() / PRIOR_OCTAVES;
            comb * (-0.5 * octaves * octaves).exp()
        })
        .collect();
    let mut peaks: Vec<(f64, f64)> = (1..count.saturating_sub(1))
        .filter(|&index| {
            salience[index] > SALIENCE_MIN
                && salience[index] > salience[index - 1]
                && salience[index] >= salience[index + 1]
        })
        .map(|index| (shortest + STEP * index as f64, salience[index]))
        .collect();
    peaks.sort_by(|a, b| b.1.total_cmp(&a.1));
    peaks
}
