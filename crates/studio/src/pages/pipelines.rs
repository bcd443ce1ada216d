//! Pipelines: which versions answer where, and one of them to edit, try out and put into service.

use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::{Form, Json};
use leitmotif_api::middleware::auth::ReadAccess;
use leitmotif_api::middleware::body::{JsonBody, QueryParameters};
use leitmotif_api::native::explanations;
use leitmotif_api::native::pipelines::{
    self, PipelineAnswer, PipelineVersionsAnswer, PreviewInput, ShareDocument, SharesInput,
};
use leitmotif_api::native::recommendations::RecommendInput;
use leitmotif_api::native::versions::DefinitionInput;
use leitmotif_api::paging::PageQuery;
use leitmotif_api::{ApiState, Problem};
use maud::{Markup, html};
use serde::Deserialize;

use super::recommended::recommended_list;
use super::trace::trace_section;
use crate::failure::{Failure, PageResult, shown};
use crate::format::moment;
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::{Visitor, Writer};

const SECTION: &str = "/studio/pipelines";
/// Versions on one page.
const VERSIONS_SHOWN: usize = 20;

/// Every placement.
pub async fn show(State(state): State<ApiState>, visitor: Visitor) -> PageResult {
    let Json(answer) = pipelines::list(State(state), visitor.access.clone()).await?;
    let body = html! {
        h1 { "Pipelines" }
        p.quiet { "A placement is where a list is shown. Each may have a pipeline of its own; all others are answered by the built-in one." }
        form.filters method="get" action="/studio/pipelines/of" {
            div.field.field-wide { label for="placement" { "Placement" } input #placement type="text" name="placement" required maxlength="64" pattern="[A-Za-z0-9._\\-]+"; }
            div.field.field-buttons { button type="submit" { "Open or begin" } }
        }
        @if answer.pipelines.is_empty() { (empty("No placement has a pipeline of its own yet.")) } @else {
            table {
                caption { "Placements with a pipeline of their own" }
                thead { tr { th scope="col" { "Placement" } th scope="col" { "In service" } th.number scope="col" { "Newest version" } } }
                tbody { @for one in &answer.pipelines { tr {
                    th scope="row" { a href=(links::pipeline(&one.placement)) { (one.placement) } }
                    td { (in_service(&one.shares)) }
                    td.number { (one.newest_version) }
                } } }
            }
        }
        details { summary { "The built-in pipeline" } pre.code tabindex="0" { (answer.built_in) } }
    };
    Ok(shown(page(
        &Shell::of(&visitor, SECTION, "Pipelines"),
        &body,
    )))
}

/// Leads from the form to the page of a placement.
pub async fn open(QueryParameters(form): QueryParameters<OpenForm>) -> Redirect {
    Redirect::to(&links::pipeline(&form.placement))
}

/// The form that names a placement.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OpenForm {
    placement: String,
}

fn in_service(shares: &[ShareDocument]) -> Markup {
    let total: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
    html! {
        @if shares.is_empty() { "built in" } @else {
            @for (at, share) in shares.iter().enumerate() {
                @if at > 0 { ", " }
                "version " (share.version)
                @if shares.len() > 1 { " (" (format!("{:.0} %", f64::from(share.weight) * 100.0 / total.max(1) as f64)) ")" }
            }
        }
    }
}

/// What is edited, and what is done with it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EditForm {
    /// The text.
    text: String,
    /// Why.
    note: String,
    /// For whom it is tried out.
    listener: String,
    /// `try` or `keep`.
    act: String,
}

/// One placement: the newest version to edit, and all versions.
pub async fn show_one(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(placement): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let place = Place::read(&state, &visitor, &placement, query).await?;
    let edit = EditForm {
        text: place.newest_text().to_owned(),
        ..EditForm::default()
    };
    Ok(shown(place.page(&visitor, &edit, &html! {})))
}

/// Tries the text out or keeps it.
pub async fn edit(
    State(state): State<ApiState>,
    visitor: Visitor,
    Path(placement): Path<String>,
    Form(form): Form<EditForm>,
) -> PageResult {
    let outcome = if form.act == "keep" {
        keep(&state, &visitor, &placement, &form).await
    } else {
        try_out(&state, &visitor, &placement, &form).await
    };
    let told = match outcome {
        Ok(told) => told,
        Err(problem) if problem.status().is_client_error() => {
            html! { div.notice role="alert" { strong { "Not kept. " } (problem.detail()) } }
        }
        Err(problem) => return Err(problem.into()),
    };
    let place = Place::read(&state, &visitor, &placement, PageQuery::default()).await?;
    Ok(shown(place.page(&visitor, &form, &told)))
}

async fn keep(
    state: &ApiState,
    visitor: &Visitor,
    placement: &str,
    form: &EditForm,
) -> Result<Markup, Problem> {
    let access = visitor.writer()?;
    let input = DefinitionInput {
        text: form.text.clone(),
        note: form.note.clone(),
    };
    let place = Path(placement.to_owned());
    let (_, Json(added)) =
        pipelines::create(State(state.clone()), access, place, JsonBody(input)).await?;
    Ok(
        html! { p.notice role="status" { "Kept as version " (added.version) ". It answers nothing until it is put into service." } },
    )
}

