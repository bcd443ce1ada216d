//! Syllables and stress of a track's words, on demand.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_ingest::verse::{SungSyllable, sung_lines};
use serde::Serialize;
use utoipa::ToSchema;

use super::find_track;
use crate::middleware::auth::ReadAccess;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A syllable as it is sung.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SyllableAnswer {
    /// First character in the line.
    pub start_char: usize,
    /// Character after the last.
    pub end_char: usize,
    /// Stress in its line: 1 stressed, 2 stressed in the word but not in the line, 0 in neither.
    pub stress: u8,
    /// Whether a word begins with it.
    pub begins_word: bool,
    /// Whether the sound of the word was guessed from its letters.
    pub is_guessed: bool,
}

/// The syllables of a track's words.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SyllablesAnswer {
    /// The syllables of each line of verse, numbered as in the lyrics; `null` for words whose sounds
    /// are not known: those that are not English.
    pub lines: Option<Vec<Vec<SyllableAnswer>>>,
}

impl From<SungSyllable> for SyllableAnswer {
    fn from(sung: SungSyllable) -> Self {
        Self {
            start_char: sung.start_char,
            end_char: sung.end_char,
            stress: sung.stress,
            begins_word: sung.begins_word,
            is_guessed: sung.is_guessed,
        }
    }
}

/// Divides the words of a track into syllables with their stress.
///
/// Nothing of it is stored: the lines are scanned as verse, by a pronouncing dictionary, when it is asked for.
#[utoipa::path(get, path = "/api/v1/tracks/{id}/lyrics/syllables", tag = "tracks",
    params(("id" = String, Path, description = "track id or `namespace:id`")), responses(
    (status = 200, body = SyllablesAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn syllables(
    State(state): State<ApiState>,
    access: ReadAccess,
    Path(id): Path<String>,
) -> Result<Json<SyllablesAnswer>, Problem> {
    if !access.may_read_lyrics() {
        return Err(Problem::denied("the key may not read lyrics"));
    }
    let found = find_track(&state, access.scope(), &id).await?;
    let lyrics = state.catalog.lyrics(access.scope(), found).await?;
    let lyrics = lyrics.ok_or_else(|| Problem::not_found("lyrics of track", &id))?;
    let work = tokio::task::spawn_blocking(move || sung_lines(&lyrics.text));
    let lines = work.await.map_err(|error| Problem::bug(&error))?;
    let lines = lines.map(|lines| {
        let answered = lines
            .into_iter()
            .map(|line| line.into_iter().map(Into::into).collect());
        answered.collect()
    });
    Ok(Json(SyllablesAnswer { lines }))
}
