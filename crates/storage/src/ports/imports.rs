//! What an import brings besides tracks: statements of others, and the audit of what came in.

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::statement::{StatementKind, StatementStatus};
use leitmotif_domain::{AuditId, TenantScope, Timestamp, TrackId};

use crate::error::Result;

/// What somebody else says of a track, kept as it came and beside our own analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The track.
    pub track: TrackId,
    /// Where it was imported from: `rap-scraper`.
    pub source: String,
    /// Who said it: an analyzer, a language model, a catalogue.
    pub author: String,
    /// Version of the author, or the day of the snapshot; empty when unknown.
    pub version: String,
    /// SHA-256 over the content; the same words said twice are one statement.
    pub content_hash: [u8; 32],
    /// How it came about.
    pub kind: StatementKind,
    /// Whether it counts.
    pub status: StatementStatus,
    /// When it was said, if the source tells.
    pub said_at: Option<Timestamp>,
    /// The content.
    pub document: serde_json::Value,
}

/// How many statements there are of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementCount {
    /// Where they were imported from.
    pub source: String,
    /// Who said them.
    pub author: String,
    /// Version of the author.
    pub version: String,
    /// How they came about.
    pub kind: StatementKind,
    /// Whether they count.
    pub status: StatementStatus,
    /// How many.
    pub count: u64,
}

/// The audit of one import: what came in, what is wrong with it, what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportAudit {
    /// Its id.
    pub id: AuditId,
    /// When it was made.
    pub created_at: Timestamp,
    /// What was imported: `rap-scraper`, `table`.
    pub source: String,
    /// The findings, written by `ingest`.
    pub document: serde_json::Value,
}

/// Statements and import audits of a tenant.
///
/// - A statement is known by track, source, author, version and content hash.
/// - Ordering: statements of a track by source, author, version and hash; audits newest first.
/// - The statements of a removed track are gone with it.
#[async_trait]
pub trait ImportStore: Send + Sync {
    /// Writes statements, all or none; one that is known already is written once only, with the
    /// kind and status of the last call. Answers how many were new or changed.
    ///
    /// - Errors: `NotFound` for an unknown track; `Invalid` beyond `STATEMENTS_PER_BATCH_MAX`.
    async fn put_statements(&self, scope: &TenantScope, statements: Vec<Statement>) -> Result<u64>;

    /// Reads the statements of a track, at most `STATEMENTS_PER_TRACK_SHOWN`.
    async fn statements(&self, scope: &TenantScope, track: TrackId) -> Result<Vec<Statement>>;

    /// Counts statements by source, author, version, kind and status, in this order.
    async fn statement_counts(&self, scope: &TenantScope) -> Result<Vec<StatementCount>>;

    /// Keeps an audit.
    ///
    /// - Errors: `Conflict` when the id is taken.
    async fn put_audit(&self, scope: &TenantScope, audit: ImportAudit) -> Result<()>;

    /// Reads an audit.
    async fn audit(&self, scope: &TenantScope, id: AuditId) -> Result<Option<ImportAudit>>;

    /// Lists audits, newest first.
    async fn list_audits(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<ImportAudit>>;
}
