//! The call people come for.

use axum::extract::State;
use leitmotif_domain::event::Moment;
use leitmotif_domain::track::check_text;
use leitmotif_domain::zone::{LocalHour, check_cell, check_zone};
use leitmotif_domain::{ListenerId, Rung, TenantScope, Timestamp, TrackId, limits};
pub use leitmotif_recommend::explain::{ReasonText, Source};
use leitmotif_recommend::pipeline::{Degraded, TurnedControls};
use leitmotif_recommend::{RecommendRequest, Recommendations, Span};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::constraints::{ConstraintQuery, only_known};
use super::known_tracks;
use super::list_body::ListBody;
use super::objectives::{ObjectiveAnswer, ObjectivesInput};
use super::profiles::listener_of;
use crate::metrics::{DegradedLabels, RungLabels, StageLabels};
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
    /// Towards artists the listener plays (1) or away from them (−1); as the placement's pipeline has it
    /// when left out.
    #[serde(default)]
    #[schema(minimum = -1, maximum = 1)]
    pub familiarity: Option<f32>,
    /// Towards hits (1) or deep cuts (−1).
    #[serde(default)]
    #[schema(minimum = -1, maximum = 1)]
    pub popularity: Option<f32>,
    /// Towards what is new in the catalogue (1) or old (−1).
    #[serde(default)]
    #[schema(minimum = -1, maximum = 1)]
    pub freshness: Option<f32>,
    /// What the list is to be made for.
    #[serde(default)]
    pub objectives: ObjectivesInput,
    /// What every track must satisfy.
    #[serde(default, deserialize_with = "only_known")]
    pub constraints: ConstraintQuery,
    /// What the player knows of the moment.
    #[serde(default)]
    pub context: ContextInput,
    /// Whether the answer carries the steps with their times.
    #[serde(default)]
    pub trace: bool,
}

/// What the player knows of the moment: rules of the placement may ask it, and the order of the tracks
/// follows it where listens have taught how tastes go with it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContextInput {
    /// Device class.
    #[serde(default)]
    pub device: Option<String>,
    /// Activity, for example `running`.
    #[serde(default)]
    pub activity: Option<String>,
    /// Hour of the day where the listener is.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 23)]
    pub hour: Option<u8>,
    /// Day of the week where the listener is, 1 for Monday.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 7)]
    pub weekday: Option<u8>,
    /// Where the listener's clock stands, `Europe/Lisbon` or `+02:00`: hour and weekday follow from it
    /// where they are left out.
    #[serde(default)]
    pub zone: Option<String>,
    /// Where on earth, coarsely: a geohash of at most four characters.
    #[serde(default)]
    #[schema(max_length = 4)]
    pub cell: Option<String>,
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
    /// The version of the placement's pipeline; `null` for the built-in one.
    pub pipeline_version: Option<u32>,
    /// What the list was made for.
    pub objectives: Vec<ObjectiveAnswer>,
    /// The tracks in order.
    pub tracks: Vec<RecommendedTrackAnswer>,
    /// Parts that failed or came too late, and so are missing in the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<DegradedAnswer>,
    /// Why there are fewer tracks than wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortage: Option<String>,
    /// The steps, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<SpanAnswer>,
}

/// A part that is missing in an answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DegradedAnswer {
    /// The source or stage.
    pub part: &'static str,
    /// `late`, `failed`, or `resting` for what failed or was late again and again and is left out for half a minute.
    pub cause: &'static str,
}

impl DegradedAnswer {
    pub(super) fn of(degraded: &Degraded) -> Self {
        Self {
            part: degraded.part,
            cause: degraded.cause.name(),
        }
    }
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
    /// Share of the track that the listener is expected to hear, 0 to 1. Left out where no model tells it
    /// better than a mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_listened_share: Option<f32>,
    /// Why it is here, strongest first.
    pub reasons: Vec<ReasonAnswer>,
}

/// One reason.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReasonAnswer {
    /// `taste`, `neighbours`, `content`, `popular`, `session`, `sessions`, `trending`, `artist`, `fresh`,
    /// `familiar`, `moment`, `control`, `rule` or `skips`.
    pub source: &'static str,
    /// How much of the score it carries.
    pub contribution: f32,
    /// The track of the listener it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub because_of: Option<TrackId>,
    /// The reason in words.
    #[schema(value_type = String)]
    pub text: ReasonText,
}

/// One step of the pipeline.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpanAnswer {
    /// Its name.
    pub name: &'static str,
    /// When it first began, in microseconds from the start.
    pub start_us: u64,
    /// How long it took in microseconds.
    pub duration_us: u64,
}

impl SpanAnswer {
    pub(super) fn of(span: &Span) -> Self {
        Self {
            name: span.name,
            start_us: span.start_us,
            duration_us: span.duration_us,
        }
    }
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
) -> Result<ListBody, Problem> {
    let is_traced = input.trace;
    let request = request_of(&state, &access, input).await?;
    let answered = answered(&state, access.scope(), request).await?;
    Ok(ListBody {
        answered,
        is_traced,
    })
}

/// Answers a request whose list is shown, and counts it.
pub(super) async fn answered(
    state: &ApiState,
    scope: &TenantScope,
    request: RecommendRequest,
) -> Result<Recommendations, Problem> {
    let answered = state.recommender.recommend(scope, request).await?;
    let rung = RungLabels {
        rung: answered.rung.name(),
    };
    state.metrics.recommendations.get_or_create(&rung).inc();
    count_stages(state, &answered);
    Ok(answered)
}

