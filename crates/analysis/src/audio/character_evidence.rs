//! The measurements that energy, danceability, acousticness and voice are read from.

use realfft::RealFftPlanner;

use super::fluctuation::scaling_exponent;
use super::frames::{RHYTHM_FPS, Spectra};
use super::lanes;
use super::onset::BAND_COUNT;
use super::rhythm::Rhythm;
use super::tempo::Autocorrelation;
use super::voice::GlideFrame;

/// Bands between 300 and 3,400 Hz, the telephone band, in which speech is understood.
const SPEECH_BANDS: std::ops::Range<usize> = 16..60;
/// Bands over about 5 kHz: cymbals, breath, sibilants.
const HIGH_BANDS: std::ops::Range<usize> = 66..BAND_COUNT;
/// Frames of a window of the modulation spectrum: 5.9 s.
const MODULATION_WINDOW: usize = 512;
/// Modulation at which syllables follow each other, and the range it is compared with, in hertz
/// (Scheirer & Slaney 1997 take 4 Hz).
const SYLLABLE_RANGE_HZ: (f64, f64) = (3.0, 6.0);
const MODULATION_RANGE_HZ: (f64, f64) = (0.4, 16.0);
/// Lags of a pulse in seconds: 40 to 220 beats a minute.
const PULSE_RANGE_S: (f64, f64) = (0.27, 1.5);

/// What was measured; every value is finite.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct CharacterEvidence {
    /// Scaling exponent of the level, see [`scaling_exponent`]; only where a tempo is found.
    pub exponent: Option<f64>,
    /// Highest autocorrelation of the onset envelope among the lags of a pulse.
    pub pulse: f64,
    /// Onsets per second.
    pub onset_rate_hz: f64,
    /// Share of the change of the bands that is along time, 0..=1: percussion.
    pub percussive: f64,
    /// Mean share of a frame's magnitude that is new.
    pub flux: f64,
    /// Mean spectral centroid in hertz.
    pub centroid_hz: f64,
    /// Mean spectral flatness.
    pub flatness: f64,
    /// Mean compressed level of the bands over 5 kHz relative to all.
    pub brightness: f64,
    /// How full the bands are, relative to their 95th percentile.
    pub density: f64,
    /// Share of frames under half of the mean level around them.
    pub low_energy: f64,
    /// Share of the modulation of the speech bands that is at the rate of syllables.
    pub syllables: f64,
    /// Coefficient of variation of the zero crossings.
    pub crossings: f64,
    /// Mean movement of partials that goes on in one direction.
    pub glide: f64,
}

impl CharacterEvidence {
    /// All values that are known, by name.
    pub(crate) fn named(&self) -> Vec<(&'static str, f64)> {
        let mut named = vec![
            ("pulse", self.pulse),
            ("onset_rate_hz", self.onset_rate_hz),
            ("percussive", self.percussive),
            ("flux", self.flux),
            ("centroid_hz", self.centroid_hz),
            ("flatness", self.flatness),
            ("brightness", self.brightness),
            ("density", self.density),
            ("low_energy", self.low_energy),
            ("syllables", self.syllables),
            ("crossings", self.crossings),
            ("glide", self.glide),
        ];
        named.extend(self.exponent.map(|exponent| ("exponent", exponent)));
        named
    }
}

/// Measures the evidence; `None` when the track is silent. Cost: O(frames), two FFTs over the onset
/// envelope and one of 512 per 3 s.
pub(crate) fn measure_evidence(spectra: &Spectra, rhythm: &Rhythm) -> Option<CharacterEvidence> {
    let timbre = &spectra.timbre;
    if timbre.rows.is_empty() || spectra.rhythm.frame_count == 0 {
        return None;
    }
    let movement = Movement::measure(&spectra.rhythm.bands);
    let crossings = timbre.moments(|row| row.zero_crossing_hz);
    Some(CharacterEvidence {
        exponent: rhythm.tempo.and_then(|_| scaling_exponent(&spectra.levels)),
        pulse: pulse(&rhythm.repeats),
        onset_rate_hz: rhythm.envelope.onset_rate_hz,
        percussive: movement.percussive,
        flux: timbre.moments(|row| row.flux).mean,
        centroid_hz: timbre.moments(|row| row.centroid_hz).mean,
        flatness: timbre.moments(|row| row.flatness).mean,
        brightness: movement.brightness,
        density: movement.density,
        low_energy: low_energy_share(&spectra.levels),
        syllables: syllable_share(&movement.speech),
        crossings: crossings.deviation / crossings.mean.max(1.0),
        glide: lasting_glide(&spectra.glides),
    })
}

