//! What a data folder holds, read beside whoever holds it: for finding out why nothing goes on.

use std::path::{Path, PathBuf};

use leitmotif_domain::{ModelId, TenantId, Timestamp, limits};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::schema;
use crate::error::{Error, Result};

/// Problems of a file that are told; a broken one has thousands.
const PROBLEMS_MAX: usize = 5;
/// Errors of jobs that are told.
const ERRORS_MAX: usize = 3;

/// A SQLite file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length with that of the log beside it.
    pub size_bytes: u64,
    /// Its format.
    pub format: u64,
    /// The newest format that this release reads; a start brings an older file there.
    pub format_max: u64,
    /// What SQLite's quick check says of it; empty when it is whole.
    pub problems: Vec<String>,
}

/// What a tenant's file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantState {
    /// The last offset of the log.
    pub head_offset: u64,
    /// Consumers of the log, and the offset of the state that each has stored.
    pub consumers: Vec<(String, u64)>,
    /// Jobs.
    pub jobs: JobsState,
    /// The model that the alias asked for names.
    pub model: Option<ModelState>,
    /// Embedding spaces with their vectors.
    pub spaces: Vec<(String, u64)>,
}

/// Jobs of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobsState {
    /// State, how many, when the oldest of them was queued.
    pub by_state: Vec<(String, u64, Timestamp)>,
    /// Jobs that run although the time of their worker is over.
    pub overdue: u64,
    /// Jobs that wait or run and have lost a worker before.
    pub lost_a_worker: u64,
    /// Jobs that died before their attempts were used up: their input was refused.
    pub refused: u64,
    /// The last errors: kind of the job and what it said.
    pub errors: Vec<(String, String)>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelState {
    /// Its id.
    pub id: ModelId,
    /// When it was trained.
    pub created_at: Timestamp,
    /// The file with its bytes, which may be missing.
    pub file: PathBuf,
}

/// Lists the tenants of a folder by their names.
///
/// - Errors: `Corrupt` and `Unavailable` for a control file that does not open.
pub fn tenants(root: &Path) -> Result<Vec<(TenantId, String)>> {
    let db = connect(&control_file(root))?;
    let mut statement = db.prepare("SELECT id, name FROM tenants ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        let id: [u8; 16] = row.get(0)?;
        Ok((TenantId::from_u128(u128::from_be_bytes(id)), row.get(1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Checks the control file.
///
/// - Errors: a file that does not open.
/// - Cost: reads all of it.
pub fn check_control(root: &Path) -> Result<FileState> {
    check(&control_file(root), schema::CONTROL.len())
}

/// Checks a tenant's file.
///
/// - Errors: a file that does not open.
/// - Cost: reads all of it.
pub fn check_tenant(root: &Path, tenant: TenantId) -> Result<FileState> {
    check(&tenant_file(root, tenant), schema::TENANT.len())
}

/// Reads what a tenant's file holds at this moment. `alias` names the model.
///
/// - Errors: a file that does not read, which one of an older format may not.
pub fn tenant(root: &Path, tenant: TenantId, alias: &str, now: Timestamp) -> Result<TenantState> {
    let file = tenant_file(root, tenant);
    let db = connect(&file)?;
    // One transaction, so that the log and its consumers are of one moment.
    let db = db.unchecked_transaction()?;
    let head: i64 = db.query_row("SELECT coalesce(max(offset), 0) FROM events", [], |row| {
        row.get(0)
    })?;
    let consumers = pairs(&db, "SELECT consumer, offset FROM checkpoints ORDER BY 1")?;
    let spaces = pairs(
        &db,
        "SELECT space, count(vector) FROM vectors GROUP BY space",
    )?;
    let sql = "SELECT id, created_at FROM models
               WHERE id = (SELECT model FROM aliases WHERE alias = ?)";
    let model: Option<([u8; 16], i64)> = db
        .query_row(sql, [alias], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let model = model.map(|(id, created_at)| {
        let id = ModelId::from_u128(u128::from_be_bytes(id));
        let kept = file.with_file_name("blobs").join("kept").join("models");
        ModelState {
            id,
            created_at: Timestamp::from_ms(created_at),
            file: kept.join(id.to_string()),
        }
    });
    Ok(TenantState {
        head_offset: head.unsigned_abs(),
        consumers,
        jobs: jobs(&db, now)?,
        model,
        spaces,
    })
}

/// Whether a process holds a folder at this moment. Takes the lock for the blink of an eye when none
/// does.
///
/// - Errors: a lock file that does not open.
pub fn is_held(root: &Path) -> Result<bool> {
    let path = root.join("LOCK");
    if !path.exists() {
        return Ok(false);
    }
    let file = std::fs::File::open(path)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(std::fs::TryLockError::WouldBlock) => Ok(true),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

fn control_file(root: &Path) -> PathBuf {
    root.join("control.db")
}

fn tenant_file(root: &Path, tenant: TenantId) -> PathBuf {
    let folder = root.join("tenants").join(tenant.to_string());
    folder.join("tenant.db")
}

/// Opens a file that exists, never to change what is in it. It must be open for writing all the same:
/// a reader of a file that no process holds recovers what a crash left in the log beside it.
fn connect(path: &Path) -> Result<Connection> {
    if !path.is_file() {
        return Err(Error::not_found("file", path.display()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA busy_timeout = 5000;")?;
    Ok(connection)
}

fn check(path: &Path, format_max: usize) -> Result<FileState> {
    let db = connect(path)?;
    let format: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let mut statement = db.prepare(&format!("PRAGMA quick_check({PROBLEMS_MAX})"))?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut problems = found.collect::<rusqlite::Result<Vec<_>>>()?;
    problems.retain(|problem| problem != "ok");
    let size_of = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    Ok(FileState {
        path: path.to_owned(),
        size_bytes: size_of(path) + size_of(Path::new(&log)),
        format: format.unsigned_abs(),
        format_max: format_max as u64,
        problems,
    })
}

fn jobs(db: &Connection, now: Timestamp) -> Result<JobsState> {
    let sql = "SELECT state, count(*), min(created_at) FROM jobs GROUP BY state ORDER BY state";
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let (count, oldest): (i64, i64) = (row.get(1)?, row.get(2)?);
        let oldest = Timestamp::from_ms(oldest);
        Ok((row.get(0)?, count.unsigned_abs(), oldest))
    })?;
    let by_state = rows.collect::<rusqlite::Result<_>>()?;
    let sql = "SELECT coalesce(sum(state = 'running' AND lease_until < ?), 0),
               coalesce(sum(losses > 0), 0) FROM jobs WHERE state IN ('waiting', 'running')";
    let (overdue, lost): (i64, i64) =
        db.query_row(sql, [now.as_ms()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = "SELECT count(*) FROM jobs WHERE state = 'dead' AND attempts - losses < ?";
    let refused: i64 = db.query_row(sql, [limits::JOB_ATTEMPTS_MAX], |row| row.get(0))?;
    let sql = "SELECT kind, error FROM jobs WHERE error IS NOT NULL AND state != 'done'
               ORDER BY updated_at DESC LIMIT ?";
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([ERRORS_MAX as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(JobsState {
        by_state,
        overdue: overdue.unsigned_abs(),
        lost_a_worker: lost.unsigned_abs(),
        refused: refused.unsigned_abs(),
        errors: rows.collect::<rusqlite::Result<_>>()?,
    })
}

fn pairs(db: &Connection, sql: &str) -> Result<Vec<(String, u64)>> {
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
