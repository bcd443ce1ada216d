//! The statistics under the audio embedding: colour, movement, rhythm and harmony as plain numbers.

use super::frames::{RHYTHM_FPS, RhythmFrames};
use super::lanes;
use super::magnitude_spectrum::MagnitudeSpectrum;
use super::onset::{BAND_COUNT, GROUP_COUNT};
use super::rhythm::Rhythm;
use super::tempo::Autocorrelation;
use super::timbre::{CONTRAST_COUNT, MFCC_COUNT, TimbreFrame, TimbreFrames};

/// Bands whose movement is compared with each other and read as rhythm.
const COARSE_COUNT: usize = 10;
const BANDS_PER_COARSE: usize = BAND_COUNT / COARSE_COUNT;
/// Bands whose level is described.
const FINE_COUNT: usize = BAND_COUNT / 2;
/// Frames of one window of the fluctuation patterns: 5.9 s, two bars at 80 bpm.
const FLUCTUATION_WINDOW: usize = 512;
/// Modulation frequencies, on a logarithmic scale, in hertz: a bar to a roll.
const FLUCTUATION_COUNT: usize = 12;
const FLUCTUATION_RANGE_HZ: (f64, f64) = (0.4, 14.0);
/// Lags of the rhythm profile, on a logarithmic scale from 0.15 s to 2.4 s.
const LAG_COUNT: usize = 24;
const LAG_RANGE_S: (f64, f64) = (0.15, 2.4);
/// Spectral statistics of a timbre frame.
const SCALAR_COUNT: usize = 6;
/// Magnitudes of the 12-point Fourier transform beyond the constant.
const CIRCLE_COUNT: usize = 6;

/// Statistics in order: band level, deviation, change; correlation of bands; fluctuation patterns;
/// cepstral mean, deviation, change; contrast; scalars; chroma; rhythm profile; band shares and
/// onset rate.
const GROUPS: [usize; 13] = [
    FINE_COUNT,
    FINE_COUNT,
    FINE_COUNT,
    COARSE_COUNT * (COARSE_COUNT - 1) / 2,
    COARSE_COUNT * FLUCTUATION_COUNT,
    MFCC_COUNT - 1,
    MFCC_COUNT,
    MFCC_COUNT,
    CONTRAST_COUNT * 2,
    SCALAR_COUNT * 2,
    CIRCLE_COUNT * 2 + 2,
    LAG_COUNT,
    GROUP_COUNT + 1,
];

/// Number of statistics.
pub(crate) const STATISTIC_COUNT: usize = {
    let mut total = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        total += GROUPS[group];
        group += 1;
    }
    total
};

/// Measures the statistics; `None` when the track is silent.
///
/// - Shape: [`STATISTIC_COUNT`]. None depends on the level of the track or on its key: spectra are
///   scaled to one loudness, chroma is read by the magnitudes of its Fourier transform on the circle
///   of pitch classes.
/// - Cost: O(frames); one FFT of 512 per 3 s and coarse band, two over the onset envelope.
/// - Source: band-wise statistics after Seyerlehner, Widmer & Pohle, "Fusing block-level features",
///   DAFx 2010 (spectral, delta, correlation and logarithmic fluctuation patterns); fluctuation
///   patterns after Pampalk, "Computational models of music similarity", 2006, without his loudness
///   model; circle of pitch classes after Amiot, "Music through Fourier space", 2016.
pub(crate) fn measure_statistics(
    frames: &RhythmFrames,
    timbre: &TimbreFrames,
    chroma: &[[f32; 12]],
    rhythm: &Rhythm,
) -> Option<Vec<f64>> {
    if timbre.rows.is_empty() || frames.frame_count == 0 {
        return None;
    }
    let mut values = Vec::with_capacity(STATISTIC_COUNT);
    add_band_levels(&mut values, frames);
    add_coarse_movement(&mut values, frames);
    add_timbre(&mut values, timbre);
    add_chroma(&mut values, chroma);
    add_rhythm(&mut values, rhythm);
    debug_assert_eq!(values.len(), STATISTIC_COUNT);
    Some(values)
}

/// Mean, deviation and mean rise of each pair of bands.
fn add_band_levels(values: &mut Vec<f64>, frames: &RhythmFrames) {
    let mut sums = [[0.0f32; FINE_COUNT]; 3];
    let mut totals = [[0.0f64; FINE_COUNT]; 3];
    let mut before = [0.0f32; FINE_COUNT];
    for (index, row) in frames.bands.chunks_exact(BAND_COUNT).enumerate() {
        for (band, pair) in row.chunks_exact(2).enumerate() {
            let level = pair[0] + pair[1];
            let change = level - before[band];
            sums[0][band] += level;
            sums[1][band] += level * level;
            sums[2][band] += change.abs();
            before[band] = level;
        }
        // Short sums in single precision, long ones in double: fast, and exact enough for hours.
        if index % 256 == 255 {
            flush(&mut sums, &mut totals);
        }
    }
    flush(&mut sums, &mut totals);
    let count = frames.frame_count.max(1) as f64;
    values.extend(totals[0].map(|sum| sum / count));
    let deviations = totals[0].iter().zip(&totals[1]).map(|(sum, square)| {
        let mean = sum / count;
        (square / count - mean * mean).max(0.0).sqrt()
    });
    values.extend(deviations);
    values.extend(totals[2].map(|sum| sum / count));
}

