//! How near beats and downbeats are to the true ones, as mir_eval has it.

/// Half width of the window in which a beat is hit, in seconds (mir_eval's default).
const BEAT_WINDOW_S: f64 = 0.07;
/// Beats before this time are not scored, in seconds (mir_eval's `trim_beats`).
const BEAT_TRIM_S: f64 = 5.0;
/// How far a beat and the step to it may be off for continuity, as parts of the true step.
const CONTINUITY_TOLERANCE: f64 = 0.175;

fn trimmed(beats: &[f64]) -> Vec<f64> {
    let beats = beats.iter().copied();
    beats.filter(|&beat| beat >= BEAT_TRIM_S).collect()
}

/// F-measure of beats: one-to-one matches within 70 ms, after the first five seconds.
///
/// - Source: Dixon, "Evaluation of the audio beat tracking system BeatRoot", JNMR 36(1), 2007.
pub fn beat_f_measure(truth: &[f64], found: &[f64]) -> f64 {
    let (truth, found) = (trimmed(truth), trimmed(found));
    if truth.is_empty() || found.is_empty() {
        return 0.0;
    }
    // Both lists rise, so the greedy matching of the earliest free pair is a largest one.
    let (mut hits, mut at) = (0usize, 0usize);
    for beat in &truth {
        while found
            .get(at)
            .is_some_and(|&candidate| candidate < beat - BEAT_WINDOW_S)
        {
            at += 1;
        }
        if found
            .get(at)
            .is_some_and(|&candidate| candidate <= beat + BEAT_WINDOW_S)
        {
            hits += 1;
            at += 1;
        }
    }
    2.0 * hits as f64 / (truth.len() + found.len()) as f64
}

/// CMLt: share of beats at the correct metrical level, each near a true one and as far from the one before as
/// that is from its own, continuous or not; after the first five seconds.
///
/// - Source: Hainsworth, "Techniques for the automated analysis of musical audio", PhD thesis, Cambridge
///   2004; Davies, Degara & Plumbley, "Evaluation methods for musical audio beat tracking algorithms",
///   Queen Mary C4DM-TR-09-06, 2009.
pub fn correct_level_total(truth: &[f64], found: &[f64]) -> f64 {
    let (truth, found) = (trimmed(truth), trimmed(found));
    if truth.len() < 2 || found.len() < 2 {
        return 0.0;
    }
    let mut is_used = vec![false; truth.len()];
    let is_right = |index: &usize| {
        let beat = found[*index];
        let distance = |at: &usize| (truth[*at] - beat).abs();
        let nearest = (0..truth.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let nearest = nearest.unwrap_or(0);
        if std::mem::replace(&mut is_used[nearest], true) {
            return false;
        }
        let is_first = *index == 0 || nearest == 0;
        let step = step_at(&truth, nearest, is_first);
        let phase = distance(&nearest) / step;
        let period = (1.0 - step_at(&found, *index, is_first) / step).abs();
        phase < CONTINUITY_TOLERANCE && period < CONTINUITY_TOLERANCE
    };
    let right_count = (0..found.len()).filter(is_right).count();
    right_count as f64 / truth.len().max(found.len()) as f64
}

/// Step from the beat before, or to the next one where there is no other to compare with.
fn step_at(beats: &[f64], index: usize, is_forward: bool) -> f64 {
    let start = match is_forward && index + 1 < beats.len() {
        true => index,
        false => index.saturating_sub(1),
    };
    beats[start + 1] - beats[start]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_beats_one_to_one() {
        let truth = [5.0, 5.5, 6.0, 6.5];
        for (found, expected) in [
            (vec![5.0, 5.5, 6.0, 6.5], 1.0),
            (vec![5.05, 5.45, 6.06, 6.44], 1.0),
            (vec![5.0, 6.0], 2.0 / 3.0),
            (vec![5.1, 5.6], 0.0),
            (vec![5.0, 5.01, 5.5, 6.0, 6.5, 1.0], 8.0 / 9.0),
            (vec![], 0.0),
        ] {
            assert!(
                (beat_f_measure(&truth, &found) - expected).abs() < 1e-9,
                "{found:?}"
            );
        }
    }

    #[test]
    fn continuity_wants_the_level_and_the_phase() {
        let steps = |first: f64, step: f64, count: usize| -> Vec<f64> {
            (0..count)
                .map(|index| first + step * index as f64)
                .collect()
        };
        let truth = steps(6.0, 2.0, 10);
        for (found, expected) in [
            (truth.clone(), 1.0),
            // A tenth of a step late is near enough, a quarter is not.
            (steps(6.2, 2.0, 10), 1.0),
            (steps(6.5, 2.0, 10), 0.0),
            // The offbeat, and twice the level.
            (steps(7.0, 2.0, 10), 0.0),
            (steps(6.0, 1.0, 20), 0.0),
            // Half of the beats, and one alone.
            (steps(6.0, 2.0, 5), 0.5),
            (vec![6.0], 0.0),
        ] {
            assert!(
                (correct_level_total(&truth, &found) - expected).abs() < 1e-9,
                "{found:?}"
            );
        }
    }
}
