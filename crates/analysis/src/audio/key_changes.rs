//! Keys over time: where a track modulates.

use super::chords::best_path;
use super::key::{HARMONY_FPS, KeyEstimate, key_scores, mean_chroma};

/// Seconds between two judgements of the key, and of music on either side that each hears.
const STEP_S: f64 = 2.0;
const HALF_WIDTH_S: f64 = 4.0;
/// Weight of the correlation with a key's profile, in nats per step.
const FIT_WEIGHT: f64 = 6.0;
/// Cost of another key, in nats: the hysteresis that keeps borrowed chords from being modulations.
const CHANGE_COST: f64 = 8.0;
/// Shortest stretch that is a key of its own, in seconds.
const KEY_S_MIN: f64 = 6.0;

/// A key from a time on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct KeySpan {
    pub start_s: f64,
    /// Pitch class of the tonic, C = 0.
    pub tonic: usize,
    pub is_minor: bool,
}

/// Lists the keys of a track in order; the first starts at 0.
///
/// - `frames` are pitch-class profiles at [`HARMONY_FPS`], `whole` is the key of the whole track; a
///   track that does not modulate has that one.
/// - Cost: O(frames).
/// - Source: a Viterbi path over key correlations in a sliding window, as in Chai & Vercoe, "Detection
///   of key change in classical piano music", ISMIR 2005, with profiles in place of trained states.
pub(crate) fn find_keys(frames: &[[f32; 12]], whole: KeyEstimate) -> Vec<KeySpan> {
    let frames_in = |seconds: f64| (seconds * HARMONY_FPS).round() as usize;
    let (step, half) = (frames_in(STEP_S).max(1), frames_in(HALF_WIDTH_S));
    let fits: Vec<[f64; 24]> = (0..frames.len())
        .step_by(step)
        .map(|start| {
            let centre = start + step / 2;
            let from = centre.saturating_sub(half);
            let to = (centre + half).min(frames.len());
            let near = frames.get(from..to).unwrap_or_default();
            key_scores(&mean_chroma(near)).map(|score| score * FIT_WEIGHT)
        })
        .collect();
    let path = best_path(&fits, CHANGE_COST);
    let count_min = (KEY_S_MIN / STEP_S).ceil() as usize;
    let mut spans: Vec<KeySpan> = Vec::new();
    for run in path.chunk_by(|a, b| a == b).scan(0usize, |at, run| {
        let start = *at;
        *at += run.len();
        Some((start, run))
    }) {
        let (start, states) = run;
        let Some(&key) = states.first() else { continue };
        let span = KeySpan {
            start_s: start as f64 * STEP_S,
            tonic: key % 12,
            is_minor: key >= 12,
        };
        let is_known = spans
            .last()
            .is_some_and(|last| (last.tonic, last.is_minor) == (span.tonic, span.is_minor));
        if states.len() >= count_min && !is_known {
            spans.push(span);
        }
    }
    if spans.len() < 2 {
        return vec![KeySpan {
            start_s: 0.0,
            tonic: whole.tonic,
            is_minor: whole.is_minor,
        }];
    }
    spans[0].start_s = 0.0;
    spans
}

#[cfg(test)]
mod tests {
    use super::super::key::estimate_key;
    use super::super::key_features::KeyFrames;
    use super::*;

    /// Profiles of I IV V I in a major key, two seconds each.
    fn cadence(tonic: usize, seconds: usize) -> Vec<[f32; 12]> {
        let roots = [0, 5, 7, 0];
        (0..(seconds as f64 * HARMONY_FPS) as usize)
            .map(|frame| {
                let root = tonic + roots[(frame as f64 / HARMONY_FPS / 2.0) as usize % 4];
                let mut row = [0.0; 12];
                for step in [0, 4, 7] {
                    row[(root + step) % 12] = 1.0;
                }
                row
            })
            .collect()
    }

    #[test]
    fn finds_a_modulation_and_leaves_steady_keys_alone() {
        let steady = cadence(2, 40);
        let key_of = |frames: &[[f32; 12]]| {
            let frames = KeyFrames {
                chroma: frames,
                bass: frames,
            };
            estimate_key(&frames).expect("is tonal")
        };
        let whole = key_of(&steady);
        let keys = find_keys(&steady, whole);
        assert_eq!(keys.len(), 1);
        assert_eq!((keys[0].tonic, keys[0].start_s), (whole.tonic, 0.0));
        let mut moved = cadence(0, 24);
        moved.extend(cadence(3, 24));
        let keys = find_keys(&moved, key_of(&moved));
        let tonics: Vec<usize> = keys.iter().map(|key| key.tonic).collect();
        assert_eq!(tonics, [0, 3]);
        assert!((keys[1].start_s - 24.0).abs() <= 4.0, "{}", keys[1].start_s);
    }

    #[test]
    fn a_snippet_has_the_key_of_the_whole() {
        let whole = KeyEstimate {
            tonic: 5,
            is_minor: true,
            runner_up: (0, true),
            strength: 0.8,
            evidence: [0.1],
            confidence: 0.5,
        };
        assert_eq!(find_keys(&[[1.0; 12]; 3], whole).len(), 1);
        assert_eq!(find_keys(&[], whole)[0].tonic, 5);
    }
}