/// How the bands change along time and along frequency, and the level of the speech bands.
struct Movement {
    percussive: f64,
    brightness: f64,
    density: f64,
    speech: Vec<f32>,
}

impl Movement {
    /// - Source: Ono, Miyamoto, Le Roux, Kameoka & Sagayama, "Separation of a monaural audio signal
    ///   into harmonic/percussive components by complementary diffusion on spectrogram", EUSIPCO 2008:
    ///   percussion is smooth along frequency and rough along time, held notes the other way round.
    fn measure(bands: &[f32]) -> Self {
        let mut before = [0.0f32; BAND_COUNT];
        let (mut along_time, mut along_frequency) = (0.0f64, 0.0f64);
        let (mut high, mut whole) = (0.0f64, 0.0f64);
        let rows = bands.chunks_exact(BAND_COUNT);
        let mut totals = Vec::with_capacity(rows.len());
        let mut speech = Vec::with_capacity(rows.len());
        for (index, row) in rows.enumerate() {
            if index > 0 {
                let square = |a: f32, b: f32| (a - b) * (a - b);
                let time = lanes::sum_of_pairs(row, &before, square);
                let frequency = lanes::sum_of_pairs(&row[1..], row, square);
                along_time += f64::from(time);
                along_frequency += f64::from(frequency);
            }
            before.copy_from_slice(row);
            let total = lanes::sum(row);
            whole += f64::from(total);
            high += f64::from(lanes::sum(&row[HIGH_BANDS]));
            totals.push(total);
            speech.push(lanes::sum(&row[SPEECH_BANDS]) / SPEECH_BANDS.len() as f32);
        }
        let count = totals.len().max(1) as f64;
        let place = (totals.len() * 95 / 100).min(totals.len().saturating_sub(1));
        let full = if totals.is_empty() {
            0.0
        } else {
            *totals.select_nth_unstable_by(place, f32::total_cmp).1
        };
        Self {
            percussive: along_time / (along_time + along_frequency).max(1e-9),
            brightness: high / whole.max(1e-9),
            density: whole / count / f64::from(full).max(1e-9),
            speech,
        }
    }
}

/// Clarity of the pulse.
///
/// - Source: the maximum of the autocorrelation in Lartillot, Eerola, Toiviainen & Fornari,
///   "Multi-feature modeling of pulse clarity", ISMIR 2008.
fn pulse(repeats: &Autocorrelation) -> f64 {
    let (from, to) = PULSE_RANGE_S;
    let lags = (from * RHYTHM_FPS) as usize..(to * RHYTHM_FPS) as usize;
    lags.map(|lag| repeats.at(lag as f64)).fold(0.0, f64::max)
}

/// Share of frames whose level is under half of the mean of the second around them.
///
/// - Source: Scheirer & Slaney, "Construction and evaluation of a robust multifeature speech/music
///   discriminator", ICASSP 1997, percentage of low-energy frames.
fn low_energy_share(levels: &[f32]) -> f64 {
    let second = RHYTHM_FPS as usize;
    // 46 ms of level, as long as a spectrum's window.
    let smooth: Vec<f32> = levels
        .chunks(4)
        .map(|chunk| chunk.iter().sum::<f32>() / chunk.len() as f32)
        .collect();
    let mut low = 0usize;
    for around in smooth.chunks(second / 4) {
        let mean = around.iter().sum::<f32>() / around.len() as f32;
        low += around.iter().filter(|&&level| level < 0.5 * mean).count();
    }
    low as f64 / smooth.len().max(1) as f64
}

