//! Webhooks: register, list, remove, let go on, and send again what was given up.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use leitmotif_domain::webhook::{DeadLetter, NoticeKind, Webhook, WebhookSecret};
use leitmotif_domain::{TenantScope, Timestamp, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::keys::{NO_STORE, SecretAnswer};
use super::path_id;
use crate::middleware::auth::AdminAccess;
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::paging::{Listing, PageInfo, PageQuery};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;
use crate::webhooks::{Target, check_address, secret_text};

/// A webhook to be registered.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookInput {
    /// Where messages are posted to, beginning with `https://` or `http://`.
    #[schema(max_length = 2048)]
    pub url: String,
    /// What it is told of, such as `training.finished`; everything when left out.
    #[serde(default)]
    pub kinds: Vec<String>,
}

/// A webhook without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WebhookAnswer {
    /// Its id.
    pub id: String,
    /// Where messages are posted to.
    pub url: String,
    /// What it is told of; everything when empty.
    pub kinds: Vec<&'static str>,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Since when nothing is sent, if so.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_at: Option<Timestamp>,
    /// Why nothing is sent, if so.
    pub paused_because: Option<String>,
    /// The last event of the log that it was told of, or need not be.
    pub offset: u64,
    /// Messages that the receiver took.
    pub delivered: u64,
    /// Messages that were given up.
    pub given_up: u64,
    /// When the receiver last took a message.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_delivered_at: Option<Timestamp>,
    /// Attempts made for a message that failed and is tried again.
    pub failed_attempts: u32,
    /// When that message is tried next.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    /// Why its last attempt failed.
    pub last_error: Option<String>,
}

/// A webhook with its secret, shown once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegisteredWebhookAnswer {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookAnswer,
    /// What signs its messages, as Standard Webhooks writes it: `whsec_…`. It is not shown again.
    pub secret: String,
    /// Whether it is encrypted in the data folder; else whoever can read the folder can sign messages.
    pub is_secret_encrypted: bool,
}

/// A page of webhooks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WebhooksAnswer {
    /// The webhooks, by age.
    pub webhooks: Vec<WebhookAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// A message that was given up.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeadLetterAnswer {
    /// Offset of the event that it tells of; names the letter.
    pub offset: u64,
    /// The id of the message.
    pub event_id: String,
    /// What it tells of.
    pub kind: &'static str,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: String,
    /// When it was given up.
    #[schema(value_type = String, format = DateTime)]
    pub failed_at: Timestamp,
}

/// A page of messages that were given up.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeadLettersAnswer {
    /// The messages, oldest event first.
    pub dead_letters: Vec<DeadLetterAnswer>,
    /// Where the listing goes on.
    #[serde(flatten)]
    pub page: PageInfo,
}

/// What became of a message that was sent again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReplayedLetterAnswer {
    /// Whether the receiver took it; it is no dead letter then any more.
    pub is_taken: bool,
    /// Why not.
    pub error: Option<String>,
}

