//! How an answer came about.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::event::{EventPayload, Moment, RecordedEvent};
use leitmotif_domain::shown_reasons::ShownReason;
use leitmotif_domain::{EventId, RequestId, TenantScope, Timestamp};
use leitmotif_recommend::Source;
use leitmotif_recommend::catalogue::TrackCard;
use leitmotif_recommend::pipeline::Fate;
use leitmotif_recommend::rank::{Pooled, pooled_of_row};
use leitmotif_recommend::trace::Trace;
use serde::Serialize;
use utoipa::ToSchema;

use super::path_id;
use super::recommendations::{DegradedAnswer, SpanAnswer};
use crate::middleware::auth::ReadAccess;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// How an answer came about.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExplanationAnswer {
    /// The answer.
    pub request_id: String,
    /// `trace` with everything, or `exposure` with what the log keeps: full traces are held in memory
    /// for the newest answers and a sample of the last hour's only.
    pub detail: &'static str,
    /// When it was answered.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The listener's id; `null` for nobody known.
    pub listener: Option<String>,
    /// Where it was shown.
    pub placement: String,
    /// What the player said of the moment: `device`, `activity`, `hour`, `weekday`, as far as it did.
    #[schema(value_type = Object)]
    pub context: Moment,
    /// The version of the placement's pipeline; `null` for the built-in one.
    pub pipeline_version: Option<u32>,
    /// Probability of that version for a listener drawn at random.
    pub pipeline_propensity: f32,
    /// How personal it was.
    pub rung: &'static str,
    /// The model behind it.
    pub model_version: Option<String>,
    /// Offset of the log up to which everything counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_offset: Option<u64>,
    /// All steps together in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// The steps.
    pub spans: Vec<SpanAnswer>,
    /// What failed or came too late.
    pub degraded: Vec<DegradedAnswer>,
    /// What the sources offered.
    pub sources: Vec<SourceTraceAnswer>,
    /// The rules of the pipeline.
    pub rules: Vec<RuleTraceAnswer>,
    /// The candidates, those of the list first and in its order.
    pub candidates: Vec<CandidateTraceAnswer>,
}

/// What a source offered.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SourceTraceAnswer {
    /// On which rung.
    pub rung: &'static str,
    /// Which source.
    pub source: &'static str,
    /// What it counts in the blend.
    pub weight: f32,
    /// How many candidates it offered.
    pub offered: usize,
}

/// A rule.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RuleTraceAnswer {
    /// As it was written.
    pub rule: String,
    /// How many candidates it dropped or capped.
    pub dropped: u64,
    /// How many candidates it moved.
    pub moved: u64,
}

/// A candidate.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CandidateTraceAnswer {
    /// The track.
    pub id: String,
    /// Its title; `null` once it left the catalogue.
    pub title: Option<String>,
    /// Its artist.
    pub artist: Option<String>,
    /// Place in the list, from 1; `null` when it was not shown.
    pub position: Option<usize>,
    /// Probability of standing at that place, 0 to 1: below 1 where the pipeline's exploration leaves it
    /// to chance. Left out when it was not shown, and where the chance is not known, as in a mix that is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f32>,
    /// Share of the track that the listener is expected to hear, 0 to 1. Left out where no model tells it
    /// better than a mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_listened_share: Option<f32>,
    /// `shown`, `not_reached`, `filtered`, `capped`, `duplicate`, or `not_looked_at`.
    pub fate: &'static str,
    /// The rule that dropped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_by: Option<String>,
    /// Its score in the end; `null` when it was not looked at.
    pub score: Option<f32>,
    /// The weighted sum of the sources' shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blended: Option<f32>,
    /// Which sources offered it.
    pub sources: Vec<OfferTraceAnswer>,
    /// What controls and rules added to its score.
    pub adjustments: Vec<AdjustmentAnswer>,
    /// What the ranker read of it, by column; values that do not apply are left out.
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    pub features: HashMap<String, f32>,
    /// What each column added to the score that the ranker gave it: they sum to that score, before controls and
    /// rules. Left out where no ranker ordered it, or once another model is in service.
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    pub contributions: HashMap<String, f32>,
    /// What its score was made of, largest first, as it is kept with what was shown. Left out in a full trace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<KeptReasonAnswer>,
}

/// A reason as it is kept with what was shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeptReasonAnswer {
    /// See the reasons of an answer.
    pub source: String,
    /// How much of the score it carries, to four decimals.
    pub contribution: f32,
    /// The track of the listener it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because_of: Option<String>,
}

/// An offer of a source.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OfferTraceAnswer {
    /// Which source.
    pub source: &'static str,
    /// Share of the source's best, 1 for the best.
    pub share: f32,
    /// Place in the offer, from 1.
    pub place: u32,
}

/// What moved a candidate after ranking.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AdjustmentAnswer {
    /// `control` or `rule`.
    pub source: &'static str,
    /// The control's name, or the rule's number from 1.
    pub name: String,
    /// What it added to the score.
    pub amount: f32,
}

