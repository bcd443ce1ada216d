//! Listens told in words, with how they ended: histories of other services, and finding the tracks
//! that words mean.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use leitmotif_domain::event::{ListenOutcome, check_occurred_at};
use leitmotif_domain::track::check_text;
use leitmotif_domain::{Timestamp, limits};
use leitmotif_ingest::listens::{Ending, ReportedListen};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Largest metadata of one listen in bytes: what ListenBrainz takes.
const METADATA_BYTES_MAX: usize = 10_240;

/// Words that name a track.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrackWords {
    /// Title; may be empty beside `external_ids`.
    #[serde(default)]
    pub title: String,
    /// Artist.
    #[serde(default)]
    pub artist: String,
    /// Release.
    #[serde(default)]
    pub album: Option<String>,
    /// Length of the track in milliseconds.
    #[serde(default)]
    pub duration_ms: Option<u32>,
    /// Ids elsewhere by namespace: `musicbrainz`, `spotify`, `isrc`, `path`.
    #[serde(default)]
    pub external_ids: BTreeMap<String, String>,
}

/// A listen told in words.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToldListen {
    /// When the track started: RFC 3339, or milliseconds since 1970.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// What was played.
    pub track: TrackWords,
    /// How it ended: `completed` (when left out), `skipped` or `partial`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub outcome: Option<ListenOutcome>,
    /// Milliseconds heard.
    #[serde(default)]
    pub played_ms: Option<u32>,
    /// A private session: kept, never learnt from.
    #[serde(default)]
    pub private: bool,
    /// Where it was recorded, for example `spotify`.
    #[serde(default)]
    pub source: Option<String>,
    /// Why it ended, in the words of the service, for example `fwdbtn`.
    #[serde(default)]
    pub reason: Option<String>,
    /// Everything that is known of it, to be given back to scrobblers.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
}

/// Listens of one listener.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListensInput {
    /// Who: the name the player uses for the person.
    #[schema(min_length = 1, max_length = 1024)]
    pub listener: String,
    /// The listens; all are written or none.
    #[schema(max_items = 2000)]
    pub listens: Vec<ToldListen>,
}

/// What became of the listens.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ListensAnswer {
    /// Listens that are new.
    pub written: u64,
    /// Listens that were there already.
    pub duplicates: u64,
    /// New listens whose track is known.
    pub matched: u64,
    /// New listens that wait for their track; they count when it comes.
    pub waiting: u64,
}

/// Words to be matched with the catalogue.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchInput {
    /// The words.
    #[schema(max_items = 2000)]
    pub tracks: Vec<TrackWords>,
}

/// The tracks that the words mean.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MatchAnswer {
    /// A track id for each, in the order of the words; null where none is near enough.
    pub tracks: Vec<Option<String>>,
}

/// Takes listens that are told in words. A listen is known by its listener, moment and words, so
/// that the same history can be sent again; one whose track is not known waits for it.
#[utoipa::path(post, path = "/api/v1/listens", tag = "events", request_body = ListensInput, responses(
    (status = 200, body = ListensAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(input): JsonBody<ListensInput>,
) -> Result<Json<ListensAnswer>, Problem> {
    check_count(
        "listens",
        input.listens.len(),
        limits::LISTENS_PER_BATCH_MAX,
    )?;
    check_text("listener", &input.listener)?;
    if input.listener.trim().is_empty() {
        return Err(Problem::invalid("/listener", "must not be empty"));
    }
    let now = state.clock.now();
    let mut reported = Vec::with_capacity(input.listens.len());
    for (place, told) in input.listens.into_iter().enumerate() {
        let under = |problem: Problem| problem.under(&format!("/listens/{place}"));
        reported.push(reported_of(told, now).map_err(under)?);
    }
    let submitted = state
        .scrobbles
        .submit(access.scope(), &input.listener, reported);
    let submitted = submitted.await?;
    state.metrics.events_appended.inc_by(submitted.written);
    state.metrics.events_duplicate.inc_by(submitted.duplicates);
    Ok(Json(ListensAnswer {
        written: submitted.written,
        duplicates: submitted.duplicates,
        matched: submitted.matched,
        waiting: submitted.written.saturating_sub(submitted.matched),
    }))
}

