//! Listeners: who they are, what they did, what they like.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::event::{EventPayload, ListenOutcome, Opinion, RecordedEvent};
use leitmotif_domain::ids::{ID_CHARS, decode_base62};
use leitmotif_domain::listener::Listener;
use leitmotif_domain::{ListenerId, TenantScope, Timestamp, TrackId};
use serde::Serialize;
use utoipa::ToSchema;

use super::privacy::may_see;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Tracks shown of a taste.
const TASTE_TRACKS: usize = 20;

/// A listener.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ListenerAnswer {
    /// Our id.
    pub id: String,
    /// The name the players use.
    pub name: String,
    /// When the first event named them.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl From<Listener> for ListenerAnswer {
    fn from(listener: Listener) -> Self {
        Self {
            id: listener.id.to_string(),
            name: listener.name,
            created_at: listener.created_at,
        }
    }
}

/// A page of listeners.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ListenersAnswer {
    /// The listeners, by name.
    pub listeners: Vec<ListenerAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// How a listener stands to a track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TasteTrack {
    /// The track.
    pub track: String,
    /// Its title.
    pub title: String,
    /// How much they are drawn to it, in completed plays; negative when skips prevail.
    pub signal: f32,
    /// Plays begun.
    pub plays: u32,
    /// Plays skipped.
    pub skips: u32,
}

/// A listener with their taste as far as it shows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ListenerDetailAnswer {
    /// Who.
    #[serde(flatten)]
    pub listener: ListenerAnswer,
    /// Plays that count.
    pub plays: u64,
    /// Of them skipped.
    pub skips: u64,
    /// The tracks they are drawn to most.
    pub likes: Vec<TasteTrack>,
    /// The tracks they turn away from most.
    pub dislikes: Vec<TasteTrack>,
}

/// One event of a listener.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// Position in the log.
    pub offset: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// `listen`, `feedback`, `exposure`, `search`, `scrobble`, `scrobble_deleted` or
    /// `recording_feedback`.
    pub kind: &'static str,
    /// The track, where there is one.
    pub track: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// How it ended, or what was said.
    pub detail: String,
    /// Milliseconds heard.
    pub played_ms: Option<u32>,
    /// The answer that an exposure shows, or that led to a listen.
    pub request_id: Option<String>,
}

/// A page of a listener's events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HistoryAnswer {
    /// The events, newest first.
    pub events: Vec<HistoryEntry>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// Lists listeners by name.
