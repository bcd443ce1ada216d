//! Reading files of a history into batches, each of one listener.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use leitmotif_domain::clock::SystemClock;
use leitmotif_domain::event::{ListenOutcome, check_occurred_at};
use leitmotif_domain::{Clock, limits};
use leitmotif_ingest::imports::archive::Part;
use leitmotif_ingest::imports::histories::{HistoryFormat, HistoryListen, HistoryRow};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

/// Bytes of a file that its kind is recognised by: the first listen is in them.
const BEGINNING_BYTES: usize = 8 * 1024;
/// Faults of a batch told with their line; the others are counted.
const FAULTS_TOLD: usize = 20;

/// Listens that are sent together, and what else their rows held.
#[derive(Default)]
pub struct Batch {
    pub listener: String,
    /// As the API takes them.
    pub listens: Vec<Value>,
    pub rows: u64,
    pub skips: u64,
    pub private: u64,
    pub other: u64,
    pub rejected: u64,
    /// File, line and reason of the first rejected rows.
    pub faults: Vec<String>,
    /// Bytes of all files read so far, as they lie on the disk.
    pub bytes_read: u64,
}

/// Reads every file and sends batches until all are read or nobody listens any more.
pub fn read_all(
    parts: &[Part],
    format: Option<HistoryFormat>,
    listener: Option<&str>,
    sender: &Sender<Batch>,
) -> anyhow::Result<()> {
    let mut bytes_before = 0;
    for part in parts {
        let name = part.name();
        let of_file = || format!("cannot read `{name}`");
        let mut reader = part.open().with_context(of_file)?;
        let mut beginning = vec![0; BEGINNING_BYTES];
        let count = read_up_to(&mut reader, &mut beginning).with_context(of_file)?;
        beginning.truncate(count);
        let format = match format {
            Some(format) => format,
            None => HistoryFormat::detect(&beginning)
                .map_err(|what| anyhow::anyhow!("`{name}` is no history but {what}"))?,
        };
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            inner: std::io::Cursor::new(beginning).chain(reader),
            read: Arc::clone(&read),
        };
        let mut reading = Reading {
            sender,
            name: &name,
            listener,
            batch: Batch::default(),
        };
        let reader = std::io::BufReader::new(counted);
        let rows = format.read(reader);
        let rows = rows.map_err(|fault| anyhow::anyhow!("`{name}`: {}", fault.reason))?;
        for row in rows {
            // A packed file is read faster than it lies there; its size is the most it can be.
            let done = bytes_before + read.load(Ordering::Relaxed).min(part.bytes);
            if !reading.take(row, format, done)? {
                return Ok(());
            }
        }
        bytes_before += part.bytes;
        if !reading.flush(bytes_before) {
            return Ok(());
        }
    }
    Ok(())
}

fn read_up_to(reader: &mut impl Read, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut count = 0;
    while let Some(rest) = bytes.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest)? {
            0 => break,
            read => count += read,
        }
    }
    Ok(count)
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(bytes)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

struct Reading<'r> {
    sender: &'r Sender<Batch>,
    name: &'r str,
    listener: Option<&'r str>,
    batch: Batch,
}

impl Reading<'_> {
    /// Takes a row in; says whether anybody still listens.
    fn take(
        &mut self,
        row: leitmotif_ingest::imports::histories::Row,
        format: HistoryFormat,
        bytes_read: u64,
    ) -> anyhow::Result<bool> {
        let mut row = row;
        if let Ok((line, HistoryRow::Listen(listen))) = &row
            && let Err(wrong) = check_occurred_at(listen.at, SystemClock.now())
        {
            let (line, reason) = (*line, wrong.reason);
            row = Err(leitmotif_ingest::imports::lines::Fault { line, reason });
        }
        match row {
            Ok((_, HistoryRow::Listen(listen))) => {
                let named = self.listener.or(listen.listener.as_deref());
                let Some(named) = named.map(str::to_owned) else {
                    anyhow::bail!(
                        "`{}` does not say whose it is: give `--listener`",
                        self.name
                    );
                };
                let is_full = self.batch.listens.len() >= limits::LISTENS_PER_BATCH_MAX;
                let is_other = !self.batch.listens.is_empty() && self.batch.listener != named;
                if (is_full || is_other) && !self.flush(bytes_read) {
                    return Ok(false);
                }
                self.batch.listener = named;
                self.batch.rows += 1;
                self.batch.skips += u64::from(listen.outcome == Some(ListenOutcome::Skipped));
                self.batch.private += u64::from(listen.is_private);
                self.batch.listens.push(told(*listen, format));
            }
            Ok((_, HistoryRow::Other)) => {
                self.batch.rows += 1;
                self.batch.other += 1;
            }
            Err(fault) => {
                self.batch.rows += 1;
                self.batch.rejected += 1;
                if self.batch.faults.len() < FAULTS_TOLD {
                    let (line, reason) = (fault.line, fault.reason);
                    let told = format!("{} line {line}: {reason}", self.name);
                    self.batch.faults.push(told);
                }
            }
        }
        Ok(true)
    }

    fn flush(&mut self, bytes_read: u64) -> bool {
        let mut batch = std::mem::take(&mut self.batch);
        batch.bytes_read = bytes_read;
        self.sender.blocking_send(batch).is_ok()
    }
}

/// A listen as `POST /api/v1/listens` takes it.
fn told(listen: HistoryListen, format: HistoryFormat) -> Value {
    let mut told = json!({
        "occurred_at": listen.at,
        "track": {"title": listen.title, "artist": listen.artist, "album": listen.album,
            "duration_ms": listen.duration_ms, "external_ids": listen.external_ids},
        "played_ms": listen.played_ms,
        "private": listen.is_private,
        "reason": listen.reason,
        "source": format.source(),
    });
    if let Some(outcome) = listen.outcome {
        told["outcome"] = json!(outcome);
    }
    if let Some(metadata) = listen.metadata {
        told["metadata"] = metadata;
    }
    told
}
