//! Any rate and channel count to the mono signal that the spectral analysis works on.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use super::AudioBuffer;
use crate::analyzer::AnalysisError;

/// Rate of the analysis signal, in hertz. Beats, key and timbre live below 11 kHz; half of 44.1 kHz
/// makes the commonest conversion an exact 2:1.
pub const ANALYSIS_RATE_HZ: u32 = 22_050;

/// Lowest and highest sample rate that is analysed, in hertz.
const SAMPLE_RATE_HZ_RANGE: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Least chunk of the overlap-add, in input frames: long enough for a steep filter.
const CHUNK_FRAMES: usize = 2048;

/// Mixes to mono and resamples to [`ANALYSIS_RATE_HZ`].
///
/// - Shape: one channel, `⌈frames × 22050 / rate⌉` samples, all finite.
/// - Errors: [`AnalysisError::Unsuitable`] for no channels or a rate outside 1..=768 kHz.
/// - Cost: O(frames log chunk), FFT overlap-add.
pub fn resample_to_mono(audio: &AudioBuffer) -> Result<Vec<f32>, AnalysisError> {
    let mut mixer = MonoMixer::new(audio.channel_count, audio.sample_rate_hz)?;
    let frame_count = audio.samples.len() / audio.channel_count;
    let ratio = f64::from(ANALYSIS_RATE_HZ) / f64::from(audio.sample_rate_hz);
    let mut mono = Vec::with_capacity((frame_count as f64 * ratio).ceil() as usize);
    for part in audio.parts() {
        mixer.push(&part, &mut |samples| mono.extend_from_slice(samples))?;
    }
    mixer.finish(&mut |samples| mono.extend_from_slice(samples))?;
    Ok(mono)
}

/// Makes the mono signal of a programme that comes in parts.
///
/// - Shape: parts are `[frames × channels]`, interleaved, whole frames, all finite; what comes out in parts
///   is together what [`resample_to_mono`] makes. How the programme is parted does not show.
pub(crate) struct MonoMixer {
    channel_count: usize,
    sample_rate_hz: u32,
    mixed: Vec<f32>,
    /// `None` when the rate is the wanted one.
    resampler: Option<ChunkResampler>,
}

impl MonoMixer {
    /// Plans the way from a layout.
    ///
    /// - Errors: as [`resample_to_mono`].
    pub(crate) fn new(channel_count: usize, sample_rate_hz: u32) -> Result<Self, AnalysisError> {
        Self::to_rate(channel_count, sample_rate_hz, ANALYSIS_RATE_HZ)
    }

    /// Plans the way from a layout to another rate than that of our own analysis.
    ///
    /// - Errors: as [`resample_to_mono`].
    pub(crate) fn to_rate(
        channel_count: usize,
        sample_rate_hz: u32,
        wanted_rate_hz: u32,
    ) -> Result<Self, AnalysisError> {
        if channel_count == 0 {
            return Err(AnalysisError::Unsuitable {
                reason: "the audio has no channels".to_owned(),
            });
        }
        if !SAMPLE_RATE_HZ_RANGE.contains(&sample_rate_hz) {
            return Err(AnalysisError::Unsuitable {
                reason: format!("the sample rate is {sample_rate_hz} Hz, need 1000..=768000"),
            });
        }
        let resampler = if sample_rate_hz == wanted_rate_hz {
            None
        } else {
            let resampler = ChunkResampler::new(sample_rate_hz, wanted_rate_hz);
            Some(resampler.map_err(|error| cannot_resample(sample_rate_hz, &error))?)
        };
        Ok(Self {
            channel_count,
            sample_rate_hz,
            mixed: Vec::new(),
            resampler,
        })
    }

    /// Takes in a part and gives away what of the mono signal is ready.
    pub(crate) fn push(
        &mut self,
        samples: &[f32],
        give: &mut dyn FnMut(&[f32]),
    ) -> Result<(), AnalysisError> {
        self.mixed.clear();
        if self.channel_count == 1 {
            self.mixed.extend_from_slice(samples);
        } else {
            let gain = 1.0 / self.channel_count as f32;
            let frames = samples.chunks_exact(self.channel_count);
            self.mixed
                .extend(frames.map(|frame| frame.iter().sum::<f32>() * gain));
        }
        let Some(resampler) = &mut self.resampler else {
            give(&self.mixed);
            return Ok(());
        };
        let pushed = resampler.push(&self.mixed, give);
        pushed.map_err(|error| cannot_resample(self.sample_rate_hz, &error))
    }

    /// Gives away the rest.
    pub(crate) fn finish(self, give: &mut dyn FnMut(&[f32])) -> Result<(), AnalysisError> {
        let Some(resampler) = self.resampler else {
            return Ok(());
        };
        let finished = resampler.finish(give);
        finished.map_err(|error| cannot_resample(self.sample_rate_hz, &error))
    }
}

fn cannot_resample(sample_rate_hz: u32, error: &dyn std::fmt::Display) -> AnalysisError {
    AnalysisError::Unsuitable {
        reason: format!("cannot resample from {sample_rate_hz} Hz: {error}"),
    }
}

type ResampleOutcome = Result<(), Box<dyn std::error::Error>>;

/// One channel to another rate, chunk by chunk.
struct ChunkResampler {
    resampler: Fft<f32>,
    /// What does not fill a chunk yet.
    waiting: Vec<f32>,
    output: Vec<f32>,
    chunk_frames: usize,
    taken_count: usize,
    given_count: usize,
    /// Samples of the filter's delay that are still to be dropped.
    delay_left: usize,
}

