//! The short-time spectra that every descriptor shares, computed once per track.

use super::key::{HarmonyFrames, PeakPicker};
use super::lanes::{self, RunningPower};
use super::magnitude_spectrum::MagnitudeSpectrum;
use super::onset::{BAND_COUNT, BandFilter};
use super::resample::ANALYSIS_RATE_HZ;
use super::timbre::{TimbreFrames, TimbreMeter};
use super::voice::{GlideFrame, GlideMeter};

/// Samples between two rhythm frames: 11.6 ms, a sixth of the tolerance in which a beat counts as hit.
pub(crate) const RHYTHM_HOP: usize = 256;
/// Window of the rhythm and timbre frames: 46 ms, short enough to separate sixteenths at 200 bpm.
const RHYTHM_WINDOW: usize = 2048;
/// Rhythm frames per second.
pub(crate) const RHYTHM_FPS: f64 = ANALYSIS_RATE_HZ as f64 / RHYTHM_HOP as f64;
/// Every which rhythm frame is also a timbre frame: windows then tile without overlap.
pub(crate) const TIMBRE_STEP: usize = 4;
/// Window of the harmony frames: 372 ms, 2.7 Hz per bin, so that peaks of bass notes separate.
pub(crate) const HARMONY_WINDOW: usize = 8192;
/// Samples between two harmony frames: 93 ms, fine enough to place chord changes on beats.
pub(crate) const HARMONY_HOP: usize = 2048;
/// Root mean square that signals are scaled to, so that logarithmic compression does not depend on
/// how loud a track was mastered.
const RMS_TARGET: f64 = 0.1;
/// Root mean square under which a signal counts as silent: −100 dBFS, under 16-bit dither.
const RMS_SILENT: f64 = 1e-5;

/// Level of the working signal relative to that of the track, in decibels; 0 for silence.
pub(crate) fn working_gain_db(power: &RunningPower) -> f64 {
    let rms = power.mean().sqrt();
    match rms < RMS_SILENT {
        true => 0.0,
        false => 20.0 * (RMS_TARGET / rms).log10(),
    }
}

/// Which parts of the spectra a caller needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    pub rhythm: bool,
    pub harmony: bool,
    pub timbre: bool,
}

impl Parts {
    pub(crate) const ALL: Self = Self {
        rhythm: true,
        harmony: true,
        timbre: true,
    };
}

/// Log-compressed band magnitudes for onset detection.
#[derive(Debug, Default)]
pub(crate) struct RhythmFrames {
    pub frame_count: usize,
    /// `[frame_count × BAND_COUNT]`, rows are frames.
    pub bands: Vec<f32>,
}

/// Everything the descriptors read of a track.
#[derive(Debug, Default)]
pub(crate) struct Spectra {
    pub is_silent: bool,
    pub rhythm: RhythmFrames,
    pub timbre: TimbreFrames,
    /// How partials moved, one a timbre frame.
    pub glides: Vec<GlideFrame>,
    /// Root mean square of every rhythm hop, at the working level.
    pub levels: Vec<f32>,
    pub harmony: HarmonyFrames,
}

impl Spectra {
    /// Computes the spectra of a mono signal at the analysis rate; see [`SpectraMeter`].
    pub(crate) fn compute(signal: &[f32], parts: Parts) -> Self {
        let mut power = RunningPower::default();
        power.push(signal);
        let mut meter = SpectraMeter::new(&power, parts);
        meter.push(signal);
        meter.finish()
    }

