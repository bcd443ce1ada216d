//! Programme loudness and peaks, measured at the original rate.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::AudioBuffer;
use super::gating::{integrated_lufs, range_lu, to_lufs};
use super::k_weighting::{Paces, PowerMeter};
use super::true_peak::PeakMeter;

/// Reference level of the gain suggestion, in LUFS (ReplayGain 2.0).
const REPLAYGAIN_REFERENCE_LUFS: f64 = -18.0;

/// Shortest programme with a loudness range: one short-term window, in seconds.
const LOUDNESS_RANGE_SECONDS_MIN: f64 = 3.0;

/// Steps per second of the maxima: EBU Tech 3341 wants bursts of 400 ms found wherever they begin.
const STEPS_PER_SECOND: u32 = 100;
/// Steps of the momentary and of the short-term window.
const MOMENTARY_STEPS: usize = 40;
const SHORT_TERM_STEPS: usize = 300;
/// Layouts and rates that are metered: what the reference meter takes, from a rate that has steps.
const CHANNEL_COUNTS: RangeInclusive<usize> = 1..=64;
const SAMPLE_RATES_HZ: RangeInclusive<u32> = STEPS_PER_SECOND..=2_822_400;

/// What the loudness meter read. `None` where the quantity does not exist (silence, too short).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Loudness {
    /// Integrated loudness in LUFS.
    pub integrated_lufs: Option<f64>,
    /// Loudness range in LU.
    pub range_lu: Option<f64>,
    /// Highest momentary loudness (400 ms) in LUFS.
    pub momentary_max_lufs: Option<f64>,
    /// Highest short-term loudness (3 s) in LUFS.
    pub short_term_max_lufs: Option<f64>,
    /// Highest oversampled peak of any channel, in dBTP.
    pub true_peak_dbtp: Option<f64>,
    /// Highest sample of any channel, in dBFS.
    pub sample_peak_dbfs: Option<f64>,
    /// Gain to the ReplayGain 2.0 reference, in dB.
    pub replaygain_db: Option<f64>,
}

/// Points of a curve at most: one a second up to twenty minutes, then further apart, so that a day-long
/// recording costs no more than a song.
pub const LOUDNESS_CURVE_POINTS_MAX: usize = 1_200;
/// Where a curve ends below: the absolute gate of BS.1770, under which nothing counts as programme.
pub const LOUDNESS_CURVE_FLOOR_LUFS: f32 = -70.0;

/// How loud a track is over time.
///
/// - Shape: two vectors of the same length, at most [`LOUDNESS_CURVE_POINTS_MAX`]; point `i` is of the
///   time from `i × step_ms` to `(i + 1) × step_ms`. Empty under 400 ms and where nothing was metered.
/// - Units: LUFS, rounded to 0.1, at least [`LOUDNESS_CURVE_FLOOR_LUFS`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoudnessCurve {
    /// Time between points.
    pub step_ms: u32,
    /// Highest momentary loudness (400 ms) of a window that ends within the step.
    pub momentary_lufs: Vec<f32>,
    /// Highest short-term loudness (3 s) of a window that ends within the step. A window that would
    /// begin before the track is cut to what there is.
    pub short_term_lufs: Vec<f32>,
}

/// Measures loudness, loudness range and peaks.
///
/// - Units: LUFS, LU, dBTP, dBFS; mono is measured as one channel, as the standard has it.
/// - A layout or rate that the meter does not take (more than 64 channels, under 100 Hz or over 2.8 MHz)
///   yields `None` throughout, except the sample peak.
/// - Cost: O(frames × channels), one pass for the power and one that looks for peaks.
/// - Source: ITU-R BS.1770-4 and EBU Tech 3341/3342, held to the `ebur128` crate by the tests;
///   ReplayGain 2.0 for the reference of −18 LUFS.
pub fn measure_loudness(audio: &AudioBuffer) -> Loudness {
    measure_loudness_over_time(audio).0
}

/// Measures what [`measure_loudness`] does, and the curve from the same pass.
pub fn measure_loudness_over_time(audio: &AudioBuffer) -> (Loudness, LoudnessCurve) {
    let mut meter = LoudnessMeter::new(audio.channel_count, audio.sample_rate_hz);
    for part in audio.parts() {
        meter.push(&part);
    }
    meter.finish()
}

/// Meters a programme that comes in parts: whole frames, all finite.
pub(crate) struct LoudnessMeter {
    channel_count: usize,
    sample_rate_hz: u32,
    sample_count: usize,
    peak: PeakMeter,
    /// `None` for a layout or rate that is not metered.
    power: Option<PowerMeter>,
}

