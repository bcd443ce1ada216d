//! Vector indexes as projections of the `vectors` table: SQLite keeps the truth, the index in memory
//! follows it by sequence, and a snapshot saves the work of building it anew.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_vectors::Index;
use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OptionalExtension, params};

use super::pool::Database;
use super::{EmbeddedStorage, blocking};
use crate::arguments::{check_dimension, check_vector};
use crate::error::Result;
use crate::neighbours;
use crate::ports::{SpaceFilter, VectorFilter, VectorMatch, VectorSpace, VectorStore};

/// Changes a space gathers before its snapshot is written again; building 20,000 vectors anew takes
/// about a second, which is what a start may cost.
const CHANGES_PER_SNAPSHOT: u64 = 20_000;

#[async_trait]
impl VectorStore for EmbeddedStorage {
    async fn upsert(
        &self,
        scope: &TenantScope,
        space: &VectorSpace,
        vectors: Vec<(TrackId, Vec<f32>)>,
    ) -> Result<()> {
        for (_, vector) in &vectors {
            check_vector(vector)?;
        }
        let files = self.files(scope)?;
        let name = space.clone();
        files
            .database
            .write(move |db| write_vectors(db, &name, &vectors))
            .await?;
        let space = space.clone();
        blocking(move || files.vectors.catch_up(&space).map(drop)).await
    }

    async fn remove(&self, scope: &TenantScope, track: TrackId) -> Result<()> {
        self.remove_from(scope, track, Arc::new(|_| true)).await
    }

    async fn remove_from(
        &self,
        scope: &TenantScope,
        track: TrackId,
        spaces: SpaceFilter,
    ) -> Result<()> {
        let files = self.files(scope)?;
        let held = move |db: &Connection| spaces_of(db, track);
        let mut left = files.database.read(held).await?;
        left.retain(|space| spaces(space));
        if left.is_empty() {
            // Most analyses ask for a track that is in none: no reason to wait for the writing thread.
            return Ok(());
        }
        let meant = left.clone();
        let delete = move |db: &Connection| remove_vectors(db, track, &meant);
        files.database.write(delete).await?;
        let follow = move || {
            left.iter()
                .try_for_each(|s| files.vectors.catch_up(s).map(drop))
        };
        blocking(follow).await
    }

    async fn remove_space(&self, scope: &TenantScope, space: &VectorSpace) -> Result<()> {
        let files = self.files(scope)?;
        // The snapshot goes first: one that outlived its rows would be taken for that of a later space
        // of the name. It goes again because whoever searched meanwhile may have written another.
        for is_last in [false, true] {
            let (indexes, name) = (Arc::clone(&files), space.clone());
            blocking(move || indexes.vectors.forget(&name)).await?;
            if !is_last {
                let name = space.clone();
                let delete = move |db: &Connection| {
                    let sql = "DELETE FROM vectors WHERE space = ?";
                    db.execute(sql, [name.as_str()])?;
                    Ok(())
                };
                files.database.write(delete).await?;
            }
        }
        Ok(())
    }

    async fn vector(
        &self,
        scope: &TenantScope,
        space: &VectorSpace,
        track: TrackId,
    ) -> Result<Option<Vec<f32>>> {
        let space = space.clone();
        let work = move |db: &Connection| {
            let found: Option<Option<Vec<u8>>> = db
                .prepare_cached("SELECT vector FROM vectors WHERE space = ? AND track = ?")?
                .query_row(params![space.as_str(), key_of(track)], |row| row.get(0))
                .optional()?;
            Ok(found.flatten().map(|bytes| floats_of(&bytes)))
        };
        self.files(scope)?.database.read(work).await
    }

    async fn nearest(
        &self,
        scope: &TenantScope,
        space: &VectorSpace,
        query: &[f32],
        count: usize,
        filter: Option<VectorFilter>,
    ) -> Result<Vec<VectorMatch>> {
        check_vector(query)?;
        let (files, space, query) = (self.files(scope)?, space.clone(), query.to_vec());
        blocking(move || {
            let Some(index) = files.vectors.open(&space)? else {
                return Ok(Vec::new());
            };
            let followed = index.read();
            neighbours::nearest(&followed.index, &query, count, filter)
        })
        .await
    }

