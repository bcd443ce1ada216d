//! The lyrics embedding that the tenant's own songs teach: what is learned, and learning it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use leitmotif_domain::Timestamp;
use leitmotif_domain::job::{JobTask, NewJob};
use leitmotif_ingest::lyrics_space::{SONGS_MAX, SONGS_MIN};
use serde::Serialize;
use utoipa::ToSchema;

use super::jobs::{QueuedAnswer, queue_one};
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// What was learned from the lyrics.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LyricsSpaceAnswer {
    /// Name of the embedding space, for `similar`, the map and wherever a space is named; absent before the
    /// first learning. Each learning has a space of its own, and two spaces are never compared.
    pub space: Option<String>,
    /// When it was learned.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub learned_at: Option<Timestamp>,
    /// Different songs that it was learned from.
    pub songs: u64,
    /// Words that it knows.
    pub words: usize,
    /// Components of a vector.
    pub dimensions: usize,
    /// Tracks that are in the space.
    pub tracks: u64,
    /// Tracks with lyrics now; those beyond `tracks` have no word that it knows, or are not analysed yet.
    pub tracks_with_lyrics: u64,
    /// Different songs with words that a learning needs.
    pub songs_needed: usize,
    /// Songs that a learning reads at most.
    pub songs_max: usize,
}

/// Reads what was learned from the lyrics.
#[utoipa::path(get, path = "/api/v1/lyrics/space", tag = "similar", responses(
    (status = 200, body = LyricsSpaceAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
) -> Result<Json<LyricsSpaceAnswer>, Problem> {
    let scope = access.scope();
    let learned = state.lyrics_spaces.current(scope).await?;
    let space = learned.as_ref().map(|learned| learned.space());
    let spaces = state.vectors.spaces(scope).await?;
    let held = spaces.iter().find(|(name, _)| Some(name) == space.as_ref());
    let embedding = learned.as_ref().map(|learned| &learned.embedding);
    Ok(Json(LyricsSpaceAnswer {
        space: space.as_ref().map(ToString::to_string),
        learned_at: learned.as_ref().map(|learned| learned.learned_at),
        songs: learned.as_ref().map_or(0, |learned| learned.songs),
        words: embedding.map_or(0, |embedding| embedding.word_count()),
        dimensions: embedding.map_or(0, |embedding| embedding.dimensions()),
        tracks: held.map_or(0, |(_, count)| *count),
        tracks_with_lyrics: state.catalog.counts(scope).await?.with_lyrics,
        songs_needed: SONGS_MIN,
        songs_max: SONGS_MAX,
    }))
}

/// Queues a learning from all lyrics as they are now. When it is done, a new space holds every song, later
/// songs go to it when they are analysed, and the former space goes as soon as nothing reads it.
#[utoipa::path(post, path = "/api/v1/lyrics/space", tag = "similar", responses(
    (status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn learn(
    State(state): State<ApiState>,
    access: WriteAccess,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    queue_one(&state, access.scope(), NewJob::alone(JobTask::LearnLyrics)).await
}
