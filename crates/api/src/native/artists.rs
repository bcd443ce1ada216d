//! Artists, as the tracks that are credited to them.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::Track;
use leitmotif_domain::{TenantScope, limits};
use leitmotif_ingest::verse::vocabulary_of;
use leitmotif_storage::ports::TrackFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// The window of the study that made the count known.
const WINDOW_WORDS: usize = 35_000;

/// How an artist's vocabulary is counted.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct VocabularyQuery {
    /// Words of a window, 1 to 1,000,000; 35,000 when left out.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub window: Option<usize>,
}

/// The vocabulary of an artist.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VocabularyAnswer {
    /// The artist as printed.
    pub artist: String,
    /// Tracks with lyrics that were read.
    pub tracks: usize,
    /// Whether there are more of them, which were not read.
    pub is_cut: bool,
    /// Words read, counted with repeats.
    pub words: usize,
    /// Words of a window.
    pub window_words: usize,
    /// Different words in the first window, tracks by release date; `null` where there are too few words.
    pub unique_in_first: Option<usize>,
    /// Mean of that over every window, which does not hang on the order of tracks.
    pub unique_mean: Option<f64>,
    /// Windows that the mean is over.
    pub windows: usize,
    /// Why there is no count, where there is none.
    pub reason: Option<String>,
}

/// Counts the different words of an artist in windows of a fixed length.
///
/// Tracks stand in the order of their release, those without a date last, those of one date by id. Each recording
/// counts as often as it is in the catalogue. Nothing of it is stored.
#[utoipa::path(get, path = "/api/v1/artists/{artist}/vocabulary", tag = "tracks",
    params(("artist" = String, Path, description = "name of the artist, case ignored"), VocabularyQuery),
    responses((status = 200, body = VocabularyAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn vocabulary(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(artist): Path<String>,
    QueryParameters(query): QueryParameters<VocabularyQuery>,
) -> Result<Json<VocabularyAnswer>, Problem> {
    if !access.may_read_lyrics() {
        return Err(Problem::denied("the key may not read lyrics"));
    }
    let window_words = query.window.unwrap_or(WINDOW_WORDS);
    if window_words == 0 || window_words > limits::VOCABULARY_WINDOW_WORDS_MAX {
        let detail = format!("must be in 1..={}", limits::VOCABULARY_WINDOW_WORDS_MAX);
        return Err(Problem::invalid("?window", detail));
    }
    let scope = access.scope();
    let (mut tracks, is_cut) = tracks_of(&state, scope, &artist).await?;
    // None would sort first otherwise.
    tracks.sort_by_key(|track| {
        let date = track.details.release_date.clone();
        (date.is_none(), date, track.id)
    });
    let printed = tracks.first().map(|track| track.details.artist.clone());
    let printed =
        printed.ok_or_else(|| Problem::not_found("artist with lyrics", "of that name"))?;
    let ids: Vec<_> = tracks.iter().map(|track| track.id).collect();
    let mut texts = Vec::with_capacity(ids.len());
    for some in ids.chunks(limits::PAGE_ITEMS_MAX) {
        let lyrics = state.catalog.lyrics_of(scope, some).await?;
        texts.extend(lyrics.into_iter().flatten().map(|lyrics| lyrics.text));
    }
    let read = texts.len();
    let work = tokio::task::spawn_blocking(move || vocabulary_of(&texts, window_words));
    let found = work.await.map_err(|error| Problem::bug(&error))?;
    Ok(Json(VocabularyAnswer {
        artist: printed,
        tracks: read,
        is_cut,
        words: found.token_count,
        window_words,
        unique_in_first: found.unique_in_first,
        unique_mean: found.unique_mean,
        windows: found.window_count,
        reason: found.too_short(window_words),
    }))
}

/// The tracks of an artist that have lyrics, and whether there are more than are read.
async fn tracks_of(
    state: &ApiState,
    scope: &TenantScope,
    artist: &str,
) -> Result<(Vec<Track>, bool), Problem> {
    let filter = TrackFilter {
        artist: Some(artist.to_owned()),
        has_lyrics: Some(true),
        ..TrackFilter::default()
    };
    let (mut tracks, mut page) = (Vec::new(), PageRequest::largest());
    loop {
        let found = state.catalog.list_tracks(scope, &filter, &page).await?;
        tracks.extend(found.items);
        if tracks.len() >= limits::VOCABULARY_TRACKS_MAX {
            let is_cut = tracks.len() > limits::VOCABULARY_TRACKS_MAX || found.next.is_some();
            tracks.truncate(limits::VOCABULARY_TRACKS_MAX);
            return Ok((tracks, is_cut));
        }
        match found.next {
            Some(after) => page = page.following(after),
            None => return Ok((tracks, false)),
        }
    }
}
