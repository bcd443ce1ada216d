//! Where notes and drums begin: spectral flux on a logarithmic filter bank.

use super::frames::{RHYTHM_FPS, RhythmFrames};
use super::lanes;
use super::resample::ANALYSIS_RATE_HZ;

/// Bands of the filter bank; see [`BandFilter`].
pub(crate) const BAND_COUNT: usize = 80;
/// Bands under 260 Hz, where bass notes are, and under 2 kHz, where notes are told apart.
pub(crate) const LOW_BAND_COUNT: usize = 14;
pub(crate) const MIDDLE_BAND_COUNT: usize = 47;
/// Lowest and highest band edge, in hertz.
const BAND_EDGES_HZ: (f64, f64) = (30.0, 10_500.0);
/// Strength of the logarithmic compression `ln(1 + γ·magnitude)`; at the working level a quiet hi-hat
/// still counts, noise 70 dB down does not.
const COMPRESSION: f32 = 500.0;
/// Frames between the compared spectra: 23 ms, half a window, so that soft attacks still show.
const FLUX_LAG: usize = 2;
/// Half width of the moving average that is taken off the envelope, in seconds.
const MEAN_HALF_WIDTH_S: f64 = 0.4;
/// Upper edges of the low, middle and upper groups, in hertz: kick and bass, body, snare and voice
/// consonants; above is cymbals.
const GROUP_EDGES_HZ: [f64; 3] = [160.0, 1_600.0, 5_000.0];
/// Least variation (deviation over mean) of a flux that has onsets: white noise has 0.33,
/// music 0.75 and more.
const VARIATION_MIN: f64 = 0.5;
/// Part at both ends that the variation leaves out, in seconds.
const EDGE_S: f64 = 0.3;
/// Number of band groups.
pub(crate) const GROUP_COUNT: usize = GROUP_EDGES_HZ.len() + 1;

/// Triangular bands, spaced evenly on a scale that is linear below 500 Hz and logarithmic above
/// (mel-like), because narrower bands than a bin at the bottom would see nothing.
pub(crate) struct BandFilter {
    /// For each band: first bin and its weights.
    bands: Vec<(usize, Vec<f32>)>,
}

fn to_scale(frequency_hz: f64) -> f64 {
    (1.0 + frequency_hz / 200.0).ln()
}

fn from_scale(position: f64) -> f64 {
    200.0 * (position.exp() - 1.0)
}

/// Centre of a band in hertz.
fn band_centre_hz(band: usize) -> f64 {
    let (low, high) = (to_scale(BAND_EDGES_HZ.0), to_scale(BAND_EDGES_HZ.1));
    from_scale(low + (high - low) * (band + 1) as f64 / (BAND_COUNT + 1) as f64)
}

/// Weights with zeros up to whole lanes, as far as there are bins: narrow bands have no rest to add one by one.
fn padded(mut weights: Vec<f32>, bin_count: usize) -> Vec<f32> {
    weights.resize(weights.len().next_multiple_of(8).min(bin_count), 0.0);
    weights
}

impl BandFilter {
    pub(crate) fn new(window_length: usize) -> Self {
        let bin_hz = f64::from(ANALYSIS_RATE_HZ) / window_length as f64;
        let step =
            (to_scale(BAND_EDGES_HZ.1) - to_scale(BAND_EDGES_HZ.0)) / (BAND_COUNT + 1) as f64;
        let bands = (0..BAND_COUNT)
            .map(|band| {
                let centre = to_scale(band_centre_hz(band));
                let bin_of = |position: f64| from_scale(position) / bin_hz;
                let first = bin_of(centre - step).floor().max(1.0) as usize;
                let last = (bin_of(centre + step).ceil() as usize).min(window_length / 2);
                let weights: Vec<f32> = (first..=last)
                    .map(|bin| {
                        let distance = (to_scale(bin as f64 * bin_hz) - centre).abs();
                        // A bin is as wide as it is: near bins count even for the narrowest bands.
                        let width = step.max(
                            to_scale((bin as f64 + 0.7) * bin_hz) - to_scale(bin as f64 * bin_hz),
                        );
                        (1.0 - distance / width).max(0.0) as f32
                    })
                    .collect();
                (first, padded(weights, window_length / 2 + 1 - first))
            })
            .collect();
        Self { bands }
    }

    /// Appends one row of compressed band magnitudes.
    pub(crate) fn push_row(&self, magnitudes: &[f32], rows: &mut Vec<f32>) {
        let row_start = rows.len();
        for (first, weights) in &self.bands {
            let bins = magnitudes.get(*first..).unwrap_or_default();
            rows.push(COMPRESSION * lanes::dot(bins, weights) + 1.0);
        }
        for value in &mut rows[row_start..] {
            *value = lanes::ln(*value);
        }
    }
}

