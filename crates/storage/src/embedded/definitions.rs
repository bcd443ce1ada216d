//! Versioned definitions.

use async_trait::async_trait;
use leitmotif_domain::definition::{
    Definition, DefinitionKind, LiveDefinition, NewDefinition, Share,
};
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{EventId, TenantScope, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::EmbeddedStorage;
use crate::arguments::{check_definition_count, page_position};
use crate::changes;
use crate::error::{Error, Result};
use crate::ports::DefinitionStore;

const COLUMNS: &str = "version, text, note, created_at";

#[async_trait]
impl DefinitionStore for EmbeddedStorage {
    async fn add_definition(
        &self,
        scope: &TenantScope,
        definition: NewDefinition,
    ) -> Result<Definition> {
        definition.check()?;
        self.files(scope)?
            .database
            .write(move |db| add(db, &definition))
            .await
    }

    async fn definition(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
        name: &str,
        version: u32,
    ) -> Result<Option<Definition>> {
        let name = name.to_owned();
        let work = move |db: &Connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM definitions WHERE kind = ? AND name = ? AND version = ?"
            );
            let found = db
                .query_row(&sql, params![kind.name(), name, version], parts_of)
                .optional()?;
            Ok(found.map(|parts| definition_of(kind, &name, parts)))
        };
        self.files(scope)?.database.read(work).await
    }

    async fn list_versions(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
        name: &str,
        page: &PageRequest,
    ) -> Result<Page<Definition>> {
        let (before, limit) = (page_position(page, i64::MAX)?, page.limit());
        let name = name.to_owned();
        let work = move |db: &Connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM definitions WHERE kind = ? AND name = ? AND version < ?
                 ORDER BY version DESC LIMIT ?"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let arguments = params![kind.name(), name, before, limit as i64 + 1];
            let rows = statement.query_map(arguments, parts_of)?;
            rows.map(|parts| Ok(definition_of(kind, &name, parts?)))
                .collect::<Result<Vec<_>>>()
        };
        let items = self.files(scope)?.database.read(work).await?;
        Ok(Page::from_surplus(items, limit, |one| {
            one.version.to_string()
        }))
    }

    async fn live_definitions(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
    ) -> Result<Vec<LiveDefinition>> {
        let work = move |db: &Connection| live(db, kind);
        self.files(scope)?.database.read(work).await
    }

    async fn set_shares(
        &self,
        scope: &TenantScope,
        kind: DefinitionKind,
        name: &str,
        shares: &[Share],
    ) -> Result<()> {
        let (name, shares) = (name.to_owned(), shares.to_vec());
        let event = EventId::generate(self.clock.as_ref(), self.entropy.as_ref());
        let changed = changes::of_shares(kind, &name, event, self.clock.now());
        let work = move |db: &Connection| {
            let unknown = shares.iter().find_map(|share| {
                let known = has_version(db, kind, &name, share.version);
                match known {
                    Ok(true) => None,
                    Ok(false) => Some(Err(Error::not_found("version", share.version))),
                    Err(error) => Some(Err(error)),
                }
            });
            unknown.unwrap_or(Ok(()))?;
            db.execute(
                "DELETE FROM definition_shares WHERE kind = ? AND name = ?",
                params![kind.name(), name],
            )?;
            for share in &shares {
                db.execute(
                    "INSERT INTO definition_shares (kind, name, version, weight)
                     VALUES (?, ?, ?, ?)",
                    params![kind.name(), name, share.version, share.weight],
                )?;
            }
            Ok(((), vec![changed]))
        };
        self.write_and_tell(scope, work).await
    }
}

fn add(db: &Connection, definition: &NewDefinition) -> Result<Definition> {
    let NewDefinition {
        kind, name, text, ..
    } = definition;
    let newest = {
        let sql = format!(
            "SELECT {COLUMNS} FROM definitions WHERE kind = ? AND name = ?
             ORDER BY version DESC LIMIT 1"
        );
        db.query_row(&sql, params![kind.name(), name], parts_of)
            .optional()?
    };
    let version = match newest {
        Some(parts) if parts.1 == *text => return Ok(definition_of(*kind, name, parts)),
        Some(parts) => parts.0.saturating_add(1),
        None => {
            let names: i64 = db.query_row(
                "SELECT count(DISTINCT name) FROM definitions WHERE kind = ?",
                [kind.name()],
                |row| row.get(0),
            )?;
            check_definition_count(*kind, names.unsigned_abs() as usize)?;
            1
        }
    };
    db.execute(
        "INSERT INTO definitions (kind, name, version, text, note, created_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            kind.name(),
            name,
            version,
            text,
            definition.note,
            definition.created_at.as_ms()
        ],
    )?;
    Ok(Definition {
        kind: *kind,
        name: name.clone(),
        version,
        text: text.clone(),
        note: definition.note.clone(),
        created_at: definition.created_at,
    })
}

fn live(db: &Connection, kind: DefinitionKind) -> Result<Vec<LiveDefinition>> {
    let mut names = db.prepare_cached(
        "SELECT name, max(version) FROM definitions WHERE kind = ? GROUP BY name ORDER BY name",
    )?;
    let mut shares = db.prepare_cached(
        "SELECT version, weight FROM definition_shares WHERE kind = ? AND name = ?
         ORDER BY version",
    )?;
    let found = names.query_map([kind.name()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?))
    })?;
    found
        .map(|row| {
            let (name, newest_version) = row?;
            let of_name = shares.query_map(params![kind.name(), name], |row| {
                Ok(Share {
                    version: row.get(0)?,
                    weight: row.get(1)?,
                })
            })?;
            Ok(LiveDefinition {
                shares: of_name.collect::<rusqlite::Result<_>>()?,
                name,
                newest_version,
            })
        })
        .collect()
}

fn has_version(db: &Connection, kind: DefinitionKind, name: &str, version: u32) -> Result<bool> {
    let mut find =
        db.prepare_cached("SELECT 1 FROM definitions WHERE kind = ? AND name = ? AND version = ?")?;
    Ok(find.exists(params![kind.name(), name, version])?)
}

type Parts = (u32, String, String, i64);

fn parts_of(row: &Row<'_>) -> rusqlite::Result<Parts> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn definition_of(kind: DefinitionKind, name: &str, parts: Parts) -> Definition {
    let (version, text, note, created_at) = parts;
    Definition {
        kind,
        name: name.to_owned(),
        version,
        text,
        note,
        created_at: Timestamp::from_ms(created_at),
    }
}
