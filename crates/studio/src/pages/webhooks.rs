//! Webhooks: who is told of what, how it goes, and what was given up.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Redirect;
use leitmotif_api::ApiState;
use leitmotif_api::middleware::body::QueryParameters;
use leitmotif_api::native::webhooks::{
    self, DeadLettersAnswer, ReplayedLetterAnswer, WebhookAnswer, WebhooksAnswer,
};
use leitmotif_api::paging::PageQuery;
use maud::{Markup, html};

use crate::failure::{Failure, PageResult, shown};
use crate::format::{grouped, moment};
use crate::layout::{Shell, page};
use crate::links;
use crate::parts::{empty, pager};
use crate::visitor::{Administrator, Visitor};

const SECTION: &str = "/studio/webhooks";

/// Every webhook; only those who manage the tenant see them.
pub async fn show(
    State(state): State<ApiState>,
    visitor: Visitor,
    Administrator(access): Administrator,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let Json(answer) = webhooks::list(State(state), access, QueryParameters(query)).await?;
    let body = webhooks_body(&answer, is_first);
    Ok(shown(page(
        &Shell::of(&visitor, SECTION, "Webhooks"),
        &body,
    )))
}

/// One webhook with its dead letters.
pub async fn show_one(
    State(state): State<ApiState>,
    visitor: Visitor,
    Administrator(access): Administrator,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> PageResult {
    one_page(&state, &visitor, access, id, query, None).await
}

/// Lets a paused webhook go on.
pub async fn resume(
    State(state): State<ApiState>,
    Administrator(access): Administrator,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    let Json(resumed) = webhooks::resume(State(state), access, Path(id)).await?;
    Ok(Redirect::to(&links::webhook(&resumed.id)))
}

/// Sends a dead letter once more, and says what became of it.
pub async fn replay(
    State(state): State<ApiState>,
    visitor: Visitor,
    Administrator(access): Administrator,
    Path((id, offset)): Path<(String, String)>,
) -> PageResult {
    let asked = Path((id.clone(), offset));
    let Json(sent) = webhooks::replay(State(state.clone()), access.clone(), asked).await?;
    one_page(
        &state,
        &visitor,
        access,
        id,
        PageQuery::default(),
        Some(sent),
    )
    .await
}

async fn one_page(
    state: &ApiState,
    visitor: &Visitor,
    access: leitmotif_api::middleware::auth::AdminAccess,
    id: String,
    query: PageQuery,
    sent: Option<ReplayedLetterAnswer>,
) -> PageResult {
    let is_first = query.cursor.is_none();
    let found = webhooks::get(State(state.clone()), access.clone(), Path(id.clone()));
    let Json(webhook) = found.await?;
    let letters = webhooks::dead_letters(
        State(state.clone()),
        access,
        Path(id),
        QueryParameters(query),
    );
    let Json(letters) = letters.await?;
    let body = webhook_body(&webhook, &letters, is_first, sent.as_ref());
    Ok(shown(page(&Shell::of(visitor, SECTION, "Webhook"), &body)))
}

/// Draws the webhooks.
pub fn webhooks_body(answer: &WebhooksAnswer, is_first: bool) -> Markup {
    html! {
        h1 { "Webhooks" }
        p.quiet { "Addresses that are told of what happens, by signed messages. They are registered by " code { "leitmotif webhook add" } " or the API, which show the secret once." }
        @if answer.webhooks.is_empty() {
            (empty("Nobody is told of anything yet."))
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Webhooks" { table {
                caption { "Oldest first" }
                thead { tr {
                    th scope="col" { "Address" } th scope="col" { "State" } th scope="col" { "Last taken" }
                    th.number scope="col" { "Taken" } th.number scope="col" { "Given up" } th scope="col" { "Told of" }
                } }
                tbody { @for webhook in &answer.webhooks { tr {
                    th scope="row" { a href=(links::webhook(&webhook.id)) { (webhook.url) } }
                    td { (state_text(webhook)) }
                    td { (last_taken(webhook)) }
                    td.number { (grouped(webhook.delivered)) }
                    td.number { (grouped(webhook.given_up)) }
                    td { (kinds_text(webhook)) }
                } } }
            } }
        }
        (pager(SECTION, &[], &answer.page, is_first))
    }
}

