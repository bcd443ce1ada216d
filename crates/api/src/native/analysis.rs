//! Analyses: read, order, order and recommend.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::track::TrackDetails;
use leitmotif_domain::{ModelId, TenantScope, Timestamp, TrackId};
use leitmotif_ingest::accuracy;
use leitmotif_ingest::jobs::{Descriptor, TrackAnalysis};
use leitmotif_recommend::heads::{
    Prediction, Told, ToldValue, ValuePrediction, labels_of, values_of,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::find_track;
use super::jobs::QueuedAnswer;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// How genre and mood are told.
const HEADS_METHOD: &str = "logistic heads over embeddings and descriptors, artist-disjoint";
/// How valence and liveness are told.
const VALUES_METHOD: &str = "linear heads over embeddings and descriptors, artist-disjoint";
/// Method of what the tenant says itself.
const GIVEN_METHOD: &str = "label of the catalogue";
/// Version of the heads, to which that of the training is added.
const HEADS_VERSION: &str = "heads-1";

/// One measured property with its evidence.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DescriptorAnswer {
    /// Stable name, its unit last: `tempo_bpm`, `integrated_loudness_lufs`.
    pub name: String,
    /// The value; `null` when it could not be measured, never an invented default.
    #[schema(value_type = Object)]
    pub value: serde_json::Value,
    /// Probability of being right, where the method can tell.
    pub confidence: Option<f32>,
    /// How many of `n_unit` it was computed from; `null` where that was not counted.
    #[serde(rename = "n")]
    pub evidence_count: Option<u64>,
    /// What `n` counts: `frames`, `beats`, `milliseconds`, `words`, `lines`.
    #[serde(rename = "n_unit")]
    pub evidence_unit: Option<String>,
    /// How it was measured.
    pub method: String,
    /// Version of the analyzer.
    pub version: String,
    /// Why the value is `null`, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The accuracy card that says how right such values are: `/api/v1/analyzers/{card}/card`; `null` where
    /// none was made.
    pub card: Option<&'static str>,
    /// The plugin of a third party that told it; left out for ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}

/// The plugin that a descriptor is of: its name begins with that and a dot, which none of ours has.
fn plugin_of(descriptor: &str) -> Option<String> {
    let (plugin, _) = descriptor.split_once('.')?;
    Some(plugin.to_owned())
}

impl DescriptorAnswer {
    /// What an analyzer measured, with its card.
    pub(super) fn of(descriptor: Descriptor) -> Self {
        Self {
            card: card_of(&descriptor.name),
            plugin: plugin_of(&descriptor.name),
            name: descriptor.name,
            value: descriptor.value,
            confidence: descriptor.confidence,
            method: descriptor.method,
            version: descriptor.version,
            reason: descriptor.reason,
            evidence_count: descriptor.evidence_count,
            evidence_unit: descriptor.evidence_unit,
        }
    }
}

/// A stretch of text that rhymes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RhymeAnswer {
    /// Stretches with one number rhyme with each other.
    pub chain: usize,
    /// Line of verse, from 0.
    pub line: usize,
    /// First character.
    pub start_char: usize,
    /// Character after the last.
    pub end_char: usize,
    /// Syllables in the stretch.
    pub syllable_count: usize,
}

/// Picture of the waveform: lowest and highest sample per column, −127..=127.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct WaveformAnswer {
    /// Lowest samples.
    pub minimum: Vec<i8>,
    /// Highest samples.
    pub maximum: Vec<i8>,
}

/// How loud a track is over time.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct LoudnessCurveAnswer {
    /// Time between points in milliseconds; point `i` is of the time from `i` steps to `i + 1`.
    pub step_ms: u32,
    /// Highest momentary loudness (400 ms) within each step in LUFS, −70 at least.
    pub momentary_lufs: Vec<f32>,
    /// Highest short-term loudness (3 s) within each step in LUFS, −70 at least.
    pub short_term_lufs: Vec<f32>,
}

/// Everything measured of a track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnalysisAnswer {
    /// The track.
    pub track: String,
    /// When it was measured.
    #[schema(value_type = String, format = DateTime)]
    pub analysed_at: Timestamp,
    /// The descriptors of sound and words; the last two are `genre` and `mood`, lists of
    /// `{label, probability}` by the tenant's own labels or by the heads that learnt them.
    pub descriptors: Vec<DescriptorAnswer>,
    /// Beat times in milliseconds.
    pub beats_ms: Vec<u32>,
    /// Downbeat times in milliseconds.
    pub downbeats_ms: Vec<u32>,
    /// Picture of the waveform.
    pub waveform: WaveformAnswer,
    /// How loud it is over time; empty in analyses that are older than the curve.
    pub loudness_curve: LoudnessCurveAnswer,
    /// Where rhymes lie in the lyrics.
    pub rhymes: Vec<RhymeAnswer>,
    /// What could not be measured and why.
    pub failures: Vec<String>,
    /// What of the audio was not heard and what of the lyrics not read, such as all after the first half hour
    /// or the first 4,000 lines.
    pub remarks: Vec<String>,
    /// Whether audio, lyrics and analyzers are still those that were measured.
    pub is_current: bool,
}

