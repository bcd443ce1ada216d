//! Statements and import audits.

use std::collections::BTreeMap;

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{AuditId, TenantScope, TrackId, limits};

use super::MemoryStorage;
use crate::arguments::{check_statement_count, page_id};
use crate::error::{Error, Result};
use crate::ports::{ImportAudit, ImportStore, Statement, StatementCount};

/// What makes two statements of a track one.
type Key = (String, String, String, [u8; 32]);

/// What imports brought to one tenant.
#[derive(Default)]
pub struct Imports {
    statements: BTreeMap<TrackId, BTreeMap<Key, Statement>>,
    audits: BTreeMap<AuditId, ImportAudit>,
}

impl Imports {
    /// Forgets what was said of a track.
    pub fn forget(&mut self, track: TrackId) {
        self.statements.remove(&track);
    }
}

fn key_of(statement: &Statement) -> Key {
    let Statement {
        source,
        author,
        version,
        ..
    } = statement;
    (
        source.clone(),
        author.clone(),
        version.clone(),
        statement.content_hash,
    )
}

#[async_trait]
impl ImportStore for MemoryStorage {
    async fn put_statements(&self, scope: &TenantScope, statements: Vec<Statement>) -> Result<u64> {
        check_statement_count(statements.len())?;
        self.with(scope, |state| {
            let unknown = statements.iter().find(|s| !state.catalog.has(s.track));
            if let Some(statement) = unknown {
                return Err(Error::not_found("track", statement.track));
            }
            let mut changed = 0;
            for statement in statements {
                let of_track = state.imports.statements.entry(statement.track).or_default();
                let known = of_track.entry(key_of(&statement));
                let mut is_new = false;
                let stored = known.or_insert_with(|| {
                    is_new = true;
                    statement.clone()
                });
                let is_same = (stored.kind, stored.status) == (statement.kind, statement.status);
                (stored.kind, stored.status) = (statement.kind, statement.status);
                changed += u64::from(is_new || !is_same);
            }
            Ok(changed)
        })
    }

    async fn statements(&self, scope: &TenantScope, track: TrackId) -> Result<Vec<Statement>> {
        self.with(scope, |state| {
            let of_track = state.imports.statements.get(&track).into_iter().flatten();
            let shown = of_track.take(limits::STATEMENTS_PER_TRACK_SHOWN);
            Ok(shown.map(|(_, statement)| statement.clone()).collect())
        })
    }

    async fn statement_counts(&self, scope: &TenantScope) -> Result<Vec<StatementCount>> {
        self.with(scope, |state| {
            let mut counts = BTreeMap::new();
            for statement in state.imports.statements.values().flat_map(BTreeMap::values) {
                let (source, author, version, _) = key_of(statement);
                let sort = (source, author, version, statement.kind, statement.status);
                *counts.entry(sort).or_insert(0) += 1;
            }
            let row = |((source, author, version, kind, status), count)| StatementCount {
                source,
                author,
                version,
                kind,
                status,
                count,
            };
            Ok(counts.into_iter().map(row).collect())
        })
    }

    async fn put_audit(&self, scope: &TenantScope, audit: ImportAudit) -> Result<()> {
        self.with(scope, |state| {
            if state.imports.audits.contains_key(&audit.id) {
                let reason = format!("audit `{}` is there already", audit.id);
                return Err(Error::Conflict { reason });
            }
            state.imports.audits.insert(audit.id, audit);
            Ok(())
        })
    }

    async fn audit(&self, scope: &TenantScope, id: AuditId) -> Result<Option<ImportAudit>> {
        self.with(scope, |state| Ok(state.imports.audits.get(&id).cloned()))
    }

    async fn list_audits(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<ImportAudit>> {
        let before = AuditId::from_u128(page_id(page, u128::MAX)?);
        self.with(scope, |state| {
            let newest_first = state.imports.audits.range(..before).rev();
            let items = newest_first
                .take(page.limit() + 1)
                .map(|(_, audit)| audit.clone())
                .collect();
            Ok(Page::from_surplus(items, page.limit(), |audit| {
                audit.id.to_string()
            }))
        })
    }
}
