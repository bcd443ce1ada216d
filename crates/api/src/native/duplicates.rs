//! Recordings that are in the catalogue more than once: looking for them, showing them, deciding.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_domain::page::Page;
use leitmotif_domain::track::Track;
use leitmotif_domain::{EventId, TenantScope, Timestamp, TrackId};
use leitmotif_storage::duplicates::{
    DuplicateGroup, DuplicateReport, announce, decide, read_report,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs::{QueuedAnswer, queue_one};
use super::path_id;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{QueryParameters, parse_json};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A track of a group.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DuplicateTrackAnswer {
    /// The track.
    pub id: String,
    /// Title as printed.
    pub title: String,
    /// Artist as printed.
    pub artist: String,
    /// Release it appeared on.
    pub album: Option<String>,
    /// Length in milliseconds.
    pub duration_ms: Option<u32>,
    /// Lower-case file extension.
    pub extension: Option<String>,
    /// Size of the audio in bytes.
    pub size_bytes: Option<u64>,
    /// Share of fingerprint bits that differ from the nearest other track of the group; null in a group that
    /// shares an id.
    pub bit_error_rate: Option<f64>,
    /// By how much it begins later than that track, in seconds; null in a group that shares an id.
    pub offset_s: Option<f64>,
}

/// Tracks that sound like one recording, or carry one id elsewhere.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DuplicateGroupAnswer {
    /// Name of the group.
    pub id: String,
    /// `sound` or `shared id`.
    pub kind: &'static str,
    /// The id that they carry, as `namespace:id`; null where they sound the same.
    pub shared_id: Option<String>,
    /// `open`, `confirmed` or `dismissed`.
    pub state: &'static str,
    /// The track that stands for the group: chosen by a person, else lossless before lossy, then the
    /// longer, the higher bit rate, the earlier.
    pub canonical: String,
    /// The tracks, the earliest first.
    pub tracks: Vec<DuplicateTrackAnswer>,
}

/// A page of groups.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DuplicatesAnswer {
    /// When they were searched for; absent before the first search.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub searched_at: Option<Timestamp>,
    /// Tracks that had a fingerprint then.
    pub fingerprinted: u64,
    /// The groups, by their names.
    pub groups: Vec<DuplicateGroupAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// What a person says of a group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateDecision {
    /// `confirmed` or `dismissed`.
    pub state: DecisionState,
    /// The track that is to stand for the group; the rule chooses when it is left out.
    #[serde(default)]
    pub canonical: Option<String>,
}

/// Whether the tracks of a group are one recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DecisionState {
    /// They are.
    Confirmed,
    /// They are not, or are to be left as they are.
    Dismissed,
}

impl DecisionState {
    fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Dismissed => "dismissed",
        }
    }
}

