//! A SQLite file with one writer and a few readers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::blocking;
use super::schema::{self, Migrations};
use super::writer::{Upkeep, Writer};
use crate::error::{Error, Result};

/// Readers of one file; WAL readers never wait for the writer, more than the cores gain nothing.
const READERS_MAX: usize = 4;
/// Prepared statements kept per connection: the ports use fewer.
const STATEMENTS_KEPT: usize = 128;

/// One SQLite file.
pub struct Database {
    writer: Writer,
    readers: Arc<Readers>,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Database {
    /// Opens a file and brings it to the present format.
    ///
    /// - Durability: WAL with `synchronous = FULL`, so that a commit survives a power cut.
    /// - `prepare` runs once before the first command: what a crash left half done is undone there. It
    ///   makes what rides along with every commit.
    pub fn open<U: Upkeep>(
        path: &Path,
        migrations: Migrations,
        prepare: impl FnOnce(&Connection) -> Result<U>,
    ) -> Result<(Self, Arc<U>)> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;
             PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000;",
        )?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        schema::migrate(&connection, migrations)?;
        let upkeep = Arc::new(prepare(&connection)?);
        let readers = Arc::new(Readers {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(READERS_MAX),
        });
        let database = Self {
            writer: Writer::start(connection, Arc::clone(&upkeep) as Arc<dyn Upkeep>)?,
            readers,
        };
        Ok((database, upkeep))
    }

    /// Runs writing work; see [`Writer::run`].
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.writer.run(work, |_| ()).await
    }

    /// Runs writing work and, once it is durable and before the caller knows, a step that must not
    /// depend on the caller still waiting.
    pub async fn write_then<T, F, A>(&self, work: F, after: A) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        self.writer.run(work, after).await
    }

    /// Runs reading work off the async threads.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        let _permit = self.readers.permits.acquire().await.map_err(Error::bug)?;
        blocking(move || readers.with(work)).await
    }

    /// Runs reading work on the calling thread.
    pub fn read_now<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.readers.with(work)
    }
}

impl Readers {
    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let outcome = work(&connection);
        let mut idle = self.idle.lock();
        if idle.len() < READERS_MAX {
            idle.push(connection);
        }
        outcome
    }

    fn connect(&self) -> Result<Connection> {
        let connection = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.execute_batch(
            "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -8192;",
        )?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        Ok(connection)
    }
}
