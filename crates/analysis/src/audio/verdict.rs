//! The decision among the readings of the metre.

use super::confidence::tempo_evidence;
use super::division_features::{compound_probability, division_score, keyboard_score};
use super::frames::RHYTHM_FPS;
use super::level_weights::LEVEL_NETWORK;
use super::network::softmax;
use super::phase_features::PHASE_FEATURE_COUNT;
use super::phase_weights::PHASE_NETWORK;
use super::reading::Reading;

/// Tempi this near, relative to each other, are the same.
const SAME_TEMPO: f64 = 0.04;
/// Beats this near are the same, in frames: 70 ms, the usual tolerance.
const SAME_BEAT_FRAMES: f64 = 0.07 * RHYTHM_FPS;
/// Factors between levels of one division into two.
const OCTAVES: [f64; 4] = [2.0, 4.0, 0.5, 0.25];
/// Share of common beats from which two readings are one.
const SAME_READING: f64 = 0.8;

/// Share of the level network's log probability in the choice of the phase: it heard other pieces than
/// the phase network. On styles left out of the phase network's fit, beats are found more often the
/// larger the share, but the level network had heard those styles; so it stays small.
const LEVEL_SHARE: f64 = 0.25;

/// A reading with its probability among those of the track.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub reading: Reading,
    pub probability: f64,
    /// The same by the level network alone.
    level_probability: f64,
    /// Readings of one group have the same beats.
    pub group: usize,
    is_first: bool,
}

/// What is decided of a track.
#[derive(Debug)]
pub(crate) struct Verdict<'a> {
    pub best: &'a Judged,
    /// What the confidence in the tempo goes by.
    pub tempo_evidence: [f64; 1],
    /// The next most probable tempo.
    pub alternative_bpm: Option<f64>,
}

/// Probabilities of the readings and their groups. Cost: O(readings² × beats).
pub(crate) fn judge_readings(readings: Vec<Reading>) -> Vec<Judged> {
    let scores: Vec<f64> = readings
        .iter()
        .map(|reading| LEVEL_NETWORK.score(&reading.features))
        .collect();
    let divided: Vec<f64> = readings
        .iter()
        .zip(&scores)
        .map(|(reading, score)| {
            let (features, division) = (&reading.features, &reading.division);
            score + division_score(features, division) + keyboard_score(features, division)
        })
        .collect();
    let shares = softmax(&divided).into_iter().zip(softmax(&scores));
    let mut judged: Vec<Judged> = Vec::with_capacity(readings.len());
    let mut group_count = 0;
    for (reading, (probability, level_probability)) in readings.into_iter().zip(shares) {
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
            probability,
            level_probability,
            group,
            is_first: known_group.is_none(),
        });
    }
    judged
}

/// Decides first on the tempo, by the probability of all readings that agree, then on the beats among
/// those by what tells phases apart: many periodicities lead to the same beats, and one lucky score
/// must not outweigh them.
pub(crate) fn decide<'a>(
    judged: &'a [Judged],
    phase_features: &dyn Fn(&[f64]) -> [f64; PHASE_FEATURE_COUNT],
) -> Option<Verdict<'a>> {
    // Where the networks part ways, none is sure.
    let share = |judged: &Judged| (judged.probability + judged.level_probability) / 2.0;
    let tempo = decide_tempo(judged)?;
    let probability = share_of_tempo(judged, tempo, share);
    let alternative = best_tempo(judged, share, |bpm| !is_same_tempo(bpm, tempo));
    let at_tempo: Vec<&Judged> = judged
        .iter()
        .filter(|judged| is_same_tempo(judged.reading.bpm, tempo))
        .collect();
    Some(Verdict {
        best: best_phase(&at_tempo, phase_features)?,
        tempo_evidence: tempo_evidence(probability, alternative.map_or(0.0, |(_, of)| of)),
        alternative_bpm: alternative.map(|(bpm, _)| bpm),
    })
}

/// The tempo of the largest share. What the networks beside the level network say of octaves holds only
/// for beats that divide into three: of others the level network knows more.
fn decide_tempo(judged: &[Judged]) -> Option<f64> {
    let (tempo, _) = best_tempo(judged, |judged| judged.probability, |_| true)?;
    let (by_level, _) = best_tempo(judged, |judged| judged.level_probability, |_| true)?;
    let likeliest = judged
        .iter()
        .filter(|judged| is_same_tempo(judged.reading.bpm, tempo))
        .max_by(|a, b| a.probability.total_cmp(&b.probability))?;
    let is_octave = OCTAVES
        .iter()
        .any(|octave| is_same_tempo(tempo / by_level, *octave));
    let is_compound = compound_probability(&likeliest.reading.division) > 0.5;
    Some(if is_octave && !is_compound {
        by_level
    } else {
        tempo
    })
}

/// The accepted tempo whose readings have the largest share together, and that share.
fn best_tempo(
    judged: &[Judged],
    share: impl Fn(&Judged) -> f64,
    is_accepted: impl Fn(f64) -> bool,
) -> Option<(f64, f64)> {
    judged
        .iter()
        .map(|judged| judged.reading.bpm)
        .filter(|&bpm| is_accepted(bpm))
        .map(|bpm| (bpm, share_of_tempo(judged, bpm, &share)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

fn share_of_tempo(judged: &[Judged], bpm: f64, share: impl Fn(&Judged) -> f64) -> f64 {
    judged
        .iter()
        .filter(|other| is_same_tempo(other.reading.bpm, bpm))
        .map(share)
        .sum()
}

/// The reading whose group has the largest share of the phase network's softmax.
fn best_phase<'a>(
    at_tempo: &[&'a Judged],
    phase_features: &dyn Fn(&[f64]) -> [f64; PHASE_FEATURE_COUNT],
) -> Option<&'a Judged> {
    let scores: Vec<f64> = at_tempo
        .iter()
        .map(|judged| {
            let phase = PHASE_NETWORK.score(&phase_features(&judged.reading.beats));
            phase + LEVEL_SHARE * (judged.probability + 1e-9).ln()
        })
        .collect();
    let shares = softmax(&scores);
    let of_group = |group: usize| -> f64 {
        let of = at_tempo.iter().zip(&shares);
        of.filter(|(other, _)| other.group == group)
            .map(|(_, share)| share)
            .sum()
    };
    at_tempo
        .iter()
        .zip(&shares)
        .map(|(judged, &share)| (*judged, of_group(judged.group), share))
        .max_by(|a, b| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2)))
        .map(|(judged, ..)| judged)
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