/// Draws a webhook.
pub fn webhook_body(
    webhook: &WebhookAnswer,
    letters: &DeadLettersAnswer,
    is_first: bool,
    sent: Option<&ReplayedLetterAnswer>,
) -> Markup {
    let place = links::webhook(&webhook.id);
    html! {
        h1 { (webhook.url) }
        @if let Some(sent) = sent {
            p.notice role="status" {
                @match &sent.error {
                    None => "The receiver took the message; it is no dead letter any more.",
                    Some(error) => { "The receiver did not take the message: " (error) "." }
                }
            }
        }
        dl.facts {
            div { dt { "State" } dd { (state_text(webhook)) } }
            @if let Some(at) = webhook.paused_at { div { dt { "Paused since" } dd { (moment(at)) } } }
            @if let Some(reason) = &webhook.paused_because { div { dt { "Because" } dd { (reason) } } }
            div { dt { "Told of" } dd { (kinds_text(webhook)) } }
            div { dt { "Last taken" } dd { (last_taken(webhook)) } }
            div { dt { "Messages" } dd { (grouped(webhook.delivered)) " taken, " (grouped(webhook.given_up)) " given up" } }
            @if let Some(error) = &webhook.last_error {
                div { dt { "Last attempt" } dd { (error) " (" (webhook.failed_attempts) " so far)" } }
            }
            @if let Some(at) = webhook.next_attempt_at { div { dt { "Next attempt" } dd { (moment(at)) } } }
            div { dt { "Registered" } dd { (moment(webhook.created_at)) } }
            div { dt { "Level with event" } dd { (grouped(webhook.offset)) } }
        }
        @if webhook.paused_at.is_some() {
            form method="post" action={ (place) "/resume" } { button type="submit" { "Let it go on" } }
        }
        section aria-labelledby="letters" {
            h2 #letters { "Dead letters" }
            @if letters.dead_letters.is_empty() { (empty("Every message was taken, or waits.")) }
            @else { (letters_table(&place, letters)) }
            (pager(&place, &[], &letters.page, is_first))
        }
    }
}

fn letters_table(place: &str, letters: &DeadLettersAnswer) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Dead letters" { table {
            caption { "Messages that were given up, oldest event first" }
            thead { tr {
                th scope="col" { "Message" } th scope="col" { "Given up" } th.number scope="col" { "Attempts" }
                th scope="col" { "Why" } th scope="col" { "Again" }
            } }
            tbody { @for letter in &letters.dead_letters { tr {
                th scope="row" { (letter.kind) " at event " (letter.offset) }
                td { (moment(letter.failed_at)) }
                td.number { (letter.attempts) }
                td { (letter.error) }
                td { form method="post" action=(format!("{place}/dead-letters/{}/replay", letter.offset)) {
                    button.plain type="submit" aria-label=(format!("Send the message of event {} again", letter.offset)) { "Send again" }
                } }
            } } }
        } }
    }
}

fn state_text(webhook: &WebhookAnswer) -> &'static str {
    if webhook.paused_at.is_some() {
        "paused"
    } else if webhook.failed_attempts > 0 {
        "tries again"
    } else {
        "delivers"
    }
}

fn last_taken(webhook: &WebhookAnswer) -> Markup {
    html! { @if let Some(at) = webhook.last_delivered_at { (moment(at)) } @else { "nothing yet" } }
}

fn kinds_text(webhook: &WebhookAnswer) -> String {
    if webhook.kinds.is_empty() {
        return "everything".to_owned();
    }
    webhook.kinds.join(", ")
}
