//! The card of timbre: every measure computed a second time, plainly and in double precision, and by hand where a
//! tone says what must come out.

use std::f64::consts::{PI, TAU};

use leitmotif_analysis::analyzer::{Analyzer, TrackInput};
use leitmotif_analysis::audio::{ANALYSIS_RATE_HZ, AudioBuffer, SoundAnalyzer};
use leitmotif_analysis::descriptor::Descriptor;

use super::blank;
use super::card::{Card, Data, Metric, worst};
use crate::random::Random;

const EXACT: Metric = Metric {
    name: "exact",
    definition: "Share of values that are those of the second computation within 0.5 %, or 0.005, or half of the last digit told.",
    source: "exact agreement",
};
const BY_HAND: Metric = Metric {
    name: "as worked by hand",
    definition: "Share of values within 1 % of what a tone on a bin of the spectrum must give: its frequency as centroid, a bin more \
        as 85 % roll-off, twice as many zero crossings less the one that falls between two windows.",
    source: "the Hann window: a bin and half of each neighbour",
};

const RATE: f64 = ANALYSIS_RATE_HZ as f64;
const WINDOW: usize = 2_048;
const STEP: usize = 1_024;
const BIN_COUNT: usize = WINDOW / 2 + 1;
const MEL_COUNT: usize = 40;
const MFCC_COUNT: usize = 20;
/// What signals are scaled to, as root mean square.
const LEVEL: f64 = 0.1;

/// Names of the measures with the digits after the point that are told.
const SCALARS: [(&str, i32); 6] = [
    ("spectral_centroid_hz", 1),
    ("spectral_bandwidth_hz", 1),
    ("spectral_rolloff_hz", 1),
    ("spectral_flatness", 5),
    ("spectral_flux", 4),
    ("zero_crossing_rate_hz", 1),
];

/// The measures of one frame: the scalars in their order, level, contrast and cepstrum.
struct Frame {
    scalars: [f64; 6],
    level_db: f64,
    contrast_db: Vec<f64>,
    mfcc: Vec<f64>,
}

