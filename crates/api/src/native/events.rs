//! Events in: plays, judgements, searches, in batches, durable when acknowledged.

use std::collections::{BTreeSet, HashMap};

use axum::Json;
use axum::extract::State;
use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, Feedback, Listen, ListenOutcome, Opinion, Search,
    check_occurred_at, listen_event_id,
};
use leitmotif_domain::track::{TrackRef, check_text};
use leitmotif_domain::zone::{check_cell, check_zone};
use leitmotif_domain::{EventId, ListenerId, TenantScope, Timestamp, TrackId, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::profiles::listener_of;
use crate::middleware::auth::WriteAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A batch of events.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsInput {
    /// The events; all are written or none.
    #[schema(max_items = 5000)]
    pub events: Vec<EventInput>,
}

/// One event.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventInput {
    /// A play and how it ended.
    Listen(ListenInput),
    /// A judgement.
    Feedback(FeedbackInput),
    /// A search.
    Search(SearchInput),
}

/// A play.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenInput {
    /// Idempotency key of 22 characters; derived from listener, moment and track when left out.
    #[serde(default)]
    pub event_id: Option<String>,
    /// When it happened: RFC 3339, or milliseconds since 1970.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Who: the name the player uses for the person.
    #[schema(min_length = 1, max_length = 1024)]
    pub listener: String,
    /// Track id or `namespace:id`.
    pub track: String,
    /// How it ended: `completed`, `skipped` or `partial`.
    #[schema(value_type = String)]
    pub outcome: ListenOutcome,
    /// Milliseconds heard.
    #[serde(default)]
    pub played_ms: Option<u32>,
    /// Length of the track in milliseconds.
    #[serde(default)]
    pub track_ms: Option<u32>,
    /// Who asked for the track.
    #[serde(default)]
    pub source: Option<String>,
    /// Why it ended, in the player's words, for example `next_button` or `end_of_queue`.
    #[serde(default)]
    pub reason: Option<String>,
    /// The recommendation that led here.
    #[serde(default)]
    pub request_id: Option<String>,
    /// Device class.
    #[serde(default)]
    pub device: Option<String>,
    /// Activity.
    #[serde(default)]
    pub activity: Option<String>,
    /// Where the listener's clock stood: `Europe/Lisbon`, or `+02:00`; hours are UTC without it.
    #[serde(default)]
    pub zone: Option<String>,
    /// Where, coarsely: a geohash of at most 4 characters.
    #[serde(default)]
    pub cell: Option<String>,
    /// A private session: kept, never learnt from.
    #[serde(default)]
    pub private: bool,
}

/// A judgement.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackInput {
    /// Idempotency key of 22 characters; derived from what happened when left out.
    #[serde(default)]
    pub event_id: Option<String>,
    /// When it happened: RFC 3339, or milliseconds since 1970.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Who: the name the player uses for the person.
    #[schema(min_length = 1, max_length = 1024)]
    pub listener: String,
    /// Track id or `namespace:id`.
    pub track: String,
    /// `like`, `dislike` or `cleared`.
    #[schema(value_type = String)]
    pub opinion: Opinion,
}

/// A search.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchInput {
    /// Idempotency key of 22 characters; derived from what happened when left out.
    #[serde(default)]
    pub event_id: Option<String>,
    /// When it happened: RFC 3339, or milliseconds since 1970.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Who: the name the player uses for the person.
    #[schema(min_length = 1, max_length = 1024)]
    pub listener: String,
    /// The words.
    pub query: String,
    /// How many tracks answered.
    #[serde(default)]
    pub result_count: u32,
}

impl EventInput {
    fn listener(&self) -> &str {
        match self {
            Self::Listen(listen) => &listen.listener,
            Self::Feedback(feedback) => &feedback.listener,
            Self::Search(search) => &search.listener,
        }
    }

    fn occurred_at(&self) -> Timestamp {
        match self {
            Self::Listen(listen) => listen.occurred_at,
            Self::Feedback(feedback) => feedback.occurred_at,
            Self::Search(search) => search.occurred_at,
        }
    }

    fn event_id(&self) -> Option<&str> {
        match self {
            Self::Listen(listen) => listen.event_id.as_deref(),
            Self::Feedback(feedback) => feedback.event_id.as_deref(),
            Self::Search(search) => search.event_id.as_deref(),
        }
    }

    fn track(&self) -> Option<&str> {
        match self {
            Self::Listen(listen) => Some(&listen.track),
            Self::Feedback(feedback) => Some(&feedback.track),
            Self::Search(_) => None,
        }
    }
}

/// What became of the batch.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventsAnswer {
    /// Events written.
    pub written: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// The last offset of the batch in the tenant's log.
    pub last_offset: u64,
}

