//! The log as it is: read, followed, and how far its consumers are.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use leitmotif_domain::event::{EventPayload, RecordedEvent};
use leitmotif_domain::{ListenerId, TenantScope, Timestamp, limits};
use leitmotif_storage::ports::{ConsumerPosition, EventSelection};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::listeners::find_listener;
use super::privacy::may_see;
use super::replays::ProjectionName;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;
use crate::webhooks::is_teller;

/// Time between two looks at the head while a reader waits: the head is one number in memory.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Which part of the log.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Events wanted, 1 to 200; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Starts after this offset instead of at the beginning; not beside `cursor`.
    pub after_offset: Option<u64>,
    /// Only events of a kind, for example `listen`.
    pub kind: Option<String>,
    /// Only events of a listener: id or name.
    pub listener: Option<String>,
    /// `oldest` first (when left out) or `newest` first.
    #[serde(default)]
    #[param(inline)]
    pub order: Order,
    /// Seconds to wait for an event when there is none yet, at most 30; only from the oldest.
    #[serde(default)]
    #[param(maximum = 30)]
    pub wait_s: u64,
}

/// In which direction the log is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// As it was written.
    #[default]
    Oldest,
    /// Backwards.
    Newest,
}

/// An event of the log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LogEntry {
    /// Its position in the tenant's log.
    pub offset: u64,
    /// Its id.
    pub event_id: String,
    /// What kind of event.
    pub kind: &'static str,
    /// When it happened, by the sender's clock.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// When it became durable, by ours.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// Version of the payload's shape.
    pub schema_version: u16,
    /// What happened.
    #[schema(value_type = Object)]
    pub payload: Value,
}

/// A part of the log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LogAnswer {
    /// The events; a page may be empty though more follow.
    pub events: Vec<LogEntry>,
    /// How far the log goes.
    pub head_offset: u64,
    /// Where the reading goes on. There is always a cursor: a log has no end.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// A consumer of the log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConsumerAnswer {
    /// Its name with the version of its state.
    pub consumer: String,
    /// The projection that replay and rebuild know it as; `null` for what follows the log to tell others: a webhook, the
    /// looks for drift and for new releases.
    pub projection: Option<&'static str>,
    /// The last event in its stored state.
    pub offset: u64,
    /// Events that a start has to read again.
    pub behind_events: u64,
    /// How long the first of them has been in the log.
    pub behind_ms: u64,
    /// Size of the stored state.
    pub state_bytes: u64,
}

/// The consumers of the log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConsumersAnswer {
    /// The consumers.
    pub consumers: Vec<ConsumerAnswer>,
    /// How far the log goes.
    pub head_offset: u64,
}

/// Reads the log. Private plays are left out for who may not see them.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(EventsQuery), responses(
    (status = 200, body = LogAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<EventsQuery>,
) -> Result<Json<LogAnswer>, Problem> {
    let scope = access.scope();
    let selection = selection_of(&state, scope, &query).await?;
    let listing = Listing {
        state: &state,
        scope,
        name: "events",
        filter: format!(
            "{:?} {:?} {:?}",
            query.order, query.kind, selection.listener
        ),
    };
    let asked = listing.request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    })?;
    let from = match (&asked.after, query.after_offset) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("?after_offset", "not beside `cursor`"));
        }
        (Some(key), None) => key
            .parse()
            .map_err(|_| Problem::invalid("?cursor", "is no position in the log"))?,
        (None, Some(offset)) => offset,
        (None, None) if selection.is_newest_first => u64::MAX,
        (None, None) => 0,
    };
    let seen = |one: &RecordedEvent| may_see(&access.0, &one.event);
    let read = Reading {
        state: &state,
        scope,
        selection: &selection,
        limit: asked.limit(),
    };
    let part = read.wait(from, query.wait_s, seen).await?;
    let next_cursor = Some(listing.cursor(&part.reached.to_string()));
    let has_more = if selection.is_newest_first {
        part.reached > 1
    } else {
        part.reached < part.head_offset
    };
    let page = PageInfo {
        has_more,
        next_cursor,
    };
    Ok(Json(LogAnswer {
        events: part
            .events
            .into_iter()
            .map(entry_of)
            .collect::<Result<_, _>>()?,
        head_offset: part.head_offset,
        page,
    }))
}

