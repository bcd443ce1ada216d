//! What a search found: the filters that words became, and where the words are.

use leitmotif_api::native::constraints::FilterAnswer;
use leitmotif_api::native::search::{FoundAnswer, HighlightAnswer, SearchResults};
use maud::{Markup, html};

use super::{LibraryQuery, filter_form, tabs};
use crate::format::{duration_text, or_unknown, trimmed};
use crate::links;
use crate::parts::{empty, pager};

/// Draws the answer to a search.
pub fn found_body(answer: &SearchResults, query: &LibraryQuery) -> Markup {
    html! {
        h1 { "Library" }
        (tabs("/studio/library"))
        (filter_form(query, true, &[]))
        @if !answer.filters.is_empty() { (filters(answer, query)) }
        @if answer.tracks.is_empty() {
            (empty("No track matches. Loosen a filter or look for fewer words."))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Tracks" {
                table {
                    caption { (answer.tracks.len()) " of " (answer.found) @if answer.found == 1 { " track" } @else { " tracks" } " found, best first" }
                    thead { tr {
                        th scope="col" { "Title" } th scope="col" { "Artist" } th scope="col" { "Album" }
                        th scope="col" { "Found in" } th.number scope="col" { "Score" } th.number scope="col" { "Length" }
                    } }
                    tbody { @for found in &answer.tracks { (row(found)) } }
                }
            }
        }
        (pager("/studio/library", &query.pairs(), &answer.page, query.cursor.is_none()))
        @if query.alike != "yes" && !answer.tracks.is_empty() {
            p { a href=(asked_with(query, "alike")) { "Also show what sounds or reads alike" } }
        }
    }
}

/// The same question with a choice made.
fn asked_with(query: &LibraryQuery, choice: &str) -> String {
    let pairs = query.pairs().map(|(name, value)| {
        let is_chosen = name == choice;
        (name, if is_chosen { Some("yes") } else { value })
    });
    links::with_query("/studio/library", &pairs)
}

/// The words that describe, as they were understood, and the way to have them as words.
fn filters(answer: &SearchResults, query: &LibraryQuery) -> Markup {
    html! {
        p.notice role="status" {
            @for filter in &answer.filters { span.tag { (filter.text) ": " (filter_text(filter)) } " " }
            a href=(asked_with(query, "words")) { "Look for these as words" }
        }
    }
}

fn filter_text(filter: &FilterAnswer) -> String {
    let (unit, scale) = match filter.name {
        "tempo_bpm" => (" BPM", 1.0),
        "duration_ms" => (" min", 60_000.0),
        _ => ("", 1.0),
    };
    let shown = |value: f64| trimmed(value / scale, 1);
    match (filter.min, filter.max) {
        (Some(min), Some(max)) => format!("{} to {}{unit}", shown(min), shown(max)),
        (Some(min), None) => format!("from {}{unit}", shown(min)),
        (None, Some(max)) => format!("up to {}{unit}", shown(max)),
        (None, None) => filter.values.join(", "),
    }
}

fn row(found: &FoundAnswer) -> Markup {
    let track = &found.track;
    let length = track.duration_ms.map(|ms| duration_text(u64::from(ms)));
    let in_field = |field: &str| found.highlights.iter().find(|one| one.field == field);
    let shown = |field: &str, text: &str| match in_field(field) {
        Some(highlight) => marked(highlight),
        None => html! { (or_unknown(Some(text))) },
    };
    html! {
        tr {
            th scope="row" { a href=(links::track(&track.id)) { (shown("title", &track.title)) } }
            td { (shown("artist", &track.artist)) }
            td { (shown("release", track.album.as_deref().unwrap_or_default())) }
            td {
                @match in_field("lyrics") {
                    Some(line) => (marked(line)),
                    None => @match in_field("genre") {
                        Some(genre) => (marked(genre)),
                        None => span.quiet { @if found.found_by == "embedding" { "sounds or reads alike" } @else { (found.found_by) } },
                    },
                }
            }
            td.number { (trimmed(f64::from(found.score), 2)) }
            td.number { (or_unknown(length.as_deref())) }
        }
    }
}

fn marked(highlight: &HighlightAnswer) -> Markup {
    html! {
        @for part in &highlight.parts {
            @if part.is_match { mark { (part.text) } } @else { (part.text) }
        }
    }
}