/// Explains an answer.
///
/// The newest answers of the process, and a sample of the last hour's, have their full trace: steps with times, what each source
/// offered, what became of every candidate, what the ranker read of it, which rules and controls moved
/// it. Of all others, the log keeps what was shown where, and what the score of each track was made of.
#[utoipa::path(get, path = "/api/v1/explain/{request_id}", tag = "recommendations", params(
    ("request_id" = String, Path, description = "`request_id` of an answer")), responses(
    (status = 200, body = ExplanationAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn explain(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(request): Path<String>,
) -> Result<Json<ExplanationAnswer>, Problem> {
    let scope = access.scope();
    let request_id: RequestId = path_id("request", &request)?;
    if let Some(trace) = state.recommender.trace(scope, request_id) {
        return of_trace(&state, scope, trace).await.map(Json);
    }
    let event = EventId::from_u128(request_id.as_u128());
    let recorded = state.log.event(scope, event).await?;
    match recorded {
        Some(recorded) => of_exposure(&state, scope, recorded).await.map(Json),
        None => Err(Problem::not_found("request", &request)),
    }
}

async fn of_trace(
    state: &ApiState,
    scope: &TenantScope,
    trace: Arc<Trace>,
) -> Result<ExplanationAnswer, Problem> {
    let contributions = state.recommender.contributions(scope, &trace).await?;
    let trace = &*trace;
    let mut indexes: Vec<usize> = trace.considered.iter().map(|one| one.index).collect();
    indexes.extend(known_of(trace).into_keys());
    let cards = state.recommender.cards(scope, &indexes).await?;
    let sources = trace.sources.iter().map(|offer| SourceTraceAnswer {
        rung: offer.rung.name(),
        source: offer.source.name(),
        weight: offer.weight,
        offered: offer.offered,
    });
    let rules = trace
        .rules
        .iter()
        .enumerate()
        .map(|(number, (rule, dropped))| {
            let name = (number + 1).to_string();
            let is_moved = |one: &&leitmotif_recommend::pipeline::Considered| {
                let by = |by: &leitmotif_recommend::pipeline::Adjustment| {
                    by.source == Source::Rule && by.name == name
                };
                one.adjustments.iter().any(by)
            };
            RuleTraceAnswer {
                rule: rule.clone(),
                dropped: *dropped,
                moved: trace.considered.iter().filter(is_moved).count() as u64,
            }
        });
    Ok(ExplanationAnswer {
        request_id: trace.request_id.to_string(),
        detail: "trace",
        at: trace.at,
        listener: trace.listener.map(|listener| listener.to_string()),
        placement: trace.placement.clone(),
        context: trace.moment.clone(),
        pipeline_version: trace.assignment.version,
        pipeline_propensity: trace.assignment.propensity,
        rung: trace.rung.name(),
        model_version: trace.model.map(|model| model.to_string()),
        log_offset: Some(trace.log_offset),
        latency_us: Some(trace.spans.iter().map(|span| span.duration_us).sum()),
        spans: trace.spans.iter().map(SpanAnswer::of).collect(),
        degraded: trace.degraded.iter().map(DegradedAnswer::of).collect(),
        sources: sources.collect(),
        rules: rules.collect(),
        candidates: with_contributions(candidates(trace, &cards), contributions, &cards),
    })
}

/// The list in its order, then what else was looked at, then what was only ranked.
fn candidates(trace: &Trace, cards: &HashMap<usize, TrackCard>) -> Vec<CandidateTraceAnswer> {
    let known = known_of(trace);
    let names = trace.by_ranker.names();
    let mut shown = Vec::new();
    let mut others = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for one in &trace.considered {
        let (fate, rule) = match one.fate {
            Fate::Shown => ("shown", None),
            Fate::NotReached => ("not_reached", None),
            Fate::Duplicate => ("duplicate", None),
            Fate::Filtered(rule) => ("filtered", Some(rule)),
            Fate::Capped(rule) => ("capped", Some(rule)),
        };
        seen.insert(one.index);
        let mut candidate = candidate(one.index, cards, &known, &names);
        candidate.fate = fate;
        candidate.score = Some(one.score);
        candidate.propensity = one.propensity;
        candidate.expected_listened_share = one.expected_listened_share;
        candidate.dropped_by = rule.and_then(|rule| Some(trace.rules.get(rule)?.0.clone()));
        candidate.adjustments = (one.adjustments.iter())
            .map(|adjustment| AdjustmentAnswer {
                source: adjustment.source.name(),
                name: adjustment.name.to_string(),
                amount: adjustment.amount,
            })
            .collect();
        if one.fate == Fate::Shown {
            candidate.position = Some(shown.len() + 1);
            shown.push(candidate);
        } else {
            others.push(candidate);
        }
    }
    let ranked = trace.by_ranker.iter().map(|(index, _)| index);
    let blended = trace.by_blend.iter().map(|one| one.index);
    for index in ranked.chain(blended) {
        if seen.insert(index) {
            others.push(candidate(index, cards, &known, &names));
        }
    }
    shown.extend(others);
    shown
}

/// Tells of each candidate that the ranker ordered what its columns added.
fn with_contributions(
    mut candidates: Vec<CandidateTraceAnswer>,
    contributions: Vec<(usize, Vec<(String, f32)>)>,
    cards: &HashMap<usize, TrackCard>,
) -> Vec<CandidateTraceAnswer> {
    let told = contributions.into_iter();
    let mut told: HashMap<String, Vec<(String, f32)>> = told
        .filter_map(|(index, parts)| Some((cards.get(&index)?.id.to_string(), parts)))
        .collect();
    for candidate in &mut candidates {
        let parts = told.remove(&candidate.id);
        candidate.contributions.extend(parts.into_iter().flatten());
    }
    candidates
}

/// What ranking knew of each candidate, with the row of those that the ranker ordered.
fn known_of(trace: &Trace) -> HashMap<usize, (Pooled, &[f32])> {
    let blended = trace
        .by_blend
        .iter()
        .map(|one| (one.index, (*one, &[][..])));
    let rows = trace.by_ranker.iter();
    let ranked = rows.map(|(index, row)| (index, (pooled_of_row(index, row), row)));
    blended.chain(ranked).collect()
}

fn candidate(
    index: usize,
    cards: &HashMap<usize, TrackCard>,
    known: &HashMap<usize, (Pooled, &[f32])>,
    names: &[String],
) -> CandidateTraceAnswer {
    let (card, known) = (cards.get(&index), known.get(&index));
    let offers = known
        .into_iter()
        .flat_map(|(one, _)| Source::ALL.iter().zip(&one.offers));
    let values = known.map_or(&[][..], |(_, row)| *row);
    let values = names.iter().zip(values);
    CandidateTraceAnswer {
        id: card.map_or_else(String::new, |card| card.id.to_string()),
        title: card.map(|card| card.title.to_string()),
        artist: card.map(|card| card.artist.to_string()),
        position: None,
        propensity: None,
        expected_listened_share: None,
        fate: "not_looked_at",
        dropped_by: None,
        score: None,
        blended: known.map(|(one, _)| one.blended),
        sources: offers
            .filter_map(|(source, offer)| {
                let (share, place) = (*offer)?;
                Some(OfferTraceAnswer {
                    source: source.name(),
                    share,
                    place: place + 1,
                })
            })
            .collect(),
        adjustments: Vec::new(),
        features: values
            .filter(|(_, value)| value.is_finite())
            .map(|(name, value)| (name.clone(), *value))
            .collect(),
        contributions: HashMap::new(),
        reasons: Vec::new(),
    }
}

fn kept_reason((source, contribution, because_of): ShownReason<'_>) -> KeptReasonAnswer {
    KeptReasonAnswer {
        source: source.to_owned(),
        contribution,
        because_of: because_of.map(|track| track.to_string()),
    }
}

async fn of_exposure(
    state: &ApiState,
    scope: &TenantScope,
    recorded: RecordedEvent,
) -> Result<ExplanationAnswer, Problem> {
    let event = recorded.event;
    let EventPayload::Exposure(exposure) = event.payload else {
        return Err(Problem::not_found("request", &event.event_id.to_string()));
    };
    let ids: Vec<_> = exposure.tracks.iter().map(|shown| shown.track).collect();
    let names = state.recommender.names(scope, &ids).await?;
    let (shown, kept) = (exposure.tracks.iter().enumerate(), &exposure.reasons);
    let assignment = exposure.assignment.as_ref();
    Ok(ExplanationAnswer {
        request_id: exposure.request_id.to_string(),
        detail: "exposure",
        at: event.occurred_at,
        listener: event.listener.map(|listener| listener.to_string()),
        placement: exposure.placement.clone(),
        context: exposure.moment,
        pipeline_version: assignment.and_then(|assignment| assignment.version),
        pipeline_propensity: assignment.map_or(1.0, |assignment| assignment.propensity),
        rung: exposure.rung.name(),
        model_version: exposure.model.map(|model| model.to_string()),
        log_offset: None,
        latency_us: None,
        spans: Vec::new(),
        degraded: Vec::new(),
        sources: Vec::new(),
        rules: Vec::new(),
        candidates: shown
            .map(|(place, shown)| CandidateTraceAnswer {
                id: shown.track.to_string(),
                title: names.get(&shown.track).map(|(title, _)| title.clone()),
                artist: names.get(&shown.track).map(|(_, artist)| artist.clone()),
                position: Some(place + 1),
                propensity: shown.propensity,
                expected_listened_share: None,
                fate: "shown",
                dropped_by: None,
                score: shown.score,
                blended: None,
                sources: Vec::new(),
                adjustments: Vec::new(),
                features: HashMap::new(),
                contributions: HashMap::new(),
                reasons: kept.of(place).into_iter().map(kept_reason).collect(),
            })
            .collect(),
    })
}