fn flush(sums: &mut [[f32; FINE_COUNT]; 3], totals: &mut [[f64; FINE_COUNT]; 3]) {
    for (sum, total) in sums.iter_mut().flatten().zip(totals.iter_mut().flatten()) {
        *total += f64::from(*sum);
        *sum = 0.0;
    }
}

/// Level of each coarse band over time.
fn coarse_levels(frames: &RhythmFrames) -> Vec<Vec<f32>> {
    let mut levels = vec![Vec::new(); COARSE_COUNT];
    for row in frames.bands.chunks_exact(BAND_COUNT) {
        for (level, bands) in levels.iter_mut().zip(row.chunks_exact(BANDS_PER_COARSE)) {
            level.push(bands.iter().sum::<f32>() / BANDS_PER_COARSE as f32);
        }
    }
    levels
}

/// Correlation of the coarse bands, then their fluctuation patterns.
fn add_coarse_movement(values: &mut Vec<f64>, frames: &RhythmFrames) {
    let mut levels = coarse_levels(frames);
    for level in &mut levels {
        let mean = level.iter().map(|&v| f64::from(v)).sum::<f64>() / level.len().max(1) as f64;
        for value in level.iter_mut() {
            *value -= mean as f32;
        }
    }
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let chunks = a.chunks(256).zip(b.chunks(256));
        chunks.map(|(a, b)| f64::from(lanes::dot(a, b))).sum()
    };
    let powers: Vec<f64> = levels.iter().map(|level| dot(level, level)).collect();
    for (high, upper) in levels.iter().enumerate() {
        for (low, lower) in levels.iter().enumerate().take(high) {
            values.push(dot(upper, lower) / (powers[high] * powers[low]).sqrt().max(1e-9));
        }
    }
    let mut meter = FluctuationMeter::new();
    let patterns: Vec<[f64; FLUCTUATION_COUNT]> =
        levels.iter().map(|level| meter.measure(level)).collect();
    let total: f64 = patterns.iter().flatten().sum::<f64>().max(1e-9);
    let share = |value: f64| (value / total * 100.0 + 0.05).ln();
    values.extend(patterns.iter().flatten().map(|&value| share(value)));
}

/// Measures the magnitude of modulation per logarithmic band, averaged over windows that overlap by half.
struct FluctuationMeter {
    spectrum: MagnitudeSpectrum,
    window: Vec<f32>,
    /// Band of each bin from the second on; `None` outside of all.
    bands: Vec<Option<usize>>,
}

impl FluctuationMeter {
    fn new() -> Self {
        let (low, high) = FLUCTUATION_RANGE_HZ;
        let scale = FLUCTUATION_COUNT as f64 / (high / low).ln();
        let bin_hz = RHYTHM_FPS / FLUCTUATION_WINDOW as f64;
        let window = (0..FLUCTUATION_WINDOW).map(|index| {
            let phase = std::f32::consts::TAU * index as f32 / FLUCTUATION_WINDOW as f32;
            0.5 - 0.5 * phase.cos()
        });
        let bands = (1..=FLUCTUATION_WINDOW / 2).map(|bin| {
            let position = (bin as f64 * bin_hz / low).ln() * scale;
            (0.0..FLUCTUATION_COUNT as f64)
                .contains(&position)
                .then_some(position as usize)
        });
        Self {
            spectrum: MagnitudeSpectrum::new(FLUCTUATION_WINDOW),
            window: window.collect(),
            bands: bands.collect(),
        }
    }

    fn measure(&mut self, level: &[f32]) -> [f64; FLUCTUATION_COUNT] {
        let mut sums = [0.0f64; FLUCTUATION_COUNT];
        let mut padded = [0.0f32; FLUCTUATION_WINDOW];
        let step = FLUCTUATION_WINDOW / 2;
        let window_count = (level.len() / step).saturating_sub(1).max(1);
        for window in 0..window_count {
            let part = level.get(window * step..).unwrap_or_default();
            let part = part.get(..FLUCTUATION_WINDOW).unwrap_or(part);
            padded[..part.len()].copy_from_slice(part);
            padded[part.len()..].fill(0.0);
            let magnitudes = self.spectrum.compute(&padded, &self.window);
            for (band, magnitude) in self.bands.iter().zip(&magnitudes[1..]) {
                if let Some(band) = *band {
                    sums[band] += f64::from(*magnitude);
                }
            }
        }
        sums.map(|sum| sum / window_count as f64)
    }
}