impl LoudnessMeter {
    pub(crate) fn new(channel_count: usize, sample_rate_hz: u32) -> Self {
        let is_metered =
            CHANNEL_COUNTS.contains(&channel_count) && SAMPLE_RATES_HZ.contains(&sample_rate_hz);
        let paces = Paces {
            fine_frames: (sample_rate_hz / STEPS_PER_SECOND) as usize,
            coarse_frames: (sample_rate_hz as usize + 5) / 10,
        };
        let channel_count = channel_count.max(1);
        Self {
            channel_count,
            sample_rate_hz,
            sample_count: 0,
            peak: PeakMeter::new(channel_count, sample_rate_hz),
            power: is_metered.then(|| PowerMeter::new(channel_count, sample_rate_hz, paces)),
        }
    }

    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.sample_count += samples.len();
        self.peak.push(samples);
        if let Some(power) = &mut self.power {
            power.push(samples);
        }
    }

    pub(crate) fn finish(self) -> (Loudness, LoudnessCurve) {
        let sample_peak_dbfs = to_db(f64::from(self.peak.sample_peak()));
        let Some(power) = self.power else {
            let loudness = Loudness {
                sample_peak_dbfs,
                ..Loudness::default()
            };
            return (loudness, LoudnessCurve::default());
        };
        let powers = power.finish();
        let frame_count = (self.sample_count / self.channel_count) as f64;
        let duration_s = frame_count / f64::from(self.sample_rate_hz);
        let integrated_lufs = integrated_lufs(&powers.coarse);
        let range_lu = (duration_s >= LOUDNESS_RANGE_SECONDS_MIN && integrated_lufs.is_some())
            .then(|| range_lu(&powers.coarse));
        let loudness = Loudness {
            integrated_lufs,
            range_lu,
            momentary_max_lufs: loudest(&powers.fine, MOMENTARY_STEPS),
            short_term_max_lufs: loudest(&powers.fine, SHORT_TERM_STEPS),
            true_peak_dbtp: to_db(f64::from(self.peak.true_peak())),
            sample_peak_dbfs,
            replaygain_db: integrated_lufs.map(|lufs| REPLAYGAIN_REFERENCE_LUFS - lufs),
        };
        (loudness, curve(&powers.fine))
    }
}

/// Draws the curve from the power of each step of the meter.
fn curve(powers: &[f64]) -> LoudnessCurve {
    if powers.len() < MOMENTARY_STEPS {
        return LoudnessCurve::default();
    }
    let steps_per_second = STEPS_PER_SECOND as usize;
    let second_count = powers.len().div_ceil(steps_per_second);
    let seconds_per_point = second_count.div_ceil(LOUDNESS_CURVE_POINTS_MAX);
    let steps_per_point = seconds_per_point * steps_per_second;
    LoudnessCurve {
        step_ms: seconds_per_point as u32 * 1_000,
        momentary_lufs: loudest_by_point(powers, MOMENTARY_STEPS, steps_per_point),
        short_term_lufs: loudest_by_point(powers, SHORT_TERM_STEPS, steps_per_point),
    }
}

/// Loudest mean over windows of so many steps, by the point within which each window ends.
fn loudest_by_point(powers: &[f64], window_steps: usize, steps_per_point: usize) -> Vec<f32> {
    let sums = sums_from_start(powers);
    let mean = |end: usize| {
        let start = end.saturating_sub(window_steps);
        (sums[end] - sums[start]).max(0.0) / (end - start) as f64
    };
    let point_count = powers.len().div_ceil(steps_per_point);
    let loudest = (0..point_count).map(|point| {
        let (first, last) = (point * steps_per_point, (point + 1) * steps_per_point);
        let ends = first + 1..=last.min(powers.len());
        let power = ends.map(mean).fold(0.0f64, f64::max);
        let lufs = to_lufs(power).max(f64::from(LOUDNESS_CURVE_FLOOR_LUFS));
        ((lufs * 10.0).round() / 10.0) as f32
    });
    loudest.collect()
}

/// Sums up to each step: their differences are windows of any length, exact to eleven digits in an hour.
fn sums_from_start(powers: &[f64]) -> Vec<f64> {
    let sums = powers.iter().scan(0.0, |sum, power| {
        *sum += power;
        Some(*sum)
    });
    std::iter::once(0.0).chain(sums).collect()
}

