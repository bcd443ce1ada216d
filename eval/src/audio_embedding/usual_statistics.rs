//! The 57 statistics that are usual with librosa (the columns of the GTZAN feature table).

use leitmotif_analysis::audio::ANALYSIS_RATE_HZ;
use realfft::RealFftPlanner;

/// Statistics of a clip.
pub const USUAL_COUNT: usize = 57;
const WINDOW: usize = 2048;
const HOP: usize = 512;
const BINS: usize = WINDOW / 2 + 1;
const MEL_COUNT: usize = 128;
const MFCC_COUNT: usize = 20;
/// Share of magnitude under the rolloff, and the range of the decibels, as librosa has them.
const ROLLOFF_SHARE: f64 = 0.85;
const TOP_DB: f64 = 80.0;
/// Half width of the medians that part harmony from percussion (librosa: kernels of 31).
const MEDIAN_HALF: usize = 15;
/// Bins that are taken together, and frames that are skipped, before those medians.
const MEDIAN_BINS: usize = 8;
const MEDIAN_STEP: usize = 2;

/// Computes mean and variance of chroma, level, centroid, bandwidth, rolloff, zero crossings,
/// harmonic and percussive share and 20 cepstral coefficients, and the tempo.
///
/// - Shape: [`USUAL_COUNT`]; `samples` are mono at the analysis rate.
/// - Source: librosa 0.11's definitions, window 2,048, hop 512, 128 mel bands (Slaney), with three
///   departures. The tempo is ours, which is right more often. Harmony and percussion are the median
///   filters of Fitzgerald 2010 on a coarse spectrogram, as shares of magnitude instead of waveforms.
///   Chroma folds bins to the nearest pitch class without estimating the tuning.
pub fn usual_statistics(samples: &[f32], tempo_bpm: f64) -> Vec<f64> {
    let magnitudes = spectrogram(samples);
    let mut values = Vec::with_capacity(USUAL_COUNT);
    let mut add = |series: &[f64]| values.extend(mean_and_variance(series));
    add(&chroma(&magnitudes));
    add(&levels(samples));
    let spectral: Vec<[f64; 3]> = magnitudes.iter().map(|frame| moments(frame)).collect();
    for index in 0..3 {
        add(&spectral.iter().map(|row| row[index]).collect::<Vec<_>>());
    }
    add(&zero_crossings(samples));
    let (harmonic, percussive) = harmonic_and_percussive(&magnitudes);
    add(&harmonic);
    add(&percussive);
    for coefficient in cepstra(&magnitudes) {
        add(&coefficient);
    }
    values.push(tempo_bpm);
    values
}

fn mean_and_variance(series: &[f64]) -> [f64; 2] {
    let count = series.len().max(1) as f64;
    let mean = series.iter().sum::<f64>() / count;
    let squares = series.iter().map(|value| (value - mean) * (value - mean));
    [mean, squares.sum::<f64>() / count]
}

/// Windows centred on multiples of the hop, with silence outside.
fn windows(samples: &[f32]) -> impl Iterator<Item = Vec<f32>> {
    (0..=samples.len() / HOP).map(move |index| {
        let at = |offset: usize| (index * HOP + offset).checked_sub(WINDOW / 2);
        let sample = |offset| at(offset).and_then(|position| samples.get(position));
        (0..WINDOW)
            .map(|offset| sample(offset).copied().unwrap_or(0.0))
            .collect()
    })
}

fn spectrogram(samples: &[f32]) -> Vec<Vec<f64>> {
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
    let mut spectrum = fft.make_output_vec();
    let step = std::f64::consts::TAU / WINDOW as f64;
    let hann: Vec<f32> = (0..WINDOW)
        .map(|index| (0.5 - 0.5 * (step * index as f64).cos()) as f32)
        .collect();
    windows(samples)
        .map(|mut frame| {
            for (sample, weight) in frame.iter_mut().zip(&hann) {
                *sample *= weight;
            }
            fft.process(&mut frame, &mut spectrum)
                .expect("the plan made the buffers");
            spectrum.iter().map(|bin| f64::from(bin.norm())).collect()
        })
        .collect()
}