#[utoipa::path(get, path = "/api/v1/listeners", tag = "listeners", params(PageQuery), responses(
    (status = 200, body = ListenersAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<ListenersAnswer>, Problem> {
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "listeners",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let page = state.catalog.list_listeners(access.scope(), &asked).await?;
    let info = listing.info(&page);
    let listeners = page.items.into_iter().map(ListenerAnswer::from).collect();
    Ok(Json(ListenersAnswer {
        listeners,
        page: info,
    }))
}

/// Reads a listener by id or by name.
#[utoipa::path(get, path = "/api/v1/listeners/{id}", tag = "listeners",
    params(("id" = String, Path, description = "listener id or name")), responses(
    (status = 200, body = ListenerDetailAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<ListenerDetailAnswer>, Problem> {
    let listener = find_listener(&state, access.scope(), &id).await?;
    let rows = state
        .recommender
        .with_profile(access.scope(), listener.id, |profile| {
            let tracks = profile.into_iter().flat_map(|profile| profile.tracks());
            tracks
                .map(|(track, history)| (track, history.signal(), history.plays, history.skips))
                .collect::<Vec<_>>()
        })
        .await?;
    let plays = rows.iter().map(|row| u64::from(row.2)).sum();
    let skips = rows.iter().map(|row| u64::from(row.3)).sum();
    let mut sorted = rows;
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let likes: Vec<_> = sorted
        .iter()
        .filter(|row| row.1 > 0.0)
        .take(TASTE_TRACKS)
        .copied()
        .collect();
    let dislikes: Vec<_> = sorted
        .iter()
        .rev()
        .filter(|row| row.1 < 0.0)
        .take(TASTE_TRACKS)
        .copied()
        .collect();
    let ids: Vec<TrackId> = likes.iter().chain(&dislikes).map(|row| row.0).collect();
    let titles = state.recommender.titles(access.scope(), &ids).await?;
    let shown = |rows: Vec<(TrackId, f32, u32, u32)>| {
        let shown = |(track, signal, plays, skips): (TrackId, f32, u32, u32)| TasteTrack {
            track: track.to_string(),
            title: titles
                .get(&track)
                .cloned()
                .unwrap_or_else(|| "removed track".to_owned()),
            signal,
            plays,
            skips,
        };
        rows.into_iter().map(shown).collect()
    };
    Ok(Json(ListenerDetailAnswer {
        listener: listener.into(),
        plays,
        skips,
        likes: shown(likes),
        dislikes: shown(dislikes),
    }))
}

/// Reads a listener's events, newest first. Private plays are left out for who may not see them.
#[utoipa::path(get, path = "/api/v1/listeners/{id}/events", tag = "listeners",
    params(("id" = String, Path, description = "listener id or name"), PageQuery), responses(
    (status = 200, body = HistoryAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn events(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<HistoryAnswer>, Problem> {
    let listener = find_listener(&state, access.scope(), &id).await?;
    let filter = listener.id.to_string();
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "history",
        filter,
    };
    let asked = listing.request(&query)?;
    let mut page = state
        .log
        .of_listener(access.scope(), listener.id, &asked)
        .await?;
    let info = listing.info(&page);
    page.items.retain(|one| may_see(&access.0, &one.event));
    let ids: Vec<TrackId> = page.items.iter().filter_map(track_of).collect();
    let titles = state.recommender.titles(access.scope(), &ids).await?;
    let events = page
        .items
        .iter()
        .map(|event| entry_of(event, &titles))
        .collect();
    Ok(Json(HistoryAnswer { events, page: info }))
}

/// Finds a listener by id or by name.
///
/// - Errors: 404.
pub async fn find_listener(
    state: &ApiState,
    scope: &TenantScope,
    text: &str,
) -> Result<Listener, Problem> {
    let by_name = ListenerId::of_name(scope.tenant(), text);
    if let Some(found) = state.catalog.listener(scope, by_name).await? {
        return Ok(found);
    }
    let by_id = Some(text)
        .filter(|text| text.len() == ID_CHARS)
        .and_then(decode_base62);
    if let Some(bits) = by_id
        && let Some(found) = state
            .catalog
            .listener(scope, ListenerId::from_u128(bits))
            .await?
    {
        return Ok(found);
    }
    Err(Problem::not_found("listener", text))
}

fn track_of(event: &RecordedEvent) -> Option<TrackId> {
    match &event.event.payload {
        EventPayload::Listen(listen) => Some(listen.track),
        EventPayload::Feedback(feedback) => Some(feedback.track),
        _ => None,
    }
}

fn entry_of(recorded: &RecordedEvent, titles: &HashMap<TrackId, String>) -> HistoryEntry {
    let (detail, played_ms) = match &recorded.event.payload {
        EventPayload::Listen(listen) => {
            let outcome = match listen.outcome {
                ListenOutcome::Completed => "completed",
                ListenOutcome::Skipped => "skipped",
                ListenOutcome::Partial => "partial",
            };
            (outcome.to_owned(), listen.played_ms)
        }
        EventPayload::Feedback(feedback) => {
            let opinion = match feedback.opinion {
                Opinion::Like => "like",
                Opinion::Dislike => "dislike",
                Opinion::Cleared => "cleared",
            };
            (opinion.to_owned(), None)
        }
        EventPayload::Exposure(shown) => {
            let count = shown.tracks.len();
            (
                format!(
                    "{count} tracks shown at {}, {}",
                    shown.placement,
                    shown.rung.name()
                ),
                None,
            )
        }
        EventPayload::Search(search) => (format!("searched “{}”", search.query), None),
        EventPayload::Scrobble(told) => {
            (format!("told as “{}” by {}", told.title, told.artist), None)
        }
        EventPayload::ScrobbleDeleted(_) => ("taken back".to_owned(), None),
        _ => (String::new(), None),
    };
    let track = track_of(recorded);
    HistoryEntry {
        offset: recorded.offset,
        occurred_at: recorded.event.occurred_at,
        kind: recorded.event.payload.kind(),
        track: track.map(|track| track.to_string()),
        title: track.and_then(|track| titles.get(&track).cloned()),
        detail,
        played_ms,
        request_id: request_of(&recorded.event.payload),
    }
}

fn request_of(payload: &EventPayload) -> Option<String> {
    match payload {
        EventPayload::Listen(listen) => listen.request_id.map(|id| id.to_string()),
        EventPayload::Exposure(shown) => Some(shown.request_id.to_string()),
        _ => None,
    }
}
