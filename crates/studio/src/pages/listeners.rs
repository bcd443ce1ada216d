//! The listeners, by name.

use axum::Json;
use axum::extract::State;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::listeners::{self, ListenersAnswer};
use leitmotif_api::paging::PageQuery;
use maud::{Markup, html};

use crate::failure::{PageResult, shown};
use crate::format::moment;
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::Visitor;

/// The page.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let asked = QueryParameters(query);
    let Json(answer) = listeners::list(State(state), visitor.access.clone(), asked).await?;
    let body = listeners_body(&answer, is_first);
    Ok(shown(page(
        &Shell::of(&visitor, "/studio/listeners", "Listeners"),
        &body,
    )))
}

/// Draws the answer.
pub fn listeners_body(answer: &ListenersAnswer, is_first: bool) -> Markup {
    html! {
        h1 { "Listeners" }
        @if answer.listeners.is_empty() {
            (empty("Nobody yet. A listener appears with the first event that names them."))
        } @else {
            table {
                caption { "By name" }
                thead { tr { th scope="col" { "Listener" } th scope="col" { "First event" } } }
                tbody {
                    @for listener in &answer.listeners {
                        tr {
                            th scope="row" { a href=(links::listener(&listener.id)) { (listener.name) } }
                            td { (moment(listener.created_at)) }
                        }
                    }
                }
            }
        }
        (pager("/studio/listeners", &[], &answer.page, is_first))
    }
}