fn bin_hz(bin: usize) -> f64 {
    bin as f64 * f64::from(ANALYSIS_RATE_HZ) / WINDOW as f64
}

/// All values of all frames, each frame scaled to a maximum of 1.
fn chroma(magnitudes: &[Vec<f64>]) -> Vec<f64> {
    let class_of: Vec<usize> = (0..BINS)
        .map(|bin| {
            let pitch = 69.0 + 12.0 * (bin_hz(bin.max(1)) / 440.0).log2();
            (pitch.round() as i64).rem_euclid(12) as usize
        })
        .collect();
    let mut values = Vec::with_capacity(magnitudes.len() * 12);
    for frame in magnitudes {
        let mut classes = [0.0f64; 12];
        // Under the lowest octave of a piano a bin is wider than a semitone.
        for (bin, magnitude) in frame.iter().enumerate().skip(3) {
            classes[class_of[bin]] += magnitude * magnitude;
        }
        let top = classes.iter().copied().fold(1e-12, f64::max);
        values.extend(classes.map(|class| class / top));
    }
    values
}

fn levels(samples: &[f32]) -> Vec<f64> {
    let power = |frame: &[f32]| frame.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>();
    windows(samples)
        .map(|frame| (power(&frame) / WINDOW as f64).sqrt())
        .collect()
}

fn zero_crossings(samples: &[f32]) -> Vec<f64> {
    let is_crossing = |pair: &&[f32]| (pair[0] < 0.0) != (pair[1] < 0.0);
    windows(samples)
        .map(|frame| frame.windows(2).filter(is_crossing).count() as f64 / WINDOW as f64)
        .collect()
}

/// Centroid, bandwidth and rolloff of one frame, in hertz.
fn moments(frame: &[f64]) -> [f64; 3] {
    let sum = frame.iter().sum::<f64>().max(1e-12);
    let weighted = frame.iter().enumerate();
    let centroid = weighted
        .clone()
        .map(|(bin, m)| bin_hz(bin) * m)
        .sum::<f64>()
        / sum;
    let spread = weighted.map(|(bin, m)| (bin_hz(bin) - centroid).powi(2) * m);
    let bandwidth = (spread.sum::<f64>() / sum).sqrt();
    let mut passed = 0.0;
    let rolloff = frame.iter().position(|magnitude| {
        passed += magnitude;
        passed >= ROLLOFF_SHARE * sum
    });
    [centroid, bandwidth, bin_hz(rolloff.unwrap_or(0))]
}

/// Slaney's mel scale: linear below 1 kHz, logarithmic above.
fn from_mel(mel: f64) -> f64 {
    if mel < 15.0 {
        mel * 200.0 / 3.0
    } else {
        1_000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp()
    }
}

