//! The doors between the services and whatever keeps their data.
//!
//! Common contract, unless a method says otherwise: a returned `Ok` of a write means durable; a
//! failed write changed nothing; a write is visible to every read that starts after it returned;
//! listings are ordered and stable under inserts; calls may be repeated safely. Retry only errors
//! whose kind is `Unavailable`.

mod accounts;
mod blobs;
mod catalog;
mod definitions;
mod events;
mod imports;
mod jobs;
mod ledger;
mod models;
mod plugins;
mod vectors;
mod webhooks;

pub use accounts::{Accounts, AuditEntry};
pub use blobs::{BlobKey, BlobStat, BlobStore};
pub use catalog::{
    AnalysisDocument, CatalogCounts, CatalogStore, TrackFilter, TrackPatch, UpsertOutcome,
    UpsertResult,
};
pub use definitions::DefinitionStore;
pub use events::{
    Appended, Checkpoint, ConsumerPosition, EventLog, EventSelection, EventSlice, EventWindow,
    StatePart,
};
pub use imports::{ImportAudit, ImportStore, Statement, StatementCount};
pub(crate) use jobs::{IMPORTER_GONE, alone_if_lost, new_lease, taken_by};
pub use jobs::{JobFilter, JobQueue, LeasedJob};
pub use ledger::{Ledger, ReplayBegin, StoredAnswer, UsageEntry, UsageRow};
pub use models::{ModelRecord, ModelRegistry};
pub use plugins::PluginStore;
pub use vectors::{
    SpaceFilter, VectorFilter, VectorMatch, VectorSpace, VectorStore, current_spaces, has_direction,
};
pub use webhooks::WebhookStore;
