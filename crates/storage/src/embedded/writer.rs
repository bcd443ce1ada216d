//! One writing thread per database, with group commit: commands that wait together share one fsync.

use std::sync::Arc;
use std::thread::JoinHandle;

use leitmotif_domain::limits;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, Result};

/// Called when the shared commit is decided.
type Deliver = Box<dyn FnOnce(Result<()>) + Send>;
/// Does the work inside the open transaction and says whom to tell.
type Command = Box<dyn FnOnce(&Connection) -> Deliver + Send>;

/// Work that rides along with every commit, on the writing thread.
pub trait Upkeep: Send + Sync + 'static {
    /// Works in the transaction of a group, after its commands. What fails leaves no trace and does
    /// not hold the group up.
    fn before_commit(&self, db: &Connection) -> Result<()>;

    /// Learns, before the callers do, how the transaction ended; `is_kept` is whether what
    /// [`Upkeep::before_commit`] did is durable.
    fn after_commit(&self, is_kept: bool);
}

/// Nothing to keep up.
impl Upkeep for () {
    fn before_commit(&self, _db: &Connection) -> Result<()> {
        Ok(())
    }

    fn after_commit(&self, _is_kept: bool) {}
}

/// The door to the writing thread.
pub struct Writer {
    sender: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on its connection.
    pub fn start(connection: Connection, upkeep: Arc<dyn Upkeep>) -> Result<Self> {
        let (sender, receiver) = mpsc::channel(limits::WRITER_QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("storage-writer".to_owned())
            .spawn(move || write_loop(&connection, receiver, &*upkeep))?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
        })
    }

    /// Runs work in a transaction; returns once it is durable, or failed without a trace. `after`
    /// runs on the writing thread once the work is durable, even when the caller is gone.
    ///
    /// - Errors: whatever the work reports, `DiskFull`, `Unavailable`.
    pub async fn run<T, F, A>(&self, work: F, after: A) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let command: Command = Box::new(move |connection| {
            let outcome = in_savepoint(connection, work);
            Box::new(move |committed| {
                let outcome = match (committed, outcome) {
                    (Ok(()), outcome) => outcome,
                    // What rolled the group back says more than that it was rolled back.
                    (Err(Error::Busy { .. }), Err(own)) => Err(own),
                    (Err(error), _) => Err(error),
                };
                if let Ok(value) = &outcome {
                    after(value);
                }
                // The caller may be gone; the work is durable all the same.
                let _ = reply.send(outcome);
            })
        });
        let stopped = || Error::Unavailable {
            backend: "storage writer",
            reason: "it has stopped; restart the server".to_owned(),
        };
        let sender = self.sender.as_ref().ok_or_else(stopped)?;
        sender.send(command).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closing the channel ends the loop after the commands that are already queued.
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_loop(connection: &Connection, mut receiver: mpsc::Receiver<Command>, upkeep: &dyn Upkeep) {
    while let Some(first) = receiver.blocking_recv() {
        let mut delivers = Vec::new();
        let mut is_kept_up = false;
        let committed = run_group(connection, first, &mut receiver, &mut delivers).and_then(|()| {
            is_kept_up = in_savepoint(connection, |db| upkeep.before_commit(db)).is_ok();
            commit(connection)
        });
        upkeep.after_commit(is_kept_up && committed.is_ok());
        for deliver in delivers {
            deliver(committed.clone());
        }
    }
}

/// Runs commands in one transaction and leaves it open.
fn run_group(
    connection: &Connection,
    first: Command,
    receiver: &mut mpsc::Receiver<Command>,
    delivers: &mut Vec<Deliver>,
) -> Result<()> {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        // The commands see that no transaction is open and do nothing.
        delivers.push(first(connection));
        return Err(error.into());
    }
    delivers.push(first(connection));
    while delivers.len() < limits::GROUP_COMMIT_MAX
        && let Ok(command) = receiver.try_recv()
    {
        delivers.push(command(connection));
    }
    Ok(())
}

fn commit(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        return Err(lost_transaction());
    }
    let committed = connection.execute_batch("COMMIT");
    if committed.is_err() && !connection.is_autocommit() {
        // A failed rollback leaves a transaction open; the next BEGIN reports it.
        let _ = connection.execute_batch("ROLLBACK");
    }
    committed.map_err(Error::from)
}

fn lost_transaction() -> Error {
    Error::Busy {
        what: "the database (its transaction was rolled back)",
    }
}

/// Gives each command its own fate inside the shared transaction.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    // A full disk makes SQLite roll the whole transaction back. A savepoint would then begin one of
    // its own and commit it, although the group is reported as failed.
    if connection.is_autocommit() {
        return Err(lost_transaction());
    }
    connection.execute_batch("SAVEPOINT command")?;
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(connection)))
        .unwrap_or_else(|_| Err(Error::bug("a storage command panicked")));
    let ending = if outcome.is_ok() {
        connection.execute_batch("RELEASE command")
    } else if connection.is_autocommit() {
        Ok(())
    } else {
        connection.execute_batch("ROLLBACK TO command; RELEASE command")
    };
    outcome.and_then(|value| ending.map(|()| value).map_err(Error::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(db: &Connection) -> Result<i64> {
        db.execute("INSERT INTO facts DEFAULT VALUES", [])?;
        Ok(db.query_row("SELECT count(*) FROM facts", [], |row| row.get(0))?)
    }

    /// What SQLite does on its own when the disk is full in the wrong place.
    #[tokio::test]
    async fn a_group_that_was_rolled_back_leaves_no_trace() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE facts (id INTEGER PRIMARY KEY)")
            .unwrap();
        let writer = Writer::start(connection, Arc::new(())).unwrap();
        let (open_gate, gate) = std::sync::mpsc::channel();
        let breaking = move |db: &Connection| -> Result<i64> {
            gate.recv().unwrap();
            db.execute_batch("ROLLBACK")?;
            Err(Error::DiskFull)
        };
        // The gate opens once both commands are queued, so that they share a transaction.
        let (broken, beside, ()) = tokio::join!(
            writer.run(breaking, |_| ()),
            writer.run(insert, |_| panic!("it is not durable")),
            async { open_gate.send(()).unwrap() },
        );
        assert!(matches!(broken, Err(Error::DiskFull)), "{broken:?}");
        assert!(matches!(beside, Err(Error::Busy { .. })), "{beside:?}");
        assert_eq!(writer.run(insert, |_| ()).await.unwrap(), 1);
    }
}