fn cepstra(magnitudes: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let top_mel = 15.0 + 27.0 * (f64::from(ANALYSIS_RATE_HZ) / 2_000.0).ln() / 6.4f64.ln();
    let edge = |index: usize| from_mel(top_mel * index as f64 / (MEL_COUNT + 1) as f64);
    let bands: Vec<Vec<(usize, f64)>> = (0..MEL_COUNT)
        .map(|band| {
            let (low, centre, high) = (edge(band), edge(band + 1), edge(band + 2));
            let weight = |bin: usize| {
                let rise = (bin_hz(bin) - low) / (centre - low);
                let fall = (high - bin_hz(bin)) / (high - centre);
                rise.min(fall).max(0.0) * 2.0 / (high - low)
            };
            let weights = (0..BINS).map(|bin| (bin, weight(bin)));
            weights.filter(|(_, weight)| *weight > 0.0).collect()
        })
        .collect();
    let decibels: Vec<Vec<f64>> = magnitudes
        .iter()
        .map(|frame| {
            let power = |band: &Vec<(usize, f64)>| -> f64 {
                band.iter()
                    .map(|&(bin, w)| frame[bin] * frame[bin] * w)
                    .sum()
            };
            let bands = bands.iter().map(power);
            bands.map(|power| 10.0 * power.max(1e-10).log10()).collect()
        })
        .collect();
    let top = decibels.iter().flatten().copied().fold(f64::MIN, f64::max);
    let basis = |row: usize, band: usize| {
        let scale = if row == 0 { 1.0 } else { 2.0 };
        let phase = std::f64::consts::PI * row as f64 * (band as f64 + 0.5) / MEL_COUNT as f64;
        (scale / MEL_COUNT as f64).sqrt() * phase.cos()
    };
    (0..MFCC_COUNT)
        .map(|row| {
            let weights: Vec<f64> = (0..MEL_COUNT).map(|band| basis(row, band)).collect();
            let dot = |frame: &Vec<f64>| -> f64 {
                let floored = frame.iter().map(|value| value.max(top - TOP_DB));
                floored
                    .zip(&weights)
                    .map(|(value, weight)| value * weight)
                    .sum()
            };
            decibels.iter().map(dot).collect()
        })
        .collect()
}

fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Shares of magnitude per frame that medians over time and over frequency keep.
fn harmonic_and_percussive(magnitudes: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let coarse: Vec<Vec<f64>> = magnitudes
        .iter()
        .step_by(MEDIAN_STEP)
        .map(|frame| {
            frame
                .chunks(MEDIAN_BINS)
                .map(|bins| bins.iter().sum())
                .collect()
        })
        .collect();
    let mut near = Vec::new();
    let mut shares = (Vec::new(), Vec::new());
    for (index, frame) in coarse.iter().enumerate() {
        let sum = frame.iter().sum::<f64>().max(1e-12);
        let (mut harmonic, mut percussive) = (0.0, 0.0);
        for (bin, &magnitude) in frame.iter().enumerate() {
            near.clear();
            let last = (index + MEDIAN_HALF + 1).min(coarse.len());
            let times = coarse[index.saturating_sub(MEDIAN_HALF)..last].iter();
            near.extend(times.map(|other| other[bin]));
            let over_time = median(&mut near);
            near.clear();
            let last = (bin + MEDIAN_HALF + 1).min(frame.len());
            near.extend(&frame[bin.saturating_sub(MEDIAN_HALF)..last]);
            let over_frequency = median(&mut near);
            let (h, p) = (over_time.powi(2), over_frequency.powi(2));
            let mask = h / (h + p).max(1e-18);
            harmonic += magnitude * mask;
            percussive += magnitude * (1.0 - mask);
        }
        shares.0.push(harmonic / sum);
        shares.1.push(percussive / sum);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_reads_as_what_it_is() {
        let step = std::f64::consts::TAU * 1_000.0 / f64::from(ANALYSIS_RATE_HZ);
        let sine: Vec<f32> = (0..44_100)
            .map(|index| (0.5 * (step * f64::from(index)).sin()) as f32)
            .collect();
        let values = usual_statistics(&sine, 120.0);
        assert_eq!(values.len(), USUAL_COUNT);
        assert!((values[2] - 0.3536).abs() < 0.02, "level {}", values[2]);
        assert!(
            (values[4] - 1_000.0).abs() < 150.0,
            "centroid {}",
            values[4]
        );
        let crossings = 2_000.0 / f64::from(ANALYSIS_RATE_HZ);
        assert!((values[10] - crossings).abs() < 0.005, "{}", values[10]);
        assert!(values[12] > 0.9, "harmonic share {}", values[12]);
        assert_eq!(values[USUAL_COUNT - 1], 120.0);
    }
}
