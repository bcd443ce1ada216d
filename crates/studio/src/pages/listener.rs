//! One listener: taste, recommendations, history.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::listeners::{
    self, HistoryAnswer, HistoryEntry, ListenerDetailAnswer, TasteTrack,
};
use leitmotif_api::paging::PageQuery;
use maud::{Markup, html};

use super::recommended::{ask, recommended_section};
use crate::failure::{PageResult, shown};
use crate::format::{duration_text, grouped, moment, or_unknown, percent, trimmed};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{bar, empty, pager};
use crate::visitor::Visitor;

/// Events on one page of the history.
const HISTORY_SHOWN: usize = 25;

/// The page.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let access = || visitor.access.clone();
    let Json(detail) = listeners::get(State(state.clone()), access(), Path(id)).await?;
    let listener = detail.listener.id.clone();
    let asked = PageQuery {
        limit: Some(HISTORY_SHOWN),
        cursor: query.cursor.clone(),
    };
    let asked = QueryParameters(asked);
    let Json(history) =
        listeners::events(State(state.clone()), access(), Path(listener), asked).await?;
    let recommended = ask(state, &visitor, &detail.listener.name).await?;
    let body = html! {
        (taste_header(&detail))
        (recommended_section(&detail.listener, &recommended, visitor.can_write()))
        (taste(&detail))
        (history_section(&detail.listener.id, &history, query.cursor.is_none()))
    };
    let shell = Shell::of(&visitor, "/studio/listeners", &detail.listener.name)
        .with_module("recommended.js");
    Ok(shown(page(&shell, &body)))
}

/// Draws name and counts.
pub fn taste_header(detail: &ListenerDetailAnswer) -> Markup {
    let share = (detail.plays > 0).then(|| detail.skips as f64 / detail.plays as f64);
    html! {
        h1 { (detail.listener.name) }
        p { a href=(links::home(&detail.listener.name)) { "Home as they would see it" } }
        dl.facts.facts-row {
            div { dt { "Plays" } dd { (grouped(detail.plays)) } }
            div { dt { "Skipped" } dd { (grouped(detail.skips)) @if let Some(share) = share { " (" (percent(share)) ")" } } }
            div { dt { "First event" } dd { (moment(detail.listener.created_at)) } }
            div { dt { "Id" } dd.mono { (detail.listener.id) } }
        }
    }
}

/// Draws what the listener is drawn to and turns away from.
pub fn taste(detail: &ListenerDetailAnswer) -> Markup {
    let strongest = detail
        .likes
        .iter()
        .chain(&detail.dislikes)
        .map(|track| track.signal.abs())
        .fold(f32::MIN_POSITIVE, f32::max);
    html! {
        section aria-labelledby="taste" {
            h2 #taste { "Taste" }
            p.quiet { "The signal is measured in completed plays; below zero the skips prevail." }
            div.columns {
                (taste_table("Drawn to", &detail.likes, strongest, "bar-like"))
                (taste_table("Turns away from", &detail.dislikes, strongest, "bar-dislike"))
            }
        }
    }
}

fn taste_table(title: &str, tracks: &[TasteTrack], strongest: f32, class: &str) -> Markup {
    html! {
        @if tracks.is_empty() {
            div { h3 { (title) } (empty("Nothing that shows yet.")) }
        } @else {
            table {
                caption { (title) }
                thead { tr {
                    th scope="col" { "Track" } th scope="col" { "Signal, plays" }
                    th.number scope="col" { "Plays" } th.number scope="col" { "Skips" }
                } }
                tbody {
                    @for track in tracks {
                        tr {
                            th scope="row" { a href=(links::track(&track.track)) { (track.title) } }
                            td { span.measure { (trimmed(f64::from(track.signal), 2)) } (bar(f64::from(track.signal.abs() / strongest), class)) }
                            td.number { (track.plays) }
                            td.number { (track.skips) }
                        }
                    }
                }
            }
        }
    }
}

/// Draws a page of the listener's events.
pub fn history_section(listener: &str, history: &HistoryAnswer, is_first: bool) -> Markup {
    html! {
        section aria-labelledby="history" {
            h2 #history { "History" }
            @if history.events.is_empty() { (empty("No events.")) } @else {
                div.scroll tabindex="0" role="region" aria-label="History" {
                    table {
                        caption { "Newest first" }
                        thead { tr {
                            th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Track" }
                            th scope="col" { "Outcome" } th.number scope="col" { "Heard" }
                        } }
                        tbody { @for entry in &history.events { (history_row(entry)) } }
                    }
                }
            }
            (pager(&links::listener(listener), &[], &history.page, is_first))
        }
    }
}

fn history_row(entry: &HistoryEntry) -> Markup {
    let heard = entry.played_ms.map(|ms| duration_text(u64::from(ms)));
    html! {
        tr {
            td { (moment(entry.occurred_at)) }
            td { (entry.kind) }
            td {
                @if let Some(track) = &entry.track {
                    a href=(links::track(track)) { (entry.title.as_deref().unwrap_or("removed track")) }
                } @else { span.quiet { "–" } }
            }
            td { (entry.detail) }
            td.number { @if entry.kind == "listen" { (or_unknown(heard.as_deref())) } @else { span.quiet { "–" } } }
        }
    }
}
