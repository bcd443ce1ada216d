//! The colour of the sound: cepstral coefficients and spectral statistics.

use super::lanes;
use super::resample::ANALYSIS_RATE_HZ;

/// Cepstral coefficients kept, the first being level.
pub(crate) const MFCC_COUNT: usize = 20;
/// Mel bands under the cepstrum.
const MEL_COUNT: usize = 40;
/// Octave-wide bands of the spectral contrast.
pub(crate) const CONTRAST_COUNT: usize = 6;
/// Lower edge of the first contrast band, in hertz; each next one is an octave up.
const CONTRAST_LOW_HZ: f64 = 150.0;
/// Share of power under the rolloff frequency.
const ROLLOFF_SHARE: f32 = 0.85;
/// Power floor of one bin relative to a full-scale sine: −120 dB.
const POWER_FLOOR: f32 = 1e-12;

/// One row of measurements per timbre frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimbreFrame {
    pub mfcc: [f32; MFCC_COUNT],
    pub contrast_db: [f32; CONTRAST_COUNT],
    pub centroid_hz: f32,
    pub bandwidth_hz: f32,
    pub rolloff_hz: f32,
    pub flatness: f32,
    pub flux: f32,
    pub zero_crossing_hz: f32,
    pub level_db: f32,
}

/// The measured frames of a track.
#[derive(Debug, Default)]
pub(crate) struct TimbreFrames {
    pub rows: Vec<TimbreFrame>,
}

/// Mean and standard deviation of one measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moments {
    pub mean: f64,
    pub deviation: f64,
}

impl TimbreFrames {
    /// Moments of one measurement over the frames that are not near-silent.
    pub(crate) fn moments(&self, read: impl Fn(&TimbreFrame) -> f32) -> Moments {
        let (mut sum, mut square, mut count) = (0.0f64, 0.0f64, 0.0f64);
        for row in self.sounding() {
            let value = f64::from(read(row));
            sum += value;
            square += value * value;
            count += 1.0;
        }
        if count == 0.0 {
            return Moments::default();
        }
        let mean = sum / count;
        Moments {
            mean,
            deviation: (square / count - mean * mean).max(0.0).sqrt(),
        }
    }

    /// Standard deviation of the frame-to-frame change of one measurement.
    pub(crate) fn delta_deviation(&self, read: impl Fn(&TimbreFrame) -> f32) -> f64 {
        let (mut square, mut count) = (0.0f64, 0.0f64);
        for pair in self.rows.windows(2) {
            if let [before, after] = pair {
                let change = f64::from(read(after) - read(before));
                square += change * change;
                count += 1.0;
            }
        }
        if count == 0.0 {
            0.0
        } else {
            (square / count).sqrt()
        }
    }

    /// Frames within 60 dB of the loudest; pauses say nothing about colour.
    fn sounding(&self) -> impl Iterator<Item = &TimbreFrame> {
        let loudest = self
            .rows
            .iter()
            .fold(f32::NEG_INFINITY, |level, row| level.max(row.level_db));
        self.rows
            .iter()
            .filter(move |row| row.level_db > loudest - 60.0)
    }
}

/// Measures frames one by one.
pub(crate) struct TimbreMeter {
    bin_hz: f32,
    mel: Vec<(usize, Vec<f32>)>,
    /// `[MFCC_COUNT × MEL_COUNT]` orthonormal DCT-II.
    dct: Vec<f32>,
    contrast_edges: [usize; CONTRAST_COUNT + 1],
    previous: Vec<f32>,
    power: Vec<f32>,
    sorted: Vec<u32>,
    /// Means of four bins each.
    means: Vec<f32>,
    /// Their own numbers.
    bins: Vec<f32>,
    frames: TimbreFrames,
}

fn hz_to_mel(frequency_hz: f64) -> f64 {
    2595.0 * (1.0 + frequency_hz / 700.0).log10()
}