/// Registers a webhook. It is told of what happens from now on.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = WebhookInput,
    responses((status = 201, body = RegisteredWebhookAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: AdminAccess,
    JsonBody(input): JsonBody<WebhookInput>,
) -> Result<SecretAnswer<RegisteredWebhookAnswer>, Problem> {
    let refused = |reason: String| Problem::invalid("/url", reason);
    let target = Target::parse(&input.url).map_err(refused)?;
    if let Ok(address) = target.host.parse()
        && !state.webhook_private_addresses
    {
        check_address(address).map_err(refused)?;
    }
    let mut kinds = Vec::new();
    for (place, text) in input.kinds.iter().enumerate() {
        let kind = text
            .parse::<NoticeKind>()
            .map_err(|error| Problem::invalid(format!("/kinds/{place}"), error.reason))?;
        kinds.push(kind);
    }
    kinds.sort_unstable();
    kinds.dedup();
    let webhook = Webhook {
        id: WebhookId::generate(state.clock.as_ref(), state.entropy.as_ref()),
        url: input.url,
        kinds,
        secret: WebhookSecret::generate(state.entropy.as_ref()),
        created_at: state.clock.now(),
        after_offset: state.log.head(access.scope()).await?,
        pause: None,
    };
    let secret = secret_text(&webhook.secret);
    let added = state.webhooks.add_webhook(access.scope(), webhook.clone());
    added.await?;
    let webhook = answer_of(&state, access.scope(), &webhook).await?;
    let answer = RegisteredWebhookAnswer {
        webhook,
        secret,
        is_secret_encrypted: state.webhook_secrets_encrypted,
    };
    Ok((StatusCode::CREATED, NO_STORE, Json(answer)))
}

/// Lists webhooks, oldest first.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", params(PageQuery), responses(
    (status = 200, body = WebhooksAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<ApiState>,
    access: AdminAccess,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<WebhooksAnswer>, Problem> {
    let listing = listing(&state, access.scope(), "webhooks", String::new());
    let asked = listing.request(&query)?;
    let page = state.webhooks.list_webhooks(access.scope(), &asked).await?;
    let info = listing.info(&page);
    let mut webhooks = Vec::with_capacity(page.items.len());
    for webhook in &page.items {
        webhooks.push(answer_of(&state, access.scope(), webhook).await?);
    }
    Ok(Json(WebhooksAnswer {
        webhooks,
        page: info,
    }))
}

/// Reads a webhook with the state of its deliveries.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "webhook id")), responses(
    (status = 200, body = WebhookAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(id): Path<String>,
) -> Result<Json<WebhookAnswer>, Problem> {
    let webhook = find(&state, access.scope(), &id).await?;
    Ok(Json(answer_of(&state, access.scope(), &webhook).await?))
}

/// Removes a webhook with its dead letters.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "webhook id")), responses(
    (status = 204, description = "removed"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn delete(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let webhook = find(&state, access.scope(), &id).await?.id;
    state
        .webhooks
        .delete_webhook(access.scope(), webhook)
        .await?;
    state.deliveries.forget(access.scope(), webhook).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a paused webhook go on where it was.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/resume", tag = "webhooks",
    params(("id" = String, Path, description = "webhook id")), responses(
    (status = 200, body = WebhookAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn resume(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(id): Path<String>,
) -> Result<Json<WebhookAnswer>, Problem> {
    let scope = access.scope();
    let webhook = find(&state, scope, &id).await?;
    let store = &state.webhooks;
    store.pause_webhook(scope, webhook.id, None).await?;
    let webhook = Webhook {
        pause: None,
        ..webhook
    };
    Ok(Json(answer_of(&state, scope, &webhook).await?))
}

/// Lists the messages of a webhook that were given up.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/dead-letters", tag = "webhooks",
    params(("id" = String, Path, description = "webhook id"), PageQuery), responses(
    (status = 200, body = DeadLettersAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn dead_letters(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path(id): Path<String>,
    QueryParameters(query): QueryParameters<PageQuery>,
) -> Result<Json<DeadLettersAnswer>, Problem> {
    let scope = access.scope();
    let webhook = find(&state, scope, &id).await?.id;
    let listing = listing(&state, scope, "dead_letters", webhook.to_string());
    let asked = listing.request(&query)?;
    let read = state.webhooks.list_dead_letters(scope, webhook, &asked);
    let page = read.await?;
    let info = listing.info(&page);
    Ok(Json(DeadLettersAnswer {
        dead_letters: page.items.iter().map(DeadLetterAnswer::from).collect(),
        page: info,
    }))
}

/// Sends a message that was given up once more, and removes it from the dead letters when it is taken.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/dead-letters/{offset}/replay", tag = "webhooks",
    params(("id" = String, Path, description = "webhook id"),
    ("offset" = u64, Path, description = "offset of the event")), responses(
    (status = 200, body = ReplayedLetterAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn replay(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path((id, offset)): Path<(String, String)>,
) -> Result<Json<ReplayedLetterAnswer>, Problem> {
    let scope = access.scope();
    let webhook = find(&state, scope, &id).await?;
    let at: u64 = path_id("dead letter", &offset)?;
    let store = &state.webhooks;
    let letter = store.dead_letter(scope, webhook.id, at).await?;
    let letter = letter.ok_or_else(|| Problem::not_found("dead letter", &offset))?;
    let event = state.log.event(scope, letter.event_id).await?;
    let event = event.ok_or_else(|| Problem::not_found("event", &letter.event_id.to_string()))?;
    let sent = state.deliveries.send_once(&webhook, letter.kind, &event);
    let error = sent.await.err();
    if error.is_none() {
        store.delete_dead_letter(scope, webhook.id, at).await?;
    }
    Ok(Json(ReplayedLetterAnswer {
        is_taken: error.is_none(),
        error,
    }))
}

/// Removes a message that was given up.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}/dead-letters/{offset}", tag = "webhooks",
    params(("id" = String, Path, description = "webhook id"),
    ("offset" = u64, Path, description = "offset of the event")), responses(
    (status = 204, description = "removed"),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn drop_letter(
    State(state): State<ApiState>,
    access: AdminAccess,
    Path((id, offset)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let scope = access.scope();
    let webhook = find(&state, scope, &id).await?.id;
    let at = path_id("dead letter", &offset)?;
    if !(state.webhooks.delete_dead_letter(scope, webhook, at)).await? {
        return Err(Problem::not_found("dead letter", &offset));
    }
    Ok(StatusCode::NO_CONTENT)
}

impl From<&DeadLetter> for DeadLetterAnswer {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            offset: letter.offset,
            event_id: letter.event_id.to_string(),
            kind: letter.kind.name(),
            attempts: letter.attempts,
            error: letter.error.clone(),
            failed_at: letter.failed_at,
        }
    }
}

fn listing<'l>(
    state: &'l ApiState,
    scope: &'l TenantScope,
    name: &'l str,
    filter: String,
) -> Listing<'l> {
    Listing {
        state,
        scope,
        name,
        filter,
    }
}

async fn find(state: &ApiState, scope: &TenantScope, id: &str) -> Result<Webhook, Problem> {
    let webhook = path_id("webhook", id)?;
    let found = state.webhooks.webhook(scope, webhook).await?;
    found.ok_or_else(|| Problem::not_found("webhook", id))
}

async fn answer_of(
    state: &ApiState,
    scope: &TenantScope,
    webhook: &Webhook,
) -> Result<WebhookAnswer, Problem> {
    let (offset, told) = state.deliveries.state_of(scope, webhook).await?;
    let (pause, waiting) = (webhook.pause.as_ref(), told.waiting);
    Ok(WebhookAnswer {
        id: webhook.id.to_string(),
        url: webhook.url.clone(),
        kinds: webhook.kinds.iter().map(|kind| kind.name()).collect(),
        created_at: webhook.created_at,
        paused_at: pause.map(|pause| pause.at),
        paused_because: pause.map(|pause| pause.reason.clone()),
        offset,
        delivered: told.delivered,
        given_up: told.given_up,
        last_delivered_at: told.last_delivered_at,
        failed_attempts: waiting.as_ref().map_or(0, |waiting| waiting.attempts),
        next_attempt_at: waiting.as_ref().map(|waiting| waiting.next_at),
        last_error: waiting.map(|waiting| waiting.error),
    })
}
