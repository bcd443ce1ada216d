//! What a step from one track to the next takes off the wish to hear the next one.
//!
//! The listeners' truth, not the platform's: its shapes and weights are its own, and nobody who learns
//! from the listens may look here. The weights are an assumption, made so that a mixer's convention is
//! wrong about them: whoever has settled into a mood minds most that it collapses, a pulse to move to is
//! missed next, a change of style is noticed, a rise is mostly welcome, and keys are hardly compared by
//! people who hear one track after the other instead of both at once. Together they move a listener less
//! than taste does: the spread of a step's cost is about a third of a logit.

use super::{TrackTraits, logistic};
use crate::songs::Mode;

/// What a fall from full force to none costs, in logits of playing to the end.
const FALL_LOGITS: f32 = 1.6;
/// What a rise from none to full force costs.
const RISE_LOGITS: f32 = 0.25;
/// What another pulse costs.
const TEMPO_LOGITS: f32 = 0.65;
/// What another style costs.
const STYLE_LOGITS: f32 = 0.25;
/// What the farthest key costs.
const KEY_LOGITS: f32 = 0.05;
/// Octaves between two tempi at which most of the cost is reached: a twelfth of the tempo.
const TEMPO_OCTAVES: f32 = 0.12;
/// Steps to the far side of the circle of fifths.
const FIFTHS_MAX: f32 = 6.0;

/// What of a track decides how a step to or from it is heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepSound {
    tempo_octaves: f32,
    /// Place on the circle of fifths; a minor key stands with its relative major.
    fifths: u8,
    energy: f32,
    style_index: usize,
}

impl StepSound {
    pub(super) fn of(track: &TrackTraits) -> Self {
        let major = match track.mode {
            Mode::Major => track.key,
            Mode::Minor => track.key + 3,
        };
        Self {
            tempo_octaves: track.tempo_bpm.max(1.0).log2() as f32,
            fifths: major % 12 * 7 % 12,
            energy: track.energy,
            style_index: track.style_index,
        }
    }

    /// What the step to another track costs, in logits.
    pub(super) fn cost_to(&self, next: &Self) -> f32 {
        let octaves = next.tempo_octaves - self.tempo_octaves;
        let folded = octaves - octaves.round();
        let tempo = 1.0 - (-(folded / TEMPO_OCTAVES).powi(2)).exp();
        let rise = next.energy - self.energy;
        let apart = (self.fifths + 12 - next.fifths) % 12;
        let key = f32::from(apart.min(12 - apart)) / FIFTHS_MAX;
        let style = f32::from(u8::from(self.style_index != next.style_index));
        TEMPO_LOGITS * tempo
            + FALL_LOGITS * (-rise).max(0.0)
            + RISE_LOGITS * rise.max(0.0)
            + KEY_LOGITS * key
            + STYLE_LOGITS * style
    }
}

/// A step that was taken by listeners who do not mind any.
pub(super) struct TakenStep {
    /// The utility of the second track.
    pub utility: f32,
    /// How much the listener would have minded.
    pub minding: f32,
    /// What the step costs.
    pub cost: f32,
}

/// Finds the cost that leaves the wish to hear a track as it is. Steps that cost less add to it, so that
/// minding steps does not change how much is played to the end on the whole.
///
/// - Cost: O(steps), forty times.
pub(super) fn usual_step(taken: &[TakenStep], strength: f32) -> f32 {
    let played = |usual: f32| -> f64 {
        let wishes =
            (taken.iter()).map(|step| step.utility - strength * step.minding * (step.cost - usual));
        wishes.map(|wish| f64::from(logistic(wish))).sum()
    };
    let wanted: f64 = (taken.iter())
        .map(|step| f64::from(logistic(step.utility)))
        .sum();
    let most = taken.iter().map(|step| step.cost).fold(0.0, f32::max);
    let (mut low, mut high) = (0.0, most);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if played(middle) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(tempo_bpm: f64, energy: f32, key: u8, mode: Mode, style_index: usize) -> StepSound {
        StepSound::of(&TrackTraits {
            artist_index: 0,
            style_index,
            tempo_bpm,
            energy,
            key,
            mode,
            track_ms: 1,
        })
    }

    #[test]
    fn steps_cost_what_their_parts_do() {
        let close = |cost: f32, expected: f32| assert!((cost - expected).abs() < 1e-3, "{cost}");
        let from = sound(80.0, 0.8, 0, Mode::Major, 1);
        close(from.cost_to(&from), 0.0);
        close(from.cost_to(&sound(160.0, 0.8, 9, Mode::Minor, 1)), 0.0);
        close(from.cost_to(&sound(80.0, 0.3, 0, Mode::Major, 1)), 0.8);
        close(sound(80.0, 0.3, 0, Mode::Major, 1).cost_to(&from), 0.125);
        close(from.cost_to(&sound(112.0, 0.8, 0, Mode::Major, 1)), 0.65);
        close(from.cost_to(&sound(80.0, 0.8, 6, Mode::Major, 2)), 0.3);
    }

    #[test]
    fn a_usual_step_keeps_the_share_that_is_played() {
        let step = |utility: f32, minding: f32, cost: f32| TakenStep {
            utility,
            minding,
            cost,
        };
        let even = [step(0.0, 1.0, 0.25), step(0.0, 1.0, 0.75)];
        assert!((usual_step(&even, 1.0) - 0.5).abs() < 1e-4);
        // Who is sure to play on is moved less: the one in doubt decides.
        let sure = [step(6.0, 1.0, 0.25), step(0.0, 1.0, 0.75)];
        assert!(usual_step(&sure, 1.0) > 0.7);
        assert_eq!(usual_step(&[], 1.0), 0.0);
    }
}