fn mel_to_hz(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

/// Triangular mel bands from 0 Hz to half the rate, each with unit sum (O'Shaughnessy's mel formula).
fn mel_bands(window_length: usize) -> Vec<(usize, Vec<f32>)> {
    let rate_hz = f64::from(ANALYSIS_RATE_HZ);
    let bin_hz = rate_hz / window_length as f64;
    let top = hz_to_mel(rate_hz / 2.0);
    let edge = |index: usize| mel_to_hz(top * index as f64 / (MEL_COUNT + 1) as f64);
    (0..MEL_COUNT)
        .map(|band| {
            let (low, centre, high) = (edge(band), edge(band + 1), edge(band + 2));
            let first = (low / bin_hz).floor() as usize;
            let last = ((high / bin_hz).ceil() as usize).min(window_length / 2);
            let weights: Vec<f32> = (first..=last)
                .map(|bin| {
                    let frequency = bin as f64 * bin_hz;
                    let rise = (frequency - low + bin_hz * 0.5) / (centre - low + bin_hz * 0.5);
                    let fall = (high - frequency + bin_hz * 0.5) / (high - centre + bin_hz * 0.5);
                    rise.min(fall).clamp(0.0, 1.0) as f32
                })
                .collect();
            let sum: f32 = weights.iter().sum();
            (
                first,
                weights
                    .iter()
                    .map(|weight| weight / sum.max(f32::MIN_POSITIVE))
                    .collect(),
            )
        })
        .collect()
}

fn dct_matrix() -> Vec<f32> {
    let mut matrix = Vec::with_capacity(MFCC_COUNT * MEL_COUNT);
    for row in 0..MFCC_COUNT {
        let norm = if row == 0 {
            (1.0 / MEL_COUNT as f64).sqrt()
        } else {
            (2.0 / MEL_COUNT as f64).sqrt()
        };
        for column in 0..MEL_COUNT {
            let phase =
                std::f64::consts::PI * row as f64 * (column as f64 + 0.5) / MEL_COUNT as f64;
            matrix.push((norm * phase.cos()) as f32);
        }
    }
    matrix
}

impl TimbreMeter {
    pub(crate) fn new(window_length: usize) -> Self {
        let bin_hz = f64::from(ANALYSIS_RATE_HZ) / window_length as f64;
        let bin_count = window_length / 2 + 1;
        let contrast_edges = std::array::from_fn(|octave| {
            let bin = (CONTRAST_LOW_HZ * 2f64.powi(octave as i32) / bin_hz).round() as usize;
            bin.min(bin_count)
        });
        Self {
            bin_hz: bin_hz as f32,
            mel: mel_bands(window_length),
            dct: dct_matrix(),
            contrast_edges,
            previous: vec![0.0; bin_count],
            power: vec![0.0; bin_count],
            sorted: Vec::with_capacity(bin_count),
            means: Vec::with_capacity(bin_count / 4),
            bins: (0..bin_count).map(|bin| bin as f32).collect(),
            frames: TimbreFrames::default(),
        }
    }

    /// Measures one frame. `samples` is the frame before windowing, without `gain`.
    pub(crate) fn push(&mut self, magnitudes: &[f32], samples: &[f32], gain: f32) {
        for (power, magnitude) in self.power.iter_mut().zip(magnitudes) {
            *power = magnitude * magnitude;
        }
        let magnitude_sum: f32 = lanes::sum(magnitudes).max(f32::MIN_POSITIVE);
        let rise = |now: f32, before: f32| (now - before).max(0.0);
        let flux = lanes::sum_of_pairs(magnitudes, &self.previous, rise);
        self.previous.copy_from_slice(magnitudes);
        let (centroid_hz, bandwidth_hz) = self.centre(magnitudes, magnitude_sum);
        let level = lanes::dot(samples, samples) * gain * gain / samples.len().max(1) as f32;
        let row = TimbreFrame {
            mfcc: self.cepstrum(),
            contrast_db: self.contrast(),
            centroid_hz,
            bandwidth_hz,
            rolloff_hz: self.rolloff(),
            flatness: self.flatness(),
            flux: flux / magnitude_sum,
            zero_crossing_hz: zero_crossing_hz(samples),
            level_db: 10.0 * (level + POWER_FLOOR).log10(),
        };
        self.frames.rows.push(row);
    }

    pub(crate) fn finish(self) -> TimbreFrames {
        self.frames
    }

    fn cepstrum(&self) -> [f32; MFCC_COUNT] {
        let mut log_mel = [0.0f32; MEL_COUNT];
        for (value, (first, weights)) in log_mel.iter_mut().zip(&self.mel) {
            let bins = self.power.get(*first..).unwrap_or_default();
            // Natural logarithm with a floor 90 dB under the working level's loudest bins.
            *value = lanes::ln(lanes::dot(bins, weights) + 1e-9);
        }
        let mut coefficients = [0.0f32; MFCC_COUNT];
        for (coefficient, row) in coefficients
            .iter_mut()
            .zip(self.dct.chunks_exact(MEL_COUNT))
        {
            *coefficient = lanes::dot(row, &log_mel);
        }
        coefficients
    }

    fn centre(&self, magnitudes: &[f32], magnitude_sum: f32) -> (f32, f32) {
        let centre = lanes::dot(&self.bins, magnitudes) / magnitude_sum;
        let away = |bin: f32, magnitude: f32| (bin - centre) * (bin - centre) * magnitude;
        let spread = lanes::sum_of_pairs(&self.bins, magnitudes, away);
        (
            centre * self.bin_hz,
            (spread / magnitude_sum).sqrt() * self.bin_hz,
        )
    }

    fn rolloff(&self) -> f32 {
        let target = lanes::sum(&self.power) * ROLLOFF_SHARE;
        let mut sum = 0.0;
        for (bin, power) in self.power.iter().enumerate() {
            sum += power;
            if sum >= target {
                return bin as f32 * self.bin_hz;
            }
        }
        0.0
    }

    /// Geometric over arithmetic mean of power, on groups of bins to spare logarithms.
    fn flatness(&mut self) -> f32 {
        self.means.clear();
        let groups = self.power.chunks_exact(4);
        self.means.extend(groups.map(|group| {
            let [a, b, c, d] = [group[0], group[1], group[2], group[3]];
            (a + b + (c + d)) * 0.25 + POWER_FLOOR
        }));
        let count = self.means.len().max(1) as f32;
        let sum = lanes::sum(&self.means);
        for mean in &mut self.means {
            *mean = lanes::ln(*mean);
        }
        let log_sum = lanes::sum(&self.means);
        ((log_sum / count).exp() / (sum / count)).clamp(0.0, 1.0)
    }

    /// Peak over valley per octave, in dB: mean of the strongest and weakest fifth of the bins.
    fn contrast(&mut self) -> [f32; CONTRAST_COUNT] {
        let mut contrast = [0.0f32; CONTRAST_COUNT];
        for (value, edges) in contrast.iter_mut().zip(self.contrast_edges.windows(2)) {
            let [low, high] = edges else { continue };
            // The bits of powers, which are not negative, are ordered as they are, and compare faster.
            let powers = self.power.get(*low..*high).unwrap_or_default();
            self.sorted.clear();
            self.sorted
                .extend(powers.iter().map(|power| power.to_bits()));
            let count = self.sorted.len();
            let fifth = (count / 5).max(1);
            if count < 2 {
                continue;
            }
            let mean = |bits: &[u32]| {
                bits.iter().map(|&bits| f32::from_bits(bits)).sum::<f32>() / fifth as f32
            };
            self.sorted.select_nth_unstable(fifth - 1);
            let (lowest, others) = self.sorted.split_at_mut(fifth);
            let valley = mean(lowest);
            let from = count - 2 * fifth;
            others.select_nth_unstable(from);
            let peak = mean(&others[from..]);
            *value = 10.0 * ((peak + POWER_FLOOR) / (valley + POWER_FLOOR)).log10();
        }
        contrast
    }
}

fn zero_crossing_hz(samples: &[f32]) -> f32 {
    let crossings = samples
        .windows(2)
        .filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0))
        .count();
    crossings as f32 * ANALYSIS_RATE_HZ as f32 / samples.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::super::frames::{Parts, Spectra};
    use super::*;

    fn measure(signal: &[f32]) -> TimbreFrames {
        Spectra::compute(
            signal,
            Parts {
                rhythm: false,
                harmony: false,
                timbre: true,
            },
        )
        .timbre
    }

    #[test]
    fn a_sine_is_narrow_and_noise_is_flat() {
        let sine: Vec<f32> = (0..44_100)
            .map(|index| (std::f32::consts::TAU * 1_000.0 * index as f32 / 22_050.0).sin() * 0.3)
            .collect();
        let mut state = 7u32;
        let noise: Vec<f32> = (0..44_100)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect();
        let (sine, noise) = (measure(&sine), measure(&noise));
        let centroid = sine.moments(|row| row.centroid_hz).mean;
        assert!((centroid - 1_000.0).abs() < 60.0, "{centroid}");
        let crossings = sine.moments(|row| row.zero_crossing_hz).mean;
        assert!((crossings - 2_000.0).abs() < 80.0, "{crossings}");
        let centroid = noise.moments(|row| row.centroid_hz).mean;
        assert!((centroid - 5_512.0).abs() < 150.0, "{centroid}");
        assert!(noise.moments(|row| row.flatness).mean > 0.6);
        assert!(sine.moments(|row| row.flatness).mean < 0.01);
    }

    #[test]
    fn the_cepstrum_basis_is_orthonormal() {
        let dct = dct_matrix();
        let rows: Vec<&[f32]> = dct.chunks_exact(MEL_COUNT).collect();
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                let dot: f32 = a.iter().zip(*b).map(|(x, y)| x * y).sum();
                assert!((dot - f32::from(u8::from(i == j))).abs() < 1e-5);
            }
        }
    }
}
