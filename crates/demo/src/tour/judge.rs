//! The platform's numbers against the truth.

use std::collections::HashSet;

use leitmotif_learn::rank_metrics::ndcg_at;
use leitmotif_learn::top_k;
use serde::Serialize;
use serde_json::Value;

use super::catalogue::Catalogue;
use super::listening::TrainingOutcome;
use super::wire::{PublicApi, at, get};
use super::{TourError, TourProgress};
use crate::listeners::{ListenOutcome, Simulation};
use crate::songs::{Mode, PITCH_NAMES};

/// Tempo counts as right within 4 %, as in the field's own comparisons.
const TEMPO_TOLERANCE: f64 = 0.04;
/// Signal of a held-out track that counts as relevant, as in the platform's own report.
const RELEVANT_SIGNAL: f32 = 0.5;

/// How often the measurements are right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Accuracy {
    /// Share of songs whose tempo is right within 4 %.
    pub tempo_acc1: f64,
    /// The same, when double, half, triple and a third count too.
    pub tempo_acc2: f64,
    /// Share of songs whose key and mode are right.
    pub key_exact: f64,
}

/// Reads every analysis and compares tempo and key with the truth.
pub async fn accuracy(
    api: &dyn PublicApi,
    catalogue: &Catalogue,
    progress: &dyn TourProgress,
) -> Result<Accuracy, TourError> {
    let step = "compare with the truth";
    progress.begin(step, catalogue.ids.len() as u64);
    let mut right = [0.0_f64; 3];
    for (index, id) in catalogue.ids.iter().enumerate() {
        let Some(truth) = catalogue.truths.get(&index) else {
            continue;
        };
        let analysis = get(api, &format!("/api/v1/tracks/{id}/analysis")).await?;
        let tempo = value_of(&analysis, "tempo_bpm").and_then(|value| value.as_f64());
        if let Some(tempo) = tempo {
            let is_near = |factor: f64| {
                let wanted = truth.tempo_bpm * factor;
                (tempo - wanted).abs() <= TEMPO_TOLERANCE * wanted
            };
            right[0] += f64::from(u8::from(is_near(1.0)));
            let factors = [1.0, 2.0, 0.5, 3.0, 1.0 / 3.0];
            right[1] += f64::from(u8::from(factors.into_iter().any(is_near)));
        }
        let key = value_of(&analysis, "key").and_then(|value| value.as_str().map(str::to_owned));
        let mode = value_of(&analysis, "mode").and_then(|value| value.as_str().map(str::to_owned));
        let true_mode = match truth.mode {
            Mode::Major => "major",
            Mode::Minor => "minor",
        };
        let true_key = PITCH_NAMES[usize::from(truth.key) % PITCH_NAMES.len()];
        let is_right = key.as_deref() == Some(true_key) && mode.as_deref() == Some(true_mode);
        right[2] += f64::from(u8::from(is_right));
        progress.advance(step, index as u64 + 1);
    }
    progress.end(step);
    let count = catalogue.truths.len().max(1) as f64;
    Ok(Accuracy {
        tempo_acc1: right[0] / count,
        tempo_acc2: right[1] / count,
        key_exact: right[2] / count,
    })
}

fn value_of(analysis: &Value, name: &str) -> Option<Value> {
    let descriptors = at(analysis, &["descriptors"]).as_array()?;
    let found = descriptors
        .iter()
        .find(|descriptor| at(descriptor, &["name"]) == name)?;
    Some(at(found, &["value"]).clone())
}

/// Judges an order by the hidden tastes on the very questions of the platform's report: for each
/// listener the tracks they took to after the split and had not heard before.
pub fn oracle(simulation: &Simulation, outcome: &TrainingOutcome, start_ms: i64) -> f64 {
    let track_count = (0..)
        .take_while(|i| simulation.oracle.popularity(*i).is_some())
        .count();
    let split_ms = u64::try_from(outcome.split_at_ms - start_ms).unwrap_or(0);
    let end_ms = simulation
        .listens
        .last()
        .map_or(split_ms, |listen| listen.at_ms);
    let listener_count = simulation
        .listens
        .iter()
        .map(|listen| listen.listener_index + 1)
        .max()
        .unwrap_or(0);
    let (mut sum, mut asked) = (0.0, 0_u32);
    for listener in 0..listener_count {
        let mine = || {
            simulation
                .listens
                .iter()
                .filter(|l| l.listener_index == listener)
        };
        let heard: HashSet<usize> = mine()
            .filter(|l| l.at_ms < split_ms)
            .map(|l| l.track_index)
            .collect();
        let mut signals = vec![0.0_f32; track_count];
        for listen in mine().filter(|l| l.at_ms >= split_ms) {
            let share = listen.played_ms as f32 / listen.track_ms.max(1) as f32;
            signals[listen.track_index] += match listen.outcome {
                ListenOutcome::Played => 1.0,
                ListenOutcome::Skipped => (2.0 * share - 1.0).min(0.0),
            };
        }
        let is_relevant =
            |track: &usize| signals[*track] >= RELEVANT_SIGNAL && !heard.contains(track);
        let relevant: HashSet<usize> = (0..track_count).filter(is_relevant).collect();
        if relevant.is_empty() {
            continue;
        }
        let middle_ms = split_ms / 2 + end_ms / 2;
        let scores: Vec<f32> = (0..track_count)
            .map(|track| match heard.contains(&track) {
                true => f32::NEG_INFINITY,
                false => (simulation.oracle).expected(listener, track, middle_ms, None),
            })
            .collect();
        sum += ndcg_at(&top_k(&scores, 10), &relevant, 10);
        asked += 1;
    }
    sum / f64::from(asked.max(1))
}