    async fn spaces(&self, scope: &TenantScope) -> Result<Vec<(VectorSpace, u64)>> {
        let work = |db: &Connection| {
            let mut statement = db.prepare_cached(
                "SELECT space, count(vector) FROM vectors GROUP BY space
                 HAVING count(vector) > 0 ORDER BY space",
            )?;
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, i64>(1)?.unsigned_abs(),
                ))
            })?;
            rows.map(|row| {
                let (name, count) = row?;
                Ok((name.parse()?, count))
            })
            .collect()
        };
        self.files(scope)?.database.read(work).await
    }
}

/// The indexes of one tenant.
pub struct VectorIndexes {
    folder: PathBuf,
    database: Arc<Database>,
    open: Mutex<HashMap<VectorSpace, Arc<RwLock<Followed>>>>,
}

/// An index and how far it has followed the table.
struct Followed {
    index: Index,
    sequence: u64,
    saved: u64,
}

/// One row of the table: its sequence, its track, its vector unless removed.
type Change = (u64, u128, Option<Vec<f32>>);

impl VectorIndexes {
    /// Opens nothing yet; an index is loaded when it is first asked for.
    pub fn new(folder: PathBuf, database: Arc<Database>) -> Self {
        Self {
            folder,
            database,
            open: Mutex::new(HashMap::new()),
        }
    }

    /// Finds the index of a space, loading it from its snapshot and the rows since. `None` for a
    /// space that holds nothing.
    fn open(&self, space: &VectorSpace) -> Result<Option<Arc<RwLock<Followed>>>> {
        if let Some(index) = self.open.lock().get(space) {
            return Ok(Some(Arc::clone(index)));
        }
        self.catch_up(space)
    }

    /// Applies the rows the index has not seen. Whoever wrote rows calls this before answering, so
    /// a write is visible to the next search.
    fn catch_up(&self, space: &VectorSpace) -> Result<Option<Arc<RwLock<Followed>>>> {
        let known = self.open.lock().get(space).cloned();
        let shared = match known {
            Some(shared) => shared,
            None => {
                let Some(loaded) = self.load(space)? else {
                    return Ok(None);
                };
                let fresh = Arc::new(RwLock::new(loaded));
                Arc::clone(self.open.lock().entry(space.clone()).or_insert(fresh))
            }
        };
        let mut followed = shared.write();
        let changes = self.changes_since(space, followed.sequence)?;
        followed.apply(changes)?;
        if followed.sequence.saturating_sub(followed.saved) >= CHANGES_PER_SNAPSHOT {
            self.save(space, &mut followed)?;
        }
        drop(followed);
        Ok(Some(shared))
    }

