//! The sentence encoder that the operator brings: whether there is one, and embedding the lyrics by it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use leitmotif_domain::job::{JobTask, NewJob};
use serde::Serialize;
use utoipa::ToSchema;

use super::jobs::{QueuedAnswer, queue_one};
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// The encoder of the settings and what it embedded.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LyricsEncoderAnswer {
    /// Name of its embedding space, for `similar`, the map and wherever a space is named; absent when the
    /// settings name no encoder. It follows from the files of the encoder: other files are another space, and
    /// two spaces are never compared.
    pub space: Option<String>,
    /// Components of a vector.
    pub dimensions: usize,
    /// Tokens that it reads at once; a longer text is the mean of its windows.
    pub window_tokens: usize,
    /// Tracks that are in the space.
    pub tracks: u64,
    /// Tracks with lyrics now; those beyond `tracks` have no token that it knows, or are not embedded yet.
    pub tracks_with_lyrics: u64,
}

/// Reads which encoder is set and how far it is.
#[utoipa::path(get, path = "/api/v1/lyrics/encoder", tag = "similar", responses(
    (status = 200, body = LyricsEncoderAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
) -> Result<Json<LyricsEncoderAnswer>, Problem> {
    let scope = access.scope();
    let encoder = state.lyrics_spaces.encoder();
    let space = encoder.map(|encoder| encoder.space());
    let spaces = state.vectors.spaces(scope).await?;
    let held = spaces.iter().find(|(name, _)| Some(name) == space);
    Ok(Json(LyricsEncoderAnswer {
        space: space.map(ToString::to_string),
        dimensions: encoder.map_or(0, |encoder| encoder.dimensions()),
        window_tokens: encoder.map_or(0, |encoder| encoder.window_tokens()),
        tracks: held.map_or(0, |(_, count)| *count),
        tracks_with_lyrics: state.catalog.counts(scope).await?.with_lyrics,
    }))
}

/// Queues embedding every song that the encoder has not embedded yet. Later songs are embedded when they are
/// analysed. A job that is cut off goes on where it was; when it is done, the spaces of former encoders go.
/// Without an encoder it fails and says which setting is missing.
#[utoipa::path(post, path = "/api/v1/lyrics/encoder", tag = "similar", responses(
    (status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn encode(
    State(state): State<ApiState>,
    access: WriteAccess,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    queue_one(&state, access.scope(), NewJob::alone(JobTask::EncodeLyrics)).await
}
