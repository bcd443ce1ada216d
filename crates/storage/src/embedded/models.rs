//! The model registry.

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{ModelId, TenantScope, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::EmbeddedStorage;
use super::catalog_rows::page_start;
use crate::error::{Error, Result};
use crate::ports::{ModelRecord, ModelRegistry};

const COLUMNS: &str = "id, name, created_at, log_offset, metrics";

#[async_trait]
impl ModelRegistry for EmbeddedStorage {
    async fn register(&self, scope: &TenantScope, model: ModelRecord) -> Result<()> {
        self.files(scope)?
            .database
            .write(move |db| {
                let inserted = db.execute(
                    "INSERT OR IGNORE INTO models (id, name, created_at, log_offset, metrics)
                     VALUES (?, ?, ?, ?, ?)",
                    params![
                        model.id.as_u128().to_be_bytes(),
                        model.name,
                        model.created_at.as_ms(),
                        i64::try_from(model.log_offset).unwrap_or(i64::MAX),
                        model.metrics.to_string(),
                    ],
                )?;
                if inserted == 0 {
                    let reason = format!("model `{}` is registered already", model.id);
                    return Err(Error::Conflict { reason });
                }
                Ok(())
            })
            .await
    }

    async fn model(&self, scope: &TenantScope, id: ModelId) -> Result<Option<ModelRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM models WHERE id = ?");
        let key = id.as_u128().to_be_bytes();
        self.files(scope)?
            .database
            .read(move |db| one_model(db, &sql, params![key]))
            .await
    }

    async fn list_models(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<ModelRecord>> {
        let before = page_start(page, u128::MAX)?;
        let limit = page.limit();
        let items = self
            .files(scope)?
            .database
            .read(move |db| {
                let sql =
                    format!("SELECT {COLUMNS} FROM models WHERE id < ? ORDER BY id DESC LIMIT ?");
                let mut statement = db.prepare_cached(&sql)?;
                let rows = statement.query_map(params![before, limit as i64 + 1], model_parts)?;
                rows.map(|parts| model_of(parts?))
                    .collect::<Result<Vec<_>>>()
            })
            .await?;
        Ok(Page::from_surplus(items, limit, |model| {
            model.id.to_string()
        }))
    }

    async fn set_alias(&self, scope: &TenantScope, alias: &str, id: ModelId) -> Result<()> {
        let alias = alias.to_owned();
        self.files(scope)?
            .database
            .write(move |db| {
                let key = id.as_u128().to_be_bytes();
                let moved = db.execute(
                    "INSERT INTO aliases (alias, model) SELECT ?1, id FROM models WHERE id = ?2
                     ON CONFLICT (alias) DO UPDATE SET model = ?2",
                    params![alias, key],
                )?;
                if moved == 0 {
                    Err(Error::not_found("model", id))
                } else {
                    Ok(())
                }
            })
            .await
    }

    async fn alias(&self, scope: &TenantScope, alias: &str) -> Result<Option<ModelRecord>> {
        let alias = alias.to_owned();
        let sql = format!(
            "SELECT {COLUMNS} FROM models WHERE id = (SELECT model FROM aliases WHERE alias = ?)"
        );
        self.files(scope)?
            .database
            .read(move |db| one_model(db, &sql, params![alias]))
            .await
    }
}

fn one_model(
    db: &Connection,
    sql: &str,
    arguments: &[&dyn rusqlite::ToSql],
) -> Result<Option<ModelRecord>> {
    db.query_row(sql, arguments, model_parts)
        .optional()?
        .map(model_of)
        .transpose()
}

type ModelParts = ([u8; 16], String, i64, i64, String);

fn model_parts(row: &Row<'_>) -> rusqlite::Result<ModelParts> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
    ))
}

fn model_of((id, name, created_at, log_offset, metrics): ModelParts) -> Result<ModelRecord> {
    Ok(ModelRecord {
        id: ModelId::from_u128(u128::from_be_bytes(id)),
        name,
        created_at: Timestamp::from_ms(created_at),
        log_offset: log_offset.unsigned_abs(),
        metrics: serde_json::from_str(&metrics)?,
    })
}