impl AnalysisAnswer {
    fn of(
        track: String,
        analysis: TrackAnalysis,
        told: Vec<DescriptorAnswer>,
        is_current: bool,
    ) -> Self {
        let failures = analysis.every_failure();
        let descriptors = analysis
            .descriptors()
            .cloned()
            .map(DescriptorAnswer::of)
            .chain(told)
            .collect();
        let (beats_ms, downbeats_ms, waveform, loudness_curve) = match analysis.audio {
            Some(audio) => (
                audio.beats_ms,
                audio.downbeats_ms,
                WaveformAnswer {
                    minimum: audio.waveform.minimum,
                    maximum: audio.waveform.maximum,
                },
                LoudnessCurveAnswer {
                    step_ms: audio.loudness_curve.step_ms,
                    momentary_lufs: audio.loudness_curve.momentary_lufs,
                    short_term_lufs: audio.loudness_curve.short_term_lufs,
                },
            ),
            None => Default::default(),
        };
        let rhymes = analysis.lyrics.into_iter().flat_map(|lyrics| lyrics.chains);
        Self {
            track,
            analysed_at: analysis.analysed_at,
            descriptors,
            beats_ms,
            downbeats_ms,
            waveform,
            loudness_curve,
            rhymes: rhymes
                .map(|span| RhymeAnswer {
                    chain: span.chain_id,
                    line: span.line,
                    start_char: span.start_char,
                    end_char: span.end_char,
                    syllable_count: span.syllable_count,
                })
                .collect(),
            failures,
            remarks: analysis.remarks,
            is_current,
        }
    }
}

/// The card that a descriptor belongs to.
fn card_of(descriptor: &str) -> Option<&'static str> {
    accuracy::card_of_descriptor(descriptor).map(|card| card.name.as_str())
}

fn version_of(model: Option<ModelId>) -> String {
    match model {
        Some(model) => format!("{HEADS_VERSION}/{model}"),
        None => HEADS_VERSION.to_owned(),
    }
}

/// A value that is told of a track as a descriptor.
fn value_descriptor(prediction: ValuePrediction) -> DescriptorAnswer {
    let (confidence, method, reason) = match &prediction.told {
        ToldValue::Given(_) => (None, GIVEN_METHOD, None),
        ToldValue::Heard(_, sure) => (Some(*sure as f32), VALUES_METHOD, None),
        ToldValue::Unknown(why) => (None, VALUES_METHOD, Some(why.clone())),
    };
    DescriptorAnswer {
        card: card_of(prediction.kind.name()),
        plugin: None,
        name: prediction.kind.name().to_owned(),
        value: json!(prediction.told.value()),
        confidence,
        method: method.to_owned(),
        version: version_of(prediction.model),
        reason,
        evidence_count: None,
        evidence_unit: None,
    }
}

/// What is told of a track as a descriptor.
fn told_descriptor(prediction: Prediction) -> DescriptorAnswer {
    let entry = |label: &String, probability: Option<f64>| json!({"label": label, "probability": probability});
    let version = version_of(prediction.model);
    let (value, confidence, method, reason) = match prediction.told {
        Told::Given(labels) => {
            let list = labels.iter().map(|label| entry(label, None));
            (list.collect(), None, GIVEN_METHOD, None)
        }
        Told::Heard(labels) => {
            let list = labels.iter().map(|(label, sure)| entry(label, Some(*sure)));
            let surest = labels.first().map(|(_, sure)| *sure as f32);
            (list.collect(), surest, HEADS_METHOD, None)
        }
        Told::Unknown(why) => (serde_json::Value::Null, None, HEADS_METHOD, Some(why)),
    };
    DescriptorAnswer {
        card: card_of(prediction.kind.name()),
        plugin: None,
        name: prediction.kind.name().to_owned(),
        value,
        confidence,
        method: method.to_owned(),
        version,
        reason,
        evidence_count: None,
        evidence_unit: None,
    }
}

/// What the tenant and the heads say of a track, as descriptors.
async fn told_of(
    state: &ApiState,
    scope: &TenantScope,
    track: TrackId,
    details: &TrackDetails,
) -> Result<Vec<DescriptorAnswer>, Problem> {
    let labels = labels_of(details.genre.as_deref(), &details.tags);
    let labels = state.recommender.told(scope, track, &labels).await?;
    let values = values_of(&details.tags);
    let values = state.recommender.told_values(scope, track, &values).await?;
    let labels = labels.into_iter().map(told_descriptor);
    Ok(labels
        .chain(values.into_iter().map(value_descriptor))
        .collect())
}

/// Reads the analysis of a track.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/analysis", tag = "analysis",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 200, body = AnalysisAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<AnalysisAnswer>, Problem> {
    let track = find_track(&state, access.scope(), &id).await?;
    let stored = state
        .catalog
        .analyses(access.scope(), &[track])
        .await?
        .pop()
        .flatten();
    let stored = stored.ok_or_else(|| Problem::not_found("analysis of track", &id))?;
    let analysis: TrackAnalysis =
        serde_json::from_value(stored.document).map_err(|error| Problem::bug(&error))?;
    let is_current = !state.catalogue.is_stale(access.scope(), track).await?;
    let details = state.catalog.tracks(access.scope(), &[track]).await?.pop();
    let details = details.map(|track| track.details).unwrap_or_default();
    let told = told_of(&state, access.scope(), track, &details).await?;
    let answer = AnalysisAnswer::of(track.to_string(), analysis, told, is_current);
    Ok(Json(answer))
}

/// Queues the analysis of a track. An input that was analysed already is not analysed again.
#[utoipa::path(post, path = "/api/v1/tracks/{id}/analyze", tag = "analysis",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn analyze(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    let job = queue(&state, &access, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(QueuedAnswer { job })))
}

/// Queues the analysis of a track.
pub(super) async fn queue(
    state: &ApiState,
    access: &WriteAccess,
    id: &str,
) -> Result<String, Problem> {
    let track = find_track(state, access.scope(), id).await?;
    let queued = state
        .catalogue
        .queue_analysis(access.scope(), vec![track])
        .await?;
    state.wake_workers.notify_one();
    let job = queued
        .first()
        .ok_or_else(|| Problem::bug(&"nothing was queued"))?;
    Ok(job.to_string())
}
