//! The open files of one tenant.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::event_index::EventIndex;
use super::pool::Database;
use super::schema;
use super::vectors::VectorIndexes;
use crate::error::Result;

/// Idempotency keys whose request died with the process are free again.
const UNDO_HALF_DONE: &str = "DELETE FROM replays WHERE status IS NULL;";

/// The open files of one tenant.
pub struct TenantFiles {
    /// `tenant.db`.
    pub database: Arc<Database>,
    /// Where blobs lie.
    pub blobs: PathBuf,
    /// The vector indexes over `tenant.db`.
    pub vectors: Arc<VectorIndexes>,
    /// Where the events of the log lie.
    pub log: Arc<EventIndex>,
}

impl TenantFiles {
    /// Opens the folder of a tenant.
    ///
    /// `is_first` is true once a process: only then is half-done work that of a dead process.
    /// `tail_events` is how many events the log indexes in memory, for tests.
    pub fn open(folder: &Path, is_first: bool, tail_events: Option<u64>) -> Result<Self> {
        let file = folder.join("tenant.db");
        let (database, log) = Database::open(&file, schema::TENANT, |db| {
            if is_first {
                db.execute_batch(UNDO_HALF_DONE)?;
            }
            EventIndex::open(db, tail_events)
        })?;
        let database = Arc::new(database);
        let blobs = folder.join("blobs");
        if is_first {
            super::blobs::forget_half_written(&blobs)?;
        }
        let vectors = VectorIndexes::new(folder.join("vectors"), Arc::clone(&database));
        Ok(Self {
            database,
            blobs,
            vectors: Arc::new(vectors),
            log,
        })
    }
}
