//! Beat-synchronous features: what sounds on each beat.

use super::super::frames::{RHYTHM_FPS, Spectra};
use super::super::key::HARMONY_FPS;
use super::super::rhythm::Rhythm;

/// Cepstral coefficients compared: level and the broad shape of the spectrum.
pub(crate) const TIMBRE_COUNT: usize = 13;
/// Timbre frames per second: every fourth rhythm frame.
const TIMBRE_FPS: f64 = RHYTHM_FPS / 4.0;
/// Length of a unit where there are no beats, in seconds.
const UNIT_S: f64 = 0.5;
/// Beats of a bar where the metre is unknown.
const BEATS_PER_BAR: usize = 4;
/// Units compared at most; longer tracks take several beats as one, so that time and memory, which grow
/// with the square, stay under those of a quarter of an hour.
const UNITS_MAX: usize = 1_600;
/// Typical deviation of each cepstral coefficient within a song, so that none outweighs the others: the
/// level moves most, the fine shape least.
const SCALES: [f32; TIMBRE_COUNT] = [
    6.0, 3.0, 1.8, 1.5, 1.3, 1.1, 1.0, 0.9, 0.9, 0.8, 0.8, 0.7, 0.7,
];

/// A track as a row of beats.
#[derive(Debug, Clone, Default)]
pub(crate) struct Units {
    /// Bounds in seconds, one more than units; the first is at most one unit after 0.
    pub bounds_s: Vec<f64>,
    /// Whether a unit begins on a downbeat; empty when the metre is unknown.
    pub is_downbeat: Vec<bool>,
    pub metre_confidence: f64,
    pub units_per_bar: usize,
    /// Pitch classes: mean removed, unit length; zero where nothing tonal sounds.
    pub chroma: Vec<[f32; 12]>,
    /// Scaled cepstral means.
    pub timbre: Vec<[f32; TIMBRE_COUNT]>,
}

impl Units {
    pub(crate) fn count(&self) -> usize {
        self.chroma.len()
    }

    /// Gathers the features. Cost: O(frames).
    pub(crate) fn gather(spectra: &Spectra, chroma: &[[f32; 12]], rhythm: &Rhythm) -> Self {
        let end_s = spectra.timbre.rows.len() as f64 / TIMBRE_FPS;
        let grid = Grid::of(rhythm, end_s);
        let mut units = Self {
            metre_confidence: rhythm.metre.map_or(0.0, |metre| metre.confidence),
            units_per_bar: grid.units_per_bar,
            is_downbeat: grid.is_downbeat,
            ..Self::default()
        };
        for span in grid.bounds_s.windows(2) {
            units.chroma.push(mean_chroma(chroma, span[0], span[1]));
            units.timbre.push(mean_timbre(spectra, span[0], span[1]));
        }
        units.bounds_s = grid.bounds_s;
        units
    }
}

struct Grid {
    bounds_s: Vec<f64>,
    is_downbeat: Vec<bool>,
    units_per_bar: usize,
}

impl Grid {
    /// Beats, carried on to both ends of the track; even spans without beats.
    fn of(rhythm: &Rhythm, end_s: f64) -> Self {
        let beats = &rhythm.beats_s;
        let (Some(&first), Some(&last)) = (beats.first(), beats.last()) else {
            return Self::even(end_s);
        };
        let period = (last - first) / (beats.len().max(2) - 1) as f64;
        if beats.len() < 4 * BEATS_PER_BAR || period <= 0.1 {
            return Self::even(end_s);
        }
        let lead_count = (first / period).floor().max(0.0) as usize;
        let lead = (1..=lead_count)
            .rev()
            .map(|back| first - back as f64 * period);
        let tail_count = ((end_s - last) / period).floor().max(0.0) as usize;
        let tail = (1..=tail_count).map(|on| last + on as f64 * period);
        let mut bounds_s: Vec<f64> = lead.chain(beats.iter().copied()).chain(tail).collect();
        let beats_per_bar = rhythm
            .metre
            .map_or(BEATS_PER_BAR, |metre| metre.beats_per_bar);
        let offset = rhythm.downbeats_s.first().map(|&downbeat| {
            let place = bounds_s.iter().position(|&bound| bound >= downbeat - 1e-6);
            place.unwrap_or(0) % beats_per_bar.max(1)
        });
        let stride = bounds_s.len().div_ceil(UNITS_MAX).max(1);
        let mut is_downbeat: Vec<bool> = match offset {
            Some(offset) => (0..bounds_s.len())
                .map(|place| place % beats_per_bar == offset)
                .collect(),
            None => Vec::new(),
        };
        if stride > 1 {
            bounds_s = bounds_s.into_iter().step_by(stride).collect();
            is_downbeat.clear();
        }
        Self {
            bounds_s,
            is_downbeat,
            units_per_bar: (beats_per_bar / stride).max(1),
        }
    }

    fn even(end_s: f64) -> Self {
        let unit_s = UNIT_S.max(end_s / UNITS_MAX as f64);
        let count = (end_s / unit_s).floor() as usize;
        Self {
            bounds_s: (0..=count).map(|place| place as f64 * unit_s).collect(),
            is_downbeat: Vec::new(),
            units_per_bar: BEATS_PER_BAR,
        }
    }
}

/// First and past-the-last frame centred in a span, at least one.
fn frames_in(start_s: f64, end_s: f64, frames_per_second: f64, count: usize) -> (usize, usize) {
    let from =
        ((start_s * frames_per_second).ceil().max(0.0) as usize).min(count.saturating_sub(1));
    let to = ((end_s * frames_per_second).ceil() as usize).clamp(from + 1, count.max(from + 1));
    (from, to)
}

fn mean_chroma(chroma: &[[f32; 12]], start_s: f64, end_s: f64) -> [f32; 12] {
    let (from, to) = frames_in(start_s, end_s, HARMONY_FPS, chroma.len());
    let mut sum = [0.0f32; 12];
    for frame in chroma.get(from..to).unwrap_or_default() {
        for (total, value) in sum.iter_mut().zip(frame) {
            *total += value;
        }
    }
    let mean = sum.iter().sum::<f32>() / 12.0;
    let centred = sum.map(|value| value - mean);
    let norm = centred
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .sqrt();
    if norm > 1e-9 {
        centred.map(|value| value / norm)
    } else {
        [0.0; 12]
    }
}

fn mean_timbre(spectra: &Spectra, start_s: f64, end_s: f64) -> [f32; TIMBRE_COUNT] {
    let rows = &spectra.timbre.rows;
    let (from, to) = frames_in(start_s, end_s, TIMBRE_FPS, rows.len());
    let rows = rows.get(from..to).unwrap_or_default();
    let count = rows.len().max(1) as f32;
    std::array::from_fn(|index| {
        let sum: f32 = rows.iter().map(|row| row.mfcc[index]).sum();
        sum / count / SCALES[index]
    })
}
