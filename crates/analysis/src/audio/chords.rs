//! Chords: a hidden Markov model over beat-synchronous pitch-class profiles.

use super::frames::RHYTHM_FPS;
use super::key::{HARMONY_FPS, correlation};

/// Weight of the correlation with a chord's template, in nats per beat.
const FIT_WEIGHT: f64 = 9.0;
/// Correlation that "no chord" stands for: less fits a chord no better than chance.
const NO_CHORD_FIT: f64 = 0.3;
/// Cost of another chord on the next beat, in nats.
const CHANGE_COST: f64 = 2.2;
/// Length of the spans that stand for beats where there are none, in seconds.
const SPAN_S: f64 = 0.5;
/// Strength of a note's first five partials in a profile.
const PARTIALS: [(usize, f64); 5] = [(0, 1.0), (0, 0.7), (7, 0.5), (0, 0.4), (4, 0.3)];
/// Share that a peak of the profile lends to the class a fifth below, see `key::chroma`.
const FIFTH_BELOW_SHARE: f64 = 0.28;
/// Twelve major, twelve minor chords and none.
const STATE_COUNT: usize = 25;
const NO_CHORD: usize = 24;

/// A chord and its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ChordSpan {
    pub start_s: f64,
    pub end_s: f64,
    /// Root pitch class and whether minor; `None` where no chord sounds.
    pub chord: Option<(usize, bool)>,
}

/// Finds the chords.
///
/// - Shape: `frames` are pitch-class profiles at [`HARMONY_FPS`]; `beats_s` rise and may be empty.
/// - Returns spans in order without gaps from 0 to the end; neighbours differ. Empty without frames.
/// - Cost: O(beats × 25).
/// - Source: templates after Fujishima, "Realtime chord recognition of musical sound", ICMC 1999; the
///   model after Sheh & Ellis, "Chord segmentation and recognition using EM-trained hidden Markov
///   models", ISMIR 2003, on beats as in Mauch & Dixon, "Simultaneous estimation of chords and
///   musical context from audio", TASLP 2010. Seventh and other chords count as their triad.
pub(crate) fn find_chords(frames: &[[f32; 12]], beats_s: &[f64]) -> Vec<ChordSpan> {
    let end_s = frames.len() as f64 / HARMONY_FPS;
    let bounds = span_bounds(beats_s, end_s);
    let templates = templates();
    let fits: Vec<[f64; STATE_COUNT]> = bounds
        .windows(2)
        .map(|span| {
            let profile = mean_profile(frames, span[0], span[1]);
            let mut fit = [FIT_WEIGHT * NO_CHORD_FIT; STATE_COUNT];
            if profile.iter().sum::<f64>() > 0.0 {
                for (fit, found) in fit.iter_mut().zip(triad_fits(&profile, &templates)) {
                    *fit = FIT_WEIGHT * found;
                }
            } else {
                fit[..NO_CHORD].fill(0.0);
            }
            fit
        })
        .collect();
    let path = best_path(&fits, CHANGE_COST);
    let mut spans: Vec<ChordSpan> = Vec::new();
    for (state, span) in path.into_iter().zip(bounds.windows(2)) {
        let chord = (state != NO_CHORD).then_some((state % 12, state >= 12));
        match spans.last_mut() {
            Some(last) if last.chord == chord => last.end_s = span[1],
            _ => spans.push(ChordSpan {
                start_s: span[0],
                end_s: span[1],
                chord,
            }),
        }
    }
    spans
}

/// Beats with the start and the end of the track; even spans without beats.
fn span_bounds(beats_s: &[f64], end_s: f64) -> Vec<f64> {
    if end_s <= 0.0 {
        return Vec::new();
    }
    let least = 2.0 / RHYTHM_FPS;
    let mut bounds = vec![0.0];
    if beats_s.is_empty() {
        let count = (end_s / SPAN_S).ceil() as usize;
        bounds.extend((1..count).map(|index| index as f64 * SPAN_S));
    }
    bounds.extend(
        beats_s
            .iter()
            .filter(|&&beat| beat > least && beat < end_s - least),
    );
    bounds.push(end_s);
    bounds
}

/// Mean of the frames centred in a span, at least the nearest one.
fn mean_profile(frames: &[[f32; 12]], start_s: f64, end_s: f64) -> [f64; 12] {
    let from = ((start_s * HARMONY_FPS).ceil() as usize).min(frames.len().saturating_sub(1));
    let to = ((end_s * HARMONY_FPS).ceil() as usize).clamp(from + 1, frames.len().max(from + 1));
    let mut mean = [0.0; 12];
    for frame in frames.get(from..to).unwrap_or_default() {
        for (total, &value) in mean.iter_mut().zip(frame) {
            *total += f64::from(value);
        }
    }
    mean
}

