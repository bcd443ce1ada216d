//! Playlists: create, list, read, replace, delete.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::playlist::Playlist;
use leitmotif_domain::{ListenerId, PlaylistId, TenantScope, Timestamp, TrackId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::path_id;
use crate::middleware::auth::{ReadAccess, WriteAccess};
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A playlist as a sender describes it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaylistInput {
    /// Its name.
    #[schema(min_length = 1, max_length = 1024)]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Whose it is: the name the player uses.
    #[serde(default)]
    pub owner: Option<String>,
    /// Track ids in order.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    pub tracks: Vec<String>,
}

/// A playlist.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlaylistAnswer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whose it is: a listener id.
    pub owner: Option<String>,
    /// Track ids in order.
    pub tracks: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<Playlist> for PlaylistAnswer {
    fn from(playlist: Playlist) -> Self {
        Self {
            id: playlist.id.to_string(),
            name: playlist.name,
            description: playlist.description,
            owner: playlist.owner.map(|owner| owner.to_string()),
            tracks: playlist.tracks.iter().map(TrackId::to_string).collect(),
            created_at: playlist.created_at,
            updated_at: playlist.updated_at,
        }
    }
}

/// A page of playlists.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlaylistsAnswer {
    /// The playlists, by age.
    pub playlists: Vec<PlaylistAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// Makes a playlist.
#[utoipa::path(post, path = "/api/v1/playlists", tag = "playlists", request_body = PlaylistInput, responses(
    (status = 201, body = PlaylistAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: WriteAccess,
    JsonBody(input): JsonBody<PlaylistInput>,
) -> Result<(StatusCode, Json<PlaylistAnswer>), Problem> {
    let id = PlaylistId::generate(state.clock.as_ref(), state.entropy.as_ref());
    let now = state.clock.now();
    let playlist = playlist_of(access.scope(), input, id, now, now)?;
    put(&state, access.scope(), &playlist).await?;
    Ok((StatusCode::CREATED, Json(playlist.into())))
}

/// Lists playlists, oldest first.
#[utoipa::path(get, path = "/api/v1/playlists", tag = "playlists", params(PageQuery), responses(
    (status = 200, body = PlaylistsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<PlaylistsAnswer>, Problem> {
    let listing = Listing {
        state: &state,
        scope: access.scope(),
        name: "playlists",
        filter: String::new(),
    };
    let asked = listing.request(&query)?;
    let page = state.catalog.list_playlists(access.scope(), &asked).await?;
    let info = listing.info(&page);
    let playlists = page.items.into_iter().map(PlaylistAnswer::from).collect();
    Ok(Json(PlaylistsAnswer {
        playlists,
        page: info,
    }))
}

/// Reads a playlist.
#[utoipa::path(get, path = "/api/v1/playlists/{id}", tag = "playlists",
    params(("id" = String, Path, description = "playlist id")), responses(
    (status = 200, body = PlaylistAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<PlaylistAnswer>, Problem> {
    let playlist = find(&state, access.scope(), &id).await?;
    Ok(Json(playlist.into()))
}

/// Replaces a playlist's name, description, owner and tracks.
#[utoipa::path(put, path = "/api/v1/playlists/{id}", tag = "playlists",
    params(("id" = String, Path, description = "playlist id")), request_body = PlaylistInput, responses(
    (status = 200, body = PlaylistAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn replace(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
    JsonBody(input): JsonBody<PlaylistInput>,
) -> Result<Json<PlaylistAnswer>, Problem> {
    let stored = find(&state, access.scope(), &id).await?;
    let now = state.clock.now();
    let playlist = playlist_of(access.scope(), input, stored.id, stored.created_at, now)?;
    put(&state, access.scope(), &playlist).await?;
    Ok(Json(playlist.into()))
}

/// Tracks that are put behind those of a playlist.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FurtherTracks {
    /// Track ids in order.
    #[schema(max_items = 10_000)]
    pub tracks: Vec<String>,
}

/// Puts tracks behind those of a playlist; everything else of it stays.
#[utoipa::path(post, path = "/api/v1/playlists/{id}/tracks", tag = "playlists",
    params(("id" = String, Path, description = "playlist id")), request_body = FurtherTracks, responses(
    (status = 200, body = PlaylistAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn append(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
    JsonBody(input): JsonBody<FurtherTracks>,
) -> Result<Json<PlaylistAnswer>, Problem> {
    let mut playlist = find(&state, access.scope(), &id).await?;
    playlist.tracks.extend(track_ids(&input.tracks)?);
    playlist.updated_at = state.clock.now();
    playlist.check()?;
    put(&state, access.scope(), &playlist).await?;
    Ok(Json(playlist.into()))
}

/// Removes a playlist; its tracks stay.
#[utoipa::path(delete, path = "/api/v1/playlists/{id}", tag = "playlists",
    params(("id" = String, Path, description = "playlist id")), responses(
    (status = 204, description = "removed"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn delete(
    State(state): State<ApiState>,
    access: WriteAccess,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if state
        .catalog
        .delete_playlist(access.scope(), path_id("playlist", &id)?)
        .await?
    {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("playlist", &id))
}

pub(super) async fn find(
    state: &ApiState,
    scope: &TenantScope,
    id: &str,
) -> Result<Playlist, Problem> {
    let found = state
        .catalog
        .playlist(scope, path_id("playlist", id)?)
        .await?;
    found.ok_or_else(|| Problem::not_found("playlist", id))
}

/// Stores a playlist; an unknown track in the body is the body's fault, not a missing page.
async fn put(state: &ApiState, scope: &TenantScope, playlist: &Playlist) -> Result<(), Problem> {
    use leitmotif_storage::Error;
    state
        .catalog
        .put_playlist(scope, playlist.clone())
        .await
        .map_err(|error| match error {
            Error::NotFound { id, .. } => {
                let place = playlist
                    .tracks
                    .iter()
                    .position(|track| track.to_string() == id);
                let pointer = format!("/tracks/{}", place.unwrap_or_default());
                Problem::invalid(pointer, format!("no track `{id}` in the catalogue"))
            }
            other => other.into(),
        })
}

fn track_ids(texts: &[String]) -> Result<Vec<TrackId>, Problem> {
    let id = |(place, text): (usize, &String)| {
        let pointer = format!("/tracks/{place}");
        text.parse()
            .map_err(|_| Problem::invalid(pointer, format!("`{text}` is no track id")))
    };
    texts.iter().enumerate().map(id).collect()
}

fn playlist_of(
    scope: &TenantScope,
    input: PlaylistInput,
    id: PlaylistId,
    created_at: Timestamp,
    updated_at: Timestamp,
) -> Result<Playlist, Problem> {
    let tracks = track_ids(&input.tracks)?;
    let owner = input
        .owner
        .as_deref()
        .map(|name| ListenerId::of_name(scope.tenant(), name));
    let description = input.description.unwrap_or_default();
    let playlist = Playlist {
        id,
        name: input.name,
        description,
        owner,
        tracks,
        created_at,
        updated_at,
    };
    playlist.check()?;
    Ok(playlist)
}
