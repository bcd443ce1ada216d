//! The open files of one tenant.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// The last durable log offset, moved on only after the commit, by the writing thread: a caller
    /// that gave up waiting must not hold it back.
    pub head: Arc<AtomicU64>,
}

impl TenantFiles {
    /// Opens the folder of a tenant.
    ///
    /// `is_first` is true once a process: only then is half-done work that of a dead process.
    pub fn open(folder: &Path, is_first: bool) -> Result<Self> {
        let file = folder.join("tenant.db");
        let on_open = if is_first { UNDO_HALF_DONE } else { "" };
        let database = Arc::new(Database::open(&file, schema::TENANT, on_open)?);
        let blobs = folder.join("blobs");
        if is_first {
            super::blobs::forget_half_written(&blobs)?;
        }
        let head = database.read_now(|connection| {
            Ok(
                connection.query_row("SELECT coalesce(max(offset), 0) FROM events", [], |row| {
                    row.get::<_, i64>(0)
                })?,
            )
        })?;
        let vectors = VectorIndexes::new(folder.join("vectors"), Arc::clone(&database));
        Ok(Self {
            database,
            blobs,
            vectors: Arc::new(vectors),
            head: Arc::new(AtomicU64::new(head.unsigned_abs())),
        })
    }

    /// The last durable log offset.
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }
}
