//! The minimum-requirements test signals of EBU Tech 3341 and 3342, synthesised, with what is measured of them.

use std::f64::consts::TAU;

use leitmotif_analysis::audio::{AudioBuffer, Loudness, measure_loudness};

use super::blank;
use super::card::{Card, Data, Metric};
use crate::calibration::rounded;

const RATE_HZ: u32 = 48_000;
const LOUDNESS: Metric = Metric {
    name: "largest error, LU",
    definition: "Largest distance of integrated, short-term and momentary loudness from the stated one; 0.1 LU is allowed.",
    source: "EBU Tech 3341, November 2023, table 1, cases 1 to 6 and 9 to 14, made anew",
};
const PEAK: Metric = Metric {
    name: "largest peak error, dB",
    definition: "Largest distance of the true peak from the stated one; 0.2 dB above and 0.4 below are allowed.",
    source: "EBU Tech 3341, November 2023, table 1, cases 15 to 23, made anew",
};
const RANGE: Metric = Metric {
    name: "largest range error, LU",
    definition: "Largest distance of loudness range from the stated one; 1 LU is allowed.",
    source: "EBU Tech 3342, minimum requirements test signals 1 to 4, made anew",
};
/// What programme loudness, its maxima and short tones may be off: section 2.9 of Tech 3341.
const LOUDNESS_LU: (f64, f64) = (-0.1, 0.1);
/// What true peaks may be off.
const PEAK_DB: (f64, f64) = (-0.4, 0.2);
/// What ranges may be off: Tech 3342.
const RANGE_LU: (f64, f64) = (-1.0, 1.0);
/// Tones of the cases that ask for one after another.
const SEGMENTS: u8 = 20;
const SILENT: f64 = f64::NEG_INFINITY;

/// Seconds and dBFS of the parts of a tone.
type Parts = &'static [(f64, f64)];

/// A signal with what it must measure and does.
pub struct EbuCase {
    /// The document and its number there.
    pub name: String,
    /// What is measured.
    pub what: &'static str,
    /// What it must measure.
    pub expected: f64,
    /// How far below and above it may.
    pub tolerance: (f64, f64),
    /// What it measures here, the worst of several signals.
    pub ours: f64,
}

impl EbuCase {
    /// How far from the expected.
    pub fn error(&self) -> f64 {
        self.ours - self.expected
    }

    /// Whether it is within the tolerance.
    pub fn holds(&self) -> bool {
        (self.tolerance.0..=self.tolerance.1).contains(&self.error())
    }

    /// The case as a line of a card.
    pub fn told(&self) -> String {
        let (below, above) = self.tolerance;
        let tolerance = if below == -above {
            format!("± {above}")
        } else {
            format!("+ {above}, − {}", -below)
        };
        let kept = if self.holds() { "kept" } else { "missed" };
        format!(
            "{}, {}: expected {:.1} {tolerance}, ours {:.2}, {kept}.",
            self.name, self.what, self.expected, self.ours
        )
    }
}

/// The card of loudness: every case with its tolerance and what is measured.
pub fn card() -> Card {
    let cases = cases();
    let largest = |metric: Metric, tolerance: (f64, f64)| {
        let of_kind = cases.iter().filter(|case| case.tolerance == tolerance);
        let errors: Vec<f64> = of_kind.map(|case| case.error().abs()).collect();
        let worst = errors.iter().copied().fold(0.0, f64::max);
        metric.score("test signals", rounded(worst), None, errors.len())
    };
    let mut notes = vec![
        "A standard says what is right, so there is a tolerance and no confidence.".to_owned(),
        "Cases 7 and 8 of Tech 3341, which are 5 and 6 of Tech 3342, are recordings of programmes that nobody but the EBU \
         may ship: they are not measured here. Of cases 10, 11, 13 and 14, which are twenty tones each, the worst is told. Cases 20 to 23 are low-passed by a filter of \
         ours before every fourth sample is kept."
            .to_owned(),
    ];
    notes.extend(cases.iter().map(EbuCase::told));
    Card {
        descriptors: vec![
            "integrated_loudness_lufs",
            "loudness_range_lu",
            "true_peak_dbtp",
            "momentary_loudness_max_lufs",
            "short_term_loudness_max_lufs",
            "replaygain_db",
        ],
        what: "How loud the programme is, by ITU-R BS.1770-4 and EBU R 128.",
        unit: "LUFS, LU, dBTP",
        data: vec![Data {
            name: "test signals of EBU Tech 3341 and 3342, all that are described: sines in steps of level, bursts, five channels",
            count: cases.len(),
            of: "measurements",
            origin: "synthesised",
            licence: "our own",
        }],
        scores: vec![
            largest(LOUDNESS, LOUDNESS_LU),
            largest(PEAK, PEAK_DB),
            largest(RANGE, RANGE_LU),
        ],
        notes,
        ..blank("loudness", "Loudness", "sound")
    }
}

