//! The rhythm analyzer: onsets, tempo, beats, metre.

use serde::{Deserialize, Serialize};

use super::AudioBuffer;
use super::confidence::{TempoEvidence, tempo_confidence};
use super::evidence::{Evidence, has_pulse};
use super::frames::{Parts, RHYTHM_FPS, RhythmFrames, Spectra};
use super::metre::{Metre, estimate_metre};
use super::onset::OnsetEnvelope;
use super::phase_features::PhaseCurves;
use super::reading::readings;
use super::reading_features::FEATURE_NAMES;
use super::tempo::{Autocorrelation, salient_periods};
use super::verdict::{Judged, decide, judge_readings};
use crate::analyzer::AnalysisError;

/// Shortest track that has a tempo, in seconds: three beats at 60 bpm.
const DURATION_S_MIN: f64 = 3.0;

/// What is known of a track's rhythm.
#[derive(Debug, Default)]
pub(crate) struct Rhythm {
    pub envelope: OnsetEnvelope,
    /// Autocorrelation of the envelope.
    pub repeats: Autocorrelation,
    pub tempo: Option<TempoEstimate>,
    /// Beat times in seconds, rising; empty without a tempo.
    pub beats_s: Vec<f64>,
    /// Downbeat times in seconds, a part of `beats_s`; empty without a metre.
    pub downbeats_s: Vec<f64>,
    pub metre: Option<Metre>,
}

/// A tempo with the evidence for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TempoEstimate {
    pub bpm: f64,
    /// The next best reading: half or double, in music that may be in compound time two thirds or three halves.
    pub alternative_bpm: Option<f64>,
    pub confidence: f64,
    /// What the confidence goes by.
    pub evidence: TempoEvidence,
}

/// One reading of the metre with its evidence, for explaining a tempo and for fitting the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetreReading {
    /// Tempo in beats per minute.
    pub tempo_bpm: f64,
    /// Beat times in seconds.
    pub beats_s: Vec<f64>,
    /// Features, in the order of [`metre_feature_names`].
    pub features: Vec<f64>,
    /// What tells whether its beats divide into two or three.
    pub division_features: Vec<f64>,
    /// What tells its phase from that of others at the same tempo.
    pub phase_features: Vec<f64>,
    /// Probability among the readings of the track.
    pub probability: f64,
    /// Readings of one group have the same beats, found from different periodicities.
    pub group: usize,
}

/// Names of the features of a [`MetreReading`].
pub fn metre_feature_names() -> &'static [&'static str] {
    &FEATURE_NAMES
}

/// Lists the readings of a track's metre; empty when nothing repeats.
///
/// - Errors: as [`super::analyze_audio`].
pub fn metre_readings(audio: &AudioBuffer) -> Result<Vec<MetreReading>, AnalysisError> {
    let signal = super::resample::resample_to_mono(audio)?;
    let spectra = Spectra::compute(
        &signal,
        Parts {
            rhythm: true,
            harmony: true,
            timbre: false,
        },
    );
    let chroma = spectra.harmony.tuned_chroma();
    let envelope = OnsetEnvelope::compute(&spectra.rhythm);
    let repeats = Autocorrelation::compute(&envelope.total);
    let evidence = Evidence::new(&envelope, &repeats, &chroma);
    Ok(judge(&spectra.rhythm, &evidence)
        .into_iter()
        .map(|judged| MetreReading {
            tempo_bpm: judged.reading.bpm,
            beats_s: in_seconds(&judged.reading.beats),
            phase_features: judged.reading.phase.to_vec(),
            features: judged.reading.features.to_vec(),
            division_features: judged.reading.division.to_vec(),
            probability: judged.probability,
            group: judged.group,
        })
        .collect())
}

/// Measures rhythm. `chroma` are the pitch-class profiles of the harmony frames; they help to find
/// the beat and may be empty.
pub(crate) fn measure_rhythm(spectra: &Spectra, chroma: &[[f32; 12]]) -> Rhythm {
    let envelope = OnsetEnvelope::compute(&spectra.rhythm);
    let repeats = Autocorrelation::compute(&envelope.total);
    let evidence = Evidence::new(&envelope, &repeats, chroma);
    let judged = judge(&spectra.rhythm, &evidence);
    let verdict = decide(&judged).filter(|verdict| {
        let period = 60.0 * RHYTHM_FPS / verdict.best.reading.bpm;
        has_pulse(&envelope, &repeats, period, chroma)
    });
    let Some(verdict) = verdict else {
        return Rhythm {
            envelope,
            repeats,
            ..Rhythm::default()
        };
    };
    let best = &verdict.best.reading;
    let metre = estimate_metre(&evidence, &best.beats, &best.division);
    let tempo = TempoEstimate {
        bpm: best.bpm,
        alternative_bpm: verdict.alternative_bpm,
        confidence: tempo_confidence(&verdict.tempo_evidence),
        evidence: verdict.tempo_evidence,
    };
    let beats_s = in_seconds(&best.beats);
    let downbeats_s = metre.map_or_else(Vec::new, |metre| {
        let from_first = beats_s.iter().skip(metre.first_downbeat);
        from_first.step_by(metre.beats_per_bar).copied().collect()
    });
    Rhythm {
        envelope,
        repeats,
        tempo: Some(tempo),
        beats_s,
        downbeats_s,
        metre,
    }
}

fn in_seconds(beats: &[f64]) -> Vec<f64> {
    beats.iter().map(|frame| frame / RHYTHM_FPS).collect()
}

/// Readings with their probabilities, in no order.
fn judge(frames: &RhythmFrames, evidence: &Evidence<'_>) -> Vec<Judged> {
    let (envelope, repeats) = (evidence.envelope, evidence.repeats);
    if envelope.is_flat || (envelope.total.len() as f64) < DURATION_S_MIN * RHYTHM_FPS {
        return Vec::new();
    }
    let curves = PhaseCurves::new(frames, envelope);
    let activation = beat_activation(envelope);
    let salient = salient_periods(repeats);
    judge_readings(readings(evidence, &curves, &salient, &activation))
}

/// Half width of the window whose highest onset scales the activation, in seconds.
const SCALE_HALF_WIDTH_S: f64 = 3.0;
/// Extra weight of the low band: kick and bass sit on beats more often than hats and voices.
const LOW_WEIGHT: f32 = 1.0;

/// Turns the onset envelope into a beat activation in 0..=1, relative to the music around.
fn beat_activation(envelope: &OnsetEnvelope) -> Vec<f32> {
    let mut activation: Vec<f32> = envelope
        .total
        .iter()
        .zip(&envelope.groups[0])
        .map(|(total, low)| total + LOW_WEIGHT * low)
        .collect();
    let half = (SCALE_HALF_WIDTH_S * RHYTHM_FPS) as usize;
    let scale = sliding_maximum(&activation, half);
    for (value, scale) in activation.iter_mut().zip(scale) {
        *value /= scale.max(1.0);
    }
    activation
}

/// Highest value within `half` of each position. Cost: O(values) amortised.
fn sliding_maximum(values: &[f32], half: usize) -> Vec<f32> {
    let mut queue: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
    let mut next = 0;
    (0..values.len())
        .map(|index| {
            while next < values.len() && next <= index + half {
                while queue
                    .back()
                    .is_some_and(|&last| values[last] <= values[next])
                {
                    queue.pop_back();
                }
                queue.push_back(next);
                next += 1;
            }
            while queue.front().is_some_and(|&first| first + half < index) {
                queue.pop_front();
            }
            queue.front().map_or(0.0, |&first| values[first])
        })
        .collect()
}
