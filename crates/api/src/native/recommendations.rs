//! The call people come for.

use axum::Json;
use axum::extract::State;
use leitmotif_domain::{ListenerId, Rung, TenantScope, TrackId, limits};
use leitmotif_recommend::explain::sentence;
use leitmotif_recommend::{RecommendRequest, Recommendations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::known_tracks;
use crate::metrics::RungLabels;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Tracks in a list when nothing is said.
const COUNT_DEFAULT: usize = 20;
/// What is asked.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecommendInput {
    /// For whom: the name the player uses. Left out for nobody known.
    #[serde(default)]
    pub listener: Option<String>,
    /// Tracks the list starts from: ids or `namespace:id`.
    #[serde(default)]
    pub seeds: Vec<String>,
    /// Tracks wanted; 20 when left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 500)]
    pub count: Option<usize>,
    /// Where the list is shown, for the exposure log; `api` when left out.
    #[serde(default)]
    pub placement: Option<String>,
    /// Tracks that must not appear: ids or `namespace:id`.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Whether tracks the listener has heard may appear.
    #[serde(default)]
    pub include_heard: bool,
    /// Rungs that must not be used: `personalised`, `session`, `content`, `popular`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub disabled_rungs: Vec<Rung>,
    /// Whether the answer carries the steps with their times.
    #[serde(default)]
    pub trace: bool,
}

/// A list with its reasons.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RecommendAnswer {
    /// Names this answer; send it with the listens it leads to.
    pub request_id: String,
    /// How personal it is: `personalised`, `session`, `content`, `popular` or `static`.
    pub rung: &'static str,
    /// The model behind it; `null` when none was used.
    pub model_version: Option<String>,
    /// The tracks in order.
    pub tracks: Vec<RecommendedTrackAnswer>,
    /// The steps, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<SpanAnswer>,
}

/// One place.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RecommendedTrackAnswer {
    /// The track.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
    /// Place, from 1.
    pub position: usize,
    /// What it was ranked by; the contributions of the reasons sum to it.
    pub score: f32,
    /// Why it is here, strongest first.
    pub reasons: Vec<ReasonAnswer>,
}

/// One reason.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReasonAnswer {
    /// `taste`, `neighbours`, `content`, `popular`, `session`, `artist`, `fresh` or `familiar`.
    pub source: &'static str,
    /// How much of the score it carries.
    pub contribution: f32,
    /// The track of the listener it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because_of: Option<String>,
    /// The reason in words.
    pub text: String,
}

/// One step of the pipeline.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpanAnswer {
    /// Its name.
    pub name: &'static str,
    /// How long it took in microseconds.
    pub duration_us: u64,
}

/// Recommends tracks.
///
/// The answer is never empty while the catalogue is not: it says on which rung it stands. What it
/// shows is written to the log with request id and position.
#[utoipa::path(post, path = "/api/v1/recommendations", tag = "recommendations",
    request_body = RecommendInput, responses(
    (status = 200, body = RecommendAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn recommend(
    State(state): State<ApiState>,
    access: ReadAccess,
    JsonBody(input): JsonBody<RecommendInput>,
) -> Result<Json<RecommendAnswer>, Problem> {
    let is_traced = input.trace;
    let request = request_of(&state, access.scope(), input).await?;
    let answered = state.recommender.recommend(access.scope(), request).await?;
    let rung = RungLabels {
        rung: answered.rung.name(),
    };
    state.metrics.recommendations.get_or_create(&rung).inc();
    present(&state, access.scope(), answered, is_traced)
        .await
        .map(Json)
}

async fn request_of(
    state: &ApiState,
    scope: &TenantScope,
    input: RecommendInput,
) -> Result<RecommendRequest, Problem> {
    let count = input.count.unwrap_or(COUNT_DEFAULT);
    if count == 0 || count > limits::RECOMMENDATIONS_MAX {
        let detail = format!("{count} is not in 1..={}", limits::RECOMMENDATIONS_MAX);
        return Err(Problem::invalid("/count", detail));
    }
    let placement = input.placement.unwrap_or_else(|| "api".to_owned());
    leitmotif_domain::track::check_text("placement", &placement)?;
    let listener = input
        .listener
        .as_deref()
        .map(|name| ListenerId::of_name(scope.tenant(), name));
    Ok(RecommendRequest {
        listener,
        seeds: known_tracks(state, scope, "seeds", &input.seeds).await?,
        count,
        placement,
        exclude: known_tracks(state, scope, "exclude", &input.exclude).await?,
        include_heard: input.include_heard,
        disabled_rungs: input.disabled_rungs,
    })
}

async fn present(
    state: &ApiState,
    scope: &TenantScope,
    answered: Recommendations,
    is_traced: bool,
) -> Result<RecommendAnswer, Problem> {
    let reasons = answered.tracks.iter().flat_map(|track| &track.reasons);
    let causes: Vec<TrackId> = reasons.filter_map(|reason| reason.because_of).collect();
    let titles = state.recommender.titles(scope, &causes).await?;
    let reason_of = |reason: leitmotif_recommend::Reason| {
        let title = reason.because_of.and_then(|track| titles.get(&track));
        ReasonAnswer {
            source: reason.source.name(),
            contribution: reason.contribution,
            because_of: reason.because_of.map(|track| track.to_string()),
            text: sentence(reason.source, title.map(String::as_str)),
        }
    };
    let tracks = answered
        .tracks
        .into_iter()
        .enumerate()
        .map(|(place, track)| RecommendedTrackAnswer {
            id: track.track.to_string(),
            title: track.title,
            artist: track.artist,
            position: place + 1,
            score: track.score,
            reasons: track.reasons.into_iter().map(reason_of).collect(),
        })
        .collect();
    let spans = if is_traced {
        answered.spans
    } else {
        Vec::new()
    };
    Ok(RecommendAnswer {
        request_id: answered.request_id.to_string(),
        rung: answered.rung.name(),
        model_version: answered.model.map(|model| model.to_string()),
        tracks,
        trace: spans
            .into_iter()
            .map(|span| SpanAnswer {
                name: span.name,
                duration_us: span.duration_us,
            })
            .collect(),
    })
}
