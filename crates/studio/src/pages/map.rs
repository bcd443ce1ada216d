//! The map of the catalogue. The picture is drawn in the browser; without scripts the page leads to the
//! library.

use axum::Json;
use axum::extract::State;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::map::{Colour, colours_known};
use leitmotif_api::native::overview::{self, SpaceAnswer};
use maud::{Markup, html};
use serde::Deserialize;

use super::library::tabs;
use crate::failure::{PageResult, shown};
use crate::format::{grouped, label};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::empty;
use crate::visitor::Visitor;

const PAGE: &str = "/studio/map";
/// How the names of the spaces of our own analysis begin.
const OWN_PREFIX: &str = "leitmotif-";

/// Which map.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct MapPageQuery {
    /// The embedding space.
    pub space: String,
}

/// The page.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<MapPageQuery>,
) -> PageResult {
    let colours = colours_known(&state, visitor.access.scope()).await?;
    let Json(counts) = overview::overview(State(state), visitor.access.clone()).await?;
    let body = map_body(&counts.spaces, &query.space, &colours);
    let shell = Shell::of(&visitor, "/studio/library", "Map").with_module("map.js");
    Ok(shown(page(&shell, &body)))
}

/// Draws the frame of the map.
pub fn map_body(spaces: &[SpaceAnswer], asked: &str, colours: &[Colour]) -> Markup {
    let largest = (spaces.iter())
        .filter(|space| space.tracks > 0)
        .max_by_key(|space| (space.name.starts_with(OWN_PREFIX), space.tracks));
    let chosen = spaces.iter().find(|space| space.name == asked).or(largest);
    html! {
        h1 { "Map" }
        (tabs(PAGE))
        @if let Some(chosen) = chosen {
            p.quiet { "Every dot is a track; tracks stand near each other where their embeddings in " span.mono { (chosen.name) } " do. Only nearness says something: not left or right, nor how far apart distant groups are." }
            nav.tabs aria-label="Embedding spaces" {
                ul { @for space in spaces {
                    li { a href=(links::with_query(PAGE, &[("space", Some(&space.name))])) aria-current=[(space.name == chosen.name).then_some("true")] {
                        (space.name) " " span.quiet { (grouped(space.tracks)) }
                    } }
                } }
            }
            (frame(chosen, colours))
        } @else {
            (empty("No track has an embedding yet. Analyse audio or lyrics, or send vectors to /api/v1/spaces/{name}/vectors."))
        }
    }
}

fn frame(space: &SpaceAnswer, colours: &[Colour]) -> Markup {
    html! {
        section.map data-map data-space=(space.name) aria-label="Map of the catalogue" {
            div.map-bar {
                div.field {
                    label for="colour" { "Colour by" }
                    select #colour data-colour {
                        option value="" { "one colour" }
                        @for colour in colours {
                            option value=(colour.name) selected[colour.name == "genre"] { (label(&colour.name)) @if !colour.unit.is_empty() { ", " (colour.unit) } }
                        }
                    }
                }
                div.map-zoom role="group" aria-label="Zoom" {
                    button.plain type="button" data-zoom="in" aria-label="Zoom in" { "+" }
                    button.plain type="button" data-zoom="out" aria-label="Zoom out" { "−" }
                    button.plain type="button" data-zoom="all" { "Whole map" }
                }
            }
            div.map-field {
                canvas data-canvas tabindex="0" role="application" aria-label="Map of the catalogue" aria-describedby="map-keys" {}
                p.map-tip data-tip hidden {}
                p.map-wait role="status" data-wait { "The map is drawn by a script of ours. " a href="/studio/library" { "The library" } " lists the same tracks." }
            }
            div.map-legend data-legend aria-live="polite" {}
            p.quiet.legend #map-keys { "Wheel, pinch, + and − zoom; drag and the arrow keys move; 0 shows everything. N and P go from track to track, nearest to the middle first, Enter opens." }
            p.heard role="status" aria-live="polite" data-announce {}
            details.listed open {
                summary { "Tracks in the middle of the view" }
                ol.map-list data-list {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_api::native::map::traits_known;

    use super::*;

    fn space(name: &str, tracks: u64) -> SpaceAnswer {
        SpaceAnswer {
            name: name.to_owned(),
            tracks,
        }
    }

    #[test]
    fn the_largest_space_of_our_own_is_chosen_unless_another_is_asked_for() {
        let spaces = [
            space("other-9", 90),
            space("leitmotif-audio-2", 5),
            space("leitmotif-words-1", 7),
        ];
        let chosen = |asked: &str| {
            let drawn = map_body(&spaces, asked, &traits_known()).into_string();
            let (_, rest) = drawn.split_once("data-space=\"").unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        assert_eq!(chosen(""), "leitmotif-words-1");
        assert_eq!(chosen("other-9"), "other-9");
        assert_eq!(chosen("nothing"), "leitmotif-words-1");
        let drawn = map_body(&spaces, "", &traits_known()).into_string();
        assert!(
            drawn.contains("Tempo, bpm") && drawn.contains("Loudness, LUFS"),
            "{drawn}"
        );
        let none = map_body(&[], "", &traits_known()).into_string();
        assert!(none.contains("No track has an embedding"), "{none}");
    }
}