/// Share of the modulation that is at the rate of syllables.
fn syllable_share(levels: &[f32]) -> f64 {
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(MODULATION_WINDOW);
    let mut input = fft.make_input_vec();
    let mut spectrum = fft.make_output_vec();
    let bin_hz = RHYTHM_FPS / MODULATION_WINDOW as f64;
    let (mut syllables, mut whole) = (0.0f64, 0.0f64);
    for window in levels
        .windows(MODULATION_WINDOW)
        .step_by(MODULATION_WINDOW / 2)
    {
        let mean = window.iter().sum::<f32>() / MODULATION_WINDOW as f32;
        for (index, (slot, value)) in input.iter_mut().zip(window).enumerate() {
            let phase = std::f32::consts::TAU * index as f32 / MODULATION_WINDOW as f32;
            *slot = (value - mean) * (0.5 - 0.5 * phase.cos());
        }
        if fft.process(&mut input, &mut spectrum).is_err() {
            continue;
        }
        for (bin, value) in spectrum.iter().enumerate() {
            let frequency = bin as f64 * bin_hz;
            let power = f64::from(value.norm_sqr());
            if (MODULATION_RANGE_HZ.0..MODULATION_RANGE_HZ.1).contains(&frequency) {
                whole += power;
                if (SYLLABLE_RANGE_HZ.0..SYLLABLE_RANGE_HZ.1).contains(&frequency) {
                    syllables += power;
                }
            }
        }
    }
    if whole > 0.0 { syllables / whole } else { 0.0 }
}

/// Mean movement that goes on in the same direction for two frames: a voice that glides or holds a
/// vibrato. What jumps from note to note, or flickers, turns about from frame to frame.
fn lasting_glide(glides: &[GlideFrame]) -> f64 {
    let lasting = glides.windows(2).map(|pair| {
        let direction = (pair[0].direction * pair[1].direction).max(0.0).sqrt();
        f64::from(direction * pair[0].moved.min(pair[1].moved))
    });
    lasting.sum::<f64>() / glides.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percussion_and_held_notes_lie_at_the_ends() {
        let struck: Vec<f32> = (0..200)
            .flat_map(|frame| [if frame % 20 == 0 { 3.0 } else { 0.1 }; BAND_COUNT])
            .collect();
        let held: Vec<f32> = (0..200)
            .flat_map(|_| (0..BAND_COUNT).map(|band| if band % 9 == 0 { 3.0 } else { 0.1 }))
            .collect();
        assert!(Movement::measure(&struck).percussive > 0.99);
        assert!(Movement::measure(&held).percussive < 0.01);
        let nothing = Movement::measure(&[]);
        assert_eq!((nothing.percussive, nothing.density), (0.0, 0.0));
    }

    #[test]
    fn syllables_are_modulation_at_four_hertz() {
        let modulated = |rate_hz: f64| -> Vec<f32> {
            (0..2_000)
                .map(|frame| {
                    let time = f64::from(frame) / RHYTHM_FPS;
                    (1.0 + (std::f64::consts::TAU * rate_hz * time).sin()) as f32
                })
                .collect()
        };
        assert!(syllable_share(&modulated(4.0)) > 0.9);
        assert!(syllable_share(&modulated(1.0)) < 0.1);
        assert_eq!(syllable_share(&[0.5; 10]), 0.0);
    }

    #[test]
    fn a_glide_lasts_and_a_flicker_does_not() {
        let frames = |signs: [f32; 2]| -> Vec<GlideFrame> {
            (0..40)
                .map(|index| GlideFrame {
                    direction: 0.4 * signs[index % 2],
                    moved: 0.2,
                })
                .collect()
        };
        assert!(lasting_glide(&frames([1.0, 1.0])) > 0.07);
        assert_eq!(lasting_glide(&frames([1.0, -1.0])), 0.0);
        assert_eq!(lasting_glide(&[]), 0.0);
    }

    #[test]
    fn pauses_are_low_energy() {
        let spoken: Vec<f32> = (0..860)
            .map(|frame| if frame / 20 % 2 == 0 { 1.0 } else { 0.05 })
            .collect();
        assert!(low_energy_share(&spoken) > 0.3);
        assert_eq!(low_energy_share(&[0.3; 860]), 0.0);
    }
}
