//! The reading half: rows become requests on a thread of their own, counted for the audit as they
//! go by.

use std::cell::Cell;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context;
use leitmotif_domain::shared_id::mark_shared;
use leitmotif_ingest::audit::profile::TableProfile;
use leitmotif_ingest::catalogue::lyrics_of;
use leitmotif_ingest::imports::lines::{Row, read_objects};
use leitmotif_ingest::imports::rap_scraper::{
    IdClaims, MappedStatement, MappedTrack, RapAudit, RowFate, map_analysis, map_features,
    map_table_row, map_track,
};
use leitmotif_ingest::imports::records::read_cells;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::Sender;

use super::counted::Counted;
use super::database::Database;

/// Bytes of requests that are sent together: well under the bound of a body.
const BATCH_BYTES: usize = 3 * 1024 * 1024;
/// Rows that are sent together.
const BATCH_ROWS: usize = 1_000;

/// Why nothing of `dataset_versions` is imported. Its rows describe exports that were made over
/// there, and no track, so that there is nothing to keep a statement beside.
const VERSIONS_LEFT_OUT: &str = "each row describes an export made over there and no track; its hash \
    covers ids, not what they stood for, and so proves nothing of the tracks that came in. \
    `leitmotif export` writes a manifest with hashes of the content";

/// Where the rows of an import come from.
pub enum Sources {
    /// Files in the order they are read: the one-table export, or the tables of a folder.
    Files(Vec<(TableKind, PathBuf)>),
    /// A running database.
    Database(Box<Database>),
}

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Tracks.
    Tracks,
    /// Results of earlier analyzers.
    Analyses,
    /// Numbers prepared for training.
    Features,
    /// Exports made before; only counted.
    Versions,
    /// Tracks, each joined with an analysis.
    Joined,
}

impl Sources {
    /// The tables of a folder. `tracks.jsonl` must be there; `songs.jsonl` repeats it and is not
    /// read.
    pub fn of_folder(folder: &Path) -> anyhow::Result<Self> {
        let named = [
            (TableKind::Tracks, "tracks.jsonl"),
            (TableKind::Analyses, "analysis.jsonl"),
            (TableKind::Features, "ml_features.jsonl"),
            (TableKind::Versions, "dataset_versions.jsonl"),
        ];
        let all = named.map(|(kind, name)| (kind, folder.join(name)));
        let files: Vec<_> = all.into_iter().filter(|(_, path)| path.is_file()).collect();
        anyhow::ensure!(
            files
                .first()
                .is_some_and(|(kind, _)| *kind == TableKind::Tracks),
            "`{}` has no tracks.jsonl",
            folder.display()
        );
        Ok(Self::Files(files))
    }

    /// The one-table export.
    pub fn of_table(path: &Path) -> Self {
        Self::Files(vec![(TableKind::Joined, path.to_owned())])
    }

    /// Bytes of all rows.
    pub fn bytes(&mut self) -> anyhow::Result<u64> {
        let files = match self {
            Self::Database(database) => return database.bytes(),
            Self::Files(files) => files,
        };
        let sizes = files.iter().map(|(_, path)| {
            let metadata = std::fs::metadata(path);
            metadata.with_context(|| format!("cannot read `{}`", path.display()))
        });
        sizes.map(|size| Ok(size?.len())).sum()
    }
}

/// A track on its way.
pub struct TrackRequest {
    /// Its line.
    pub line: u64,
    /// Its id over there.
    pub row_id: i64,
    /// What the track route takes.
    pub body: Value,
}

/// Requests that belong together.
#[derive(Default)]
pub struct Batch {
    /// Which table they come from, by its place.
    pub table: usize,
    /// Tracks.
    pub tracks: Vec<TrackRequest>,
    /// Statements: id of the track over there, line, and what the statement route takes.
    pub statements: Vec<(i64, u64, String)>,
    /// Vectors: space, id of the track over there, vector.
    pub vectors: Vec<(String, i64, Vec<f32>)>,
    /// Bytes read so far.
    pub bytes_read: u64,
    bytes: usize,
}

/// Reads everything; batches go to `sender`, which may be closed early.
pub fn read_all(
    sources: Sources,
    sender: &Sender<Batch>,
) -> anyhow::Result<(RapAudit, Vec<TableProfile>)> {
    let mut reading = Reading {
        sender,
        audit: RapAudit::default(),
        claims: IdClaims::default(),
        batch: Batch::default(),
        profiles: Vec::new(),
        bytes_before: 0,
    };
    match sources {
        Sources::Files(files) => {
            for (kind, path) in &files {
                let in_file = || format!("cannot read `{}`", path.display());
                let file = File::open(path).with_context(in_file)?;
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                let mut rows = Counted::new(Box::new(file));
                reading
                    .source(*kind, &name, &mut rows)
                    .with_context(in_file)?;
            }
        }
        Sources::Database(mut database) => {
            database.read(|kind, name, rows| reading.source(kind, name, rows))?;
        }
    }
    Ok((reading.audit, reading.profiles))
}

struct Reading<'s> {
    sender: &'s Sender<Batch>,
    audit: RapAudit,
    claims: IdClaims,
    batch: Batch,
    profiles: Vec<TableProfile>,
    bytes_before: u64,
}

