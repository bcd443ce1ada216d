//! The audio embedding: standardised statistics of sound, harmony and rhythm as one unit vector.

use super::embedding_scale::{CENTRES, SCALES};
use super::frames::RHYTHM_FPS;
use super::key::KeyEstimate;
use super::onset::GROUP_COUNT;
use super::rhythm::Rhythm;
use super::tempo::Autocorrelation;
use super::timbre::{CONTRAST_COUNT, MFCC_COUNT, TimbreFrame, TimbreFrames};

/// Name of the space; vectors of two spaces never meet in one distance.
pub const AUDIO_EMBEDDING_SPACE: &str = "leitmotif-audio-1";

/// Lags of the rhythm profile, on a logarithmic scale from 0.15 s to 2.4 s.
const LAG_COUNT: usize = 16;
const LAG_RANGE_S: (f64, f64) = (0.15, 2.4);

/// Statistics in reading order: the mean cepstrum without its level, then deviations, changes,
/// contrast, scalars, chroma from the tonic, rhythm profile, band shares and onset rate.
const GROUPS: [usize; 8] = [
    MFCC_COUNT - 1,
    MFCC_COUNT,
    MFCC_COUNT,
    CONTRAST_COUNT * 2,
    12,
    12,
    LAG_COUNT,
    GROUP_COUNT + 1,
];

/// Dimensions of the space.
pub const AUDIO_EMBEDDING_DIMENSIONS: usize = {
    let mut total = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        total += GROUPS[group];
        group += 1;
    }
    total
};

/// Embeds a track; `None` when it is silent.
///
/// - Shape: [`AUDIO_EMBEDDING_DIMENSIONS`], unit length; cosine or inner product compares.
pub(crate) fn embed(
    timbre: &TimbreFrames,
    chroma: &[f64; 12],
    key: Option<KeyEstimate>,
    rhythm: &Rhythm,
) -> Option<Vec<f32>> {
    if timbre.rows.is_empty() {
        return None;
    }
    let mut values = statistics(timbre, chroma, key, rhythm);
    for ((value, centre), scale) in values.iter_mut().zip(&CENTRES).zip(&SCALES) {
        // Four deviations in a group of sixteen: one absurd statistic must not be all there is.
        *value = ((*value - centre) * scale).clamp(-1.0, 1.0);
    }
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    (norm > 0.0 && norm.is_finite())
        .then(|| values.iter().map(|value| (value / norm) as f32).collect())
}

fn statistics(
    timbre: &TimbreFrames,
    chroma: &[f64; 12],
    key: Option<KeyEstimate>,
    rhythm: &Rhythm,
) -> Vec<f64> {
    let mut values = Vec::with_capacity(AUDIO_EMBEDDING_DIMENSIONS);
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
    let scalars: [fn(&TimbreFrame) -> f32; 6] = [
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
    let tonic = key.map_or(0, |key| key.tonic);
    values.extend((0..12).map(|degree| chroma[(tonic + degree) % 12]));
    let envelope = &rhythm.envelope;
    let autocorrelation = Autocorrelation::compute(&envelope.total);
    let ratio = (LAG_RANGE_S.1 / LAG_RANGE_S.0).powf(1.0 / LAG_COUNT as f64);
    values.extend((0..LAG_COUNT).map(|index| {
        let lag = LAG_RANGE_S.0 * ratio.powf(index as f64 + 0.5) * RHYTHM_FPS;
        autocorrelation.peak_near(lag, (ratio - 1.0) / 2.0)
    }));
    let sums: [f64; GROUP_COUNT] = std::array::from_fn(|group| {
        envelope.groups[group]
            .iter()
            .map(|&value| f64::from(value))
            .sum()
    });
    let total = sums.iter().sum::<f64>().max(1e-9);
    values.extend(sums.map(|sum| sum / total));
    values.push((envelope.onset_rate_hz + 0.5).ln());
    values
}