async fn try_out(
    state: &ApiState,
    visitor: &Visitor,
    placement: &str,
    form: &EditForm,
) -> Result<Markup, Problem> {
    let listener = Some(form.listener.trim().to_owned()).filter(|name| !name.is_empty());
    let request = RecommendInput {
        listener,
        placement: Some(placement.to_owned()),
        ..RecommendInput::default()
    };
    let input = PreviewInput {
        text: form.text.clone(),
        request,
    };
    let access = || ReadAccess(visitor.access.0.clone());
    let Json(answer) = pipelines::preview(State(state.clone()), access(), JsonBody(input)).await?;
    let id = Path(answer.request_id.clone());
    let Json(told) = explanations::explain(State(state.clone()), access(), id).await?;
    Ok(html! {
        section aria-labelledby="preview" {
            h2 #preview { "What it would make" }
            @if let Some(shortage) = &answer.shortage { p.notice { (shortage) } }
            (recommended_list(&answer, false))
            (trace_section(&told))
        }
    })
}

/// Puts one version into service for everybody, or none.
#[derive(Debug, Deserialize)]
pub struct ServeForm {
    /// The version; 0 for the built-in.
    version: u32,
}

/// Puts a version into service.
pub async fn serve(
    State(state): State<ApiState>,
    Writer(access): Writer,
    Path(placement): Path<String>,
    Form(form): Form<ServeForm>,
) -> Result<Redirect, Failure> {
    let share = ShareDocument {
        version: form.version,
        weight: 1,
    };
    let shares = if form.version == 0 {
        Vec::new()
    } else {
        vec![share]
    };
    let input = JsonBody(SharesInput { shares });
    pipelines::set_shares(State(state), access, Path(placement.clone()), input).await?;
    Ok(Redirect::to(&links::pipeline(&placement)))
}

/// A placement with its versions.
struct Place {
    placement: String,
    live: Option<PipelineAnswer>,
    versions: PipelineVersionsAnswer,
    built_in: &'static str,
    is_first: bool,
}

impl Place {
    async fn read(
        state: &ApiState,
        visitor: &Visitor,
        placement: &str,
        query: PageQuery,
    ) -> Result<Self, Problem> {
        let access = || ReadAccess(visitor.access.0.clone());
        let is_first = query.cursor.is_none();
        let query = PageQuery {
            limit: Some(VERSIONS_SHOWN),
            ..query
        };
        let Json(all) = pipelines::list(State(state.clone()), access()).await?;
        let place = Path(placement.to_owned());
        let Json(versions) = pipelines::versions(
            State(state.clone()),
            access(),
            place,
            QueryParameters(query),
        )
        .await?;
        Ok(Self {
            placement: placement.to_owned(),
            live: all
                .pipelines
                .into_iter()
                .find(|one| one.placement == placement),
            versions,
            built_in: all.built_in,
            is_first,
        })
    }

    fn newest_text(&self) -> &str {
        let newest = self.versions.versions.first().filter(|_| self.is_first);
        newest.map_or(self.built_in, |version| version.text.as_str())
    }

    fn page(&self, visitor: &Visitor, edit: &EditForm, told: &Markup) -> Markup {
        let shares = self.live.as_ref().map_or(&[][..], |live| &live.shares);
        let body = html! {
            h1 { "Pipeline of " (self.placement) }
            p { "In service: " strong { (in_service(shares)) } }
            form.editor method="post" action=(links::pipeline(&self.placement)) {
                label for="text" { "The file" }
                textarea #text name="text" rows="24" spellcheck="false" { (edit.text) }
                div.filters {
                    div.field.field-wide { label for="listener" { "Try it for (a listener; empty for somebody unknown)" } input #listener type="text" name="listener" value=(edit.listener) maxlength="200"; }
                    div.field.field-buttons { button type="submit" name="act" value="try" { "Check and try" } }
                    @if visitor.can_write() {
                        div.field.field-wide { label for="note" { "Why (kept with the version)" } input #note type="text" name="note" value=(edit.note) maxlength="200"; }
                        div.field.field-buttons { button type="submit" name="act" value="keep" { "Keep as a new version" } }
                    }
                }
            }
            (told)
            (self.versions_table(shares, visitor.can_write()))
        };
        let title = format!("Pipeline of {}", self.placement);
        page(&Shell::of(visitor, SECTION, &title), &body)
    }

    fn versions_table(&self, shares: &[ShareDocument], can_write: bool) -> Markup {
        let path = links::pipeline(&self.placement);
        html! {
            h2 { "Versions" }
            @if self.versions.versions.is_empty() { (empty("None yet: the built-in pipeline answers.")) } @else {
                table {
                    caption { "Newest first" }
                    thead { tr { th.number scope="col" { "Version" } th scope="col" { "Made" } th scope="col" { "Why" } th scope="col" { "State" } } }
                    tbody { @for one in &self.versions.versions { tr {
                        th.number scope="row" { (one.version) }
                        td { (moment(one.created_at)) }
                        td { (one.note) details { summary { "The file" } pre.code tabindex="0" { (one.text) } } }
                        td {
                            @if shares.iter().any(|share| share.version == one.version) { "in service" }
                            @else if can_write { (serve_button(&path, one.version, "Put into service")) }
                        }
                    } } }
                }
                @if can_write && !shares.is_empty() { (serve_button(&path, 0, "Go back to the built-in")) }
            }
            (pager(&path, &[], &self.versions.page, self.is_first))
        }
    }
}

fn serve_button(path: &str, version: u32, words: &str) -> Markup {
    html! {
        form method="post" action={ (path) "/live" } {
            input type="hidden" name="version" value=(version);
            button type="submit" { (words) }
        }
    }
}