    /// The first or the second half of the frames of short windows, copied; without harmony.
    pub(crate) fn half(&self, which: usize) -> Self {
        let row_count = self.timbre.rows.len() / 2;
        let rows = |scale: usize, count: usize| match which {
            0 => 0..(row_count * scale).min(count),
            _ => (row_count * scale).min(count)..count,
        };
        let bands = &self.rhythm.bands;
        let bands = bands[rows(TIMBRE_STEP * BAND_COUNT, bands.len())].to_vec();
        Self {
            is_silent: self.is_silent,
            rhythm: RhythmFrames {
                frame_count: bands.len() / BAND_COUNT,
                bands,
            },
            timbre: TimbreFrames {
                rows: self.timbre.rows[rows(1, self.timbre.rows.len())].to_vec(),
            },
            glides: self.glides[rows(1, self.glides.len())].to_vec(),
            levels: self.levels[rows(TIMBRE_STEP, self.levels.len())].to_vec(),
            harmony: HarmonyFrames::default(),
        }
    }
}

/// Computes the spectra of a mono signal at the analysis rate that comes in parts, of which the power is known.
///
/// - How the signal is parted does not show.
/// - Cost: one 1024-point FFT per 256 samples, one 8192-point FFT per 2048; memory about 35 kB per second
///   of music, of which 27 kB are laid aside at the start. Neither the signal nor magnitudes are kept.
pub(crate) struct SpectraMeter {
    is_silent: bool,
    short: Option<ShortPass>,
    harmony: Option<(StftPass, PeakPicker)>,
}

impl SpectraMeter {
    pub(crate) fn new(power: &RunningPower, parts: Parts) -> Self {
        let rms = power.mean().sqrt();
        if rms < RMS_SILENT {
            return Self {
                is_silent: true,
                short: None,
                harmony: None,
            };
        }
        let gain = (RMS_TARGET / rms) as f32;
        let has_short = parts.rhythm || parts.timbre;
        let harmony = || {
            let pass = StftPass::new(HARMONY_WINDOW, HARMONY_HOP, gain);
            (pass, PeakPicker::new())
        };
        Self {
            is_silent: false,
            short: has_short.then(|| ShortPass::new(gain, parts, power.sample_count)),
            harmony: parts.harmony.then(harmony),
        }
    }

    pub(crate) fn push(&mut self, signal: &[f32]) {
        for part in signal.chunks(PART_SAMPLES) {
            if let Some(short) = &mut self.short {
                short.pass.push(part, |frame| short.meters.take(frame));
            }
            if let Some((pass, picker)) = &mut self.harmony {
                pass.push(part, |frame| picker.push(frame.magnitudes));
            }
        }
    }

    pub(crate) fn finish(self) -> Spectra {
        let mut spectra = Spectra {
            is_silent: self.is_silent,
            ..Spectra::default()
        };
        if let Some(mut short) = self.short {
            short.pass.finish(|frame| short.meters.take(frame));
            let meters = short.meters;
            spectra.rhythm = RhythmFrames {
                frame_count: meters.bands.len() / BAND_COUNT,
                bands: meters.bands,
            };
            spectra.timbre = meters.timbre.finish();
            spectra.glides = meters.glides.finish();
            spectra.levels = meters.levels;
        }
        if let Some((mut pass, mut picker)) = self.harmony {
            pass.finish(|frame| picker.push(frame.magnitudes));
            spectra.harmony = picker.finish();
        }
        spectra
    }
}

/// Samples that go through both passes together, so that they are near the processor.
const PART_SAMPLES: usize = 16_384;

/// The pass of short windows, and what measures them.
struct ShortPass {
    pass: StftPass,
    meters: ShortMeters,
}

struct ShortMeters {
    parts: Parts,
    gain: f32,
    filter: BandFilter,
    bands: Vec<f32>,
    timbre: TimbreMeter,
    glides: GlideMeter,
    levels: Vec<f32>,
}

impl ShortPass {
    /// Plans the pass over so many samples.
    fn new(gain: f32, parts: Parts, sample_count: usize) -> Self {
        let frame_count = sample_count.div_ceil(RHYTHM_HOP);
        let band_count = if parts.rhythm { BAND_COUNT } else { 0 };
        Self {
            pass: StftPass::new(RHYTHM_WINDOW, RHYTHM_HOP, gain),
            meters: ShortMeters {
                parts,
                gain,
                filter: BandFilter::new(RHYTHM_WINDOW),
                // Grown by doubling it would need half as much again while it is copied.
                bands: Vec::with_capacity(frame_count * band_count),
                timbre: TimbreMeter::new(RHYTHM_WINDOW),
                glides: GlideMeter::new(RHYTHM_WINDOW),
                levels: Vec::new(),
            },
        }
    }
}