pub fn card() -> anyhow::Result<Card> {
    let signals = signals();
    let mut judged: Vec<(&'static str, f64)> = Vec::new();
    for signal in &signals {
        let descriptors = measured(signal)?;
        compare(&descriptors, &plain_frames(signal), &mut judged);
    }
    let all: Vec<f64> = judged.iter().map(|(_, is_equal)| *is_equal).collect();
    let by_hand = worked_by_hand()?;
    let scores = [
        EXACT.mean("all measures of eight signals", &all),
        BY_HAND.mean("tones on a bin, a minute of each", &by_hand),
    ];
    Ok(Card {
        descriptors: vec![
            "spectral_centroid_hz",
            "spectral_centroid_deviation_hz",
            "spectral_bandwidth_hz",
            "spectral_bandwidth_deviation_hz",
            "spectral_rolloff_hz",
            "spectral_rolloff_deviation_hz",
            "spectral_flatness",
            "spectral_flatness_deviation",
            "spectral_flux",
            "spectral_flux_deviation",
            "zero_crossing_rate_hz",
            "zero_crossing_rate_deviation_hz",
            "level_deviation_db",
            "spectral_contrast_db",
            "spectral_contrast_deviation_db",
            "mfcc",
            "mfcc_deviation",
            "mfcc_delta_deviation",
        ],
        what: "The colour of the sound: means and deviations of the spectral centroid, bandwidth, roll-off, flatness, flux and contrast, of \
            zero crossings, level and cepstral coefficients.",
        unit: "hertz, decibels or none, by name",
        data: vec![Data {
            name: "tones, chords, noise, sweeps and beats, three seconds of each",
            count: signals.len(),
            of: "signals",
            origin: "synthesised",
            licence: "our own",
        }],
        scores: scores.into_iter().flatten().collect(),
        failures: worst(EXACT.name, 1.0, judged.iter().map(|(name, is_equal)| (format!("`{name}`"), *is_equal))),
        notes: vec![
            "The second computation sums every bin of a Fourier transform by its definition and follows no shortcut of the first; both share \
             the definitions, which are in the crate's documentation."
                .to_owned(),
            "The spectrum of the first is in single precision: what rounding leaves far from a tone that sounds alone widens its bandwidth \
             by one to two hertz, 43.8 for 42.4 Hz at 1 kHz."
                .to_owned(),
            "That a value is what it is defined as says nothing of what listeners hear.".to_owned(),
        ],
        ..blank("timbre", "Timbre", "sound")
    })
}

fn measured(signal: &[f64]) -> anyhow::Result<Vec<Descriptor>> {
    let audio = AudioBuffer {
        samples: signal.iter().map(|&sample| sample as f32).collect(),
        channel_count: 1,
        sample_rate_hz: ANALYSIS_RATE_HZ,
    };
    let input = TrackInput {
        audio: Some(&audio),
        lyrics: None,
    };
    Ok(SoundAnalyzer.analyze(&input)?)
}

/// Three seconds each of what music is made of.
fn signals() -> Vec<Vec<f64>> {
    let mut random = Random(3);
    let noise: Vec<f64> = (0..count(3.0)).map(|_| random.uniform() - 0.5).collect();
    let of = |wave: &dyn Fn(f64) -> f64| -> Vec<f64> {
        (0..count(3.0))
            .map(|index| wave(index as f64 / RATE))
            .collect()
    };
    let tone = |hertz: f64, time: f64| (TAU * hertz * time).sin();
    let sawtooth = |hertz: f64, time: f64| -> f64 {
        (1..40)
            .map(|overtone| tone(hertz * f64::from(overtone), time) / f64::from(overtone))
            .sum()
    };
    vec![
        of(&|time| 0.4 * tone(1_000.0, time)),
        of(&|time| 0.2 * tone(220.0, time) + 0.1 * tone(3_300.0, time)),
        of(&|time| 0.2 * sawtooth(110.0, time)),
        of(&|time| {
            0.1 * [261.6, 329.6, 392.0]
                .map(|hertz| sawtooth(hertz, time))
                .iter()
                .sum::<f64>()
        }),
        of(&|time| 0.3 * tone(200.0 + 800.0 * time, time)),
        of(&|time| 0.5 * tone(440.0, time) * (-4.0 * time.fract()).exp()),
        (0..)
            .zip(&noise)
            .map(|(index, noise)| noise * (-12.0 * (f64::from(index) / RATE * 2.0).fract()).exp())
            .collect(),
        noise,
    ]
}

fn count(seconds: f64) -> usize {
    (seconds * RATE) as usize
}

/// Centroid, roll-off and zero crossings of long tones that fit the window.
fn worked_by_hand() -> anyhow::Result<Vec<f64>> {
    let bin_hz = RATE / WINDOW as f64;
    let mut judged = Vec::new();
    for bin in [40, 93, 200, 411] {
        let hertz = f64::from(bin) * bin_hz;
        let tone =
            (0..count(60.0)).map(|index| 0.3 * (TAU * hertz * index as f64 / RATE + 0.1).sin());
        let descriptors = measured(&tone.collect::<Vec<f64>>())?;
        for (name, expected) in [
            ("spectral_centroid_hz", hertz),
            ("spectral_rolloff_hz", hertz + bin_hz),
            ("zero_crossing_rate_hz", 2.0 * hertz - bin_hz),
        ] {
            let found = number(&descriptors, name, None).unwrap_or(f64::INFINITY);
            judged.push(f64::from(u8::from((found / expected - 1.0).abs() <= 0.01)));
        }
    }
    Ok(judged)
}

fn number(descriptors: &[Descriptor], name: &str, place: Option<usize>) -> Option<f64> {
    let value = &descriptors.iter().find(|one| one.name == name)?.value;
    match place {
        Some(place) => value.get(place)?.as_f64(),
        None => value.as_f64(),
    }
}

/// Compares the mean and deviation of every measure.
fn compare(descriptors: &[Descriptor], frames: &[Frame], judged: &mut Vec<(&'static str, f64)>) {
    let mut judge = |name: &'static str, told: String, place, digits: i32, expected: f64| {
        let found = number(descriptors, &told, place).unwrap_or(f64::INFINITY);
        let tolerance = (0.005 * expected.abs()).max(0.51 * 10f64.powi(-digits));
        judged.push((
            name,
            f64::from(u8::from((found - expected).abs() <= tolerance)),
        ));
    };
    for (index, (name, digits)) in SCALARS.into_iter().enumerate() {
        let (mean, deviation) = moments(frames, |frame| frame.scalars[index]);
        judge(name, name.to_owned(), None, digits, mean);
        let told = match name.strip_suffix("_hz") {
            Some(stem) => format!("{stem}_deviation_hz"),
            None => format!("{name}_deviation"),
        };
        judge(name, told, None, digits, deviation);
    }
    let (_, deviation) = moments(frames, |frame| frame.level_db);
    judge(
        "level_deviation_db",
        "level_deviation_db".to_owned(),
        None,
        2,
        deviation,
    );
    for band in 0..6 {
        let (mean, deviation) = moments(frames, |frame| frame.contrast_db[band]);
        judge(
            "spectral_contrast_db",
            "spectral_contrast_db".to_owned(),
            Some(band),
            2,
            mean,
        );
        let told = "spectral_contrast_deviation_db".to_owned();
        judge("spectral_contrast_db", told, Some(band), 2, deviation);
    }
    for place in 0..MFCC_COUNT {
        let (mean, deviation) = moments(frames, |frame| frame.mfcc[place]);
        judge("mfcc", "mfcc".to_owned(), Some(place), 2, mean);
        judge(
            "mfcc",
            "mfcc_deviation".to_owned(),
            Some(place),
            2,
            deviation,
        );
    }
}

/// Mean and deviation over the frames within 60 dB of the loudest.
fn moments(frames: &[Frame], read: impl Fn(&Frame) -> f64) -> (f64, f64) {
    let loudest = frames
        .iter()
        .map(|frame| frame.level_db)
        .fold(f64::MIN, f64::max);
    let heard = frames
        .iter()
        .filter(|frame| frame.level_db > loudest - 60.0);
    let values: Vec<f64> = heard.map(read).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    (mean, square.sqrt())
}

/// Measures every frame by the definitions.
fn plain_frames(signal: &[f64]) -> Vec<Frame> {
    let rms =
        (signal.iter().map(|sample| sample * sample).sum::<f64>() / signal.len() as f64).sqrt();
    let scaled: Vec<f64> = signal.iter().map(|sample| sample * LEVEL / rms).collect();
    let mut before = vec![0.0; BIN_COUNT];
    let starts = (0..signal.len())
        .step_by(STEP)
        .map(|centre| centre as i64 - WINDOW as i64 / 2);
    let measured = starts.map(|start| {
        let sample_at = |index: usize| {
            let place = usize::try_from(start + index as i64).ok();
            place
                .and_then(|place| scaled.get(place))
                .copied()
                .unwrap_or(0.0)
        };
        let samples: Vec<f64> = (0..WINDOW).map(sample_at).collect();
        let magnitudes = magnitudes(&samples);
        let frame = plain_frame(&samples, &magnitudes, &before);
        before = magnitudes;
        frame
    });
    measured.collect()
}

/// Magnitudes under a Hann window, a full-scale sine reading one, each bin summed by itself.
fn magnitudes(samples: &[f64]) -> Vec<f64> {
    let length = samples.len();
    let turns: Vec<(f64, f64)> = (0..length)
        .map(|index| (TAU * index as f64 / length as f64).sin_cos())
        .collect();
    let windowed = samples
        .iter()
        .zip(&turns)
        .map(|(sample, (_, cos))| sample * (0.5 - 0.5 * cos));
    let windowed: Vec<f64> = windowed
        .map(|sample| sample * 4.0 / length as f64)
        .collect();
    (0..=length / 2)
        .map(|bin| {
            let (mut real, mut imaginary) = (0.0, 0.0);
            for (index, sample) in windowed.iter().enumerate() {
                let (sin, cos) = turns[bin * index % length];
                real += sample * cos;
                imaginary -= sample * sin;
            }
            real.hypot(imaginary)
        })
        .collect()
}

fn plain_frame(samples: &[f64], magnitudes: &[f64], before: &[f64]) -> Frame {
    let bin_hz = RATE / WINDOW as f64;
    let sum: f64 = magnitudes
        .iter()
        .sum::<f64>()
        .max(f64::from(f32::MIN_POSITIVE));
    let mean_over = |of: &dyn Fn(f64) -> f64| -> f64 {
        let weighted = (0..)
            .zip(magnitudes)
            .map(|(bin, magnitude)| of(f64::from(bin) * bin_hz) * magnitude);
        weighted.sum::<f64>() / sum
    };
    let centroid = mean_over(&|hertz| hertz);
    let bandwidth = mean_over(&|hertz| (hertz - centroid).powi(2)).sqrt();
    let power: Vec<f64> = magnitudes
        .iter()
        .map(|magnitude| magnitude * magnitude)
        .collect();
    let whole: f64 = power.iter().sum();
    let mut under = 0.0;
    let rolloff = power.iter().position(|power| {
        under += power;
        under >= 0.85 * whole
    });
    let groups: Vec<f64> = power
        .chunks_exact(4)
        .map(|group| group.iter().sum::<f64>() / 4.0 + 1e-12)
        .collect();
    let group_count = groups.len() as f64;
    let logarithms = groups.iter().map(|mean| mean.ln()).sum::<f64>() / group_count;
    let flatness = logarithms.exp() / (groups.iter().sum::<f64>() / group_count);
    let rises = magnitudes
        .iter()
        .zip(before)
        .map(|(now, before)| (now - before).max(0.0));
    let crossings = samples
        .windows(2)
        .filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0))
        .count();
    let level = samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64;
    Frame {
        scalars: [
            centroid,
            bandwidth,
            rolloff.unwrap_or(0) as f64 * bin_hz,
            flatness,
            rises.sum::<f64>() / sum,
            crossings as f64 * RATE / samples.len() as f64,
        ],
        level_db: 10.0 * (level + 1e-12).log10(),
        contrast_db: contrast(&power, bin_hz),
        mfcc: cepstrum(&power, bin_hz),
    }
}