impl Reading<'_> {
    /// Reads a table to its end.
    fn source(
        &mut self,
        kind: TableKind,
        name: &str,
        rows: &mut Counted<'_>,
    ) -> anyhow::Result<()> {
        let bytes = rows.bytes();
        let mut profile = TableProfile::new(name);
        self.batch.table = self.profiles.len();
        let reader = BufReader::with_capacity(1 << 16, rows);
        match kind {
            TableKind::Joined => {
                let rows = read_cells(reader)
                    .map_err(|fault| anyhow::anyhow!("line {}: {}", fault.line, fault.reason))?;
                self.table(kind, rows, &mut profile, &bytes)?;
            }
            _ => self.table(kind, read_objects(reader), &mut profile, &bytes)?,
        }
        if kind == TableKind::Versions {
            profile.counts.left_out_because = Some(VERSIONS_LEFT_OUT.to_owned());
        }
        self.bytes_before += bytes.get();
        self.flush()?;
        self.profiles.push(profile);
        Ok(())
    }

    fn table(
        &mut self,
        kind: TableKind,
        rows: impl Iterator<Item = Row>,
        profile: &mut TableProfile,
        bytes: &Cell<u64>,
    ) -> anyhow::Result<()> {
        for row in rows {
            self.batch.bytes_read = self.bytes_before + bytes.get();
            match row {
                Ok((line, row)) => {
                    profile.row(&row);
                    self.row(kind, line, &row, profile);
                }
                Err(fault) => profile.broken(fault.line, fault.reason),
            }
            let rows = self.batch.tracks.len().max(self.batch.statements.len() / 4);
            if rows >= BATCH_ROWS || self.batch.bytes >= BATCH_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn row(
        &mut self,
        kind: TableKind,
        line: u64,
        row: &Map<String, Value>,
        profile: &mut TableProfile,
    ) {
        let outcome = match kind {
            TableKind::Tracks => map_track(row).map(|track| {
                self.track(line, track, profile);
            }),
            TableKind::Joined => map_table_row(row).map(|(track, analysis)| {
                let row_id = track.row_id;
                if self.track(line, track, profile)
                    && let Some(statement) = analysis
                {
                    self.analysis(line, row_id, &statement, profile);
                }
            }),
            TableKind::Analyses | TableKind::Features => {
                let mapped = match kind {
                    TableKind::Features => map_features(row),
                    _ => map_analysis(row),
                };
                mapped.map(|mapped| {
                    for warning in mapped.warnings {
                        profile.damaged(line, warning);
                    }
                    if self.analysis(line, mapped.track_row_id, &mapped.statement, profile) {
                        profile.counts.rows_out += 1;
                    }
                })
            }
            TableKind::Versions => Ok(()),
        };
        if let Err(reason) = outcome {
            profile.reject(line, reason);
        }
    }

    /// Takes a track; says whether it is the first with its id.
    fn track(&mut self, line: u64, mut track: MappedTrack, profile: &mut TableProfile) -> bool {
        if !self.audit.track(&track) {
            profile.counts.duplicate_rows += 1;
            return false;
        }
        profile.counts.rows_out += 1;
        for warning in std::mem::take(&mut track.warnings) {
            profile.damaged(line, warning);
        }
        let row_id = track.row_id;
        let claimed = self.claims.claim(&track);
        for (name, id) in track.ids.iter().filter(|id| !claimed.contains(id)) {
            mark_shared(&mut track.details, name, id, &row_id.to_string());
        }
        let ids = claimed.into_iter().map(|(name, id)| (name.to_owned(), id));
        track.details.external_ids.extend(ids);
        let mut body = json!(track.details);
        let lyrics = track.lyrics.filter(|text| lyrics_of(text).is_some());
        if let (Some(fields), Some(lyrics)) = (body.as_object_mut(), lyrics) {
            self.batch.bytes += lyrics.len();
            fields.insert("lyrics".to_owned(), lyrics.into());
        }
        self.batch.bytes += 512;
        self.batch.tracks.push(TrackRequest { line, row_id, body });
        for statement in &track.statements {
            self.statement(line, row_id, statement);
        }
        for mapped in track.vectors {
            self.batch.bytes += mapped.vector.len() * 4;
            let vector = (mapped.space, row_id, mapped.vector);
            self.batch.vectors.push(vector);
        }
        true
    }

    /// Takes an analysis; says whether it is sent.
    fn analysis(
        &mut self,
        line: u64,
        row_id: i64,
        statement: &MappedStatement,
        profile: &mut TableProfile,
    ) -> bool {
        match self.audit.analysis(row_id, statement) {
            RowFate::Sent => {
                self.statement(line, row_id, statement);
                return true;
            }
            RowFate::Duplicate => profile.counts.duplicate_rows += 1,
            RowFate::Orphan => profile.counts.orphan_rows += 1,
        }
        false
    }

    fn statement(&mut self, line: u64, row_id: i64, statement: &MappedStatement) {
        let body = statement.body(&super::reference(row_id)).to_string();
        self.batch.bytes += body.len();
        self.batch.statements.push((row_id, line, body));
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let next = Batch {
            table: self.batch.table,
            bytes_read: self.batch.bytes_read,
            ..Batch::default()
        };
        let batch = std::mem::replace(&mut self.batch, next);
        let sent = self.sender.blocking_send(batch);
        sent.map_err(|_| anyhow::anyhow!("the import was given up"))
    }
}
