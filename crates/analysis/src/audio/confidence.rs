//! How sure the answers are: log odds that are linear in the evidence, so that a confidence is the
//! share of answers of that kind that are right.

use super::confidence_weights::{KEY, TEMPO};

/// Weight of the gain of a boundary, and the offset: logistic regression on the boundaries found in 70
/// songs of the demo's synthesiser (seeds 1000 to 1004 of every style).
const BOUNDARY: [f64; 2] = [2.0, -0.32];

/// Probability that a tempo is right, octave included, from the share of the softmax that its readings
/// and those of the next best tempo have.
pub(crate) fn tempo_confidence(share: f64, next_share: f64) -> f64 {
    let share = share.clamp(1e-4, 1.0 - 1e-4);
    let odds = (share / (1.0 - share)).ln();
    let lead = (share / next_share.max(1e-4)).ln();
    let [odds_weight, lead_weight, offset] = TEMPO;
    logistic(odds_weight * odds + lead_weight * lead + offset)
}

/// Probability that a key is right from its lead over the next best key and its correlation.
pub(crate) fn key_confidence(margin: f64, strength: f64) -> f64 {
    let [margin_weight, strength_weight, offset] = KEY;
    logistic(margin_weight * margin + strength_weight * strength + offset)
}

/// Probability that a section begins within 3 s of a boundary, from what its novelty is over its cost.
pub(crate) fn boundary_confidence(gain: f64) -> f64 {
    let [gain_weight, offset] = BOUNDARY;
    logistic(gain_weight * gain + offset)
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_evidence_is_more_confidence() {
        assert!(tempo_confidence(0.9, 0.05) > tempo_confidence(0.5, 0.4));
        assert!(key_confidence(0.2, 0.9) > key_confidence(0.01, 0.9));
        assert!(boundary_confidence(2.0) > boundary_confidence(0.1));
        for extreme in [tempo_confidence(1.0, 0.0), key_confidence(2.0, 1.0)] {
            assert!((0.0..=1.0).contains(&extreme));
        }
    }
}