impl ShortMeters {
    fn take(&mut self, frame: &StftFrame<'_>) {
        if self.parts.rhythm {
            self.filter.push_row(frame.magnitudes, &mut self.bands);
        }
        if !self.parts.timbre {
            return;
        }
        if frame.index.is_multiple_of(TIMBRE_STEP) {
            self.timbre.push(frame.magnitudes, frame.samples, self.gain);
            self.glides.push(frame.magnitudes);
        }
        let power = lanes::dot(frame.hop, frame.hop) / frame.hop.len() as f32;
        self.levels.push(power.sqrt() * self.gain);
    }
}

/// One frame of a short-time Fourier transform.
struct StftFrame<'a> {
    index: usize,
    /// `window / 2 + 1` bins.
    magnitudes: &'a [f32],
    /// The samples under the window, without it.
    samples: &'a [f32],
    /// Those of them that come before the centre of the next frame, from the centre on.
    hop: &'a [f32],
}

/// A short-time Fourier transform of a signal that comes in parts; frame `i` is centred on sample `i × hop`.
struct StftPass {
    spectrum: MagnitudeSpectrum,
    window: Vec<f32>,
    hop: usize,
    /// The signal from where the next window begins, and what is before it until that is dropped.
    heard: Vec<f32>,
    /// Where in it the next window begins.
    next: usize,
    index: usize,
    sample_count: usize,
}

impl StftPass {
    /// Plans a pass. The window holds `gain` and the scale that makes a full-scale sine read 1.
    fn new(window_length: usize, hop: usize, gain: f32) -> Self {
        let scale = 4.0 / window_length as f64 * f64::from(gain);
        let window = (0..window_length)
            .map(|index| {
                let phase = std::f64::consts::TAU * index as f64 / window_length as f64;
                ((0.5 - 0.5 * phase.cos()) * scale) as f32
            })
            .collect();
        Self {
            spectrum: MagnitudeSpectrum::new(window_length),
            window,
            hop,
            // Silence lies before the signal.
            heard: vec![0.0; window_length / 2],
            next: 0,
            index: 0,
            sample_count: 0,
        }
    }

    /// Takes in a part and calls `visit` for every frame that it completes.
    fn push(&mut self, samples: &[f32], mut visit: impl FnMut(&StftFrame<'_>)) {
        self.sample_count += samples.len();
        // What is left of a window is copied once for several of them.
        if self.next > 4 * self.window.len() {
            self.heard.drain(..self.next);
            self.next = 0;
        }
        self.heard.extend_from_slice(samples);
        while self.next + self.window.len() <= self.heard.len() {
            self.visit(self.hop, &mut visit);
        }
    }

    /// Calls `visit` for the frames whose window reaches over the end, after which is silence.
    fn finish(&mut self, mut visit: impl FnMut(&StftFrame<'_>)) {
        let silence = self.heard.len() + self.window.len();
        self.heard.resize(silence, 0.0);
        while self.index * self.hop < self.sample_count {
            let left = self.sample_count - self.index * self.hop;
            self.visit(left.min(self.hop), &mut visit);
        }
    }

    fn visit(&mut self, hop_count: usize, visit: &mut impl FnMut(&StftFrame<'_>)) {
        let length = self.window.len();
        let samples = &self.heard[self.next..self.next + length];
        visit(&StftFrame {
            index: self.index,
            magnitudes: self.spectrum.compute(samples, &self.window),
            samples,
            hop: &samples[length / 2..length / 2 + hop_count],
        });
        self.next += self.hop;
        self.index += 1;
    }
}