/// Appends events. The answer comes when they are durable; a play changes the next recommendation.
#[utoipa::path(post, path = "/api/v1/events", tag = "events", request_body = EventsInput, responses(
    (status = 200, body = EventsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn append(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(input): JsonBody<EventsInput>,
) -> Result<Json<EventsAnswer>, Problem> {
    if input.events.len() > limits::EVENTS_PER_BATCH_MAX {
        let detail = format!(
            "{} events, at most {}",
            input.events.len(),
            limits::EVENTS_PER_BATCH_MAX
        );
        return Err(Problem::invalid("/events", detail));
    }
    let tracks = resolve_tracks(&state, access.scope(), &input.events).await?;
    let now = state.clock.now();
    let mut names = BTreeSet::new();
    let mut events = Vec::with_capacity(input.events.len());
    for (place, mut event) in input.events.into_iter().enumerate() {
        let under = |problem: Problem| problem.under(&format!("/events/{place}"));
        check_text("listener", event.listener()).map_err(|e| under(e.into()))?;
        if event.listener().is_empty() {
            return Err(under(Problem::invalid("/listener", "must not be empty")));
        }
        check_occurred_at(event.occurred_at(), now).map_err(|e| under(e.into()))?;
        if let EventInput::Listen(listen) = &mut event {
            let activity = listen.activity.as_deref();
            listen.listener = listener_of(&state, &listen.listener, activity).into_owned();
        }
        names.insert(event.listener().to_owned());
        events.push(event_of(access.scope(), event, &tracks).map_err(under)?);
    }
    let names: Vec<String> = names.into_iter().collect();
    state
        .catalog
        .touch_listeners(access.scope(), &names)
        .await?;
    let appended = state.log.append(access.scope(), events).await?;
    let duplicates = appended.iter().filter(|one| one.is_duplicate).count() as u64;
    let written = appended.len() as u64 - duplicates;
    state.metrics.events_appended.inc_by(written);
    state.metrics.events_duplicate.inc_by(duplicates);
    let last_offset = appended.iter().map(|one| one.offset).max().unwrap_or(0);
    Ok(Json(EventsAnswer {
        written,
        duplicates,
        last_offset,
    }))
}

/// Finds every named track at once.
async fn resolve_tracks(
    state: &ApiState,
    scope: &TenantScope,
    events: &[EventInput],
) -> Result<HashMap<String, TrackId>, Problem> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut references = Vec::new();
    let mut texts = Vec::new();
    for (place, event) in events.iter().enumerate() {
        let Some(text) = event.track() else { continue };
        if places.contains_key(text) {
            continue;
        }
        let reference: TrackRef = text
            .parse()
            .map_err(|error| Problem::from(error).under(&format!("/events/{place}")))?;
        places.insert(text.to_owned(), place);
        references.push(reference);
        texts.push(text.to_owned());
    }
    let found = state.catalog.resolve(scope, &references).await?;
    let mut tracks = HashMap::new();
    for (text, id) in texts.into_iter().zip(found) {
        let Some(id) = id else {
            let place = places.get(&text).copied().unwrap_or_default();
            let detail = format!("no track `{text}` in the catalogue");
            return Err(Problem::invalid(format!("/events/{place}/track"), detail));
        };
        tracks.insert(text, id);
    }
    Ok(tracks)
}

fn event_of(
    scope: &TenantScope,
    input: EventInput,
    tracks: &HashMap<String, TrackId>,
) -> Result<Event, Problem> {
    let listener = ListenerId::of_name(scope.tenant(), input.listener());
    let track = |text: &str| {
        tracks
            .get(text)
            .copied()
            .ok_or_else(|| Problem::not_found("track", text))
    };
    let at = input.occurred_at();
    let given = match input.event_id() {
        Some(text) => Some(
            text.parse::<EventId>()
                .map_err(|error| Problem::invalid("/event_id", error.reason))?,
        ),
        None => None,
    };
    let (payload, derived) = match input {
        EventInput::Listen(listen) => {
            let track = track(&listen.track)?;
            let payload = EventPayload::Listen(listen_of(listen, track)?);
            (
                payload,
                listen_event_id(scope.tenant(), listener, at, track),
            )
        }
        EventInput::Feedback(feedback) => {
            let track = track(&feedback.track)?;
            let payload = EventPayload::Feedback(Feedback {
                track,
                opinion: feedback.opinion,
            });
            (
                payload,
                derive(scope, listener, at, "feedback", &track.to_string()),
            )
        }
        EventInput::Search(search) => {
            check_text("query", &search.query)?;
            let derived = derive(scope, listener, at, "search", &search.query);
            let result_count = search.result_count;
            (
                EventPayload::Search(Search {
                    query: search.query,
                    result_count,
                }),
                derived,
            )
        }
    };
    Ok(Event {
        event_id: given.unwrap_or(derived),
        occurred_at: at,
        listener: Some(listener),
        schema_version: EVENT_SCHEMA_VERSION,
        payload,
    })
}

fn listen_of(input: ListenInput, track: TrackId) -> Result<Listen, Problem> {
    for (field, text) in [
        ("source", &input.source),
        ("reason", &input.reason),
        ("device", &input.device),
        ("activity", &input.activity),
    ] {
        check_text(field, text.as_deref().unwrap_or_default())?;
    }
    input.zone.as_deref().map_or(Ok(()), check_zone)?;
    input.cell.as_deref().map_or(Ok(()), check_cell)?;
    for (field, value) in [("played_ms", input.played_ms), ("track_ms", input.track_ms)] {
        if value.is_some_and(|value| value > limits::TRACK_MS_MAX) {
            let detail = format!("at most {} ms", limits::TRACK_MS_MAX);
            return Err(Problem::invalid(format!("/{field}"), detail));
        }
    }
    let request_id = match &input.request_id {
        Some(text) => Some(
            text.parse()
                .map_err(|_| Problem::invalid("/request_id", "is no request id"))?,
        ),
        None => None,
    };
    Ok(Listen {
        track,
        played_ms: input.played_ms,
        track_ms: input.track_ms,
        outcome: input.outcome,
        source: input.source,
        request_id,
        device: input.device,
        activity: input.activity,
        zone: input.zone,
        cell: input.cell,
        reason: input.reason,
        private: input.private,
    })
}

fn derive(
    scope: &TenantScope,
    listener: ListenerId,
    at: Timestamp,
    kind: &str,
    about: &str,
) -> EventId {
    EventId::derive(&[
        &scope.tenant().as_u128().to_be_bytes(),
        &listener.as_u128().to_be_bytes(),
        &at.as_ms().to_be_bytes(),
        kind.as_bytes(),
        about.as_bytes(),
    ])
}
