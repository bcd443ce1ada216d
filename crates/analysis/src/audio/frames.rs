//! The short-time spectra that every descriptor shares, computed once per track.

use super::key::{HarmonyFrames, PeakPicker};
use super::lanes;
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
const TIMBRE_STEP: usize = 4;
/// Window of the harmony frames: 372 ms, 2.7 Hz per bin, so that peaks of bass notes separate.
pub(crate) const HARMONY_WINDOW: usize = 8192;
/// Samples between two harmony frames: 93 ms, fine enough to place chord changes on beats.
pub(crate) const HARMONY_HOP: usize = 2048;
/// Root mean square that signals are scaled to, so that logarithmic compression does not depend on
/// how loud a track was mastered.
const RMS_TARGET: f64 = 0.1;
/// Root mean square under which a signal counts as silent: −100 dBFS, under 16-bit dither.
const RMS_SILENT: f64 = 1e-5;

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
    /// Computes the spectra of a mono signal at the analysis rate.
    ///
    /// - Cost: one 1024-point FFT per 256 samples, one 8192-point FFT per 2048; memory about
    ///   40 kB per second of music, magnitudes are not kept.
    pub(crate) fn compute(signal: &[f32], parts: Parts) -> Self {
        let rms = (lanes::power(signal) / signal.len().max(1) as f64).sqrt();
        let mut spectra = Self {
            is_silent: rms < RMS_SILENT,
            ..Self::default()
        };
        if spectra.is_silent {
            return spectra;
        }
        let gain = (RMS_TARGET / rms) as f32;
        if parts.rhythm || parts.timbre {
            spectra.compute_short(signal, gain, parts);
        }
        if parts.harmony {
            let mut picker = PeakPicker::new();
            let mut pass = StftPass::new(HARMONY_WINDOW, HARMONY_HOP, gain);
            pass.run(signal, |_, magnitudes, _| picker.push(magnitudes));
            spectra.harmony = picker.finish();
        }
        spectra
    }

    fn compute_short(&mut self, signal: &[f32], gain: f32, parts: Parts) {
        let filter = BandFilter::new(RHYTHM_WINDOW);
        let mut meter = TimbreMeter::new(RHYTHM_WINDOW);
        let mut glides = GlideMeter::new(RHYTHM_WINDOW);
        let mut pass = StftPass::new(RHYTHM_WINDOW, RHYTHM_HOP, gain);
        let frame_count = pass.frame_count(signal);
        let mut bands = Vec::with_capacity(if parts.rhythm {
            frame_count * BAND_COUNT
        } else {
            0
        });
        let is_every_step = !parts.rhythm;
        pass.run(signal, |index, magnitudes, samples| {
            if !is_every_step {
                filter.push_row(magnitudes, &mut bands);
            }
            if parts.timbre && index % TIMBRE_STEP == 0 {
                meter.push(magnitudes, samples, gain);
                glides.push(magnitudes);
            }
        });
        self.rhythm = RhythmFrames {
            frame_count: bands.len().checked_div(BAND_COUNT).unwrap_or(0),
            bands,
        };
        self.timbre = meter.finish();
        self.glides = glides.finish();
        if parts.timbre {
            self.levels = hop_levels(signal, gain);
        }
    }
}

/// Root mean square of every hop.
fn hop_levels(signal: &[f32], gain: f32) -> Vec<f32> {
    let hops = signal.chunks(RHYTHM_HOP);
    hops.map(|hop| (lanes::dot(hop, hop) / hop.len() as f32).sqrt() * gain)
        .collect()
}

/// One pass of a short-time Fourier transform; frame `i` is centred on sample `i × hop`.
struct StftPass {
    spectrum: MagnitudeSpectrum,
    window: Vec<f32>,
    hop: usize,
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
        }
    }

    fn frame_count(&self, signal: &[f32]) -> usize {
        if signal.is_empty() {
            0
        } else {
            signal.len().div_ceil(self.hop)
        }
    }

    /// Calls `visit(frame index, magnitudes, samples of the hop)` for every frame.
    ///
    /// - Shape: `magnitudes` has `window / 2 + 1` bins.
    fn run(&mut self, signal: &[f32], mut visit: impl FnMut(usize, &[f32], &[f32])) {
        let length = self.window.len();
        let half = length / 2;
        let mut padded = vec![0.0f32; length];
        for index in 0..self.frame_count(signal) {
            let centre = index * self.hop;
            let inside = centre
                .checked_sub(half)
                .and_then(|from| signal.get(from..from + length));
            let samples = match inside {
                Some(samples) => samples,
                None => {
                    copy_padded(signal, centre, &mut padded);
                    padded.as_slice()
                }
            };
            visit(index, self.spectrum.compute(samples, &self.window), samples);
        }
    }
}

/// Copies the window around `centre`, with silence outside the signal.
fn copy_padded(signal: &[f32], centre: usize, padded: &mut [f32]) {
    let half = padded.len() / 2;
    for (offset, value) in padded.iter_mut().enumerate() {
        *value = (centre + offset)
            .checked_sub(half)
            .and_then(|position| signal.get(position))
            .copied()
            .unwrap_or(0.0);
    }
}
