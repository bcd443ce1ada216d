//! How sure the answers are: log odds that are linear in the evidence, so that a confidence is the
//! share of answers of that kind that are right.

use serde::{Deserialize, Serialize};

use super::AudioBuffer;
use super::frames::{Parts, Spectra};
use super::key::estimate_key;
use super::key_features::{KeyFeatures, KeyFrames};
use super::key_weights::KEY_CONFIDENCE;
use super::reading_weights::TEMPO_CONFIDENCE;
use super::resample::resample_to_mono;
use super::rhythm::measure_rhythm;
use crate::analyzer::AnalysisError;
use crate::logistic::{logistic, probability};

/// Weight of the gain of a boundary, and the offset: logistic regression on the boundaries found in 70
/// songs of the demo's synthesiser (seeds 1000 to 1004 of every style).
const BOUNDARY: [f64; 2] = [2.0, -0.32];
/// Least share of an answer that counts: the logarithm of nothing says nothing more.
const SHARE_MIN: f64 = 1e-4;

/// Log odds of a share beyond which it says no more: those of the least share that counts.
const LOG_ODDS_MAX: f64 = 9.2;
/// Least rest beside a share, so that rounding leaves its logarithm finite.
const REST_MIN: f64 = 1e-12;

/// What the confidence in a tempo goes by.
pub(crate) type TempoEvidence = [f64; 1];

/// What the confidences in tempo and key go by, to fit them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceEvidence {
    /// Log odds of the share that the tempo's readings have; `None` without a tempo.
    pub tempo: Option<[f64; 1]>,
    /// Lead of the key over the next best, as the logarithm of the ratio of their shares; `None` without one.
    pub key: Option<[f64; 1]>,
}

/// Measures what the confidences in tempo and key go by.
///
/// - Errors: as [`super::analyze_audio`].
/// - Cost: rhythm and harmony of [`super::analyze_audio`].
pub fn confidence_evidence(audio: &AudioBuffer) -> Result<ConfidenceEvidence, AnalysisError> {
    let parts = Parts {
        rhythm: true,
        harmony: true,
        timbre: false,
    };
    let spectra = Spectra::compute(&resample_to_mono(audio)?, parts);
    let chroma = spectra.harmony.tuned_chroma();
    let tempo = measure_rhythm(&spectra, &chroma).tempo;
    let key = estimate_key(&KeyFrames {
        chroma: &chroma,
        bass: &spectra.harmony.tuned_bass(),
    });
    Ok(ConfidenceEvidence {
        tempo: tempo.map(|tempo| tempo.evidence),
        key: key.map(|key| key.evidence),
    })
}

/// Measures the profiles that a key is told by, to fit its weights.
///
/// - Shape: twelve profiles of twelve values, C first: classes of the whole and of its bass; correlations of the whole,
///   of its segments in the mean and of the opening with the major, then the minor keys; shares of the major, then the
///   minor chords of the whole and of the opening.
/// - Errors: as [`super::analyze_audio`].
/// - Cost: harmony of [`super::analyze_audio`].
pub fn key_profiles(audio: &AudioBuffer) -> Result<Vec<[f64; 12]>, AnalysisError> {
    let parts = Parts {
        rhythm: false,
        harmony: true,
        timbre: false,
    };
    let harmony = Spectra::compute(&resample_to_mono(audio)?, parts).harmony;
    let frames = KeyFrames {
        chroma: &harmony.tuned_chroma(),
        bass: &harmony.tuned_bass(),
    };
    Ok(KeyFeatures::of(&frames).profiles.to_vec())
}

/// What the confidence in a tempo goes by: the log odds of the share of the softmax that its readings have. The share of
/// the next best, or how far the networks agree that are averaged, say nothing more.
pub(crate) fn tempo_evidence(share: f64) -> TempoEvidence {
    let log_odds = share.max(f64::MIN_POSITIVE).ln() - (1.0 - share).max(REST_MIN).ln();
    [log_odds.clamp(-LOG_ODDS_MAX, LOG_ODDS_MAX)]
}

/// What the confidence in a key goes by: its share among the 24, and that of the next best.
pub(crate) fn key_evidence(share: f64, next_share: f64) -> [f64; 1] {
    [lead(share, next_share)]
}

/// Lead of an answer over the next best, as the logarithm of the ratio of their shares.
fn lead(share: f64, next_share: f64) -> f64 {
    (share.max(SHARE_MIN) / next_share.max(SHARE_MIN)).ln()
}

/// Probability that a tempo is right, octave included.
pub(crate) fn tempo_confidence(evidence: &TempoEvidence) -> f64 {
    probability(evidence, &TEMPO_CONFIDENCE)
}

/// Probability that a key is right, mode included.
pub(crate) fn key_confidence(evidence: &[f64; 1]) -> f64 {
    probability(evidence, &KEY_CONFIDENCE)
}

/// Probability that a section begins within 3 s of a boundary, from what its novelty is over its cost.
pub(crate) fn boundary_confidence(gain: f64) -> f64 {
    let [gain_weight, offset] = BOUNDARY;
    logistic(gain_weight * gain + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_evidence_is_more_confidence() {
        let tempo = |share| tempo_confidence(&tempo_evidence(share));
        assert!(tempo(0.9) > tempo(0.5));
        let key = |share, next_share| key_confidence(&key_evidence(share, next_share));
        assert!(key(0.9, 0.05) > key(0.5, 0.4));
        assert!(boundary_confidence(2.0) > boundary_confidence(0.1));
        for extreme in [tempo(1.0), tempo(0.0), key(1.0, 0.0)] {
            assert!((0.0..=1.0).contains(&extreme));
        }
    }
}
