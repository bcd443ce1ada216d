//! The decision among the readings of the metre.

use super::frames::RHYTHM_FPS;
use super::reading::Reading;
use super::reading_network::score;

/// Tempi this near, relative to each other, are the same.
const SAME_TEMPO: f64 = 0.04;
/// Beats this near are the same, in frames: 70 ms, the usual tolerance.
const SAME_BEAT_FRAMES: f64 = 0.07 * RHYTHM_FPS;
/// Share of common beats from which two readings are one.
const SAME_READING: f64 = 0.8;

/// A reading with its probability among those of the track.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub reading: Reading,
    pub probability: f64,
    /// Readings of one group have the same beats.
    pub group: usize,
    is_first: bool,
}

/// What is decided of a track.
#[derive(Debug)]
pub(crate) struct Verdict<'a> {
    pub best: &'a Judged,
    /// Calibrated sum of the probabilities of the readings of that tempo.
    pub tempo_probability: f64,
    /// The next most probable tempo.
    pub alternative_bpm: Option<f64>,
}

/// Softmax of the readings' scores, and their groups. Cost: O(readings² × beats).
pub(crate) fn judge_readings(readings: Vec<Reading>) -> Vec<Judged> {
    let scores: Vec<f64> = readings
        .iter()
        .map(|reading| score(&reading.features))
        .collect();
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = scores.iter().map(|score| (score - best).exp()).sum();
    let mut judged: Vec<Judged> = Vec::with_capacity(readings.len());
    let mut group_count = 0;
    for (reading, score) in readings.into_iter().zip(scores) {
        let known = judged.iter().find(|known| {
            // The first of a group stands for it.
            known.is_first
                && is_same_tempo(known.reading.bpm, reading.bpm)
                && common_share(&known.reading.beats, &reading.beats) >= SAME_READING
        });
        let known_group = known.map(|known| known.group);
        let group = known_group.unwrap_or(group_count);
        group_count = group_count.max(group + 1);
        judged.push(Judged {
            reading,
            probability: (score - best).exp() / total,
            group,
            is_first: known_group.is_none(),
        });
    }
    judged
}

/// Decides first on the tempo, then on the beats, each by the probability of all that agree: many
/// periodicities lead to the same beats, and one lucky score must not outweigh them.
pub(crate) fn decide(judged: &[Judged]) -> Option<Verdict<'_>> {
    let of_tempo = |bpm: f64| -> f64 {
        judged
            .iter()
            .filter(|other| is_same_tempo(other.reading.bpm, bpm))
            .map(|other| other.probability)
            .sum()
    };
    let tempo_of = |accepted: &dyn Fn(f64) -> bool| -> Option<(f64, f64)> {
        judged
            .iter()
            .map(|judged| judged.reading.bpm)
            .filter(|&bpm| accepted(bpm))
            .map(|bpm| (bpm, of_tempo(bpm)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let (tempo, tempo_probability) = tempo_of(&|_| true)?;
    let alternative = tempo_of(&|bpm| !is_same_tempo(bpm, tempo));
    let of_group = |group: usize| -> f64 {
        judged
            .iter()
            .filter(|other| other.group == group)
            .map(|other| other.probability)
            .sum()
    };
    let best = judged
        .iter()
        .filter(|judged| is_same_tempo(judged.reading.bpm, tempo))
        .map(|judged| (judged, of_group(judged.group)))
        .max_by(|a, b| {
            (a.1, a.0.probability)
                .partial_cmp(&(b.1, b.0.probability))
                .unwrap_or(std::cmp::Ordering::Equal)
        })?
        .0;
    Some(Verdict {
        best,
        tempo_probability: calibrated(tempo_probability),
        alternative_bpm: alternative.map(|(bpm, _)| bpm),
    })
}

/// Slope and offset of the log odds that make the probability the share of tempi that are right: a
/// logistic fit on composed pieces that the network was not fitted on.
const CALIBRATION: (f64, f64) = (1.56, -0.13);

fn calibrated(probability: f64) -> f64 {
    let probability = probability.clamp(1e-4, 1.0 - 1e-4);
    let odds = (probability / (1.0 - probability)).ln();
    1.0 / (1.0 + (-(CALIBRATION.0 * odds + CALIBRATION.1)).exp())
}

fn is_same_tempo(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < SAME_TEMPO
}

/// Twice the number of common beats over the number of all.
fn common_share(a: &[f64], b: &[f64]) -> f64 {
    let (mut common, mut at) = (0usize, 0usize);
    for beat in a {
        while b
            .get(at)
            .is_some_and(|&other| other < beat - SAME_BEAT_FRAMES)
        {
            at += 1;
        }
        if b.get(at)
            .is_some_and(|&other| other <= beat + SAME_BEAT_FRAMES)
        {
            common += 1;
            at += 1;
        }
    }
    2.0 * common as f64 / (a.len() + b.len()).max(1) as f64
}
