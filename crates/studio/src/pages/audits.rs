//! What imports brought: the list of audits, and one of them, as a page or as a file of its own.

use axum::Json;
use axum::extract::{Path, State};
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::audits::{self, AuditsAnswer};
use leitmotif_api::paging::PageQuery;
use maud::{Markup, html};

use super::audit_report::report;
use crate::failure::{PageResult, shown};
use crate::format::{grouped, moment};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::Visitor;

/// The list of audits.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let asked = QueryParameters(query);
    let Json(answer) = audits::list(State(state), visitor.access.clone(), asked).await?;
    let body = audits_body(&answer, is_first);
    Ok(shown(page(
        &Shell::of(&visitor, "/studio/audits", "Audits"),
        &body,
    )))
}

/// One audit.
pub async fn show_one(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> PageResult {
    let Json(audit) = audits::get(State(state), visitor.access.clone(), Path(id)).await?;
    let body = html! {
        h1 { "Import audit" }
        p.quiet { (moment(audit.created_at)) }
        (report(&audit.document))
    };
    Ok(shown(page(
        &Shell::of(&visitor, "/studio/audits", "Import audit"),
        &body,
    )))
}

/// Draws the list.
pub fn audits_body(answer: &AuditsAnswer, is_first: bool) -> Markup {
    html! {
        h1 { "Import audits" }
        @if answer.audits.is_empty() {
            (empty("No import yet. `leitmotif import` writes an audit of every table it reads."))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Import audits" { table {
                caption { "Newest first" }
                thead { tr {
                    th scope="col" { "Made" } th scope="col" { "Source" } th.number scope="col" { "Tracks" }
                    th.number scope="col" { "Rows" } th.number scope="col" { "Not usable" }
                    th.number scope="col" { "Changes" }
                } }
                tbody {
                    @for audit in &answer.audits {
                        tr {
                            th scope="row" { a href=(links::audit(&audit.id)) { (moment(audit.created_at)) } }
                            td { (audit.source) }
                            td.number { (grouped(audit.tracks)) }
                            td.number { (grouped(audit.rows)) }
                            td.number { (grouped(audit.rejected_rows)) }
                            td.number { (grouped(audit.changed)) }
                        }
                    }
                }
            } }
        }
        (pager("/studio/audits", &[], &answer.page, is_first))
    }
}