/// Onset strength over time.
#[derive(Debug, Default)]
pub(crate) struct OnsetEnvelope {
    /// All bands; mean removed, not negative, scaled so that its root mean square is 1.
    pub total: Vec<f32>,
    /// The same per band group, low to high, on the scale of `total`.
    pub groups: [Vec<f32>; GROUP_COUNT],
    /// Share of the bands that rise together where onsets are, 0..=1: drums and noise rise everywhere,
    /// notes at their partials.
    pub breadth: f64,
    /// Peaks per second that stand out.
    pub onset_rate_hz: f64,
    /// Whether there is anything periodic to look for at all.
    pub is_flat: bool,
}

impl OnsetEnvelope {
    /// Computes the envelope.
    ///
    /// - Units: frames of [`RHYTHM_FPS`].
    /// - Source: Böck & Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013
    ///   (the flux is taken against a spectrum widened by one band), on fewer bands.
    pub(crate) fn compute(frames: &RhythmFrames) -> Self {
        let mut groups: [Vec<f32>; GROUP_COUNT] =
            std::array::from_fn(|_| Vec::with_capacity(frames.frame_count));
        let bands_of_groups = group_bands();
        let rows: Vec<&[f32]> = frames.bands.chunks_exact(BAND_COUNT).collect();
        let mut widened = [0.0f32; BAND_COUNT];
        let mut breadth = Breadth::default();
        for (index, row) in rows.iter().enumerate() {
            let mut rises = [0.0f32; BAND_COUNT];
            if let Some(before) = index
                .checked_sub(FLUX_LAG)
                .and_then(|before| rows.get(before))
            {
                widen(before, &mut widened);
                for ((rise, value), reference) in rises.iter_mut().zip(*row).zip(&widened) {
                    *rise = (value - reference).max(0.0);
                }
            }
            let sums = bands_of_groups
                .clone()
                .map(|bands| lanes::sum(&rises[bands]));
            breadth.add(sums.iter().sum(), lanes::dot(&rises, &rises));
            for (group, sum) in groups.iter_mut().zip(sums) {
                group.push(sum);
            }
        }
        Self {
            breadth: breadth.mean(),
            ..Self::from_groups(groups)
        }
    }

    /// Frames of onsets with their strength, rising; none in what is flat.
    pub(crate) fn onsets(&self) -> Vec<(usize, f32)> {
        if self.is_flat {
            return Vec::new();
        }
        let found = onsets(&self.total);
        found.map(|frame| (frame, self.total[frame])).collect()
    }

    fn from_groups(mut groups: [Vec<f32>; GROUP_COUNT]) -> Self {
        let frame_count = groups[0].len();
        let mut total: Vec<f32> = (0..frame_count)
            .map(|frame| groups.iter().filter_map(|group| group.get(frame)).sum())
            .collect();
        // The start of the sound is an onset even of noise.
        let edge = (EDGE_S * RHYTHM_FPS) as usize;
        let inner = total
            .get(edge..frame_count.saturating_sub(edge))
            .unwrap_or(&total);
        let is_steady = variation(inner) < VARIATION_MIN;
        let peak_before = total.iter().fold(0.0f32, |peak, &value| peak.max(value));
        remove_local_mean(&mut total);
        groups.iter_mut().for_each(|group| remove_local_mean(group));
        let rms = root_mean_square(&total);
        // A flux that never reaches this is a steady tone's rounding noise.
        let is_flat = rms <= 1e-6 || peak_before < 0.5 || is_steady;
        if !is_flat {
            let gain = 1.0 / rms;
            total.iter_mut().for_each(|value| *value *= gain);
            groups.iter_mut().flatten().for_each(|value| *value *= gain);
        }
        let onset_rate_hz = if is_flat { 0.0 } else { onset_rate(&total) };
        Self {
            total,
            groups,
            breadth: 0.0,
            onset_rate_hz,
            is_flat,
        }
    }
}

/// Mean participation ratio of the bands, frames weighted by the square of their rise.
#[derive(Default)]
struct Breadth {
    sum: f64,
    weight: f64,
}

impl Breadth {
    fn add(&mut self, sum: f32, square: f32) {
        if square > 0.0 {
            let (sum, square) = (f64::from(sum), f64::from(square));
            let ratio = sum * sum / (square * BAND_COUNT as f64);
            self.sum += ratio * sum * sum;
            self.weight += sum * sum;
        }
    }

