//! The plugins of a tenant.

use async_trait::async_trait;
use leitmotif_domain::TenantScope;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::plugin::Plugin;
use rusqlite::{Connection, OptionalExtension, params};

use super::EmbeddedStorage;
use crate::arguments::check_plugin_count;
use crate::error::{Error, Result};
use crate::ports::PluginStore;

#[async_trait]
impl PluginStore for EmbeddedStorage {
    async fn put_plugin(&self, scope: &TenantScope, plugin: Plugin) -> Result<()> {
        let work = move |db: &Connection| {
            if read(db, plugin.name())?.is_none() {
                let sql = "SELECT count(*) FROM plugins";
                let count = db.query_row(sql, [], |row| row.get::<_, i64>(0))?;
                check_plugin_count(usize::try_from(count).unwrap_or(usize::MAX))?;
            }
            write(db, &plugin)
        };
        self.files(scope)?.database.write(work).await
    }

    async fn plugin(&self, scope: &TenantScope, name: &str) -> Result<Option<Plugin>> {
        let name = name.to_owned();
        let work = move |db: &Connection| read(db, &name);
        self.files(scope)?.database.read(work).await
    }

    async fn list_plugins(&self, scope: &TenantScope, page: &PageRequest) -> Result<Page<Plugin>> {
        let (after, limit) = (page.after.clone().unwrap_or_default(), page.limit());
        let work = move |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT document FROM plugins WHERE name > ? ORDER BY name LIMIT ?",
            )?;
            let rows = statement.query_map(params![after, limit as i64 + 1], |row| row.get(0))?;
            rows.map(|text| parse(text?)).collect::<Result<Vec<_>>>()
        };
        let items = self.files(scope)?.database.read(work).await?;
        Ok(Page::from_surplus(items, limit, |plugin: &Plugin| {
            plugin.name().to_owned()
        }))
    }

    async fn count_plugin_answer(
        &self,
        scope: &TenantScope,
        name: &str,
        module_hash: &str,
        failure: Option<String>,
    ) -> Result<Option<Plugin>> {
        let (name, module_hash) = (name.to_owned(), module_hash.to_owned());
        let work = move |db: &Connection| {
            let found = read(db, &name)?;
            let Some(mut plugin) = found.filter(|one| one.module_hash == module_hash) else {
                return Ok(None);
            };
            plugin.count(failure.as_deref());
            write(db, &plugin)?;
            Ok(Some(plugin))
        };
        self.files(scope)?.database.write(work).await
    }

    async fn enable_plugin(
        &self,
        scope: &TenantScope,
        name: &str,
        is_enabled: bool,
    ) -> Result<Option<Plugin>> {
        let name = name.to_owned();
        let work = move |db: &Connection| {
            let Some(mut plugin) = read(db, &name)? else {
                return Ok(None);
            };
            plugin.enable(is_enabled);
            write(db, &plugin)?;
            Ok(Some(plugin))
        };
        self.files(scope)?.database.write(work).await
    }

    async fn delete_plugin(&self, scope: &TenantScope, name: &str) -> Result<bool> {
        let name = name.to_owned();
        let work = move |db: &Connection| {
            let removed = db.execute("DELETE FROM plugins WHERE name = ?", [name])?;
            Ok(removed > 0)
        };
        self.files(scope)?.database.write(work).await
    }
}

fn read(db: &Connection, name: &str) -> Result<Option<Plugin>> {
    let sql = "SELECT document FROM plugins WHERE name = ?";
    db.query_row(sql, [name], |row| row.get(0))
        .optional()?
        .map(parse)
        .transpose()
}

fn write(db: &Connection, plugin: &Plugin) -> Result<()> {
    let document = serde_json::to_string(plugin).map_err(Error::bug)?;
    db.execute(
        "INSERT OR REPLACE INTO plugins (name, document) VALUES (?, ?)",
        params![plugin.name(), document],
    )?;
    Ok(())
}

fn parse(text: String) -> Result<Plugin> {
    serde_json::from_str(&text).map_err(|error| Error::Corrupt {
        reason: format!("a plugin's row does not read: {error}"),
    })
}
