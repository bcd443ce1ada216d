//! Key and tuning: tuned pitch-class profiles of spectral peaks against published key profiles.

use super::confidence::{key_confidence, key_evidence};
use super::frames::{HARMONY_HOP, HARMONY_WINDOW};
use super::key_features::{KeyFeatures, KeyFrames};
use super::key_profiles::{ALBRECHT_SHANAHAN, KRUMHANSL_KESSLER, KeyProfile, TEMPERLEY};
use super::resample::ANALYSIS_RATE_HZ;
use super::true_peak::largest;

/// Range of peaks that carry harmony, in hertz: from the lowest bass string to the top of the staff;
/// above are mostly overtones and cymbals.
const PEAK_RANGE_HZ: (f64, f64) = (52.0, 2_100.0);
/// Half width of the spectral envelope that whitening divides by, relative to the frequency.
const ENVELOPE_WIDTH: f64 = 0.35;
/// A peak counts when it is this much over the envelope.
const PEAK_OVER_ENVELOPE: f32 = 1.6;
/// A peak counts when it is no further than this under the loudest of its frame (−60 dB).
const PEAK_RELATIVE_FLOOR: f32 = 1e-3;
/// Share of a peak that supports each lower fundamental it may be an overtone of, per overtone step
/// (Gómez, "Tonal description of music audio signals", PhD thesis, UPF 2006, section 3.3.3).
const OVERTONE_DECAY: f32 = 0.8;
/// Overtones considered.
const OVERTONE_COUNT: usize = 4;
/// Weight in a pitch class as function of mistuning: cosine squared, zero at two thirds of a semitone.
const CLASS_HALF_WIDTH: f32 = 2.0 / 3.0;
/// Highest note of a bass, as MIDI number (G3), and how faint beside the loudest peak of its frame it may be.
const BASS_PITCH_MAX: f32 = 55.0;
const BASS_SHARE_MIN: f32 = 0.25;
/// Names of the pitch classes.
pub(crate) const PITCH_CLASS_NAMES: [&str; 12] = [
    "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B",
];

/// Harmony frames per second.
pub(crate) const HARMONY_FPS: f64 = ANALYSIS_RATE_HZ as f64 / HARMONY_HOP as f64;

/// One spectral peak.
#[derive(Debug, Clone, Copy)]
struct Peak {
    /// Semitones above MIDI note 0 at A = 440 Hz.
    pitch: f32,
    weight: f32,
}

/// Spectral peaks of a track, frame by frame.
#[derive(Debug, Default)]
pub(crate) struct HarmonyFrames {
    peaks: Vec<Peak>,
    /// End of each frame's peaks in `peaks`.
    ends: Vec<usize>,
}

/// Finds the peaks of magnitude spectra.
pub(crate) struct PeakPicker {
    cumulative: Vec<f64>,
    /// First and past-the-last bin of the envelope around each bin.
    spans: Vec<(usize, usize)>,
    bins: std::ops::Range<usize>,
    frames: HarmonyFrames,
}

impl PeakPicker {
    pub(crate) fn new() -> Self {
        let bin_hz = f64::from(ANALYSIS_RATE_HZ) / HARMONY_WINDOW as f64;
        let bin_count = HARMONY_WINDOW / 2 + 1;
        let low = (PEAK_RANGE_HZ.0 / bin_hz).floor() as usize;
        let high = (PEAK_RANGE_HZ.1 / bin_hz).ceil() as usize;
        let spans = (0..high + 2)
            .map(|bin| {
                let half = ((bin as f64 * ENVELOPE_WIDTH) as usize).max(12);
                (bin.saturating_sub(half), (bin + half + 1).min(bin_count))
            })
            .collect();
        Self {
            cumulative: Vec::with_capacity(bin_count + 1),
            spans,
            bins: low..high,
            frames: HarmonyFrames::default(),
        }
    }