/// Finds the tracks that words mean: by an id elsewhere first, then by artist, title and length.
#[utoipa::path(post, path = "/api/v1/track-matches", tag = "tracks", request_body = MatchInput, responses(
    (status = 200, body = MatchAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn find(
    State(state): State<ApiState>,
    access: ReadAccess,
    JsonBody(input): JsonBody<MatchInput>,
) -> Result<Json<MatchAnswer>, Problem> {
    check_count("tracks", input.tracks.len(), limits::MATCHES_PER_BATCH_MAX)?;
    let now = state.clock.now();
    let mut asked = Vec::with_capacity(input.tracks.len());
    for (place, words) in input.tracks.into_iter().enumerate() {
        let under = |problem: Problem| problem.under(&format!("/tracks/{place}"));
        check_words(&words).map_err(under)?;
        asked.push(told_of(words, now, Ending::default(), Value::Null));
    }
    let found = state.scrobbles.find(access.scope(), asked).await?;
    let text = |id: Option<leitmotif_domain::TrackId>| id.map(|id| id.to_string());
    Ok(Json(MatchAnswer {
        tracks: found.into_iter().map(text).collect(),
    }))
}

fn check_count(field: &str, count: usize, most: usize) -> Result<(), Problem> {
    if count > most {
        let detail = format!("{count} entries, at most {most}");
        return Err(Problem::invalid(format!("/{field}"), detail));
    }
    Ok(())
}

fn check_words(words: &TrackWords) -> Result<(), Problem> {
    check_text("title", &words.title)?;
    check_text("artist", &words.artist)?;
    check_text("album", words.album.as_deref().unwrap_or_default())?;
    if words.external_ids.len() > limits::EXTERNAL_IDS_MAX {
        let detail = format!("at most {}", limits::EXTERNAL_IDS_MAX);
        return Err(Problem::invalid("/external_ids", detail));
    }
    for (namespace, value) in &words.external_ids {
        check_text("external_ids", namespace)?;
        check_text("external_ids", value)?;
    }
    check_ms("duration_ms", words.duration_ms)
}

fn check_ms(field: &str, value: Option<u32>) -> Result<(), Problem> {
    if value.is_some_and(|value| value > limits::TRACK_MS_MAX) {
        let detail = format!("at most {} ms", limits::TRACK_MS_MAX);
        return Err(Problem::invalid(format!("/{field}"), detail));
    }
    Ok(())
}

fn reported_of(told: ToldListen, now: Timestamp) -> Result<ReportedListen, Problem> {
    let under = |problem: Problem| problem.under("/track");
    check_words(&told.track).map_err(under)?;
    for (field, text) in [("title", &told.track.title), ("artist", &told.track.artist)] {
        if text.trim().is_empty() {
            return Err(Problem::invalid(
                format!("/track/{field}"),
                "must not be empty",
            ));
        }
    }
    check_occurred_at(told.occurred_at, now)?;
    check_ms("played_ms", told.played_ms)?;
    check_text("source", told.source.as_deref().unwrap_or_default())?;
    check_text("reason", told.reason.as_deref().unwrap_or_default())?;
    let metadata = match told.metadata {
        Some(metadata) if metadata.to_string().len() > METADATA_BYTES_MAX => {
            let detail = format!("at most {METADATA_BYTES_MAX} bytes");
            return Err(Problem::invalid("/metadata", detail));
        }
        Some(metadata @ Value::Object(_)) => metadata,
        Some(_) => return Err(Problem::invalid("/metadata", "must be an object")),
        None => json!({"track_name": told.track.title, "artist_name": told.track.artist,
            "release_name": told.track.album}),
    };
    let ending = Ending {
        outcome: told.outcome,
        played_ms: told.played_ms,
        source: told.source,
        reason: told.reason,
        is_private: told.private,
    };
    Ok(told_of(told.track, told.occurred_at, ending, metadata))
}

fn told_of(words: TrackWords, at: Timestamp, ending: Ending, metadata: Value) -> ReportedListen {
    ReportedListen {
        at,
        title: words.title,
        artist: words.artist,
        album: words.album,
        duration_ms: words.duration_ms,
        external_ids: words.external_ids,
        ending,
        metadata,
    }
}