    fn mean(&self) -> f64 {
        if self.weight > 0.0 {
            self.sum / self.weight
        } else {
            0.0
        }
    }
}

/// Bands of each group.
fn group_bands() -> [std::ops::Range<usize>; GROUP_COUNT] {
    let first_over = |edge_hz: f64| {
        (0..BAND_COUNT)
            .find(|&band| band_centre_hz(band) >= edge_hz)
            .unwrap_or(BAND_COUNT)
    };
    let edges = GROUP_EDGES_HZ.map(first_over);
    std::array::from_fn(|group| {
        let start = group.checked_sub(1).map_or(0, |before| edges[before]);
        start..edges.get(group).copied().unwrap_or(BAND_COUNT)
    })
}

/// Maximum over each band and its neighbours.
fn widen(row: &[f32], widened: &mut [f32; BAND_COUNT]) {
    let higher = |a: f32, b: f32| if a > b { a } else { b };
    widened.copy_from_slice(row);
    for (value, neighbour) in widened.iter_mut().zip(&row[1..]) {
        *value = higher(*value, *neighbour);
    }
    for (value, neighbour) in widened[1..].iter_mut().zip(row) {
        *value = higher(*value, *neighbour);
    }
}

fn root_mean_square(values: &[f32]) -> f32 {
    let power: f64 = values
        .iter()
        .map(|&value| f64::from(value) * f64::from(value))
        .sum();
    (power / values.len().max(1) as f64).sqrt() as f32
}

/// Standard deviation over mean.
fn variation(values: &[f32]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let square = values
        .iter()
        .map(|&value| (f64::from(value) - mean).powi(2))
        .sum::<f64>()
        / count;
    if mean > 0.0 {
        square.sqrt() / mean
    } else {
        0.0
    }
}

fn remove_local_mean(values: &mut [f32]) {
    let half = (MEAN_HALF_WIDTH_S * RHYTHM_FPS) as usize;
    let mut sums = Vec::with_capacity(values.len() + 1);
    let mut sum = 0.0f64;
    sums.push(sum);
    for &value in values.iter() {
        sum += f64::from(value);
        sums.push(sum);
    }
    for (index, value) in values.iter_mut().enumerate() {
        let from = index.saturating_sub(half);
        let to = (index + half + 1).min(sums.len() - 1);
        let mean = (sums[to] - sums[from]) / (to - from).max(1) as f64;
        *value = (*value - mean as f32).max(0.0);
    }
}

fn onset_rate(total: &[f32]) -> f64 {
    onsets(total).count() as f64 * RHYTHM_FPS / total.len().max(1) as f64
}

/// Frames of peaks that are the highest within 60 ms and reach the root mean square, rising.
fn onsets(total: &[f32]) -> impl Iterator<Item = usize> {
    let radius = (0.06 * RHYTHM_FPS) as usize;
    (0..total.len()).filter(move |&index| {
        let value = total[index];
        let from = index.saturating_sub(radius);
        let to = (index + radius + 1).min(total.len());
        value >= 1.0
            && total[from..index].iter().all(|&before| before < value)
            && total[index + 1..to].iter().all(|&after| after <= value)
    })
}

#[cfg(test)]
mod tests {
    use super::super::frames::{Parts, Spectra};
    use super::*;

    #[test]
    fn bands_cover_the_range_without_gaps() {
        let filter = BandFilter::new(1024);
        let mut covered = vec![false; 513];
        for (first, weights) in &filter.bands {
            assert!(weights.iter().any(|&weight| weight > 0.0));
            for (offset, &weight) in weights.iter().enumerate() {
                covered[first + offset] |= weight > 0.0;
            }
        }
        assert!(covered[2..487].iter().all(|&is_covered| is_covered));
    }

    #[test]
    fn clicks_become_peaks_at_their_time() {
        let mut signal = vec![0.0f32; 22_050 * 4];
        for click in 0..7 {
            for offset in 0..200 {
                signal[11_025 + click * 11_025 + offset] = if offset % 2 == 0 { 0.5 } else { -0.5 };
            }
        }
        let spectra = Spectra::compute(&signal, Parts::ALL);
        let envelope = OnsetEnvelope::compute(&spectra.rhythm);
        assert!(
            (envelope.onset_rate_hz - 7.0 / 4.0).abs() < 0.3,
            "{}",
            envelope.onset_rate_hz
        );
        let best = (0..86).max_by(|&a, &b| envelope.total[a].total_cmp(&envelope.total[b]));
        let at_s = best.expect("has frames") as f64 / RHYTHM_FPS;
        assert!((at_s - 0.5).abs() < 0.025, "{at_s}");
    }
}
