//! Webhooks and dead letters.

use std::collections::BTreeMap;

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::webhook::{DeadLetter, Pause, Webhook};
use leitmotif_domain::{TenantScope, WebhookId, limits};

use super::{MemoryStorage, page_of};
use crate::arguments::{check_webhook_count, page_id, page_position, webhook_is_there};
use crate::error::{Error, Result};
use crate::ports::WebhookStore;

/// Whom one tenant wants to be told.
#[derive(Default)]
pub struct Webhooks {
    webhooks: BTreeMap<WebhookId, Webhook>,
    letters: BTreeMap<(WebhookId, u64), DeadLetter>,
}

#[async_trait]
impl WebhookStore for MemoryStorage {
    async fn add_webhook(&self, scope: &TenantScope, webhook: Webhook) -> Result<()> {
        self.with(scope, |state| {
            let webhooks = &mut state.webhooks.webhooks;
            if webhooks.contains_key(&webhook.id) {
                return Err(webhook_is_there(webhook.id));
            }
            check_webhook_count(webhooks.len())?;
            webhooks.insert(webhook.id, webhook);
            Ok(())
        })
    }

    async fn webhook(&self, scope: &TenantScope, id: WebhookId) -> Result<Option<Webhook>> {
        self.with(scope, |state| Ok(state.webhooks.webhooks.get(&id).cloned()))
    }

    async fn list_webhooks(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<Webhook>> {
        let after = match &page.after {
            Some(_) => Some(WebhookId::from_u128(page_id(page, 0)?)),
            None => None,
        };
        self.with(scope, |state| {
            let webhooks = &state.webhooks.webhooks;
            Ok(page_of(webhooks, after.as_ref(), page, |webhook| {
                webhook.id.to_string()
            }))
        })
    }

    async fn pause_webhook(
        &self,
        scope: &TenantScope,
        id: WebhookId,
        pause: Option<Pause>,
    ) -> Result<bool> {
        self.with(scope, |state| {
            let found = state.webhooks.webhooks.get_mut(&id);
            Ok(found.map(|webhook| webhook.pause = pause).is_some())
        })
    }

    async fn delete_webhook(&self, scope: &TenantScope, id: WebhookId) -> Result<bool> {
        self.with(scope, |state| {
            let webhooks = &mut state.webhooks;
            webhooks.letters.retain(|(webhook, _), _| *webhook != id);
            Ok(webhooks.webhooks.remove(&id).is_some())
        })
    }

    async fn put_dead_letter(&self, scope: &TenantScope, letter: DeadLetter) -> Result<()> {
        self.with(scope, |state| {
            let webhooks = &mut state.webhooks;
            let id = letter.webhook;
            if !webhooks.webhooks.contains_key(&id) {
                return Err(Error::not_found("webhook", id));
            }
            webhooks.letters.insert((id, letter.offset), letter);
            let kept = webhooks.letters.range((id, 0)..=(id, u64::MAX));
            let offsets: Vec<(WebhookId, u64)> = kept.map(|(key, _)| *key).collect();
            let surplus = offsets.len().saturating_sub(limits::DEAD_LETTERS_MAX);
            for key in offsets.iter().take(surplus) {
                webhooks.letters.remove(key);
            }
            Ok(())
        })
    }

    async fn dead_letter(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        offset: u64,
    ) -> Result<Option<DeadLetter>> {
        self.with(scope, |state| {
            Ok(state.webhooks.letters.get(&(webhook, offset)).cloned())
        })
    }

    async fn list_dead_letters(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        page: &PageRequest,
    ) -> Result<Page<DeadLetter>> {
        let after = page_position(page, 0)?.unsigned_abs();
        self.with(scope, |state| {
            let letters = &state.webhooks.letters;
            let items = letters
                .range((webhook, after.saturating_add(1))..=(webhook, u64::MAX))
                .take(page.limit() + 1)
                .map(|(_, letter)| letter.clone())
                .collect();
            Ok(Page::from_surplus(items, page.limit(), |letter| {
                letter.offset.to_string()
            }))
        })
    }

    async fn delete_dead_letter(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        offset: u64,
    ) -> Result<bool> {
        self.with(scope, |state| {
            Ok(state.webhooks.letters.remove(&(webhook, offset)).is_some())
        })
    }
}
