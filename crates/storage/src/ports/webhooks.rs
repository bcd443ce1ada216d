//! Whom a tenant wants to be told, and what could not be told.

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::webhook::{DeadLetter, Pause, Webhook};
use leitmotif_domain::{TenantScope, WebhookId};

use crate::error::Result;

/// Webhooks and dead letters of a tenant.
///
/// - Ordering: webhooks by age, dead letters by offset.
/// - The dead letters of a removed webhook are gone with it.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Registers a webhook.
    ///
    /// - Errors: `Conflict` when the id is taken; `Invalid` beyond
    ///   [`leitmotif_domain::limits::WEBHOOKS_MAX`].
    async fn add_webhook(&self, scope: &TenantScope, webhook: Webhook) -> Result<()>;

    /// Reads a webhook.
    async fn webhook(&self, scope: &TenantScope, id: WebhookId) -> Result<Option<Webhook>>;

    /// Lists webhooks, oldest first.
    async fn list_webhooks(&self, scope: &TenantScope, page: &PageRequest)
    -> Result<Page<Webhook>>;

    /// Pauses a webhook or lets it go on; says whether there is one.
    async fn pause_webhook(
        &self,
        scope: &TenantScope,
        id: WebhookId,
        pause: Option<Pause>,
    ) -> Result<bool>;

    /// Removes a webhook; says whether there was one.
    async fn delete_webhook(&self, scope: &TenantScope, id: WebhookId) -> Result<bool>;

    /// Keeps a message that was given up, in place of an earlier one of the same event. Beyond
    /// [`leitmotif_domain::limits::DEAD_LETTERS_MAX`] the oldest of the webhook goes.
    ///
    /// - Errors: `NotFound` for an unknown webhook.
    async fn put_dead_letter(&self, scope: &TenantScope, letter: DeadLetter) -> Result<()>;

    /// Reads a dead letter by the offset of its event.
    async fn dead_letter(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        offset: u64,
    ) -> Result<Option<DeadLetter>>;

    /// Lists the dead letters of a webhook, oldest event first.
    async fn list_dead_letters(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        page: &PageRequest,
    ) -> Result<Page<DeadLetter>>;

    /// Removes a dead letter; says whether there was one.
    async fn delete_dead_letter(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        offset: u64,
    ) -> Result<bool>;
}