fn count_stages(state: &ApiState, answered: &Recommendations) {
    for span in &answered.spans {
        let stage = StageLabels { stage: span.name };
        let taken_s = span.duration_us as f64 / 1e6;
        state.metrics.stages.get_or_create(&stage).observe(taken_s);
    }
    for degraded in &answered.degraded {
        let labels = DegradedLabels {
            part: degraded.part,
            cause: degraded.cause.name(),
        };
        state.metrics.degraded.get_or_create(&labels).inc();
    }
}

/// Turns what was sent into a request.
pub(super) async fn request_of(
    state: &ApiState,
    access: &ReadAccess,
    input: RecommendInput,
) -> Result<RecommendRequest, Problem> {
    let scope = access.scope();
    let count = input.count.unwrap_or(COUNT_DEFAULT);
    if count == 0 || count > limits::RECOMMENDATIONS_MAX {
        let detail = format!("{count} is not in 1..={}", limits::RECOMMENDATIONS_MAX);
        return Err(Problem::invalid("/count", detail));
    }
    let placement = input.placement.unwrap_or_else(|| "api".to_owned());
    check_text("placement", &placement)?;
    let activity = input.context.activity.as_deref();
    check_text("listener", input.listener.as_deref().unwrap_or_default())?;
    let listener = input.listener.as_deref().map(|name| {
        let name = listener_of(state, name, activity);
        ListenerId::of_name(scope.tenant(), &name)
    });
    let constraints =
        (input.constraints.read(None)).map_err(|problem| problem.in_body("/constraints"))?;
    let may_read = access.may_read_lyrics();
    let only = state.search.admitted(scope, constraints, may_read).await?;
    Ok(RecommendRequest {
        listener,
        only,
        seeds: known_tracks(state, scope, "seeds", &input.seeds).await?,
        count,
        placement,
        exclude: known_tracks(state, scope, "exclude", &input.exclude).await?,
        controls: input.objectives.turn(TurnedControls {
            familiarity: control("familiarity", input.familiarity)?,
            popularity: control("popularity", input.popularity)?,
            freshness: control("freshness", input.freshness)?,
            diversity: None,
        })?,
        moment: moment_of(input.context, state.clock.now())?,
        include_heard: input.include_heard,
        disabled_rungs: input.disabled_rungs,
        ..RecommendRequest::default()
    })
}

fn control(name: &str, turned: Option<f32>) -> Result<Option<f32>, Problem> {
    match turned {
        Some(turned) if !(-1.0..=1.0).contains(&turned) => {
            let detail = format!("{turned} is not in -1 to 1");
            Err(Problem::invalid(format!("/{name}"), detail))
        }
        turned => Ok(turned),
    }
}

fn moment_of(input: ContextInput, now: Timestamp) -> Result<Moment, Problem> {
    for (field, text) in [("device", &input.device), ("activity", &input.activity)] {
        let pointer = format!("context/{field}");
        check_text(&pointer, text.as_deref().unwrap_or_default())?;
    }
    for (field, value, range) in [
        ("hour", input.hour, 0..=23),
        ("weekday", input.weekday, 1..=7),
    ] {
        if let Some(value) = value.filter(|value| !range.contains(value)) {
            let detail = format!("{value} is not in {} to {}", range.start(), range.end());
            return Err(Problem::invalid(format!("/context/{field}"), detail));
        }
    }
    if let Some(cell) = input.cell.as_deref() {
        check_cell(cell).map_err(|error| Problem::invalid("/context/cell", error.reason))?;
    }
    let local = match input.zone.as_deref() {
        Some(zone) => {
            check_zone(zone).map_err(|error| Problem::invalid("/context/zone", error.reason))?;
            Some(LocalHour::at(now, Some(zone)))
        }
        None => None,
    };
    Ok(Moment {
        device: input.device,
        activity: input.activity,
        hour: input.hour.or(local.map(|local| local.hour)),
        weekday: input.weekday.or(local.map(|local| local.weekday)),
        cell: input.cell,
    })
}

/// Turns an answer into what is sent.
pub(super) fn present(answered: Recommendations, is_traced: bool) -> RecommendAnswer {
    let causes = answered.causes;
    let reason_of = |reason: leitmotif_recommend::Reason| {
        let title = reason.because_of.and_then(|track| causes.get(&track));
        ReasonAnswer {
            source: reason.source.name(),
            contribution: reason.contribution,
            because_of: reason.because_of,
            text: ReasonText {
                source: reason.source,
                title: title.cloned(),
            },
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
            expected_listened_share: track.expected_listened_share,
            reasons: track.reasons.into_iter().map(reason_of).collect(),
        })
        .collect();
    let spans = if is_traced {
        answered.spans
    } else {
        Vec::new()
    };
    RecommendAnswer {
        request_id: answered.request_id.to_string(),
        rung: answered.rung.name(),
        model_version: answered.model.map(|model| model.to_string()),
        pipeline_version: answered.assignment.version,
        objectives: answered.objectives.into_iter().map(Into::into).collect(),
        tracks,
        degraded: answered.degraded.iter().map(DegradedAnswer::of).collect(),
        shortage: answered.shortage,
        trace: spans.iter().map(SpanAnswer::of).collect(),
    }
}