/// Profiles that the triads leave: twelve major, then twelve minor.
pub(crate) fn templates() -> [[f64; 12]; NO_CHORD] {
    let mut note = [0.0; 12];
    for (step, strength) in PARTIALS {
        note[step] += strength;
        note[(step + 5) % 12] += strength * FIFTH_BELOW_SHARE;
    }
    std::array::from_fn(|state| {
        let third = if state >= 12 { 3 } else { 4 };
        std::array::from_fn(|class| {
            [0, third, 7]
                .iter()
                .map(|step| note[(class + 24 - state % 12 - step) % 12])
                .sum()
        })
    })
}

/// Correlations of a profile with the triads.
pub(crate) fn triad_fits(
    profile: &[f64; 12],
    templates: &[[f64; 12]; NO_CHORD],
) -> [f64; NO_CHORD] {
    std::array::from_fn(|triad| correlation(profile, &templates[triad]))
}

/// Viterbi path where every change of state costs the same. Cost: O(steps × states).
pub(crate) fn best_path<const STATES: usize>(
    fits: &[[f64; STATES]],
    change_cost: f64,
) -> Vec<usize> {
    let mut scores = [0.0; STATES];
    let mut previous: Vec<[usize; STATES]> = Vec::with_capacity(fits.len());
    let highest = |scores: &[f64; STATES]| {
        (0..STATES)
            .max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)))
            .unwrap_or(0)
    };
    for fit in fits {
        let best = highest(&scores);
        let mut from = [best; STATES];
        let mut next = [0.0; STATES];
        for state in 0..STATES {
            let moved = scores[best] - change_cost;
            if scores[state] >= moved {
                from[state] = state;
            }
            next[state] = scores[state].max(moved) + fit[state];
        }
        previous.push(from);
        scores = next;
    }
    let mut state = highest(&scores);
    let mut path = Vec::with_capacity(fits.len());
    for from in previous.iter().rev() {
        path.push(state);
        state = from[state];
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::super::frames::{Parts, Spectra};
    use super::*;

    /// Chords as sums of harmonic tones, one second each.
    fn sound(chords: &[&[i32]]) -> Vec<f32> {
        let mut signal = Vec::new();
        for chord in chords {
            for index in 0..22_050 {
                let time = index as f32 / 22_050.0;
                let mut sample = 0.0;
                for note in *chord {
                    let frequency = 440.0 * 2f32.powf((*note - 69) as f32 / 12.0);
                    for overtone in 1..=5 {
                        let phase = std::f32::consts::TAU * frequency * overtone as f32 * time;
                        sample += phase.sin() / (overtone * overtone) as f32;
                    }
                }
                signal.push(sample * 0.1);
            }
        }
        signal
    }

    fn chords_of(signal: &[f32], beats_s: &[f64]) -> Vec<ChordSpan> {
        let spectra = Spectra::compute(signal, Parts::ALL);
        find_chords(&spectra.harmony.tuned_chroma(), beats_s)
    }

    #[test]
    fn hears_all_triads() {
        let triads: Vec<(usize, bool)> =
            (0..24).map(|state| (state * 7 % 12, state >= 12)).collect();
        let notes: Vec<[i32; 3]> = triads
            .iter()
            .map(|&(root, is_minor)| {
                let root = 55 + (root as i32 + 5) % 12;
                [root, root + if is_minor { 3 } else { 4 }, root + 7]
            })
            .collect();
        let chords: Vec<&[i32]> = notes.iter().map(|chord| chord.as_slice()).collect();
        let beats: Vec<f64> = (1..48).map(|beat| f64::from(beat) * 0.5).collect();
        let spans = chords_of(&sound(&chords), &beats);
        for (index, chord) in triads.iter().enumerate() {
            let middle = index as f64 + 0.5;
            let span = spans
                .iter()
                .find(|span| span.start_s <= middle && middle < span.end_s)
                .expect("spans have no gaps");
            assert_eq!(span.chord, Some(*chord), "second {index}");
        }
    }

    #[test]
    fn spans_have_no_gaps_with_and_without_beats() {
        let signal = sound(&[&[60, 64, 67], &[57, 60, 64], &[]]);
        for beats in [vec![], vec![0.5, 1.0, 1.5, 2.0, 2.5], vec![-1.0, 50.0]] {
            let spans = chords_of(&signal, &beats);
            assert_eq!(spans.first().map(|span| span.start_s), Some(0.0));
            assert!(
                spans
                    .windows(2)
                    .all(|pair| pair[0].end_s == pair[1].start_s)
            );
            assert!(spans.windows(2).all(|pair| pair[0].chord != pair[1].chord));
        }
        assert!(find_chords(&[], &[1.0]).is_empty());
    }

    #[test]
    fn silence_is_no_chord() {
        let spans = find_chords(&[[0.0; 12]; 40], &[]);
        assert!(spans.iter().all(|span| span.chord.is_none()) && !spans.is_empty());
    }
}
