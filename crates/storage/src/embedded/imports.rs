//! Statements and import audits.

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::statement::{StatementKind, StatementStatus};
use leitmotif_domain::{AuditId, TenantScope, Timestamp, TrackId, limits};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::EmbeddedStorage;
use super::catalog_rows::{key_of, page_start};
use crate::arguments::check_statement_count;
use crate::error::{Error, Result};
use crate::ports::{ImportAudit, ImportStore, Statement, StatementCount};

const AUDIT_COLUMNS: &str = "id, created_at, source, document";

#[async_trait]
impl ImportStore for EmbeddedStorage {
    async fn put_statements(&self, scope: &TenantScope, statements: Vec<Statement>) -> Result<u64> {
        check_statement_count(statements.len())?;
        self.files(scope)?
            .database
            .write(move |db| write_statements(db, &statements))
            .await
    }

    async fn statements(&self, scope: &TenantScope, track: TrackId) -> Result<Vec<Statement>> {
        let work = move |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT source, author, version, content_hash, kind, status, said_at, document
                 FROM statements WHERE track = ?
                 ORDER BY source, author, version, content_hash LIMIT ?",
            )?;
            let limit = limits::STATEMENTS_PER_TRACK_SHOWN as i64;
            let rows = statement.query_map(params![key_of(track), limit], statement_parts)?;
            rows.map(|parts| statement_of(track, parts?)).collect()
        };
        self.files(scope)?.database.read(work).await
    }

    async fn statement_counts(&self, scope: &TenantScope) -> Result<Vec<StatementCount>> {
        let work = |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT source, author, version, kind, status, count(*) FROM statements
                 GROUP BY source, author, version, kind, status",
            )?;
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, i64>(3)?,
                    row.get::<_, i64>(4)?,
                    row.get::<_, i64>(5)?,
                ))
            })?;
            rows.map(|row| {
                let (source, author, version, kind, status, count) = row?;
                Ok(StatementCount {
                    source,
                    author,
                    version,
                    kind: kind_of(kind)?,
                    status: status_of(status)?,
                    count: count.unsigned_abs(),
                })
            })
            .collect()
        };
        self.files(scope)?.database.read(work).await
    }

    async fn put_audit(&self, scope: &TenantScope, audit: ImportAudit) -> Result<()> {
        let work = move |db: &Connection| {
            let inserted = db.execute(
                "INSERT OR IGNORE INTO import_audits (id, created_at, source, document)
                 VALUES (?, ?, ?, ?)",
                params![
                    audit.id.as_u128().to_be_bytes(),
                    audit.created_at.as_ms(),
                    audit.source,
                    audit.document.to_string(),
                ],
            )?;
            if inserted == 0 {
                let reason = format!("audit `{}` is there already", audit.id);
                return Err(Error::Conflict { reason });
            }
            Ok(())
        };
        self.files(scope)?.database.write(work).await
    }

    async fn audit(&self, scope: &TenantScope, id: AuditId) -> Result<Option<ImportAudit>> {
        let work = move |db: &Connection| {
            let sql = format!("SELECT {AUDIT_COLUMNS} FROM import_audits WHERE id = ?");
            let key = id.as_u128().to_be_bytes();
            db.query_row(&sql, [key], audit_parts)
                .optional()?
                .map(audit_of)
                .transpose()
        };
        self.files(scope)?.database.read(work).await
    }

    async fn list_audits(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<ImportAudit>> {
        let before = page_start(page, u128::MAX)?;
        let limit = page.limit();
        let work = move |db: &Connection| {
            let sql = format!(
                "SELECT {AUDIT_COLUMNS} FROM import_audits WHERE id < ? ORDER BY id DESC LIMIT ?"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params![before, limit as i64 + 1], audit_parts)?;
            rows.map(|parts| audit_of(parts?))
                .collect::<Result<Vec<_>>>()
        };
        let items = self.files(scope)?.database.read(work).await?;
        Ok(Page::from_surplus(items, limit, |audit| {
            audit.id.to_string()
        }))
    }
}