/// Shows how far each consumer of the log is: its stored state, which a start goes on from. In
/// memory a projection is level with the log whenever it is asked; a webhook is as far as its
/// receiver took messages.
#[utoipa::path(get, path = "/api/v1/events/consumers", tag = "events", responses(
    (status = 200, body = ConsumersAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn consumers(
    State(state): State<ApiState>,
    access: ReadAccess,
) -> Result<Json<ConsumersAnswer>, Problem> {
    let scope = access.scope();
    let (log, now) = (&state.log, state.clock.now());
    let stored = log.consumers(scope).await?;
    let head_offset = log.head(scope).await?;
    let mut known: Vec<(Option<&ConsumerPosition>, String, Option<&'static str>)> = Vec::new();
    for projection in ProjectionName::ALL {
        let found = stored
            .iter()
            .find(|one| one.consumer == projection.consumer());
        // Scrobbles have a consumer only where somebody scrobbles.
        if found.is_some() || projection == ProjectionName::Listening {
            let name = projection.consumer().to_owned();
            known.push((found, name, Some(projection.name())));
        }
    }
    let tellers = stored.iter().filter(|one| is_teller(&one.consumer));
    known.extend(tellers.map(|one| (Some(one), one.consumer.clone(), None)));
    let mut consumers = Vec::with_capacity(known.len());
    for (found, consumer, projection) in known {
        let offset = found.map_or(0, |one| one.offset);
        let behind_events = head_offset.saturating_sub(offset);
        let unread = match behind_events {
            0 => None,
            _ => log.read(scope, offset, 1).await?.pop(),
        };
        let waited = unread.map_or(0, |first| now.since_ms(first.recorded_at));
        consumers.push(ConsumerAnswer {
            consumer,
            projection,
            offset,
            behind_events,
            // A clock that was set back makes nobody early.
            behind_ms: u64::try_from(waited).unwrap_or(0),
            state_bytes: found.map_or(0, |one| one.state_bytes),
        });
    }
    Ok(Json(ConsumersAnswer {
        consumers,
        head_offset,
    }))
}

async fn selection_of(
    state: &ApiState,
    scope: &TenantScope,
    query: &EventsQuery,
) -> Result<EventSelection, Problem> {
    if let Some(kind) = &query.kind
        && !EventPayload::KINDS.contains(&kind.as_str())
    {
        let detail = format!("`{kind}` is none of: {}", EventPayload::KINDS.join(", "));
        return Err(Problem::invalid("?kind", detail));
    }
    let is_newest_first = query.order == Order::Newest;
    if query.wait_s > limits::EVENTS_WAIT_S_MAX {
        let detail = format!("at most {}", limits::EVENTS_WAIT_S_MAX);
        return Err(Problem::invalid("?wait_s", detail));
    }
    if query.wait_s > 0 && is_newest_first {
        return Err(Problem::invalid("?wait_s", "only from the oldest"));
    }
    let listener: Option<ListenerId> = match &query.listener {
        Some(text) => Some(find_listener(state, scope, text).await?.id),
        None => None,
    };
    Ok(EventSelection {
        kind: query.kind.clone(),
        listener,
        is_newest_first,
        is_without_answers: false,
    })
}

struct Reading<'r> {
    state: &'r ApiState,
    scope: &'r TenantScope,
    selection: &'r EventSelection,
    limit: usize,
}

struct Part {
    events: Vec<RecordedEvent>,
    reached: u64,
    head_offset: u64,
}

impl Reading<'_> {
    /// Reads on from an offset; waits while there is nothing to be seen.
    async fn wait(
        &self,
        from: u64,
        wait_s: u64,
        is_seen: impl Fn(&RecordedEvent) -> bool,
    ) -> Result<Part, Problem> {
        let log = &self.state.log;
        let until = tokio::time::Instant::now() + Duration::from_secs(wait_s);
        let mut from = from;
        loop {
            let head_offset = log.head(self.scope).await?;
            let part = log.select(self.scope, self.selection, from, self.limit);
            let mut part = part.await?;
            part.events.retain(|event| is_seen(event));
            let is_over = tokio::time::Instant::now() >= until;
            if !part.events.is_empty() || is_over {
                return Ok(Part {
                    events: part.events,
                    reached: part.reached,
                    head_offset,
                });
            }
            from = part.reached;
            while log.head(self.scope).await? <= from && tokio::time::Instant::now() < until {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

fn entry_of(recorded: RecordedEvent) -> Result<LogEntry, Problem> {
    let event = recorded.event;
    let kind = event.payload.kind();
    let mut payload = serde_json::to_value(&event.payload).map_err(|e| Problem::bug(&e))?;
    Ok(LogEntry {
        offset: recorded.offset,
        event_id: event.event_id.to_string(),
        kind,
        occurred_at: event.occurred_at,
        recorded_at: recorded.recorded_at,
        listener: event.listener.map(|listener| listener.to_string()),
        schema_version: event.schema_version,
        payload: payload
            .get_mut("payload")
            .map(Value::take)
            .unwrap_or_default(),
    })
}
