//! The decision among the readings of the metre.

use super::confidence::{TempoEvidence, tempo_evidence};
use super::frames::RHYTHM_FPS;
use super::network::softmax;
use super::reading::Reading;
use super::reading_network::score_readings;

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
    /// What the confidence in the tempo goes by.
    pub tempo_evidence: TempoEvidence,
    /// The next most probable tempo.
    pub alternative_bpm: Option<f64>,
}

/// Probabilities of the readings and their groups. Cost: O(readings² × beats).
pub(crate) fn judge_readings(readings: Vec<Reading>) -> Vec<Judged> {
    let shares = softmax(&score_readings(&readings));
    let mut judged: Vec<Judged> = Vec::with_capacity(readings.len());
    let mut group_count = 0;
    for (reading, probability) in readings.into_iter().zip(shares) {
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
            group,
            is_first: known_group.is_none(),
        });
    }
    judged
}

/// Decides first on the tempo, by the probability of all readings that agree, then on the beats among
/// those, by that of all readings that share them: many periodicities lead to the same beats, and one lucky
/// score must not outweigh them.
pub(crate) fn decide(judged: &[Judged]) -> Option<Verdict<'_>> {
    let (tempo, share) = best_tempo(judged, |_| true)?;
    let alternative = best_tempo(judged, |bpm| !is_same_tempo(bpm, tempo));
    let at_tempo: Vec<&Judged> = judged
        .iter()
        .filter(|judged| is_same_tempo(judged.reading.bpm, tempo))
        .collect();
    Some(Verdict {
        best: best_phase(&at_tempo)?,
        tempo_evidence: tempo_evidence(share),
        alternative_bpm: alternative.map(|(bpm, _)| bpm),
    })
}

/// The accepted tempo whose readings have the largest share together, and that share.
fn best_tempo(judged: &[Judged], is_accepted: impl Fn(f64) -> bool) -> Option<(f64, f64)> {
    judged
        .iter()
        .map(|judged| judged.reading.bpm)
        .filter(|&bpm| is_accepted(bpm))
        .map(|bpm| (bpm, share_of_tempo(judged, bpm)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

fn share_of_tempo(judged: &[Judged], bpm: f64) -> f64 {
    judged
        .iter()
        .filter(|other| is_same_tempo(other.reading.bpm, bpm))
        .map(|other| other.probability)
        .sum()
}

/// The likeliest reading of the group that has the largest share of the tempo.
fn best_phase<'a>(at_tempo: &[&'a Judged]) -> Option<&'a Judged> {
    let of_group = |group: usize| -> f64 {
        let of = at_tempo.iter().filter(|other| other.group == group);
        of.map(|other| other.probability).sum()
    };
    at_tempo
        .iter()
        .map(|judged| (*judged, of_group(judged.group)))
        .max_by(|a, b| {
            let by_group = a.1.total_cmp(&b.1);
            by_group.then(a.0.probability.total_cmp(&b.0.probability))
        })
        .map(|(judged, _)| judged)
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

#[cfg(test)]
mod tests {
    use super::super::division_features::DIVISION_FEATURE_COUNT;
    use super::super::phase_features::PHASE_FEATURE_COUNT;
    use super::super::reading_features::FEATURE_COUNT;
    use super::*;

    fn judged(bpm: f64, group: usize, probability: f64) -> Judged {
        let reading = Reading {
            bpm,
            beats: Vec::new(),
            features: [0.0; FEATURE_COUNT],
            division: [0.0; DIVISION_FEATURE_COUNT],
            phase: [0.0; PHASE_FEATURE_COUNT],
        };
        Judged {
            reading,
            probability,
            group,
            is_first: true,
        }
    }

    #[test]
    fn readings_that_agree_outweigh_one_that_stands_out() {
        let judged = [
            judged(80.0, 0, 0.3),
            judged(120.0, 1, 0.25),
            judged(120.5, 2, 0.2),
            judged(119.5, 2, 0.15),
            judged(60.0, 3, 0.1),
        ];
        let verdict = decide(&judged).expect("has readings");
        assert_eq!((verdict.best.reading.bpm, verdict.best.group), (120.5, 2));
        assert_eq!(verdict.alternative_bpm, Some(80.0));
        assert_eq!(verdict.tempo_evidence, tempo_evidence(0.25 + 0.2 + 0.15));
        assert!(decide(&[]).is_none());
    }
}