    /// Adds the peaks of one frame.
    pub(crate) fn push(&mut self, magnitudes: &[f32]) {
        self.cumulative.clear();
        let mut sum = 0.0f64;
        self.cumulative.push(sum);
        for &magnitude in magnitudes.iter().take(self.bins.end * 2) {
            sum += f64::from(magnitude);
            self.cumulative.push(sum);
        }
        let limit = self.cumulative.len() - 1;
        let loudest = largest(magnitudes[self.bins.clone()].iter().copied());
        let floor = loudest * PEAK_RELATIVE_FLOOR + 1e-6;
        let bin_hz = ANALYSIS_RATE_HZ as f32 / HARMONY_WINDOW as f32;
        for bin in self.bins.clone() {
            let (left, here, right) = (magnitudes[bin - 1], magnitudes[bin], magnitudes[bin + 1]);
            if here < floor || here <= left || here < right {
                continue;
            }
            let (from, to) = self.spans[bin];
            let to = to.min(limit);
            let mean = (self.cumulative[to] - self.cumulative[from]) / (to - from).max(1) as f64;
            let whitened = here / (mean as f32 + 1e-7);
            if whitened < PEAK_OVER_ENVELOPE {
                continue;
            }
            // Parabola through the log magnitudes: exact for a Gaussian main lobe, near it for Hann.
            let (left, here_log, right) = ((left + 1e-9).ln(), here.ln(), (right + 1e-9).ln());
            let curvature = left - 2.0 * here_log + right;
            let offset = if curvature < 0.0 {
                0.5 * (left - right) / curvature
            } else {
                0.0
            };
            let frequency = (bin as f32 + offset.clamp(-0.5, 0.5)) * bin_hz;
            let pitch = 69.0 + 12.0 * (frequency / 440.0).log2();
            let weight = (here / loudest).sqrt() * whitened.ln();
            self.frames.peaks.push(Peak { pitch, weight });
        }
        self.frames.ends.push(self.frames.peaks.len());
    }

    pub(crate) fn finish(self) -> HarmonyFrames {
        self.frames
    }
}

impl HarmonyFrames {
    fn frames(&self) -> impl Iterator<Item = &[Peak]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(from, &to)| self.peaks.get(from..to).unwrap_or_default())
    }

    /// Deviation of the tuning from A = 440 Hz in semitones, −0.5..0.5; `None` without peaks.
    ///
    /// - Source: circular mean of the peaks' distance to the nearest semitone, as in Gómez 2006.
    pub(crate) fn tuning(&self) -> Option<f32> {
        let (mut x, mut y) = (0.0f64, 0.0f64);
        for peak in &self.peaks {
            let angle = f64::from(peak.pitch) * std::f64::consts::TAU;
            x += f64::from(peak.weight) * angle.cos();
            y += f64::from(peak.weight) * angle.sin();
        }
        (x != 0.0 || y != 0.0).then(|| (y.atan2(x) / std::f64::consts::TAU) as f32)
    }

    /// Pitch-class profiles in the track's own tuning; empty without peaks.
    pub(crate) fn tuned_chroma(&self) -> Vec<[f32; 12]> {
        self.tuning()
            .map(|tuning| self.chroma(tuning))
            .unwrap_or_default()
    }

    /// Pitch class of the bass of every frame, in the track's own tuning: of the lowest peak that is not faint, where
    /// it lies under the highest bass note. Empty without peaks.
    pub(crate) fn tuned_bass(&self) -> Vec<[f32; 12]> {
        let Some(tuning) = self.tuning() else {
            return Vec::new();
        };
        self.frames()
            .map(|peaks| {
                let mut bass = [0.0f32; 12];
                let loudest = largest(peaks.iter().map(|peak| peak.weight));
                // Peaks rise.
                let lowest = peaks
                    .iter()
                    .find(|peak| peak.weight >= loudest * BASS_SHARE_MIN);
                if let Some(peak) = lowest {
                    let pitch = (peak.pitch - tuning).round();
                    if pitch <= BASS_PITCH_MAX {
                        bass[(pitch as i32).rem_euclid(12) as usize] = peak.weight;
                    }
                }
                bass
            })
            .collect()
    }

    /// Pitch-class profile of every frame, C first.
    pub(crate) fn chroma(&self, tuning: f32) -> Vec<[f32; 12]> {
        // Overtone h of a fundamental lies 12·log2(h) semitones above it.
        let steps: [(f32, f32); OVERTONE_COUNT] = std::array::from_fn(|index| {
            (
                12.0 * ((index + 1) as f32).log2(),
                OVERTONE_DECAY.powi(index as i32),
            )
        });
        self.frames()
            .map(|peaks| {
                let mut chroma = [0.0f32; 12];
                for peak in peaks {
                    for (step, share) in steps {
                        add_to_classes(
                            &mut chroma,
                            peak.pitch - tuning - step,
                            peak.weight * share,
                        );
                    }
                }
                chroma
            })
            .collect()
    }
}

