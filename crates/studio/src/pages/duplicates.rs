//! Recordings that are in the catalogue more than once.

use axum::Json;
use axum::extract::State;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::duplicates::{self, DuplicateGroupAnswer, DuplicatesAnswer};
use leitmotif_api::paging::PageQuery;
use maud::{Markup, html};

use super::library::tabs;
use crate::failure::{PageResult, shown};
use crate::format::{grouped, moment};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::Visitor;

/// The groups.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let asked = QueryParameters(query);
    let Json(answer) = duplicates::list(State(state), visitor.access.clone(), asked).await?;
    let body = duplicates_body(&answer, is_first);
    let shell = Shell::of(&visitor, "/studio/library", "Duplicates");
    Ok(shown(page(&shell, &body)))
}

/// Draws the groups.
pub fn duplicates_body(answer: &DuplicatesAnswer, is_first: bool) -> Markup {
    html! {
        h1 { "Duplicates" }
        (tabs("/studio/duplicates"))
        @match answer.searched_at {
            None => (empty("Nobody looked yet. `leitmotif duplicates` compares the fingerprints of all analysed tracks.")),
            Some(at) => p.quiet {
                "Searched " (moment(at)) " among " (grouped(answer.fingerprinted))
                " tracks with a fingerprint. Nothing is merged or removed by itself; a confirmed group is recommended once."
            }
        }
        @for group in &answer.groups { (table_of(group)) }
        @if answer.searched_at.is_some() && answer.groups.is_empty() {
            (empty("No recording is here twice."))
        }
        (pager("/studio/duplicates", &[], &answer.page, is_first))
    }
}

/// What is known of a group: until a person decides it is a suggestion.
fn standing(group: &DuplicateGroupAnswer) -> String {
    match (group.state, &group.shared_id) {
        ("confirmed", _) => "One recording".to_owned(),
        ("dismissed", _) => "Different recordings, says a person".to_owned(),
        (_, Some(id)) => format!("Carry the id {id}, nobody decided yet"),
        (_, None) => "Sound like one recording, nobody decided yet".to_owned(),
    }
}

fn table_of(group: &DuplicateGroupAnswer) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Tracks of one recording" {
            table {
                caption { (standing(group)) }
                thead { tr {
                    th scope="col" { "Track" } th scope="col" { "Release" } th scope="col" { "Format" }
                    th.number scope="col" { "Seconds" } th.number scope="col" { "Bytes" }
                    th.number scope="col" { "Differing bits" } th scope="col" { "Role" }
                } }
                tbody {
                    @for track in &group.tracks {
                        tr {
                            th scope="row" {
                                a href=(links::track(&track.id)) { (track.title) } " · " (track.artist)
                            }
                            td { (track.album.as_deref().unwrap_or("–")) }
                            td { (track.extension.as_deref().unwrap_or("–")) }
                            td.number { (track.duration_ms.map_or("–".to_owned(), |ms| (ms / 1_000).to_string())) }
                            td.number { (track.size_bytes.map_or("–".to_owned(), grouped)) }
                            td.number { (track.bit_error_rate.map_or("–".to_owned(), |share| format!("{:.1} %", 100.0 * share))) }
                            td { @if track.id == group.canonical { "stands for them" } @else { "copy" } }
                        }
                    }
                }
            }
        }
    }
}