impl ChunkResampler {
    fn new(
        sample_rate_hz: u32,
        wanted_rate_hz: u32,
    ) -> Result<Self, rubato::ResamplerConstructionError> {
        // Chunks of an even number of the smallest whole ratio keep the filter's delay, half a chunk, a
        // whole number of output samples.
        let divisor = greatest_common_divisor(sample_rate_hz, wanted_rate_hz);
        let unit = 2 * (sample_rate_hz / divisor) as usize;
        let resampler = Fft::<f32>::new_custom(
            sample_rate_hz as usize,
            wanted_rate_hz as usize,
            unit * CHUNK_FRAMES.div_ceil(unit),
            1,
            1,
            WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        )?;
        Ok(Self {
            waiting: Vec::new(),
            output: vec![0.0; resampler.output_frames_max()],
            chunk_frames: resampler.input_frames_next(),
            taken_count: 0,
            given_count: 0,
            delay_left: resampler.output_delay(),
            resampler,
        })
    }

    fn push(&mut self, samples: &[f32], give: &mut dyn FnMut(&[f32])) -> ResampleOutcome {
        self.taken_count += samples.len();
        self.waiting.extend_from_slice(samples);
        let mut waiting = std::mem::take(&mut self.waiting);
        let chunks = waiting.chunks_exact(self.chunk_frames);
        let rest_count = chunks.remainder().len();
        for chunk in chunks {
            self.resample(chunk, usize::MAX, give)?;
        }
        waiting.drain(..waiting.len() - rest_count);
        self.waiting = waiting;
        Ok(())
    }

    /// Fills the last chunk up with silence, and goes on with silence until all is out.
    fn finish(mut self, give: &mut dyn FnMut(&[f32])) -> ResampleOutcome {
        let wanted_count =
            (self.resampler.resample_ratio() * self.taken_count as f64).ceil() as usize;
        let mut last = std::mem::take(&mut self.waiting);
        last.resize(self.chunk_frames, 0.0);
        while self.given_count < wanted_count {
            self.resample(&last, wanted_count - self.given_count, give)?;
            last.fill(0.0);
        }
        Ok(())
    }

    /// Resamples one chunk and gives away at most so many samples, the delay left out.
    fn resample(
        &mut self,
        chunk: &[f32],
        count_max: usize,
        give: &mut dyn FnMut(&[f32]),
    ) -> ResampleOutcome {
        let input = InterleavedSlice::new(chunk, 1, chunk.len())?;
        let room = self.output.len();
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, room)?;
        let (_, made_count) = self
            .resampler
            .process_into_buffer(&input, &mut output, None)?;
        let dropped_count = self.delay_left.min(made_count);
        self.delay_left -= dropped_count;
        let end = made_count.min(dropped_count.saturating_add(count_max));
        let made = self.output.get(dropped_count..end).unwrap_or_default();
        self.given_count += made.len();
        give(made);
        Ok(())
    }
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate_hz: u32, channel_count: usize, frequency_hz: f64) -> AudioBuffer {
        let frame_count = rate_hz as usize;
        let samples = (0..frame_count)
            .flat_map(|frame| {
                let phase =
                    std::f64::consts::TAU * frequency_hz * frame as f64 / f64::from(rate_hz);
                std::iter::repeat_n((0.5 * phase.sin()) as f32, channel_count)
            })
            .collect();
        AudioBuffer {
            samples,
            channel_count,
            sample_rate_hz: rate_hz,
        }
    }

    #[test]
    fn keeps_amplitude_frequency_and_time() {
        for (rate_hz, channel_count) in [
            (8_000, 1),
            (11_025, 2),
            (22_050, 1),
            (44_100, 2),
            (48_000, 8),
            (96_000, 1),
            (192_000, 2),
        ] {
            let mono = resample_to_mono(&sine(rate_hz, channel_count, 1_000.0)).expect("resamples");
            assert!(
                (mono.len() as i64 - 22_050).abs() <= 1,
                "{rate_hz}: {}",
                mono.len()
            );
            // Away from the edges the output is the same sine, in phase.
            for (index, &sample) in mono.iter().enumerate().skip(5_000).take(10_000) {
                let phase = std::f64::consts::TAU * 1_000.0 * index as f64 / 22_050.0;
                assert!(
                    (f64::from(sample) - 0.5 * phase.sin()).abs() < 0.01,
                    "{rate_hz}"
                );
            }
        }
    }

    #[test]
    fn removes_what_would_alias() {
        let mono = resample_to_mono(&sine(48_000, 1, 15_000.0)).expect("resamples");
        let middle = &mono[5_000..15_000];
        let power: f32 = middle.iter().map(|sample| sample * sample).sum::<f32>() / 10_000.0;
        assert!(power < 1e-7, "{power}");
    }

    #[test]
    fn parts_do_not_show() {
        for rate_hz in [8_000, 22_050, 44_100, 48_000, 192_000] {
            let audio = sine(rate_hz, 2, 440.0);
            let whole = resample_to_mono(&audio).expect("resamples");
            for part_frames in [1, 1_152, 50_000] {
                let mut mono = Vec::new();
                let mut mixer = MonoMixer::new(2, rate_hz).expect("is planned");
                for part in audio.samples.chunks(part_frames * 2) {
                    mixer
                        .push(part, &mut |samples| mono.extend_from_slice(samples))
                        .expect("resamples");
                }
                mixer
                    .finish(&mut |samples| mono.extend_from_slice(samples))
                    .expect("ends");
                assert!(mono == whole, "{rate_hz} Hz by {part_frames}");
            }
        }
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        let none = AudioBuffer {
            samples: vec![],
            channel_count: 0,
            sample_rate_hz: 44_100,
        };
        assert!(resample_to_mono(&none).is_err());
        let slow = AudioBuffer {
            samples: vec![0.0; 10],
            channel_count: 1,
            sample_rate_hz: 0,
        };
        assert!(resample_to_mono(&slow).is_err());
    }
}