fn add_to_classes(chroma: &mut [f32; 12], pitch: f32, weight: f32) {
    let below = pitch.floor();
    for class_pitch in [below, below + 1.0] {
        let distance = (pitch - class_pitch).abs();
        if distance < CLASS_HALF_WIDTH {
            let cosine = (std::f32::consts::FRAC_PI_2 * distance / CLASS_HALF_WIDTH).cos();
            let class = (class_pitch as i32).rem_euclid(12) as usize;
            chroma[class] += weight * cosine * cosine;
        }
    }
}

/// A key with the evidence for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct KeyEstimate {
    /// Pitch class of the tonic, C = 0.
    pub tonic: usize,
    pub is_minor: bool,
    /// Tonic and whether it is minor of the key with the next best score.
    pub runner_up: (usize, bool),
    /// Correlation with the profiles, −1..=1.
    pub strength: f64,
    /// What the confidence goes by.
    pub evidence: [f64; 1],
    pub confidence: f64,
}

impl KeyEstimate {
    pub(crate) fn mode_name(&self) -> &'static str {
        if self.is_minor { "minor" } else { "major" }
    }

    /// Position on the Camelot wheel: `8B` is C major, `8A` its relative minor.
    pub(crate) fn camelot(&self) -> String {
        let major_tonic = if self.is_minor {
            (self.tonic + 3) % 12
        } else {
            self.tonic
        };
        let hour = (major_tonic * 7 + 7) % 12 + 1;
        format!("{hour}{}", if self.is_minor { 'A' } else { 'B' })
    }
}

/// Mean of the frames' pitch-class profiles, each scaled to unit sum and weighted by the square root
/// of its strength, so that loud passages count more but not alone.
pub(crate) fn mean_chroma(frames: &[[f32; 12]]) -> [f64; 12] {
    let mut mean = [0.0f64; 12];
    for frame in frames {
        let sum: f32 = frame.iter().sum();
        if sum <= 0.0 {
            continue;
        }
        let scale = 1.0 / f64::from(sum).sqrt();
        for (total, &value) in mean.iter_mut().zip(frame) {
            *total += f64::from(value) * scale;
        }
    }
    let total: f64 = mean.iter().sum();
    if total > 0.0 {
        mean.iter_mut().for_each(|value| *value /= total);
    }
    mean
}

/// Least relative spread of a profile that can have a key, and its rise for short tracks: white noise
/// has about 1.6 over the root of the frame count.
const SPREAD_MIN: f64 = 0.2;
const SPREAD_SHORT: f64 = 2.0;
/// Least [`tonality`]: random clicks, sweeps and noise reach 0.13, the clips of the audio kit start at 0.19.
pub(crate) const TONALITY_MIN: f64 = 0.16;
/// Distance of the frames that are held against each other for it: a third of a second, which notes last and
/// clicks do not.
const HELD_FRAMES: usize = 4;
/// Least number of pitch classes (as exponential entropy) that make a key rather than a tone.
const CLASS_COUNT_MIN: f64 = 3.0;
/// Advantage of minor keys, as correlation: profiles from notated music expect the raised leading
/// note that popular music leaves out, and then prefer the relative major.
const MINOR_BONUS: f64 = 0.12;

/// Finds the key.
///
/// - `frames` are pitch-class profiles at [`HARMONY_FPS`]; `None` when nothing tonal sounds.
/// - Cost: O(frames).
/// - Source: see [`KeyFeatures::key_shares`]. The strength is the correlation with key profiles after Krumhansl,
///   "Cognitive Foundations of Musical Pitch", Oxford 1990, chapter 4, of the three of [`super::key_profiles`].
pub(crate) fn estimate_key(frames: &KeyFrames<'_>) -> Option<KeyEstimate> {
    let whole = mean_chroma(frames.chroma);
    if tonality(frames.chroma, &whole) < TONALITY_MIN {
        return None;
    }
    let shares = KeyFeatures::of(frames).key_shares();
    let best_but = |left_out: Option<usize>| {
        (0..shares.len())
            .filter(|&key| Some(key) != left_out)
            .max_by(|&a, &b| shares[a].total_cmp(&shares[b]))
    };
    let best = best_but(None)?;
    let runner_up = best_but(Some(best))?;
    let strength = key_scores(&whole)
        .into_iter()
        .fold(f64::NEG_INFINITY, f64::max);
    let evidence = key_evidence(shares[best], shares[runner_up]);
    Some(KeyEstimate {
        tonic: best % 12,
        is_minor: best >= 12,
        runner_up: (runner_up % 12, runner_up >= 12),
        strength: strength.min(1.0),
        evidence,
        confidence: key_confidence(&evidence),
    })
}

