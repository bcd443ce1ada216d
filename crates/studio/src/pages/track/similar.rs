//! What is near, one embedding space at a time.

use maud::{Markup, html};

use super::TrackView;
use super::near_form::BOTH;
use crate::format::{or_unknown, trimmed};
use crate::links;
use crate::pages::compare::between;
use crate::parts::{bar, empty};

/// Largest cosine distance.
const DISTANCE_MAX: f64 = 2.0;

/// Draws the near tracks with a link for each space.
pub fn section(view: &TrackView) -> Markup {
    let near = view.near.as_ref();
    let asked = view.query.space.as_deref();
    let is_both = asked == Some(BOTH);
    let chosen = near
        .filter(|_| !is_both)
        .map(|near| near.space.as_str())
        .or(asked)
        .unwrap_or_default();
    let page = links::track(&view.track.id);
    html! {
        section aria-labelledby="near" {
            h2 #near { "Near" }
            p { a href=(links::with_query("/studio/compare", &[("track", Some(&view.track.id))])) { "Compare with any other track" } }
            @if view.spaces.is_empty() { (empty("No embedding spaces yet.")) } @else {
                nav.tabs aria-label="Embedding spaces" {
                    ul {
                        @for space in &view.spaces {
                            li { a href={ (links::with_query(&page, &view.query.near.pairs(&space.name))) "#near" }
                                aria-current=[(space.name == chosen).then_some("true")] { (space.name) } }
                        }
                        @if view.spaces.len() > 1 {
                            li { a href={ (links::with_query(&page, &view.query.near.pairs(BOTH))) "#near" }
                                aria-current=[is_both.then_some("true")] { "sound and lyrics" } }
                        }
                    }
                }
            }
            @if near.is_some() { (view.query.near.form(&page, chosen)) }
            @if let Some(shortfall) = near.and_then(|near| near.shortfall.as_ref()) {
                p.notice role="status" { (shortfall.reason) "." }
            }
            @match near {
                Some(near) if near.tracks.is_empty() && near.shortfall.is_some() => { (empty("No track satisfies this. Loosen a constraint.")) }
                Some(near) if near.tracks.is_empty() => { (empty("No other track is in this space.")) }
                Some(near) => {
                    table {
                        caption {
                            @if is_both { "Nearest first by the weighted share of tracks that are nearer in " span.mono { (near.space) } ", each space by its own order." }
                            @else { "Nearest first by cosine distance in " span.mono { (near.space) } ": 0 is the same direction, 2 the opposite. Longer bars are nearer." }
                        }
                        thead { tr { th scope="col" { "Track" } th scope="col" { "Artist" }
                            th scope="col" { @if is_both { "Share that is nearer" } @else { "Cosine distance" } } } }
                        tbody {
                            @for track in &near.tracks {
                                tr {
                                    th scope="row" { a href=(links::track(&track.id)) { (track.title) } }
                                    td { (or_unknown(Some(&track.artist))) }
                                    td {
                                        span.measure { (trimmed(f64::from(track.distance), 4)) }
                                        " " a href=(between(&view.track.id, &track.id)) aria-label={ "Compare with " (track.title) } { "compare" }
                                        (bar(1.0 - f64::from(track.distance) / if is_both { 1.0 } else { DISTANCE_MAX }, "bar-near"))
                                    }
                                }
                            }
                        }
                    }
                }
                None if !view.spaces.is_empty() => { (empty("This track has no embedding here: it was not analysed, or lacks what the space needs.")) }
                None => {}
            }
        }
    }
}