fn add_timbre(values: &mut Vec<f64>, timbre: &TimbreFrames) {
    let mfcc: Vec<_> = (0..MFCC_COUNT)
        .map(|index| timbre.moments(|row| row.mfcc[index]))
        .collect();
    values.extend(mfcc.iter().skip(1).map(|moments| moments.mean));
    values.extend(mfcc.iter().map(|moments| moments.deviation));
    values.extend((0..MFCC_COUNT).map(|index| timbre.delta_deviation(|row| row.mfcc[index])));
    for index in 0..CONTRAST_COUNT {
        let moments = timbre.moments(|row| row.contrast_db[index]);
        values.extend([moments.mean, moments.deviation]);
    }
    let scalars: [fn(&TimbreFrame) -> f32; SCALAR_COUNT] = [
        |row| (row.centroid_hz + 50.0).ln(),
        |row| (row.bandwidth_hz + 50.0).ln(),
        |row| (row.rolloff_hz + 50.0).ln(),
        |row| (row.flatness + 1e-4).ln(),
        |row| row.flux,
        |row| (row.zero_crossing_hz + 50.0).ln(),
    ];
    for read in scalars {
        let moments = timbre.moments(read);
        values.extend([moments.mean, moments.deviation]);
    }
}

/// Magnitudes of the Fourier transform on the circle of pitch classes; they do not turn with the key.
fn circle(chroma: &[f64; 12], turns: &[(f64, f64); 12]) -> [f64; CIRCLE_COUNT] {
    let sum = chroma.iter().sum::<f64>().max(1e-9);
    std::array::from_fn(|index| {
        let (mut re, mut im) = (0.0, 0.0);
        for (class, value) in chroma.iter().enumerate() {
            let (sine, cosine) = turns[(index + 1) * class % 12];
            re += value * cosine;
            im += value * sine;
        }
        re.hypot(im) / sum
    })
}

/// Circle of the mean chroma and mean circle of half-second chroma, entropy and rate of change.
fn add_chroma(values: &mut Vec<f64>, chroma: &[[f32; 12]]) {
    let mut mean = [0.0f64; 12];
    let mut circles = [0.0f64; CIRCLE_COUNT];
    let (mut change, mut count) = (0.0f64, 0.0f64);
    let mut before: Option<[f64; 12]> = None;
    let turns =
        std::array::from_fn(|class| (std::f64::consts::TAU * class as f64 / 12.0).sin_cos());
    for frames in chroma.chunks(5) {
        let mut block = [0.0f64; 12];
        for (class, value) in frames.iter().flat_map(|frame| frame.iter().enumerate()) {
            block[class] += f64::from(*value);
        }
        let sum = block.iter().sum::<f64>();
        if sum <= 0.0 {
            continue;
        }
        block = block.map(|value| value / sum);
        for (total, value) in circles.iter_mut().zip(circle(&block, &turns)) {
            *total += value;
        }
        if let Some(before) = before {
            let apart = block.iter().zip(&before).map(|(a, b)| (a - b).abs());
            change += apart.sum::<f64>();
        }
        for (total, value) in mean.iter_mut().zip(&block) {
            *total += value;
        }
        before = Some(block);
        count += 1.0;
    }
    let count = f64::max(count, 1.0);
    let mean = mean.map(|value| value / count);
    values.extend(circle(&mean, &turns));
    values.extend(circles.map(|value| value / count));
    values.push(
        -mean
            .iter()
            .map(|value| value * (value + 1e-9).ln())
            .sum::<f64>(),
    );
    values.push(change / count);
}

fn add_rhythm(values: &mut Vec<f64>, rhythm: &Rhythm) {
    let envelope = &rhythm.envelope;
    let autocorrelation = Autocorrelation::compute(&envelope.total);
    let ratio = (LAG_RANGE_S.1 / LAG_RANGE_S.0).powf(1.0 / LAG_COUNT as f64);
    values.extend((0..LAG_COUNT).map(|index| {
        let lag = LAG_RANGE_S.0 * ratio.powf(index as f64 + 0.5) * RHYTHM_FPS;
        autocorrelation.peak_near(lag, (ratio - 1.0) / 2.0)
    }));
    let sum = |group: &Vec<f32>| group.iter().map(|&value| f64::from(value)).sum::<f64>();
    let sums: [f64; GROUP_COUNT] = std::array::from_fn(|group| sum(&envelope.groups[group]));
    let total = sums.iter().sum::<f64>().max(1e-9);
    values.extend(sums.map(|sum| sum / total));
    values.push((envelope.onset_rate_hz + 0.5).ln());
}
