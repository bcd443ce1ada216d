//! What copies of a recording go through: lossy coding, noise, dull speakers, gain, another speed.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::Context;
use leitmotif_analysis::audio::{
    ANALYSIS_RATE_HZ, AudioBuffer, DecodeLimits, decode_bytes, resample_to_mono,
};
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use crate::random::Random;

/// How a copy was spoiled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Degradation {
    /// MP3 at 64 kbit/s, through `ffmpeg`.
    Mp3,
    /// Pink noise at this signal-to-noise ratio, in dB.
    PinkNoise(f64),
    /// White noise at this signal-to-noise ratio, in dB.
    WhiteNoise(f64),
    /// Low pass of sixth order at this frequency, in hertz.
    LowPass(f64),
    /// Gain in dB; what leaves −1.0..=1.0 is clipped.
    Gain(f64),
    /// Another speed, as a factor; pitch follows, as with a turntable.
    Speed(f64),
}

/// Degradations of the measurement, by name.
pub const MEASURED: [(&str, Degradation); 6] = [
    ("mp3_64k", Degradation::Mp3),
    ("pink_noise_20db", Degradation::PinkNoise(20.0)),
    ("white_noise_20db", Degradation::WhiteNoise(20.0)),
    ("low_pass_4500hz", Degradation::LowPass(4_500.0)),
    ("gain_2db", Degradation::Gain(2.0)),
    ("speed_minus_2pct", Degradation::Speed(0.98)),
];

/// Draws one degradation of each kind, about as strong as the measured ones; for fitting.
pub fn drawn(random: &mut Random, has_mp3: bool) -> Vec<Degradation> {
    let mut between = |low: f64, high: f64| low + (high - low) * random.uniform();
    let mut degradations = vec![
        Degradation::PinkNoise(between(12.0, 26.0)),
        Degradation::WhiteNoise(between(12.0, 28.0)),
        Degradation::LowPass(between(3_200.0, 7_500.0)),
        Degradation::Speed(between(0.96, 1.04)),
    ];
    if has_mp3 {
        degradations.push(Degradation::Mp3);
    }
    degradations
}