/// Removes what was said of a track.
pub fn forget(db: &Connection, track: TrackId) -> Result<()> {
    db.execute("DELETE FROM statements WHERE track = ?", [key_of(track)])?;
    Ok(())
}

fn write_statements(db: &Connection, statements: &[Statement]) -> Result<u64> {
    let mut find = db.prepare_cached("SELECT 1 FROM tracks WHERE id = ?")?;
    let mut write = db.prepare_cached(
        "INSERT INTO statements
         (track, source, author, version, content_hash, kind, status, said_at, document)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (track, source, author, version, content_hash)
         DO UPDATE SET kind = excluded.kind, status = excluded.status
         WHERE kind <> excluded.kind OR status <> excluded.status",
    )?;
    let mut changed = 0;
    let mut last_found = None;
    for statement in statements {
        if last_found != Some(statement.track) {
            if !find.exists([key_of(statement.track)])? {
                return Err(Error::not_found("track", statement.track));
            }
            last_found = Some(statement.track);
        }
        changed += write.execute(params![
            key_of(statement.track),
            statement.source,
            statement.author,
            statement.version,
            statement.content_hash,
            kind_number(statement.kind),
            status_number(statement.status),
            statement.said_at.map(Timestamp::as_ms),
            statement.document.to_string(),
        ])?;
    }
    Ok(changed as u64)
}

/// Numbers are part of the stored format: new kinds get new ones.
fn kind_number(kind: StatementKind) -> i64 {
    match kind {
        StatementKind::Measured => 0,
        StatementKind::Opinion => 1,
        StatementKind::Prior => 2,
        StatementKind::Provenance => 3,
    }
}

fn kind_of(number: i64) -> Result<StatementKind> {
    match number {
        0 => Ok(StatementKind::Measured),
        1 => Ok(StatementKind::Opinion),
        2 => Ok(StatementKind::Prior),
        3 => Ok(StatementKind::Provenance),
        _ => Err(Error::Corrupt {
            reason: format!("{number} is no kind of statement"),
        }),
    }
}

/// Numbers are part of the stored format, as those of kinds are.
fn status_number(status: StatementStatus) -> i64 {
    match status {
        StatementStatus::Good => 0,
        StatementStatus::Fallback => 1,
        StatementStatus::Quarantined => 2,
    }
}

fn status_of(number: i64) -> Result<StatementStatus> {
    match number {
        0 => Ok(StatementStatus::Good),
        1 => Ok(StatementStatus::Fallback),
        2 => Ok(StatementStatus::Quarantined),
        _ => Err(Error::Corrupt {
            reason: format!("{number} is no status of a statement"),
        }),
    }
}

type StatementParts = (
    String,
    String,
    String,
    [u8; 32],
    i64,
    i64,
    Option<i64>,
    String,
);

fn statement_parts(row: &Row<'_>) -> rusqlite::Result<StatementParts> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
    ))
}

fn statement_of(track: TrackId, parts: StatementParts) -> Result<Statement> {
    let (source, author, version, content_hash, kind, status, said_at, document) = parts;
    Ok(Statement {
        track,
        source,
        author,
        version,
        content_hash,
        kind: kind_of(kind)?,
        status: status_of(status)?,
        said_at: said_at.map(Timestamp::from_ms),
        document: serde_json::from_str(&document)?,
    })
}

type AuditParts = ([u8; 16], i64, String, String);

fn audit_parts(row: &Row<'_>) -> rusqlite::Result<AuditParts> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn audit_of((id, created_at, source, document): AuditParts) -> Result<ImportAudit> {
    Ok(ImportAudit {
        id: AuditId::from_u128(u128::from_be_bytes(id)),
        created_at: Timestamp::from_ms(created_at),
        source,
        document: serde_json::from_str(&document)?,
    })
}