/// Queues a search for duplicates: analysed tracks that sound the same, and tracks that were imported with
/// one external id.
#[utoipa::path(post, path = "/api/v1/duplicates", tag = "duplicates", responses(
    (status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn search(
    State(state): State<ApiState>,
    access: WriteAccess,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    queue_one(
        &state,
        access.scope(),
        NewJob::alone(JobTask::FindDuplicates),
    )
    .await
}

/// Lists the groups that the last search found. Nothing is merged or removed by itself.
#[utoipa::path(get, path = "/api/v1/duplicates", tag = "duplicates", params(PageQuery), responses(
    (status = 200, body = DuplicatesAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<DuplicatesAnswer>, Problem> {
    let scope = access.scope();
    let listing = Listing {
        state: &state,
        scope,
        name: "duplicates",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let after = match &asked.after {
        Some(key) => Some(
            key.parse::<TrackId>()
                .map_err(|_| Problem::invalid("?cursor", "is no group"))?,
        ),
        None => None,
    };
    let report = read_report(state.blobs.as_ref(), scope).await?;
    let mut rest = report.groups.iter().filter(|group| group.id() > after);
    let items: Vec<&DuplicateGroup> = rest.by_ref().take(asked.limit()).collect();
    let has_more = rest.next().is_some();
    let last = items.last().and_then(|group| group.id());
    let page = Page {
        next: last.filter(|_| has_more).map(|id| id.to_string()),
        items,
    };
    let info = listing.info(&page);
    let groups = answers(&state, scope, &report, &page.items).await?;
    Ok(Json(DuplicatesAnswer {
        searched_at: report.searched_at,
        fingerprinted: report.fingerprinted,
        groups,
        page: info,
    }))
}

/// Says of a group whether its tracks are one recording, and which of them stands for it. A group
/// that other tracks join later is open again.
///
/// Of a confirmed group, recommendations, playlists and similar tracks show the one that stands for it,
/// and what a listener heard or rejected of one counts for all when repeats are left out.
#[utoipa::path(post, path = "/api/v1/duplicates/{id}/decision", tag = "duplicates",
    params(("id" = String, Path, description = "name of the group")),
    request_body = DuplicateDecision, responses(
    (status = 200, body = DuplicateGroupAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn decision(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<DuplicateGroupAnswer>, Problem> {
    let scope = access.scope();
    let first: TrackId = path_id("group of duplicates", &id)?;
    let missing = || Problem::not_found("group of duplicates", &id);
    let report = read_report(state.blobs.as_ref(), scope).await?;
    let group = report.groups.iter().find(|group| group.id() == Some(first));
    let group = group.ok_or_else(missing)?;
    let said: DuplicateDecision = parse_json(&body)?;
    let canonical = match said.canonical {
        Some(text) => Some(
            text.parse()
                .map_err(|_| Problem::invalid("/canonical", format!("`{text}` is no track id")))?,
        ),
        None => None,
    };
    let is_confirmed = said.state == DecisionState::Confirmed;
    decide(state.blobs.as_ref(), scope, group, is_confirmed, canonical).await?;
    let event_id = EventId::generate(state.clock.as_ref(), state.entropy.as_ref());
    let conclusion = format!("{first} {}", said.state.name());
    let log = state.log.as_ref();
    announce(log, scope, event_id, &conclusion, state.clock.now()).await?;
    let report = read_report(state.blobs.as_ref(), scope).await?;
    let answer = answers(&state, scope, &report, &[group]).await?.pop();
    answer.map(Json).ok_or_else(missing)
}

/// Groups with what is printed of their tracks. A track that was removed since is left out, and so is a
/// group that has no two tracks any more.
async fn answers(
    state: &ApiState,
    scope: &TenantScope,
    report: &DuplicateReport,
    groups: &[&DuplicateGroup],
) -> Result<Vec<DuplicateGroupAnswer>, Problem> {
    let ids: Vec<TrackId> = groups.iter().flat_map(|group| group.ids()).collect();
    let tracks = state.catalog.tracks(scope, &ids).await?;
    let tracks: HashMap<TrackId, Track> =
        tracks.into_iter().map(|track| (track.id, track)).collect();
    let answer = |group: &&DuplicateGroup| {
        let is_heard = group.shared_id.is_none();
        let decision = report.decision(group);
        let chosen = decision.and_then(|decision| decision.canonical);
        let canonical = chosen.unwrap_or(group.canonical).to_string();
        let shown = group.tracks.iter().filter_map(|one| {
            let track = tracks.get(&one.track)?;
            Some(DuplicateTrackAnswer {
                id: track.id.to_string(),
                title: track.details.title.clone(),
                artist: track.details.artist.clone(),
                album: track.details.album.clone(),
                duration_ms: track.details.duration_ms,
                extension: track.audio.as_ref().map(|audio| audio.extension.clone()),
                size_bytes: track.audio.as_ref().map(|audio| audio.size_bytes),
                bit_error_rate: is_heard.then_some(one.bit_error_rate),
                offset_s: is_heard.then_some(one.offset_s),
            })
        });
        let shown: Vec<DuplicateTrackAnswer> = shown.collect();
        // Until the next search another stands for a canonical track that was removed.
        let stands = shown.iter().find(|track| track.id == canonical);
        let canonical = stands.or(shown.first())?.id.clone();
        (shown.len() > 1).then(|| DuplicateGroupAnswer {
            id: group.id().map(|id| id.to_string()).unwrap_or_default(),
            kind: if is_heard { "sound" } else { "shared id" },
            shared_id: group.shared_id.clone(),
            state: match decision {
                None => "open",
                Some(decision) if decision.is_confirmed => DecisionState::Confirmed.name(),
                Some(_) => DecisionState::Dismissed.name(),
            },
            canonical,
            tracks: shown,
        })
    };
    Ok(groups.iter().filter_map(answer).collect())
}
