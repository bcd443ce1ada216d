//! Programme loudness and peaks, measured at the original rate.

use ebur128::{EbuR128, Mode};

use super::AudioBuffer;

/// Reference level of the gain suggestion, in LUFS (ReplayGain 2.0).
const REPLAYGAIN_REFERENCE_LUFS: f64 = -18.0;

/// Shortest programme with a loudness range: one short-term window, in seconds.
const LOUDNESS_RANGE_SECONDS_MIN: f64 = 3.0;

/// What the loudness meter read. `None` where the quantity does not exist (silence, too short).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Loudness {
    /// Integrated loudness in LUFS.
    pub integrated_lufs: Option<f64>,
    /// Loudness range in LU.
    pub range_lu: Option<f64>,
    /// Highest oversampled peak of any channel, in dBTP.
    pub true_peak_dbtp: Option<f64>,
    /// Highest sample of any channel, in dBFS.
    pub sample_peak_dbfs: Option<f64>,
    /// Gain to the ReplayGain 2.0 reference, in dB.
    pub replaygain_db: Option<f64>,
}

/// Measures loudness, loudness range and peaks.
///
/// - Units: LUFS, LU, dBTP, dBFS; mono is measured as one channel, as the standard has it.
/// - A layout or rate that the meter does not take yields `None` throughout, except the sample peak.
/// - Cost: O(frames × channels), one pass.
/// - Source: ITU-R BS.1770-4 and EBU Tech 3341/3342 through the `ebur128` crate; ReplayGain 2.0 for
///   the reference of −18 LUFS.
pub fn measure_loudness(audio: &AudioBuffer) -> Loudness {
    let sample_peak = audio
        .samples
        .iter()
        .filter(|sample| sample.is_finite())
        .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    let sample_peak_dbfs = to_db(f64::from(sample_peak));
    meter(audio).map_or(
        Loudness {
            sample_peak_dbfs,
            ..Loudness::default()
        },
        |loudness| Loudness {
            sample_peak_dbfs,
            ..loudness
        },
    )
}

fn meter(audio: &AudioBuffer) -> Option<Loudness> {
    let channel_count = u32::try_from(audio.channel_count).ok()?;
    let mode = Mode::I | Mode::LRA | Mode::TRUE_PEAK | Mode::HISTOGRAM;
    let mut meter = EbuR128::new(channel_count, audio.sample_rate_hz, mode).ok()?;
    let whole = audio.samples.len() - audio.samples.len() % audio.channel_count.max(1);
    let samples = audio.samples.get(..whole)?;
    if samples.iter().all(|sample| sample.is_finite()) {
        meter.add_frames_f32(samples).ok()?;
    } else {
        let mut repaired = samples.to_vec();
        super::decode::replace_non_finite(&mut repaired);
        meter.add_frames_f32(&repaired).ok()?;
    }
    let true_peak = (0..channel_count)
        .filter_map(|channel| meter.true_peak(channel).ok())
        .fold(0.0f64, f64::max);
    let duration_s = (whole / audio.channel_count.max(1)) as f64 / f64::from(audio.sample_rate_hz);
    let integrated_lufs = meter
        .loudness_global()
        .ok()
        .filter(|value| value.is_finite());
    let range_lu = meter
        .loudness_range()
        .ok()
        .filter(|_| duration_s >= LOUDNESS_RANGE_SECONDS_MIN && integrated_lufs.is_some());
    Some(Loudness {
        integrated_lufs,
        range_lu,
        true_peak_dbtp: to_db(true_peak),
        sample_peak_dbfs: None,
        replaygain_db: integrated_lufs.map(|lufs| REPLAYGAIN_REFERENCE_LUFS - lufs),
    })
}

fn to_db(amplitude: f64) -> Option<f64> {
    (amplitude > 0.0).then(|| 20.0 * amplitude.log10())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency_hz: f64, peak_dbfs: &[(f64, f64)], channel_count: usize) -> AudioBuffer {
        let rate = 48_000.0;
        let mut samples = Vec::new();
        for &(level_db, seconds) in peak_dbfs {
            let amplitude = 10f64.powf(level_db / 20.0);
            for frame in 0..(seconds * rate) as usize {
                let phase = std::f64::consts::TAU * frequency_hz * frame as f64 / rate;
                let sample = (amplitude * phase.sin()) as f32;
                samples.extend(std::iter::repeat_n(sample, channel_count));
            }
        }
        AudioBuffer {
            samples,
            channel_count,
            sample_rate_hz: 48_000,
        }
    }

    #[test]
    fn ebu_3341_cases_within_a_tenth() {
        // Tech 3341: case 1, stereo 1 kHz at −23 dBFS for 20 s; case 2 at −33; case 3 gated.
        let cases: [(&[(f64, f64)], f64); 3] = [
            (&[(-23.0, 20.0)], -23.0),
            (&[(-33.0, 20.0)], -33.0),
            (&[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0),
        ];
        for (levels, expected) in cases {
            let loudness = measure_loudness(&sine(1_000.0, levels, 2));
            let integrated = loudness.integrated_lufs.expect("has loudness");
            assert!(
                (integrated - expected).abs() <= 0.1,
                "{integrated} for {expected}"
            );
        }
    }

    #[test]
    fn full_scale_mono_sine_reads_minus_three() {
        // BS.1770: a 0 dBFS 997 Hz sine in one channel reads −3.01 LKFS.
        let loudness = measure_loudness(&sine(997.0, &[(0.0, 10.0)], 1));
        assert!((loudness.integrated_lufs.expect("loud") + 3.01).abs() < 0.1);
        assert!(loudness.true_peak_dbtp.expect("peak").abs() < 0.2);
        assert!((loudness.replaygain_db.expect("gain") + 14.99).abs() < 0.1);
    }

    #[test]
    fn ebu_3342_case_one_range() {
        // Tech 3342: case 1, 20 s at −20 and 20 s at −30 LUFS has a range of 10 LU, ±1.
        let loudness = measure_loudness(&sine(1_000.0, &[(-20.0, 20.0), (-30.0, 20.0)], 2));
        assert!((loudness.range_lu.expect("range") - 10.0).abs() <= 1.0);
    }

    #[test]
    fn silence_and_snippets_have_no_loudness() {
        let silence = AudioBuffer {
            samples: vec![0.0; 96_000],
            channel_count: 1,
            sample_rate_hz: 48_000,
        };
        assert_eq!(measure_loudness(&silence), Loudness::default());
        let snippet = AudioBuffer {
            samples: vec![0.5],
            channel_count: 1,
            sample_rate_hz: 48_000,
        };
        let loudness = measure_loudness(&snippet);
        assert_eq!((loudness.integrated_lufs, loudness.range_lu), (None, None));
        assert!((loudness.sample_peak_dbfs.expect("peak") + 6.02).abs() < 0.01);
    }
}
