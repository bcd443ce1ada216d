//! Finding tracks by words.

use axum::Json;
use axum::extract::State;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{ListenerId, limits};
use leitmotif_ingest::words_query::words_vector;
use leitmotif_recommend::search::{FoundTrack, Highlight, LegScores, RESULTS_MAX, SearchRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::constraints::{ConstraintQuery, FilterAnswer};
use super::tracks::TrackAnswer;
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words of title, artist, release, genre or lyrics; mistakes are forgiven, the last word may be
    /// unfinished, and `140 bpm`, `A minor`, `90s`, `under 3 min` or a genre become filters. May be
    /// left out when a filter is given.
    #[param(max_length = 1024)]
    pub q: Option<String>,
    /// `false` leaves every word a word.
    pub filters: Option<bool>,
    /// `false` leaves out tracks that only an embedding found.
    pub embeddings: Option<bool>,
    /// Who searches: the name the player uses; the first page is then kept in their history.
    pub listener: Option<String>,
    /// Items wanted, 1 to 200; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What each way of finding says of a track, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct LegsAnswer {
    /// Words in title, artist, release and genre, by rarity (BM25F).
    pub names: f32,
    /// Words in the lyrics, by rarity (BM25).
    pub lyrics: f32,
    /// How exactly the words are the title.
    pub title: f32,
    /// Share of the words found in title, artist and release.
    pub coverage: f32,
    /// Longest run of the words in one field, as a share of them.
    pub phrase: f32,
    /// Nearness of the lyrics' embedding to that of the words.
    pub meaning: f32,
    /// Nearness of an embedding to those of the tracks that the words found best.
    pub likeness: f32,
}

impl From<LegScores> for LegsAnswer {
    fn from(legs: LegScores) -> Self {
        Self {
            names: legs.names,
            lyrics: legs.lyrics,
            title: legs.title,
            coverage: legs.coverage,
            phrase: legs.phrase,
            meaning: legs.meaning,
            likeness: legs.likeness,
        }
    }
}

/// A piece of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HighlightPartAnswer {
    /// The text.
    pub text: String,
    /// Whether it was looked for.
    pub is_match: bool,
}

/// A field in which words were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HighlightAnswer {
    /// `title`, `artist`, `release`, `genre` or `lyrics`; of the lyrics the line with most of the words.
    pub field: &'static str,
    /// The text in pieces.
    pub parts: Vec<HighlightPartAnswer>,
}

impl From<Highlight> for HighlightAnswer {
    fn from(highlight: Highlight) -> Self {
        let parts = highlight.parts.into_iter().map(|part| HighlightPartAnswer {
            text: part.text,
            is_match: part.is_match,
        });
        Self {
            field: highlight.field,
            parts: parts.collect(),
        }
    }
}

/// A track that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FoundAnswer {
    /// The track.
    #[serde(flatten)]
    pub track: TrackAnswer,
    /// The score it is ordered by; its size means nothing beyond this answer.
    pub score: f32,
    /// What each way of finding says.
    pub legs: LegsAnswer,
    /// `words`, `embedding` or, when only filters were asked, `filters`.
    pub found_by: &'static str,
    /// Where the words were found.
    pub highlights: Vec<HighlightAnswer>,
}

impl From<FoundTrack> for FoundAnswer {
    fn from(found: FoundTrack) -> Self {
        let legs = found.legs;
        let found_by = if legs.names > 0.0 || legs.lyrics > 0.0 {
            "words"
        } else if legs.meaning > 0.0 || legs.likeness > 0.0 {
            "embedding"
        } else {
            "filters"
        };
        Self {
            track: found.track.into(),
            score: found.score,
            legs: legs.into(),
            found_by,
            highlights: found.highlights.into_iter().map(Into::into).collect(),
        }
    }
}

/// A page of what was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SearchResults {
    /// The words that were looked for, without those that became filters.
    pub words: String,
    /// The words that became filters.
    pub filters: Vec<FilterAnswer>,
    /// How many tracks can be reached by paging, at most 1,000.
    pub found: usize,
    /// The tracks, best first.
    pub tracks: Vec<FoundAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// Finds tracks by words and filters.
///
/// Words and embeddings are weighed against each other by weights that were fitted on queries; every
/// result says what each of them found.
#[utoipa::path(get, path = "/api/v1/search", tag = "search", params(SearchQuery, ConstraintQuery),
    responses(
    (status = 200, body = SearchResults),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn search(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<SearchQuery>,
    QueryParameters(wanted): QueryParameters<ConstraintQuery>,
) -> Result<Json<SearchResults>, Problem> {
    let scope = access.scope();
    let text = query.q.clone().unwrap_or_default();
    let wrong = |name: &'static str| {
        move |error: leitmotif_domain::error::InvalidValue| Problem::invalid(name, error.reason)
    };
    leitmotif_domain::track::check_text("q", &text).map_err(wrong("?q"))?;
    let constraints = wanted.read(None)?;
    if text.trim().is_empty() && constraints.is_empty() {
        return Err(Problem::invalid("?q", "words or a filter are needed"));
    }
    let listing = Listing {
        state: &state,
        scope,
        name: "search",
        filter: format!("{:?}", (&query.q, query.filters, query.embeddings, &wanted)),
    };
    let asked = listing.request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    })?;
    let offset = offset_of(&asked)?;
    let request = SearchRequest {
        words_vector: words_vector(&text),
        constraints,
        may_read_lyrics: access.may_read_lyrics(),
        is_typing: true,
        reads_descriptors: query.filters.unwrap_or(true),
        wants_all_words: false,
        with_embeddings: query.embeddings.unwrap_or(true),
        offset,
        count: asked.limit(),
        text: text.clone(),
    };
    let answer = state.search.search(scope, request).await?;
    if let Some(name) = query.listener.as_deref().filter(|_| offset == 0) {
        check_listener(name)?;
        let listener = ListenerId::of_name(scope.tenant(), name);
        let search = state
            .search
            .record_search(scope, listener, text, answer.found);
        search.await;
    }
    let next = answer
        .has_more
        .then(|| (offset + asked.limit()).to_string());
    let page = Page::<()> {
        items: Vec::new(),
        next,
    };
    let filters = answer.descriptors.into_iter();
    Ok(Json(SearchResults {
        words: answer.words,
        filters: filters
            .map(|read| FilterAnswer::of(read.text, &read.constraint))
            .collect(),
        found: answer.found,
        tracks: answer.tracks.into_iter().map(FoundAnswer::from).collect(),
        page: listing.info(&page),
    }))
}

/// How many results the page passes over.
fn offset_of(asked: &PageRequest) -> Result<usize, Problem> {
    let offset = (asked.after.as_deref()).map_or(Some(0), |after| after.parse().ok());
    let offset = offset.filter(|offset| *offset < RESULTS_MAX);
    offset.ok_or_else(|| Problem::bug(&"a signed cursor without a place"))
}

fn check_listener(name: &str) -> Result<(), Problem> {
    if name.trim().is_empty() || name.len() > limits::NAME_BYTES_MAX {
        let detail = format!("must have 1 to {} bytes", limits::NAME_BYTES_MAX);
        return Err(Problem::invalid("?listener", detail));
    }
    Ok(())
}
