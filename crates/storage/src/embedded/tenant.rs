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
    /// The last durable log offset, moved on only after the commit.
    head: AtomicU64,
}

impl TenantFiles {
    /// Opens the folder of a tenant.
    pub fn open(folder: &Path) -> Result<Self> {
        let database = Arc::new(Database::open(
            &folder.join("tenant.db"),
            schema::TENANT,
            UNDO_HALF_DONE,
        )?);
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
            blobs: folder.join("blobs"),
            vectors: Arc::new(vectors),
            head: AtomicU64::new(head.unsigned_abs()),
        })
    }

    /// The last durable log offset.
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Moves the head on; appends may report out of order.
    pub fn advance_head(&self, offset: u64) {
        self.head.fetch_max(offset, Ordering::AcqRel);
    }
}
