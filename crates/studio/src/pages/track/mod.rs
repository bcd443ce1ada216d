//! One track: player, descriptors with their evidence, lyrics with rhymes, what is near.

mod chords;
pub mod circle;
mod density;
mod descriptors;
mod loudness;
mod lyrics;
mod meaning;
mod near_form;
mod player;
mod sections;
mod similar;
mod wheel;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::analysis::AnalysisAnswer;
use leitmotif_api::native::overview::SpaceAnswer;
use leitmotif_api::native::similar::SimilarAnswer;
use leitmotif_api::native::syllables::SyllablesAnswer;
use leitmotif_api::native::tracks::{LyricsAnswer, TrackAnswer};
use leitmotif_api::native::traits::TraitsAnswer;
use leitmotif_api::native::{self, analysis, overview, syllables, tracks, traits};
use leitmotif_api::{ApiState, Problem};
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::{Failure, PageResult, shown};
use crate::format::{moment, or_unknown};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::empty;
use crate::visitor::{Visitor, Writer};

pub use near_form::NearForm;
pub use player::waveform_of;
pub use sections::sections_of;

#[cfg(test)]
pub use lyrics::CHAIN_COLOURS;

/// What of the page is chosen.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct TrackPageQuery {
    /// Embedding space of the near tracks.
    pub space: Option<String>,
    /// The job that was queued by the button.
    pub queued: Option<String>,
    /// `close` to read the words closely.
    pub words: Option<String>,
    /// What near tracks must satisfy.
    #[serde(flatten)]
    pub near: NearForm,
}

/// What a close look at the words needs. Nobody waits for it who does not ask: the reference is made of
/// every analysis of the catalogue.
pub struct CloseReading {
    /// Syllables and stress.
    pub syllables: SyllablesAnswer,
    /// Where the track stands in its catalogue.
    pub traits: TraitsAnswer,
}

/// Everything the page shows.
pub struct TrackView {
    /// The track.
    pub track: TrackAnswer,
    /// What was measured, if it was.
    pub analysis: Option<AnalysisAnswer>,
    /// The words, if there are any.
    pub lyrics: Option<LyricsAnswer>,
    /// Syllables and density, where they were asked for.
    pub close: Option<CloseReading>,
    /// Every space of the tenant.
    pub spaces: Vec<SpaceAnswer>,
    /// What is near, if the track has an embedding there.
    pub near: Option<SimilarAnswer>,
    /// What was chosen.
    pub query: TrackPageQuery,
    /// Whether buttons that change something are of use.
    pub can_write: bool,
}

/// The page.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<TrackPageQuery>,
) -> PageResult {
    let access = || visitor.access.clone();
    let here = || State(state.clone());
    let Json(track) = tracks::get(here(), access(), Path(id)).await?;
    let id = || Path(track.id.clone());
    let analysis = found(analysis::get(here(), access(), id()).await)?;
    let lyrics = found(tracks::lyrics(here(), access(), id()).await)?;
    let close = if lyrics.is_some() && query.words.as_deref() == Some("close") {
        let Json(syllables) = syllables::syllables(here(), access(), id()).await?;
        let Json(traits) = traits::traits(here(), access(), id()).await?;
        Some(CloseReading { syllables, traits })
    } else {
        None
    };
    let Json(counts) = overview::overview(here(), access()).await?;
    let (asked, wanted) = query.near.asked(query.space.clone());
    let (asked, wanted) = (QueryParameters(asked), QueryParameters(wanted));
    let near = native::similar::similar(here(), access(), id(), asked, wanted).await;
    let view = TrackView {
        analysis,
        lyrics,
        close,
        spaces: counts.spaces,
        near: found(near)?,
        query,
        can_write: visitor.can_write(),
        track,
    };
    let body = track_body(&view);
    let shell = Shell::of(&visitor, "/studio/library", &view.track.title).with_module("player.js");
    Ok(shown(page(&shell, &body)))
}

/// Queues the analysis again.
pub async fn analyze(
    State(state): State<ApiState>,
    Writer(access): Writer,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    let back = links::track(&id);
    let (_, Json(queued)) = analysis::analyze(State(state), access, Path(id)).await?;
    let pairs = [("queued", Some(queued.job.as_str()))];
    Ok(Redirect::to(&links::with_query(&back, &pairs)))
}

/// What may be missing is missing, not an error of the page.
fn found<T>(answer: Result<Json<T>, Problem>) -> Result<Option<T>, Problem> {
    match answer {
        Ok(Json(answer)) => Ok(Some(answer)),
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Draws the page.
pub fn track_body(view: &TrackView) -> Markup {
    html! {
        (header(view))
        @if view.track.has_audio { (player::player(&view.track, view.analysis.as_ref())) }
        @if let Some(analysis) = &view.analysis {
            (wheel::section(analysis))
            (descriptors::section(analysis))
        } @else {
            section { h2 { "Measured" } (empty("Not analysed yet.")) }
        }
        @if let Some(lyrics) = &view.lyrics {
            (lyrics::section(lyrics, view))
        }
        (similar::section(view))
    }
}

fn header(view: &TrackView) -> Markup {
    let track = &view.track;
    let tags = track.tags.join(", ");
    let explicit = track.explicit.map(|is_so| if is_so { "yes" } else { "no" });
    html! {
        div.track-head {
            div {
                h1 { (track.title) }
                p.byline { @if track.artist.is_empty() { "unknown artist" } @else { (track.artist) } }
            }
            @if view.can_write {
                form method="post" action={ (links::track(&track.id)) "/analyze" } {
                    button type="submit" {
                        @if view.analysis.is_some() { "Analyse again" } @else { "Analyse" }
                    }
                }
            }
        }
        @if let Some(job) = &view.query.queued {
            p.notice role="status" {
                "Queued as job " span.mono { (job) } ". " a href="/studio/jobs" { "Follow it" }
                " or reload this page. What was measured already from the same audio, words and version is kept."
            }
        }
        dl.facts.facts-row {
            div { dt { "Album" } dd { (or_unknown(track.album.as_deref())) } }
            div { dt { "Genre" } dd { (or_unknown(track.genre.as_deref())) } }
            div { dt { "Released" } dd { (or_unknown(track.release_date.as_deref())) } }
            div { dt { "Marked explicit" } dd { (or_unknown(explicit)) } }
            @if !tags.is_empty() { div { dt { "Tags" } dd { (tags) } } }
            @for (namespace, id) in &track.external_ids { div { dt { (namespace) } dd.mono { (id) } } }
            @for (namespace, id) in &track.artist_ids { div { dt { (namespace) ", artist" } dd.mono { (id) } } }
            div { dt { "In the catalogue since" } dd { (moment(track.created_at)) } }
            div { dt { "Id" } dd.mono { (track.id) } }
        }
    }
}