    /// Closes an index and removes its snapshot.
    fn forget(&self, space: &VectorSpace) -> Result<()> {
        self.open.lock().remove(space);
        match std::fs::remove_file(self.snapshot(space)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes the snapshots of every open index.
    pub fn save_all(&self) -> Result<()> {
        let open: Vec<_> = self
            .open
            .lock()
            .iter()
            .map(|(space, index)| (space.clone(), index.clone()))
            .collect();
        for (space, index) in open {
            let mut followed = index.write();
            if followed.sequence != followed.saved {
                self.save(&space, &mut followed)?;
            }
        }
        Ok(())
    }

    fn load(&self, space: &VectorSpace) -> Result<Option<Followed>> {
        let (dimension, last) = self
            .database
            .read_now(|db| Ok((dimension_of(db, space)?, last_sequence(db, space)?)))?;
        // A damaged snapshot, or one of another life of the folder, costs time only: the table has
        // everything.
        if let Ok((index, sequence)) = Index::load(&self.snapshot(space))
            && sequence <= last.unsigned_abs()
        {
            return Ok(Some(Followed {
                index,
                sequence,
                saved: sequence,
            }));
        }
        let Some(dimension) = dimension else {
            return Ok(None);
        };
        let index = neighbours::empty_index(dimension)?;
        Ok(Some(Followed {
            index,
            sequence: 0,
            saved: 0,
        }))
    }

    fn changes_since(&self, space: &VectorSpace, sequence: u64) -> Result<Vec<Change>> {
        self.database.read_now(|db| {
            let mut statement = db.prepare_cached(
                "SELECT sequence, track, vector FROM vectors WHERE space = ? AND sequence > ?
                 ORDER BY sequence",
            )?;
            let after = i64::try_from(sequence).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![space.as_str(), after], |row| {
                let vector: Option<Vec<u8>> = row.get(2)?;
                Ok((
                    row.get::<_, i64>(0)?.unsigned_abs(),
                    u128::from_be_bytes(row.get(1)?),
                    vector.map(|bytes| floats_of(&bytes)),
                ))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn save(&self, space: &VectorSpace, followed: &mut Followed) -> Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        followed
            .index
            .save(&self.snapshot(space), followed.sequence)?;
        followed.saved = followed.sequence;
        Ok(())
    }

    fn snapshot(&self, space: &VectorSpace) -> PathBuf {
        self.folder.join(format!("{space}.vectors"))
    }
}

impl Followed {
    fn apply(&mut self, changes: Vec<Change>) -> Result<()> {
        for (sequence, track, vector) in changes {
            match vector {
                Some(vector) => {
                    // Only a space that was emptied takes another dimension, so nothing is lost.
                    if vector.len() != self.index.dimension() {
                        self.index = neighbours::empty_index(vector.len())?;
                    }
                    self.index.upsert(track, &vector)?;
                }
                None => {
                    self.index.remove(track);
                }
            }
            self.sequence = sequence;
        }
        Ok(())
    }
}

fn write_vectors(
    db: &Connection,
    space: &VectorSpace,
    vectors: &[(TrackId, Vec<f32>)],
) -> Result<()> {
    let mut dimension = dimension_of(db, space)?;
    let mut sequence = last_sequence(db, space)?;
    let mut write = db.prepare_cached(
        "INSERT INTO vectors (space, track, sequence, vector) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (space, track) DO UPDATE SET sequence = ?3, vector = ?4",
    )?;
    for (track, vector) in vectors {
        let expected = *dimension.get_or_insert(vector.len());
        check_dimension(space.as_str(), vector.len(), expected)?;
        sequence += 1;
        write.execute(params![
            space.as_str(),
            key_of(*track),
            sequence,
            bytes_of(vector)
        ])?;
    }
    Ok(())
}

/// The spaces that a track is in, or was in.
fn spaces_of(db: &Connection, track: TrackId) -> Result<Vec<VectorSpace>> {
    let mut find = db.prepare_cached("SELECT space FROM vectors WHERE track = ?")?;
    let names = find.query_map([key_of(track)], |row| row.get::<_, String>(0))?;
    names.map(|name| Ok(name?.parse()?)).collect()
}

/// Takes a track out of spaces.
fn remove_vectors(db: &Connection, track: TrackId, spaces: &[VectorSpace]) -> Result<()> {
    for space in spaces {
        let sequence = last_sequence(db, space)? + 1;
        db.execute(
            "UPDATE vectors SET vector = NULL, sequence = ? WHERE space = ? AND track = ?",
            params![sequence, space.as_str(), key_of(track)],
        )?;
    }
    Ok(())
}

fn last_sequence(db: &Connection, space: &VectorSpace) -> Result<i64> {
    let sql = "SELECT coalesce(max(sequence), 0) FROM vectors WHERE space = ?";
    Ok(db
        .prepare_cached(sql)?
        .query_row([space.as_str()], |row| row.get(0))?)
}

fn dimension_of(db: &Connection, space: &VectorSpace) -> Result<Option<usize>> {
    let sql = "SELECT length(vector) FROM vectors WHERE space = ? AND vector NOT NULL LIMIT 1";
    let bytes: Option<i64> = db
        .prepare_cached(sql)?
        .query_row([space.as_str()], |row| row.get(0))
        .optional()?;
    Ok(bytes.map(|bytes| bytes.unsigned_abs() as usize / size_of::<f32>()))
}

fn bytes_of(vector: &[f32]) -> Vec<u8> {
    vector
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn floats_of(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(size_of::<f32>())
        .map(|chunk| f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]))
        .collect()
}

fn key_of(track: TrackId) -> [u8; 16] {
    track.as_u128().to_be_bytes()
}
