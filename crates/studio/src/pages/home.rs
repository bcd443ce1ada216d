//! The home of a listener, as a player would show it.

use axum::Json;
use axum::extract::State;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::home::{self, HomeQuery, ShelfAnswer};
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::{PageResult, shown};
use crate::layout::{Shell, page};
use crate::links;
use crate::visitor::Visitor;

/// Tracks on a shelf.
const SHOWN: usize = 5;

/// Whose home.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Whose {
    listener: String,
}

/// The page.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(whose): QueryParameters<Whose>,
) -> PageResult {
    let listener = whose.listener.trim();
    let query = HomeQuery {
        listener: (!listener.is_empty()).then(|| listener.to_owned()),
        count: Some(SHOWN),
        ..HomeQuery::default()
    };
    let access = visitor.access.clone();
    let Json(answer) = home::home(State(state), access, QueryParameters(query)).await?;
    let body = html! {
        h1 { "Home of " (if listener.is_empty() { "somebody unknown" } else { listener }) }
        p.quiet { "Layout " strong { (answer.layout.replace('_', " ")) } ". Each shelf is a list of its own placement; what is shown here is written to the log." }
        @for one in &answer.left_out { p.quiet { "No shelf " code { (one.name) } ": " (one.reason) "." } }
        @for one in &answer.shelves { (shelf(one)) }
    };
    Ok(shown(page(
        &Shell::of(&visitor, "/studio/listeners", "Home"),
        &body,
    )))
}

fn shelf(shelf: &ShelfAnswer) -> Markup {
    let title = match shelf.name {
        "for_you" => "For you",
        "familiar" => "From artists you play",
        "discover" => "Discover",
        "new" => "New here",
        "trending" => "More than usual in these days",
        _ => "Played a lot lately",
    };
    html! {
        section.shelf {
            h2 { (title) }
            ol {
                @for track in &shelf.list.tracks {
                    li {
                        a href=(links::track(&track.id)) { (track.title) }
                        span.quiet { (track.artist) }
                        @if let Some(reason) = track.reasons.iter().find(|reason| !matches!(reason.source, "control" | "rule")) { span.quiet { (reason.text) } }
                    }
                }
            }
            p.quiet { a href=(links::pipeline(&shelf.placement)) { "Pipeline of " (shelf.placement) } " · rung " (shelf.list.rung) }
        }
    }
}