/// How far profiles are those of notes that make a key: the share of frames that have peaks at all, times how alike
/// frames a third of a second apart are, times the spread of the whole. 0 where the whole is as even as noise or of
/// too few classes.
///
/// - `whole` is the [`mean_chroma`] of the frames.
pub(crate) fn tonality(frames: &[[f32; 12]], whole: &[f64; 12]) -> f64 {
    let entropy: f64 = whole
        .iter()
        .filter(|&&value| value > 0.0)
        .map(|value| -value * value.ln())
        .sum();
    let spread = deviation(whole) * 12.0;
    let spread_min = SPREAD_MIN.max(SPREAD_SHORT / (frames.len().max(1) as f64).sqrt());
    if whole.iter().sum::<f64>() <= 0.0 || spread < spread_min || entropy.exp() < CLASS_COUNT_MIN {
        return 0.0;
    }
    let norm = |frame: &[f32; 12]| frame.iter().map(|value| value * value).sum::<f32>().sqrt();
    let sounding = frames.iter().filter(|frame| norm(frame) > 0.0).count();
    let later = frames
        .get(HELD_FRAMES.min(frames.len())..)
        .unwrap_or_default();
    let (mut likeness, mut pair_count) = (0.0f64, 0.0f64);
    for (one, other) in frames.iter().zip(later) {
        let scale = norm(one) * norm(other);
        if scale > 0.0 {
            let dot: f32 = one.iter().zip(other).map(|(a, b)| a * b).sum();
            likeness += f64::from(dot / scale);
            pair_count += 1.0;
        }
    }
    let held = likeness / f64::max(pair_count, 1.0);
    held * spread * sounding as f64 / frames.len().max(1) as f64
}

/// Correlation with the 12 major, then the 12 minor keys.
pub(crate) fn key_scores(chroma: &[f64; 12]) -> [f64; 24] {
    const PROFILES: [(&KeyProfile, f64); 3] = [
        (&KRUMHANSL_KESSLER, 0.3),
        (&TEMPERLEY, 0.5),
        (&ALBRECHT_SHANAHAN, 0.2),
    ];
    let mut scores = [0.0; 24];
    for (profile, weight) in PROFILES {
        for tonic in 0..12 {
            let rotated: [f64; 12] = std::array::from_fn(|degree| chroma[(tonic + degree) % 12]);
            scores[tonic] += weight * correlation(&rotated, &profile.major);
            scores[12 + tonic] += weight * correlation(&rotated, &profile.minor);
        }
    }
    for score in scores.iter_mut().skip(12) {
        *score += MINOR_BONUS;
    }
    scores
}

fn deviation(values: &[f64; 12]) -> f64 {
    let mean = values.iter().sum::<f64>() / 12.0;
    (values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum::<f64>()
        / 12.0)
        .sqrt()
}

