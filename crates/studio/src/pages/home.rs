//! The home of a listener, as a player would show it.

use axum::Json;
use axum::extract::State;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::home::{self, HomeQuery, LayoutsAnswer, ShelfAnswer};
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::{PageResult, shown};
use crate::format::{grouped, percent, trimmed};
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
    let of_home = home::home(State(state.clone()), access.clone(), QueryParameters(query));
    let Json(answer) = of_home.await?;
    let Json(layouts) = home::layouts(State(state), access).await?;
    let body = html! {
        h1 { "Home of " (if listener.is_empty() { "somebody unknown" } else { listener }) }
        p.quiet { "Layout " strong { (answer.layout.replace('_', " ")) } (chance(answer.layout_propensity)) ". Each shelf is a list of its own placement; what is shown here is written to the log." }
        @for one in &answer.left_out { p.quiet { "No shelf " code { (one.name) } ": " (one.reason) "." } }
        @for one in &answer.shelves { (shelf(one)) }
        (layouts_section(&layouts))
    };
    Ok(shown(page(
        &Shell::of(&visitor, "/studio/listeners", "Home"),
        &body,
    )))
}

/// How likely the layout was, where it is learnt which is better.
fn chance(propensity: Option<f32>) -> String {
    propensity.map_or(String::new(), |propensity| {
        format!(
            ", which {} of such listeners get",
            percent(f64::from(propensity))
        )
    })
}

/// What came of the layouts, by the part of the day.
fn layouts_section(told: &LayoutsAnswer) -> Markup {
    html! {
        section aria-labelledby="layouts" {
            h2 #layouts { "What came of the layouts" }
            p.quiet {
                "Shelves of the last 28 days that led to a track heard to the end within a day. The share is what a layout gets where the pipeline of "
                code { "home" } " says " code { "layout = true" } " under " code { "[exploration]" } "; without it each listener keeps one by a hash of their name."
            }
            @if let Some(ratio) = &told.sample_ratio {
                p.quiet {
                    "Of " (grouped(ratio.trials)) " drawn pages " (grouped(ratio.observed)) " stood in " (ratio.layout.replace('_', " ")) ", " (trimmed(ratio.expected, 1)) " were expected (chi-square "
                    (trimmed(ratio.chi_square, 2)) ", p " (trimmed(ratio.p, 4)) "): "
                    @if ratio.verdict == "mismatch" { strong { "not as they were drawn" } ", so the table below is not to be trusted." } @else { "as they were drawn." }
                }
            }
            div.scroll tabindex="0" role="region" aria-label="What came of the layouts" {
                table {
                    thead { tr { th scope="col" { "Part of the day" } th scope="col" { "Layout" } th.number scope="col" { "Shelves shown" } th.number scope="col" { "Led to a play" } th.number scope="col" { "Share when learnt" } } }
                    tbody { @for part in &told.parts { @for one in &part.layouts { tr {
                        th scope="row" { (part.part) }
                        td { (one.layout.replace('_', " ")) }
                        td.number { (grouped(one.shown)) }
                        td.number { @if one.shown > 0 { (percent(one.played as f64 / one.shown as f64)) } @else { "none" } }
                        td.number { (percent(one.share)) }
                    } } } }
                }
            }
        }
    }
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
                        @if let Some(reason) = track.reasons.iter().find(|reason| !matches!(reason.source, "control" | "rule" | "skips")) { span.quiet { (reason.text) } }
                    }
                }
            }
            p.quiet { a href=(links::pipeline(&shelf.placement)) { "Pipeline of " (shelf.placement) } " · rung " (shelf.list.rung) }
        }
    }
}