/// Tells whether `ffmpeg` can be run.
pub fn has_ffmpeg() -> bool {
    let mut command = Command::new("ffmpeg");
    let quiet = command.arg("-version").stdout(Stdio::null());
    quiet
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Wraps mono samples at the analysis rate.
pub fn buffer(samples: Vec<f32>) -> AudioBuffer {
    AudioBuffer {
        samples,
        channel_count: 1,
        sample_rate_hz: ANALYSIS_RATE_HZ,
    }
}

/// Degrades mono samples at the analysis rate.
///
/// - Errors: when `ffmpeg` fails.
pub fn degrade(
    samples: &[f32],
    degradation: Degradation,
    random: &mut Random,
) -> anyhow::Result<Vec<f32>> {
    Ok(match degradation {
        Degradation::Mp3 => through_mp3(samples)?,
        Degradation::PinkNoise(ratio_db) => with_noise(samples, ratio_db, true, random),
        Degradation::WhiteNoise(ratio_db) => with_noise(samples, ratio_db, false, random),
        Degradation::LowPass(edge_hz) => shaped(samples, |frequency_hz| {
            1.0 / (1.0 + (frequency_hz / edge_hz).powi(12)).sqrt()
        }),
        Degradation::Gain(gain_db) => {
            let gain = 10f64.powf(gain_db / 20.0) as f32;
            let louder = samples.iter().map(|sample| sample * gain);
            louder.map(|sample| sample.clamp(-1.0, 1.0)).collect()
        }
        Degradation::Speed(factor) => {
            // The same samples at another rate are the same music at another speed.
            let mut audio = buffer(samples.to_vec());
            audio.sample_rate_hz = (f64::from(ANALYSIS_RATE_HZ) * factor).round() as u32;
            resample_to_mono(&audio)?
        }
    })
}

/// Multiplies the spectrum of the whole signal.
fn shaped(samples: &[f32], response: impl Fn(f64) -> f64) -> Vec<f32> {
    let length = samples.len().next_power_of_two().max(2);
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (
        planner.plan_fft_forward(length),
        planner.plan_fft_inverse(length),
    );
    let mut input = forward.make_input_vec();
    input[..samples.len()].copy_from_slice(samples);
    let mut spectrum = forward.make_output_vec();
    let mut output = inverse.make_output_vec();
    forward
        .process(&mut input, &mut spectrum)
        .expect("the plan made the buffers");
    let bin_hz = f64::from(ANALYSIS_RATE_HZ) / length as f64;
    let last = spectrum.len() - 1;
    for (index, bin) in spectrum.iter_mut().enumerate() {
        *bin *= response(index as f64 * bin_hz) as f32 / length as f32;
        if index == 0 || index == last {
            *bin = Complex::new(bin.re, 0.0);
        }
    }
    inverse
        .process(&mut spectrum, &mut output)
        .expect("the plan made the buffers");
    output.truncate(samples.len());
    output
}

fn with_noise(samples: &[f32], ratio_db: f64, is_pink: bool, random: &mut Random) -> Vec<f32> {
    let mut noise = random.normals(samples.len());
    if is_pink {
        noise = shaped(&noise, |frequency_hz| 1.0 / (frequency_hz + 20.0).sqrt());
    }
    let power = |signal: &[f32]| -> f64 {
        let squares = signal.iter().map(|&s| f64::from(s) * f64::from(s));
        squares.sum::<f64>().max(1e-12)
    };
    let level = (power(samples) / power(&noise)).sqrt() * 10f64.powf(-ratio_db / 20.0);
    let noise = noise.iter().map(|sample| sample * level as f32);
    samples.iter().zip(noise).map(|(a, b)| a + b).collect()
}

fn through_mp3(samples: &[f32]) -> anyhow::Result<Vec<f32>> {
    let rate = ANALYSIS_RATE_HZ.to_string();
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-threads", "1", "-f", "f32le", "-ar", &rate])
        .args(["-ac", "1", "-i", "pipe:0", "-b:a", "64k", "-f", "mp3"])
        .arg("pipe:1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run `ffmpeg`")?;
    let mut stdin = child.stdin.take().context("ffmpeg takes no input")?;
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    // Writing and reading at once: either pipe may fill.
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output()?;
    anyhow::ensure!(output.status.success(), "ffmpeg: {}", output.status);
    writer
        .join()
        .map_err(|_| anyhow::anyhow!("the writer to ffmpeg died"))??;
    let audio = decode_bytes(&output.stdout, Some("mp3"), &DecodeLimits::default())?;
    Ok(resample_to_mono(&audio)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(signal: &[f32]) -> f64 {
        let squares = signal.iter().map(|&s| f64::from(s) * f64::from(s));
        squares.sum::<f64>() / signal.len() as f64
    }

    fn sine(frequency_hz: f64) -> Vec<f32> {
        let step = std::f64::consts::TAU * frequency_hz / f64::from(ANALYSIS_RATE_HZ);
        (0..44_100)
            .map(|i| (0.5 * (step * f64::from(i)).sin()) as f32)
            .collect()
    }

    #[test]
    fn noise_is_as_loud_as_asked() {
        let clean = sine(440.0);
        for is_pink in [false, true] {
            let noisy = with_noise(&clean, 20.0, is_pink, &mut Random(1));
            let noise: Vec<f32> = noisy.iter().zip(&clean).map(|(a, b)| a - b).collect();
            assert!((power(&clean) / power(&noise) - 100.0).abs() < 1.0);
        }
    }

    #[test]
    fn low_pass_and_speed_do_what_they_say() {
        let mut random = Random(1);
        let mut through = |signal: &[f32], how| degrade(signal, how, &mut random).expect("works");
        let low = through(&sine(1_000.0), Degradation::LowPass(4_500.0));
        let high = through(&sine(8_000.0), Degradation::LowPass(4_500.0));
        assert!((power(&low) / 0.125 - 1.0).abs() < 0.01);
        assert!(power(&high) < 0.001);
        let slow = through(&sine(1_000.0), Degradation::Speed(0.98));
        assert!((slow.len() as f64 / 44_100.0 - 1.0 / 0.98).abs() < 1e-3);
    }
}