/// The strongest over the weakest fifth of the bins of each octave from 150 Hz.
fn contrast(power: &[f64], bin_hz: f64) -> Vec<f64> {
    let edge = |octave: i32| ((150.0 * 2f64.powi(octave) / bin_hz).round() as usize).min(BIN_COUNT);
    let of_octave = |octave| {
        let mut bins = power[edge(octave)..edge(octave + 1)].to_vec();
        bins.sort_by(f64::total_cmp);
        let fifth = (bins.len() / 5).max(1);
        let mean = |bins: &[f64]| bins.iter().sum::<f64>() / fifth as f64 + 1e-12;
        10.0 * (mean(&bins[bins.len() - fifth..]) / mean(&bins[..fifth])).log10()
    };
    (0..6).map(of_octave).collect()
}

/// Orthonormal DCT-II of the logarithms of 40 triangles on O'Shaughnessy's mel scale, each of unit sum; a bin is as
/// wide as it is, so that half of one is added to each side.
fn cepstrum(power: &[f64], bin_hz: f64) -> Vec<f64> {
    let mel = |hertz: f64| 2_595.0 * (1.0 + hertz / 700.0).log10();
    let hertz = |mel: f64| 700.0 * (10f64.powf(mel / 2_595.0) - 1.0);
    let edge = |index: usize| hertz(mel(RATE / 2.0) * index as f64 / (MEL_COUNT + 1) as f64);
    let of_band = |band: usize| {
        let (low, centre, high) = (edge(band), edge(band + 1), edge(band + 2));
        let half = bin_hz / 2.0;
        let weight = |bin: usize| {
            let at = bin as f64 * bin_hz;
            let is_in =
                bin >= (low / bin_hz).floor() as usize && bin <= (high / bin_hz).ceil() as usize;
            let rise = (at - low + half) / (centre - low + half);
            let fall = (high - at + half) / (high - centre + half);
            if is_in {
                rise.min(fall).clamp(0.0, 1.0)
            } else {
                0.0
            }
        };
        let weights: Vec<f64> = (0..BIN_COUNT).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let level: f64 = weights
            .iter()
            .zip(power)
            .map(|(weight, power)| weight / sum * power)
            .sum();
        (level + 1e-9).ln()
    };
    let levels: Vec<f64> = (0..MEL_COUNT).map(of_band).collect();
    let coefficient = |row: usize| {
        let norm = if row == 0 { 1.0 } else { 2.0 } / MEL_COUNT as f64;
        let angle = |column: usize| PI * row as f64 * (column as f64 + 0.5) / MEL_COUNT as f64;
        let sum: f64 = levels
            .iter()
            .enumerate()
            .map(|(column, level)| level * angle(column).cos())
            .sum();
        norm.sqrt() * sum
    };
    (0..MFCC_COUNT).map(coefficient).collect()
}
