//! The lyrics space: what was learned from the words of the catalogue, and learning it.

use axum::Json;
use axum::extract::State;
use axum::response::Redirect;
use leitmotif_api::ApiState;
use leitmotif_api::native::jobs::JobAnswer;
use leitmotif_api::native::lyrics_space::{self, LyricsSpaceAnswer};
use maud::{Markup, html};

use super::jobs::{followed, newest};
use crate::failure::{Failure, PageResult, shown};
use crate::format::{grouped, moment};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, notice};
use crate::visitor::{Visitor, Writer};

const SECTION: &str = "/studio/lyrics-space";
const KIND: &str = "learn_lyrics";

/// What was learned.
pub async fn show(State(state): State<ApiState>, visitor: Visitor) -> PageResult {
    let access = || visitor.access.clone();
    let Json(answer) = lyrics_space::get(State(state.clone()), access()).await?;
    let last = newest(&state, access(), KIND).await?;
    let body = lyrics_space_body(&answer, last.as_ref(), visitor.can_write());
    let shell = Shell::of(&visitor, SECTION, "Lyrics space").with_module("followed.js");
    Ok(shown(page(&shell, &body)))
}

/// Queues a learning.
pub async fn learn(
    State(state): State<ApiState>,
    Writer(access): Writer,
) -> Result<Redirect, Failure> {
    // The page that follows shows the job.
    let (_, Json(_)) = lyrics_space::learn(State(state), access).await?;
    Ok(Redirect::to(SECTION))
}

/// Draws what was learned; `last` is the newest learning.
pub fn lyrics_space_body(
    answer: &LyricsSpaceAnswer,
    last: Option<&JobAnswer>,
    can_write: bool,
) -> Markup {
    let is_enough = answer.tracks_with_lyrics >= answer.songs_needed as u64;
    html! {
        div.track-head {
            h1 { "Lyrics space" }
            @if can_write {
                form method="post" action={ (SECTION) "/learn" } {
                    button type="submit" disabled[!is_enough] { "Learn from the lyrics" }
                }
            }
        }
        p {
            "Songs whose words are about the same things lie near each other in a space that is learned from \
             your own lyrics, in whatever languages they are. No model from elsewhere has a part in it. Each \
             learning makes a space of its own; later songs go into the newest."
        }
        (notice())
        (followed(KIND, last))
        @if !is_enough {
            p.notice role="note" {
                "A learning needs " (grouped(answer.songs_needed as u64)) " different songs with words; "
                (grouped(answer.tracks_with_lyrics)) " tracks have lyrics."
            }
        }
        @match (&answer.space, answer.learned_at) {
            (Some(space), Some(at)) => (learned(answer, space, &moment(at))),
            _ => (empty("Nothing is learned yet.")),
        }
    }
}

fn learned(answer: &LyricsSpaceAnswer, space: &str, at: &Markup) -> Markup {
    let outside = answer.tracks_with_lyrics.saturating_sub(answer.tracks);
    html! {
        dl.facts.facts-row {
            div { dt { "Space" } dd { code { (space) } } }
            div { dt { "Learned" } dd { (at) } }
            div { dt { "From songs" } dd { (grouped(answer.songs)) } }
            div { dt { "Words it knows" } dd { (grouped(answer.words as u64)) } }
            div { dt { "Numbers of a vector" } dd { (grouped(answer.dimensions as u64)) } }
            div { dt { "Tracks in it" } dd { (grouped(answer.tracks)) } }
        }
        @if outside > 0 {
            p.notice role="note" {
                (grouped(outside)) " tracks with lyrics are not in it: no word of theirs is known to it, or they \
                 are not analysed yet."
            }
        }
        p {
            a href=(links::with_query("/studio/map", &[("space", Some(space))])) { "See it as a map" }
        }
    }
}