/// Every case that the documents describe by signal. Cases 7 and 8 of Tech 3341, which are 5 and 6 of Tech 3342, are
/// recordings of programmes, which the EBU gives for tests and does not let others ship.
pub fn cases() -> Vec<EbuCase> {
    let mut cases = integrated();
    cases.extend(maxima());
    cases.extend(true_peaks());
    cases.extend(ranges());
    cases
}

fn of_3341(
    number: u8,
    what: &'static str,
    expected: f64,
    tolerance: (f64, f64),
    found: Option<f64>,
) -> EbuCase {
    EbuCase {
        name: format!("Tech 3341 case {number}"),
        what,
        expected,
        tolerance,
        ours: found.unwrap_or(f64::NEG_INFINITY),
    }
}

fn integrated() -> Vec<EbuCase> {
    let steps: [(u8, Parts, f64); 5] = [
        (1, &[(20.0, -23.0)], -23.0),
        (2, &[(20.0, -33.0)], -33.0),
        (3, &[(10.0, -36.0), (60.0, -23.0), (10.0, -36.0)], -23.0),
        (
            4,
            &[
                (10.0, -72.0),
                (10.0, -36.0),
                (60.0, -23.0),
                (10.0, -36.0),
                (10.0, -72.0),
            ],
            -23.0,
        ),
        (5, &[(20.0, -26.0), (20.1, -20.0), (20.0, -26.0)], -23.0),
    ];
    let what = "integrated loudness in LUFS";
    let mut cases: Vec<EbuCase> = Vec::new();
    for (number, parts, expected) in steps {
        let loudness = measure_loudness(&tone(parts));
        let found = loudness.integrated_lufs;
        cases.push(of_3341(number, what, expected, LOUDNESS_LU, found));
        if number <= 2 {
            for (what, found) in [
                ("momentary loudness in LUFS", loudness.momentary_max_lufs),
                ("short-term loudness in LUFS", loudness.short_term_max_lufs),
            ] {
                cases.push(of_3341(number, what, expected, LOUDNESS_LU, found));
            }
        }
    }
    // Left, right, centre, left and right surround.
    let levels = [-28.0, -28.0, -24.0, -30.0, -30.0];
    let found = measure_loudness(&surround(&levels)).integrated_lufs;
    let what = "integrated loudness of five channels in LUFS";
    cases.push(of_3341(6, what, -23.0, LOUDNESS_LU, found));
    cases
}