/// Loudest mean over so many steps; `None` under that length and in silence.
fn loudest(powers: &[f64], step_count: usize) -> Option<f64> {
    let sums = sums_from_start(powers);
    let later = sums.get(step_count..).unwrap_or_default();
    let windows = later.iter().zip(&sums).map(|(end, start)| end - start);
    let power = windows.fold(0.0f64, f64::max) / step_count as f64;
    (power > 0.0).then(|| to_lufs(power))
}

fn to_db(amplitude: f64) -> Option<f64> {
    (amplitude > 0.0).then(|| 20.0 * amplitude.log10())
}

#[cfg(test)]
mod tests {
    use ebur128::{EbuR128, Mode};

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
        // Tech 3341, cases 1 to 5: stereo sines of 1 kHz, level in dBFS and length in seconds.
        let cases: [(&[(f64, f64)], f64); 5] = [
            (&[(-23.0, 20.0)], -23.0),
            (&[(-33.0, 20.0)], -33.0),
            (&[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0),
            (
                &[
                    (-72.0, 10.0),
                    (-36.0, 10.0),
                    (-23.0, 60.0),
                    (-36.0, 10.0),
                    (-72.0, 10.0),
                ],
                -23.0,
            ),
            (&[(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23.0),
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
    fn ebu_3341_maxima_within_a_tenth() {
        // Cases 9 and 12: what alternates within the window reads as constant. Cases 10 and 13: a tone
        // as long as the window is found wherever it begins.
        let alternate = |loud_s: f64, soft_s: f64, count: usize| {
            sine(
                1_000.0,
                &[(-20.0, loud_s), (-30.0, soft_s)].repeat(count),
                2,
            )
        };
        let silent = f64::NEG_INFINITY;
        let burst = |before_s: f64, tone_s: f64| {
            sine(
                1_000.0,
                &[(silent, before_s), (-23.0, tone_s), (silent, 1.0)],
                2,
            )
        };
        let near = |value: Option<f64>, case: &str| {
            let value = value.expect(case);
            assert!((value + 23.0).abs() <= 0.1, "{value} in {case}");
        };
        let short_term = |audio: &AudioBuffer| measure_loudness(audio).short_term_max_lufs;
        let momentary = |audio: &AudioBuffer| measure_loudness(audio).momentary_max_lufs;
        near(short_term(&alternate(1.34, 1.66, 5)), "case 9");
        near(momentary(&alternate(0.18, 0.22, 25)), "case 12");
        for index in 0..20 {
            let at = f64::from(index);
            near(short_term(&burst(0.15 * at, 3.0)), "case 10");
            near(momentary(&burst(0.02 * at, 0.4)), "case 13");
        }
    }

    #[test]
    fn ebu_3341_true_peaks() {
        // Cases 15 to 19: frequency as a part of the rate, phase in degrees, amplitude, peak in dBTP.
        // Faded in and out over 10 ms: the waveform between samples overshoots where a sine is cut off,
        // by 0.3 dB here, which is a peak of the cut and not of the sine.
        for (part, degrees, amplitude, expected) in [
            (4.0, 0.0, 0.50, -6.0),
            (4.0, 45.0, 0.50, -6.0),
            (6.0, 60.0, 0.50, -6.0),
            (8.0, 67.5, 0.50, -6.0),
            (4.0, 45.0, 1.41, 3.0),
        ] {
            let phase = f64::to_radians(degrees);
            let step = std::f64::consts::TAU / part;
            let fade = |index: usize| (index.min(47_999 - index) as f64 / 480.0).min(1.0);
            let sample =
                |index: usize| fade(index) * amplitude * (step * index as f64 + phase).sin();
            let audio = AudioBuffer {
                samples: (0..96_000).map(|index| sample(index / 2) as f32).collect(),
                channel_count: 2,
                sample_rate_hz: 48_000,
            };
            let found = measure_loudness(&audio).true_peak_dbtp.expect("peak");
            let error = found - expected;
            assert!((-0.4..=0.2).contains(&error), "{found} for {expected}");
        }
    }

    #[test]
    fn ebu_3342_ranges_within_one() {
        // Tech 3342, cases 1 to 4: 20 s at each level in dBFS, and the range in LU.
        let cases: [(&[f64], f64); 4] = [
            (&[-20.0, -30.0], 10.0),
            (&[-20.0, -15.0], 5.0),
            (&[-40.0, -20.0], 20.0),
            (&[-50.0, -35.0, -20.0, -35.0, -50.0], 15.0),
        ];
        for (levels, expected) in cases {
            let parts: Vec<(f64, f64)> = levels.iter().map(|&level| (level, 20.0)).collect();
            let range = measure_loudness(&sine(1_000.0, &parts, 2)).range_lu;
            let range = range.expect("has a range");
            assert!((range - expected).abs() <= 1.0, "{range} for {expected}");
        }
    }

    #[test]
    fn agrees_with_the_reference_meter() {
        let mut state = 11_u32;
        for (channel_count, sample_rate_hz) in [
            (1, 22_050),
            (2, 44_100),
            (3, 8_000),
            (4, 48_000),
            (5, 32_000),
            (6, 96_000),
            (8, 192_000),
        ] {
            let frame_count = sample_rate_hz as usize * 9;
            let mut held = 0.0f32;
            let samples: Vec<f32> = (0..frame_count * channel_count)
                .map(|index| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let noise = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
                    held = 0.7 * held + 0.3 * noise;
                    // Loud, soft, and nothing at all.
                    held * [0.8, 0.1, 0.0, 0.3][index * 4 / (frame_count * channel_count)]
                })
                .collect();
            let mode = Mode::I | Mode::LRA | Mode::TRUE_PEAK | Mode::HISTOGRAM;
            let mut meter =
                EbuR128::new(channel_count as u32, sample_rate_hz, mode).expect("meters");
            let step = (sample_rate_hz / STEPS_PER_SECOND) as usize * channel_count;
            let mut loudest_step = f64::NEG_INFINITY;
            for step in samples.chunks(step) {
                meter.add_frames_f32(step).expect("whole frames");
                loudest_step = loudest_step.max(meter.loudness_window(400).expect("has a window"));
            }
            let audio = AudioBuffer {
                samples,
                channel_count,
                sample_rate_hz,
            };
            let found = measure_loudness(&audio);
            let near = |value: Option<f64>, expected: f64, what: &str| {
                let value = value.expect(what);
                assert!(
                    (value - expected).abs() < 1e-6,
                    "{what} at {sample_rate_hz}: {value} {expected}"
                );
            };
            near(
                found.integrated_lufs,
                meter.loudness_global().expect("I"),
                "integrated",
            );
            near(
                found.range_lu,
                meter.loudness_range().expect("LRA"),
                "range",
            );
            // Elsewhere forty steps are not quite 400 ms.
            if sample_rate_hz % STEPS_PER_SECOND == 0 {
                near(found.momentary_max_lufs, loudest_step, "momentary");
            }
        }
    }

    #[test]
    fn the_curve_follows_the_level() {
        // −33 dBFS for five seconds, then −23: the short-term window needs three seconds to follow, the
        // momentary one less than half of one.
        let audio = sine(1_000.0, &[(-33.0, 5.0), (-23.0, 5.0)], 2);
        let (loudness, curve) = measure_loudness_over_time(&audio);
        assert_eq!(curve.step_ms, 1_000);
        assert_eq!(
            (curve.momentary_lufs.len(), curve.short_term_lufs.len()),
            (10, 10)
        );
        let near = |value: f32, expected: f64| {
            assert!(
                (f64::from(value) - expected).abs() <= 0.15,
                "{value} for {expected}"
            );
        };
        near(curve.momentary_lufs[3], -33.0);
        near(curve.momentary_lufs[5], -23.0);
        near(curve.short_term_lufs[4], -33.0);
        // One loud second of three: 10 lg((1 × 10^-2.3 + 2 × 10^-3.3) / 3) = −26.98.
        near(curve.short_term_lufs[5], -26.98);
        near(curve.short_term_lufs[9], -23.0);
        let highest = curve
            .short_term_lufs
            .iter()
            .copied()
            .fold(f32::MIN, f32::max);
        near(
            highest,
            loudness.short_term_max_lufs.expect("is long enough"),
        );
    }

    #[test]
    fn curves_are_bounded_below_and_in_length() {
        let silent = curve(&[0.0; 250]);
        assert_eq!(silent.short_term_lufs, [LOUDNESS_CURVE_FLOOR_LUFS; 3]);
        assert_eq!(curve(&[1.0; 39]), LoudnessCurve::default());
        let hours = curve(&vec![1e-3; 2_500 * 100]);
        assert_eq!((hours.step_ms, hours.momentary_lufs.len()), (3_000, 834));
        assert!(
            hours
                .momentary_lufs
                .iter()
                .all(|lufs| (lufs + 30.7).abs() < 0.05)
        );
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
