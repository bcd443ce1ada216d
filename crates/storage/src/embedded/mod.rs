//! One folder: a SQLite file per tenant that also holds the event log, blobs as files, and one
//! control database.
//!
//! ```text
//! <root>/LOCK                      who holds the folder
//! <root>/control.db                tenants, keys, audit log
//! <root>/tenants/<id>/tenant.db    everything of one tenant; delete = remove the folder
//! <root>/tenants/<id>/blobs/…      audio, models
//! <root>/tenants/<id>/vectors/…    snapshots of the vector indexes
//! ```

mod accounts;
mod audit_rows;
mod blobs;
mod catalog;
mod catalog_rows;
mod definitions;
mod event_index;
mod event_tail;
mod events;
mod imports;
pub mod inspect;
mod jobs;
mod ledger;
mod listeners;
mod lock;
mod models;
mod plugins;
mod pool;
mod schema;
mod state_parts;
mod tenant;
mod vectors;
mod webhooks;
mod writer;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use leitmotif_domain::chance::Entropy;
use leitmotif_domain::{Clock, TenantId, TenantScope, limits};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use pool::Database;
use tenant::TenantFiles;

/// The embedded backend of every port.
///
/// One process holds a folder at a time; a second one is refused by name.
pub struct EmbeddedStorage {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    control: Database,
    tenants: Mutex<OpenTenants>,
    tail_events: Option<u64>,
    _lock: lock::FolderLock,
}

/// The tenants whose files are open.
#[derive(Default)]
struct OpenTenants {
    open: HashMap<TenantId, Arc<TenantFiles>>,
    /// Tenants that were opened in the life of this process, open or not.
    seen: HashSet<TenantId>,
}

impl EmbeddedStorage {
    /// Opens a data folder, making it when it does not exist.
    ///
    /// - Errors: `Locked` when another process holds it, `ReadOnly`, `DiskFull`, `Corrupt`.
    pub fn open(
        root: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        holder: &str,
    ) -> Result<Self> {
        std::fs::create_dir_all(root.join("tenants"))?;
        let lock = lock::FolderLock::take(root, holder)?;
        let (control, _) = Database::open(&root.join("control.db"), schema::CONTROL, |_| Ok(()))?;
        Ok(Self {
            root: root.to_owned(),
            clock,
            entropy,
            control,
            tenants: Mutex::new(OpenTenants::default()),
            tail_events: None,
            _lock: lock,
        })
    }

    /// Indexes so many of the newest events in memory instead of what suits the size of the log, so
    /// that a small log is indexed on disk too. For tests.
    #[doc(hidden)]
    pub fn with_tail_events(self, tail_events: u64) -> Self {
        Self {
            tail_events: Some(tail_events),
            ..self
        }
    }

    /// Reads who holds a folder, for the error of a second process.
    pub fn holder(root: &Path) -> Option<String> {
        lock::FolderLock::holder(root)
    }

    /// Writes down what is only in memory (vector snapshots), before a planned end.
    pub fn flush(&self) -> Result<()> {
        let open: Vec<_> = self.tenants.lock().open.values().cloned().collect();
        open.iter().try_for_each(|files| files.vectors.save_all())
    }

    /// Lets a tenant's file grow to that many pages and no further, as if the disk were full there.
    /// For tests.
    #[doc(hidden)]
    pub async fn limit_pages(&self, scope: &TenantScope, page_count: u32) -> Result<()> {
        let sql = format!("PRAGMA max_page_count = {page_count}");
        let work = move |db: &rusqlite::Connection| Ok(db.execute_batch(&sql)?);
        self.files(scope)?.database.write(work).await
    }

    /// The one place that derives a tenant's folder.
    fn folder(&self, tenant: TenantId) -> PathBuf {
        self.root.join("tenants").join(tenant.to_string())
    }

    /// Opens a tenant's files, or finds them open.
    fn files(&self, scope: &TenantScope) -> Result<Arc<TenantFiles>> {
        let mut tenants = self.tenants.lock();
        if let Some(files) = tenants.open.get(&scope.tenant()) {
            return Ok(Arc::clone(files));
        }
        let folder = self.folder(scope.tenant());
        if !folder.is_dir() {
            return Err(Error::not_found("tenant", scope.tenant()));
        }
        if tenants.open.len() >= limits::OPEN_TENANTS_MAX {
            tenants.open.retain(|_, files| Arc::strong_count(files) > 1);
        }
        let is_first = !tenants.seen.contains(&scope.tenant());
        let files = Arc::new(TenantFiles::open(&folder, is_first, self.tail_events)?);
        tenants.seen.insert(scope.tenant());
        tenants.open.insert(scope.tenant(), Arc::clone(&files));
        Ok(files)
    }
}

/// Runs blocking file work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::bug(error)),
    }
}
