//! What must hear every channel at the file's own rate, in one pass over a programme that comes in parts.

use super::lanes::RunningPower;
use super::loudness::{Loudness, LoudnessCurve, LoudnessMeter};
use super::resample::MonoMixer;
use super::waveform::{Waveform, WaveformPen};
use crate::analyzer::AnalysisError;

/// What one pass left.
pub(crate) struct Survey {
    pub duration_ms: u64,
    pub loudness: Loudness,
    pub loudness_curve: LoudnessCurve,
    pub waveform: Waveform,
    /// Power of the mono signal, which spectra are scaled by.
    pub power: RunningPower,
    /// The mono signal at the analysis rate; `None` when it did not fit the room for it.
    pub mono: Option<Vec<f32>>,
}

/// Surveys a programme.
///
/// - Shape: parts are `[frames × channels]`, interleaved, whole frames, all finite. How the programme is
///   parted does not show.
/// - Cost: O(frames × channels); memory 2 MB for the waveform, 1.8 kB a second for loudness, and the room for
///   the mono signal.
pub(crate) struct Surveyor {
    sample_rate_hz: u32,
    channel_count: usize,
    frame_count: u64,
    loudness: LoudnessMeter,
    pen: WaveformPen,
    mixer: MonoMixer,
    mono: Mono,
}

/// The mono signal as far as it fits its room, and its power.
struct Mono {
    power: RunningPower,
    kept: Option<Vec<f32>>,
}

impl Mono {
    fn take(&mut self, samples: &[f32]) {
        self.power.push(samples);
        match &mut self.kept {
            Some(kept) if kept.capacity() - kept.len() >= samples.len() => {
                kept.extend_from_slice(samples);
            }
            kept => *kept = None,
        }
    }
}

impl Surveyor {
    /// Plans a survey that keeps the mono signal while it fits what `room` has laid aside.
    ///
    /// - Errors: as [`super::analyze_audio`].
    pub(crate) fn new(
        channel_count: usize,
        sample_rate_hz: u32,
        room: Vec<f32>,
    ) -> Result<Self, AnalysisError> {
        Ok(Self {
            sample_rate_hz,
            channel_count,
            frame_count: 0,
            mixer: MonoMixer::new(channel_count, sample_rate_hz)?,
            loudness: LoudnessMeter::new(channel_count, sample_rate_hz),
            pen: WaveformPen::new(channel_count),
            mono: Mono {
                power: RunningPower::default(),
                kept: Some(room),
            },
        })
    }

    pub(crate) fn push(&mut self, samples: &[f32]) -> Result<(), AnalysisError> {
        self.frame_count += (samples.len() / self.channel_count) as u64;
        self.loudness.push(samples);
        self.pen.push(samples);
        let mono = &mut self.mono;
        self.mixer.push(samples, &mut |samples| mono.take(samples))
    }

    /// Ends the survey.
    ///
    /// - Errors: [`AnalysisError::Unsuitable`] when there was no frame.
    pub(crate) fn finish(mut self) -> Result<Survey, AnalysisError> {
        if self.frame_count == 0 {
            return Err(AnalysisError::Unsuitable {
                reason: "the audio has no frames".to_owned(),
            });
        }
        let mono = &mut self.mono;
        self.mixer.finish(&mut |samples| mono.take(samples))?;
        let (loudness, loudness_curve) = self.loudness.finish();
        Ok(Survey {
            duration_ms: self.frame_count.saturating_mul(1_000) / u64::from(self.sample_rate_hz),
            loudness,
            loudness_curve,
            waveform: self.pen.finish(),
            power: self.mono.power,
            mono: self.mono.kept,
        })
    }
}
