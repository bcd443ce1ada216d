//! Webhooks and dead letters.

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::webhook::{DeadLetter, Pause, Webhook};
use leitmotif_domain::{TenantScope, WebhookId, limits};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::EmbeddedStorage;
use super::catalog_rows::page_start;
use crate::arguments::{check_webhook_count, page_position, webhook_is_there};
use crate::error::{Error, Result};
use crate::ports::WebhookStore;

#[async_trait]
impl WebhookStore for EmbeddedStorage {
    async fn add_webhook(&self, scope: &TenantScope, webhook: Webhook) -> Result<()> {
        let work = move |db: &Connection| {
            if read_webhook(db, webhook.id)?.is_some() {
                return Err(webhook_is_there(webhook.id));
            }
            let count = db.query_row("SELECT count(*) FROM webhooks", [], |row| {
                row.get::<_, i64>(0)
            })?;
            check_webhook_count(usize::try_from(count).unwrap_or(usize::MAX))?;
            write_webhook(db, &webhook)
        };
        self.files(scope)?.database.write(work).await
    }

    async fn webhook(&self, scope: &TenantScope, id: WebhookId) -> Result<Option<Webhook>> {
        let work = move |db: &Connection| read_webhook(db, id);
        self.files(scope)?.database.read(work).await
    }

    async fn list_webhooks(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<Webhook>> {
        let (after, limit) = (page_start(page, 0)?, page.limit());
        let work = move |db: &Connection| {
            let mut statement = db
                .prepare_cached("SELECT document FROM webhooks WHERE id > ? ORDER BY id LIMIT ?")?;
            let rows = statement.query_map(params![after, limit as i64 + 1], |row| row.get(0))?;
            rows.map(|text| parse(text?)).collect::<Result<Vec<_>>>()
        };
        let items = self.files(scope)?.database.read(work).await?;
        Ok(Page::from_surplus(items, limit, |webhook: &Webhook| {
            webhook.id.to_string()
        }))
    }

    async fn pause_webhook(
        &self,
        scope: &TenantScope,
        id: WebhookId,
        pause: Option<Pause>,
    ) -> Result<bool> {
        let work = move |db: &Connection| {
            let Some(webhook) = read_webhook(db, id)? else {
                return Ok(false);
            };
            write_webhook(db, &Webhook { pause, ..webhook })?;
            Ok(true)
        };
        self.files(scope)?.database.write(work).await
    }

    async fn delete_webhook(&self, scope: &TenantScope, id: WebhookId) -> Result<bool> {
        let work = move |db: &Connection| {
            db.execute("DELETE FROM dead_letters WHERE webhook = ?", [key_of(id)])?;
            let removed = db.execute("DELETE FROM webhooks WHERE id = ?", [key_of(id)])?;
            Ok(removed > 0)
        };
        self.files(scope)?.database.write(work).await
    }

    async fn put_dead_letter(&self, scope: &TenantScope, letter: DeadLetter) -> Result<()> {
        let work = move |db: &Connection| {
            let id = letter.webhook;
            if read_webhook(db, id)?.is_none() {
                return Err(Error::not_found("webhook", id));
            }
            db.execute(
                "INSERT OR REPLACE INTO dead_letters (webhook, offset, document) VALUES (?, ?, ?)",
                params![key_of(id), letter.offset as i64, document_of(&letter)?],
            )?;
            db.execute(
                "DELETE FROM dead_letters WHERE webhook = ?1 AND offset <= (
                 SELECT offset FROM dead_letters WHERE webhook = ?1
                 ORDER BY offset DESC LIMIT 1 OFFSET ?2)",
                params![key_of(id), limits::DEAD_LETTERS_MAX as i64],
            )?;
            Ok(())
        };
        self.files(scope)?.database.write(work).await
    }

    async fn dead_letter(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        offset: u64,
    ) -> Result<Option<DeadLetter>> {
        let work = move |db: &Connection| {
            db.query_row(
                "SELECT document FROM dead_letters WHERE webhook = ? AND offset = ?",
                params![key_of(webhook), offset as i64],
                |row| row.get(0),
            )
            .optional()?
            .map(parse)
            .transpose()
        };
        self.files(scope)?.database.read(work).await
    }

    async fn list_dead_letters(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        page: &PageRequest,
    ) -> Result<Page<DeadLetter>> {
        let (after, limit) = (page_position(page, 0)?, page.limit());
        let work = move |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT document FROM dead_letters WHERE webhook = ? AND offset > ?
                 ORDER BY offset LIMIT ?",
            )?;
            let arguments = params![key_of(webhook), after, limit as i64 + 1];
            let rows = statement.query_map(arguments, |row| row.get(0))?;
            rows.map(|text| parse(text?)).collect::<Result<Vec<_>>>()
        };
        let items = self.files(scope)?.database.read(work).await?;
        Ok(Page::from_surplus(items, limit, |letter: &DeadLetter| {
            letter.offset.to_string()
        }))
    }

    async fn delete_dead_letter(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        offset: u64,
    ) -> Result<bool> {
        let work = move |db: &Connection| {
            let removed = db.execute(
                "DELETE FROM dead_letters WHERE webhook = ? AND offset = ?",
                params![key_of(webhook), offset as i64],
            )?;
            Ok(removed > 0)
        };
        self.files(scope)?.database.write(work).await
    }
}

fn key_of(id: WebhookId) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}

fn read_webhook(db: &Connection, id: WebhookId) -> Result<Option<Webhook>> {
    let sql = "SELECT document FROM webhooks WHERE id = ?";
    db.query_row(sql, [key_of(id)], |row| row.get(0))
        .optional()?
        .map(parse)
        .transpose()
}

fn write_webhook(db: &Connection, webhook: &Webhook) -> Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO webhooks (id, document) VALUES (?, ?)",
        params![key_of(webhook.id), document_of(webhook)?],
    )?;
    Ok(())
}

fn document_of(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::bug)
}

fn parse<T: DeserializeOwned>(text: String) -> Result<T> {
    serde_json::from_str(&text).map_err(|error| Error::Corrupt {
        reason: format!("a webhook's row does not read: {error}"),
    })
}