pub(crate) fn correlation(a: &[f64; 12], b: &[f64; 12]) -> f64 {
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / 12.0, b.iter().sum::<f64>() / 12.0);
    let covariance: f64 = a
        .iter()
        .zip(b)
        .map(|(x, y)| (x - mean_a) * (y - mean_b))
        .sum::<f64>()
        / 12.0;
    let scale = deviation(a) * deviation(b);
    if scale > 0.0 { covariance / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::frames::{Parts, Spectra};
    use super::*;

    /// Triads of a progression as sums of harmonic tones, half a second each.
    fn progression(chords: &[[i32; 3]], transpose: i32, cents: f32) -> Vec<f32> {
        let mut signal = Vec::new();
        for chord in chords {
            for index in 0..11_025 {
                let time = index as f32 / 22_050.0;
                let mut sample = 0.0;
                for note in chord {
                    let pitch = (note + transpose) as f32 + cents / 100.0;
                    let frequency = 440.0 * 2f32.powf((pitch - 69.0) / 12.0);
                    for overtone in 1..=5 {
                        let phase = std::f32::consts::TAU * frequency * overtone as f32 * time;
                        sample += phase.sin() / (overtone * overtone) as f32;
                    }
                }
                signal.push(sample * 0.1 * (-3.0 * time).exp());
            }
        }
        signal
    }

    fn key_of(signal: &[f32]) -> Option<KeyEstimate> {
        let harmony = Spectra::compute(
            signal,
            Parts {
                rhythm: false,
                harmony: true,
                timbre: false,
            },
        )
        .harmony;
        let (chroma, bass) = (harmony.tuned_chroma(), harmony.tuned_bass());
        estimate_key(&KeyFrames {
            chroma: &chroma,
            bass: &bass,
        })
    }

    #[test]
    fn finds_all_24_keys() {
        // I IV V I vi IV V I and i iv V i VI iv V i, around middle C.
        let (one, four, five, six) = ([60, 64, 67], [60, 65, 69], [59, 62, 67], [60, 64, 69]);
        let major = [one, four, five, one, six, four, five, one].repeat(2);
        let (one, four, five, six) = ([60, 63, 67], [60, 65, 68], [59, 62, 67], [60, 63, 68]);
        let minor = [one, four, five, one, six, four, five, one].repeat(2);
        for transpose in -6..6 {
            for (chords, is_minor) in [(&major, false), (&minor, true)] {
                let key = key_of(&progression(chords, transpose, 0.0)).expect("is tonal");
                let tonic = transpose.rem_euclid(12) as usize;
                assert_eq!((key.tonic, key.is_minor), (tonic, is_minor));
                assert_ne!(key.runner_up, (tonic, is_minor), "the next best is another");
            }
        }
    }

    #[test]
    fn measures_tuning_and_corrects_for_it() {
        let (one, four, five) = ([60, 64, 67], [60, 65, 69], [59, 62, 67]);
        let chords = [one, four, five, one].repeat(4);
        for cents in [-35.0f32, -10.0, 0.0, 20.0, 45.0] {
            let signal = progression(&chords, 2, cents);
            let harmony = Spectra::compute(&signal, Parts::ALL).harmony;
            let tuning = harmony.tuning().expect("is tuned") * 100.0;
            assert!((tuning - cents).abs() < 6.0, "{tuning} for {cents}");
            assert_eq!(key_of(&signal).expect("is tonal").tonic, 2);
        }
    }

    #[test]
    fn the_bass_is_the_lowest_note_where_it_is_low() {
        let bass_of = |chords: &[[i32; 3]], transpose| {
            let signal = progression(chords, transpose, 0.0);
            Spectra::compute(&signal, Parts::ALL).harmony.tuned_bass()
        };
        // D2 under the third of E major; the same notes two octaves higher have no bass. Where chords meet, the break
        // in the signal may be the lowest peak.
        let chords = [[38, 52, 56]; 6];
        let low = bass_of(&chords, 0);
        let is_d = |frame: &&[f32; 12]| frame[2] > 0.0;
        let share = low.iter().filter(is_d).count() as f64 / low.len() as f64;
        assert!(share > 0.5, "{share}");
        let high = bass_of(&chords, 24);
        assert!(high.iter().flatten().all(|&weight| weight == 0.0));
    }

    #[test]
    fn names_camelot_positions() {
        let name = |tonic, is_minor| {
            KeyEstimate {
                tonic,
                is_minor,
                runner_up: (0, false),
                strength: 1.0,
                evidence: [1.0],
                confidence: 1.0,
            }
            .camelot()
        };
        for (tonic, is_minor, expected) in [
            (0, false, "8B"),
            (9, true, "8A"),
            (7, false, "9B"),
            (5, false, "7B"),
            (6, true, "11A"),
            (11, false, "1B"),
            (8, true, "1A"),
            (4, false, "12B"),
        ] {
            assert_eq!(name(tonic, is_minor), expected);
        }
    }

    #[test]
    fn a_tone_and_silence_have_no_key() {
        let sine: Vec<f32> = (0..66_150)
            .map(|index| (std::f32::consts::TAU * 1_000.0 * index as f32 / 22_050.0).sin() * 0.3)
            .collect();
        assert_eq!(key_of(&sine), None);
        assert_eq!(key_of(&[0.0; 22_050]), None);
    }
}