/// Cases 9 to 14: what alternates within a window reads as constant, and a tone as long as the window is found
/// wherever it begins.
fn maxima() -> Vec<EbuCase> {
    let short_term = |loudness: &Loudness| loudness.short_term_max_lufs;
    let momentary = |loudness: &Loudness| loudness.momentary_max_lufs;
    let alternate = |loud_s: f64, soft_s: f64, count: usize| {
        measure_loudness(&tone(&[(loud_s, -20.0), (soft_s, -30.0)].repeat(count)))
    };
    let short = "highest short-term loudness in LUFS";
    let brief = "highest momentary loudness in LUFS";
    let found = short_term(&alternate(1.34, 1.66, 5));
    let mut cases = vec![of_3341(9, short, -23.0, LOUDNESS_LU, found)];
    let found = momentary(&alternate(0.18, 0.22, 25));
    cases.push(of_3341(12, brief, -23.0, LOUDNESS_LU, found));
    for (number, what, step_s, tone_s, read) in [
        (10, short, 0.15, 3.0, &short_term as &dyn Fn(&Loudness) -> _),
        (13, brief, 0.02, 0.4, &momentary),
    ] {
        let found = (0..SEGMENTS).map(|index| {
            let before_s = step_s * f64::from(index);
            let parts = [(before_s, SILENT), (tone_s, -23.0), (1.0, SILENT)];
            read(&measure_loudness(&tone(&parts)))
        });
        let ours = furthest(found, |_| -23.0);
        let ours = ours.map(|error| -23.0 + error);
        cases.push(of_3341(number, what, -23.0, LOUDNESS_LU, ours));
    }
    // Live: each tone is 1 dB above the one before; the maximum after each is asked.
    for (number, what, step_s, tone_s, read) in [
        (11, short, 0.15, 3.0, &short_term as &dyn Fn(&Loudness) -> _),
        (14, brief, 0.02, 0.4, &momentary),
    ] {
        let level = |index: u8| -38.0 + f64::from(index);
        let found = (0..SEGMENTS).map(|last| {
            let parts = (0..=last).flat_map(|index| {
                let before_s = step_s * f64::from(index);
                let after_s = (tone_s - before_s).max(0.0);
                [
                    (before_s, SILENT),
                    (tone_s, level(index)),
                    (after_s, SILENT),
                ]
            });
            read(&measure_loudness(&tone(&parts.collect::<Vec<_>>())))
        });
        // Told for the last, loudest tone, off by what the worst of the twenty is.
        let expected = level(SEGMENTS - 1);
        let ours = furthest(found, level).map(|error| expected + error);
        cases.push(of_3341(number, what, expected, LOUDNESS_LU, ours));
    }
    cases.sort_by(|one, other| {
        one.name
            .len()
            .cmp(&other.name.len())
            .then(one.name.cmp(&other.name))
    });
    cases
}

/// The largest error of successive values; `None` where one was not measured.
fn furthest(found: impl Iterator<Item = Option<f64>>, expected: impl Fn(u8) -> f64) -> Option<f64> {
    let errors = (0..)
        .zip(found)
        .map(|(index, found)| Some(found? - expected(index)));
    let errors: Option<Vec<f64>> = errors.collect();
    errors?
        .into_iter()
        .max_by(|one, other| one.abs().total_cmp(&other.abs()))
}

fn true_peaks() -> Vec<EbuCase> {
    let what = "true peak in dBTP";
    // Part of the rate, phase in degrees, amplitude, peak. Faded over 10 ms: the waveform between samples
    // overshoots where a sine is cut off, which is a peak of the cut and not of the sine.
    let mut cases: Vec<EbuCase> = [
        (15, 4.0, 0.0, 0.50, -6.0),
        (16, 4.0, 45.0, 0.50, -6.0),
        (17, 6.0, 60.0, 0.50, -6.0),
        (18, 8.0, 67.5, 0.50, -6.0),
        (19, 4.0, 45.0, 1.41, 3.0),
    ]
    .into_iter()
    .map(|(number, part, degrees, amplitude, expected)| {
        let phase = f64::to_radians(degrees);
        let sample = |index: usize| amplitude * (TAU * index as f64 / part + phase).sin();
        let samples: Vec<f64> = (0..RATE_HZ as usize).map(sample).collect();
        let found = measure_loudness(&stereo(&faded(samples))).true_peak_dbtp;
        of_3341(number, what, expected, PEAK_DB, found)
    })
    .collect();
    for (number, offset) in [(20, 0), (21, 1), (22, 2), (23, 3)] {
        let samples = decimated(&burst_at_four_times(), offset);
        let found = measure_loudness(&stereo(&faded(samples))).true_peak_dbtp;
        cases.push(of_3341(number, what, 0.0, PEAK_DB, found));
    }
    cases
}

/// A sine of a sixth of the rate at four times the rate, half of full scale but for one period at full scale.
fn burst_at_four_times() -> Vec<f64> {
    const PERIOD: usize = 24;
    let count = RATE_HZ as usize * 4;
    let middle = count / 2 / PERIOD * PERIOD;
    let sample = |index: usize| {
        let is_full = (middle..middle + PERIOD).contains(&index);
        let amplitude = if is_full { 1.0 } else { 0.5 };
        amplitude * (TAU * index as f64 / PERIOD as f64).sin()
    };
    (0..count).map(sample).collect()
}

