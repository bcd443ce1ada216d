//! Any rate and channel count to the mono signal that the spectral analysis works on.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use super::AudioBuffer;
use super::decode::sound;
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
    if audio.channel_count == 0 {
        return Err(AnalysisError::Unsuitable {
            reason: "the audio has no channels".to_owned(),
        });
    }
    if !SAMPLE_RATE_HZ_RANGE.contains(&audio.sample_rate_hz) {
        return Err(AnalysisError::Unsuitable {
            reason: format!(
                "the sample rate is {} Hz, need 1000..=768000",
                audio.sample_rate_hz
            ),
        });
    }
    let mono = mix_to_mono(audio);
    if audio.sample_rate_hz == ANALYSIS_RATE_HZ || mono.is_empty() {
        return Ok(mono);
    }
    resample(&mono, audio.sample_rate_hz)
}

fn mix_to_mono(audio: &AudioBuffer) -> Vec<f32> {
    if audio.channel_count == 1 {
        return audio.samples.iter().map(|&sample| sound(sample)).collect();
    }
    let gain = 1.0 / audio.channel_count as f32;
    audio
        .samples
        .chunks_exact(audio.channel_count)
        .map(|frame| frame.iter().map(|&sample| sound(sample)).sum::<f32>() * gain)
        .collect()
}

fn resample(mono: &[f32], sample_rate_hz: u32) -> Result<Vec<f32>, AnalysisError> {
    let failed = |error: &dyn std::fmt::Display| AnalysisError::Unsuitable {
        reason: format!("cannot resample from {sample_rate_hz} Hz: {error}"),
    };
    // Chunks of an even number of the smallest whole ratio keep the filter's delay, half a chunk, a
    // whole number of output samples.
    let unit =
        2 * (sample_rate_hz / greatest_common_divisor(sample_rate_hz, ANALYSIS_RATE_HZ)) as usize;
    let chunk = unit * CHUNK_FRAMES.div_ceil(unit);
    let mut resampler = Fft::<f32>::new_custom(
        sample_rate_hz as usize,
        ANALYSIS_RATE_HZ as usize,
        chunk,
        1,
        1,
        WindowFunction::BlackmanHarris2,
        FixedSync::Both,
    )
    .map_err(|error| failed(&error))?;
    let input = InterleavedSlice::new(mono, 1, mono.len()).map_err(|error| failed(&error))?;
    let output = resampler
        .process_all(&input, mono.len(), None)
        .map_err(|error| failed(&error))?;
    Ok(output.take_data())
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
