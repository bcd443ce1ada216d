//! What a listener should hear next, and why; the list answers what is done with it.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_api::middleware::body::JsonBody;
use leitmotif_api::native::listeners::{self, ListenerAnswer};
use leitmotif_api::native::recommendations::{
    RecommendAnswer, RecommendInput, RecommendedTrackAnswer, recommend,
};
use leitmotif_api::{ApiState, Problem};
use maud::{Markup, html};

use crate::failure::{PageResult, shown};
use crate::format::{percent, trimmed};
use crate::links;
use crate::parts::{bar, empty, notice};
use crate::visitor::Visitor;

/// Tracks in the list.
const SHOWN: usize = 12;
/// Where the list is shown, for the exposure log.
const PLACEMENT: &str = "studio";

/// The list alone, for the page's module.
pub async fn fragment(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> PageResult {
    let access = visitor.access.clone();
    let Json(detail) = listeners::get(State(state.clone()), access, Path(id)).await?;
    let answer = ask(state, &visitor, &detail.listener.name).await?;
    Ok(shown(recommended_list(&answer, visitor.can_write())))
}

/// Asks for a listener's list.
pub async fn ask(
    state: ApiState,
    visitor: &Visitor,
    listener: &str,
) -> Result<RecommendAnswer, Problem> {
    let input = RecommendInput {
        listener: Some(listener.to_owned()),
        count: Some(SHOWN),
        placement: Some(PLACEMENT.to_owned()),
        ..RecommendInput::default()
    };
    let list = recommend(State(state), visitor.access.clone(), JsonBody(input)).await?;
    Ok(list.into())
}

/// Draws the section with the list.
pub fn recommended_section(
    listener: &ListenerAnswer,
    answer: &RecommendAnswer,
    can_write: bool,
) -> Markup {
    let source = format!("{}/recommendations", links::listener(&listener.id));
    html! {
        section aria-labelledby="next" {
            h2 #next { "What to hear next" }
            p.quiet {
                "The bars say how much of a track's score each reason carries."
                @if can_write { " The buttons write an event for " (listener.name) ", as a player would, and the list is asked for again." }
            }
            (notice())
            div.recommended data-recommended data-listener=(listener.name) data-source=(source) {
                (recommended_list(answer, can_write))
            }
        }
    }
}

/// Draws the list.
pub fn recommended_list(answer: &RecommendAnswer, can_write: bool) -> Markup {
    html! {
        dl.facts.facts-row data-request=(answer.request_id) {
            div { dt { "Rung" } dd { span class={ "rung rung-" (answer.rung) } { (answer.rung) } } }
            div { dt { "Model" } dd.mono { (answer.model_version.as_deref().unwrap_or("none used")) } }
            div { dt { "Request" } dd.mono { (answer.request_id) } }
        }
        @if answer.tracks.is_empty() {
            (empty("Nothing to recommend: the catalogue is empty or all of it was heard."))
        } @else {
            ol.next { @for track in &answer.tracks { (entry(track, can_write)) } }
        }
    }
}

fn entry(track: &RecommendedTrackAnswer, can_write: bool) -> Markup {
    let whole: f32 = track
        .reasons
        .iter()
        .map(|reason| reason.contribution.abs())
        .sum();
    let whole = whole.max(f32::MIN_POSITIVE);
    let acts = [
        ("skip", "Skip", "Skip"),
        ("play", "Play", "Play to the end:"),
        ("like", "Like", "Like"),
    ];
    html! {
        li data-track=(track.id) data-title=(track.title) {
            div.next-head {
                span.place aria-label={ "Place " (track.position) } { (track.position) }
                div.next-title {
                    a href=(links::track(&track.id)) { (track.title) }
                    span.quiet { @if track.artist.is_empty() { "unknown artist" } @else { (track.artist) } }
                }
                span.score title="what it was ranked by" { "score " (trimmed(f64::from(track.score), 3)) }
                @if let Some(share) = track.expected_listened_share {
                    span.score title="how much of it is expected to be heard" { "heard " (percent(f64::from(share))) }
                }
                @if can_write {
                    div.acts {
                        @for (act, name, spoken) in acts {
                            button type="button" data-act=(act) aria-label={ (spoken) " " (track.title) } { (name) }
                        }
                    }
                }
            }
            ul.reasons {
                @for reason in &track.reasons {
                    li {
                        span.reason-text { (reason.text) }
                        (bar(f64::from(reason.contribution.abs() / whole), &format!("bar-{}", reason.source)))
                        span.measure { (trimmed(f64::from(reason.contribution), 3)) }
                    }
                }
            }
        }
    }
}