/// Every fourth sample from an offset on, after a low-pass at half the lower rate: a sinc of 256 of the lower
/// samples under a Blackman window.
fn decimated(samples: &[f64], offset: usize) -> Vec<f64> {
    const HALF: isize = 512;
    let tap = |at: isize| {
        let x = at as f64 / 4.0;
        let sinc = if at == 0 {
            1.0
        } else {
            (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x)
        };
        let place = at as f64 / HALF as f64;
        let window = 0.42 + 0.5 * (TAU * place / 2.0).cos() + 0.08 * (TAU * place).cos();
        sinc * window / 4.0
    };
    let taps: Vec<(isize, f64)> = (-HALF..=HALF).map(|at| (at, tap(at))).collect();
    let kept = (0..samples.len()).skip(offset).step_by(4);
    let filtered = kept.map(|place| {
        let near = taps.iter().filter_map(|(at, weight)| {
            let sample = samples.get(place.checked_add_signed(*at)?)?;
            Some(sample * weight)
        });
        near.sum()
    });
    filtered.collect()
}

fn ranges() -> Vec<EbuCase> {
    let cases: [(u8, &[f64], f64); 4] = [
        (1, &[-20.0, -30.0], 10.0),
        (2, &[-20.0, -15.0], 5.0),
        (3, &[-40.0, -20.0], 20.0),
        (4, &[-50.0, -35.0, -20.0, -35.0, -50.0], 15.0),
    ];
    let cases = cases.into_iter().map(|(number, levels, expected)| {
        let parts: Vec<(f64, f64)> = levels.iter().map(|level| (20.0, *level)).collect();
        EbuCase {
            name: format!("Tech 3342 case {number}"),
            what: "loudness range in LU",
            expected,
            tolerance: RANGE_LU,
            ours: measure_loudness(&tone(&parts))
                .range_lu
                .unwrap_or(f64::NEG_INFINITY),
        }
    });
    cases.collect()
}

/// A stereo sine of 1 kHz whose level changes: seconds and dBFS of each part.
fn tone(parts: &[(f64, f64)]) -> AudioBuffer {
    let mut samples = Vec::new();
    for &(seconds, level_dbfs) in parts {
        let amplitude = 10f64.powf(level_dbfs / 20.0);
        for _ in 0..(seconds * f64::from(RATE_HZ)) as usize {
            let phase = samples.len() as f64 * 1_000.0 / f64::from(RATE_HZ);
            samples.push(amplitude * (phase * TAU).sin());
        }
    }
    stereo(&samples)
}

/// Twenty seconds of 1 kHz in each channel at its level.
fn surround(levels_dbfs: &[f64]) -> AudioBuffer {
    let frames = 0..20 * RATE_HZ as usize;
    let samples = frames.flat_map(|frame| {
        let phase = frame as f64 * 1_000.0 / f64::from(RATE_HZ);
        let sine = (phase * TAU).sin();
        let levels = levels_dbfs.iter();
        levels.map(move |level| (10f64.powf(level / 20.0) * sine) as f32)
    });
    AudioBuffer {
        samples: samples.collect(),
        channel_count: levels_dbfs.len(),
        sample_rate_hz: RATE_HZ,
    }
}

fn faded(mut samples: Vec<f64>) -> Vec<f64> {
    let last = samples.len().saturating_sub(1);
    let length = f64::from(RATE_HZ / 100);
    for (index, sample) in samples.iter_mut().enumerate() {
        *sample *= (index.min(last - index) as f64 / length).min(1.0);
    }
    samples
}

fn stereo(samples: &[f64]) -> AudioBuffer {
    let both = samples.iter().flat_map(|sample| [*sample as f32; 2]);
    AudioBuffer {
        samples: both.collect(),
        channel_count: 2,
        sample_rate_hz: RATE_HZ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_within_its_tolerance() {
        let cases = cases();
        for case in &cases {
            assert!(case.holds(), "{}", case.told());
        }
        // 1 and 2 ask for three numbers each; 7 and 8 are recordings.
        assert_eq!(cases.len(), 21 + 4 + 4);
    }

    #[test]
    fn a_case_tells_its_tolerance() {
        let case = of_3341(15, "true peak in dBTP", -6.0, PEAK_DB, Some(-6.204));
        assert!(case.holds());
        assert_eq!(
            case.told(),
            "Tech 3341 case 15, true peak in dBTP: expected -6.0 + 0.2, − 0.4, ours -6.20, kept."
        );
        assert!(!of_3341(15, "", -6.0, PEAK_DB, Some(-5.79)).holds());
        assert!(!of_3341(15, "", -6.0, PEAK_DB, None).holds());
    }
}
