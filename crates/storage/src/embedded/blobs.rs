//! Blobs as files: written beside, synced, renamed into place.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use leitmotif_domain::TenantScope;

use super::{EmbeddedStorage, blocking};
use crate::error::{Error, Result};
use crate::ports::{BlobKey, BlobStat, BlobStore};

/// Where blobs lie until they are whole; each under a name of its own, so that two writers of one
/// blob do not mix.
const HALF_WRITTEN: &str = "writing";

#[async_trait]
impl BlobStore for EmbeddedStorage {
    async fn put(&self, scope: &TenantScope, key: &BlobKey, bytes: Bytes) -> Result<()> {
        let target = self.blob_path(scope, key)?;
        let half_written = self.half_written_path(scope)?;
        blocking(move || {
            make_parent(&half_written)?;
            make_parent(&target)?;
            let written =
                write_synced(&half_written, &bytes).and_then(|()| publish(&half_written, &target));
            if written.is_err() {
                // The half-written file would only take room on a disk that may be full.
                let _ = fs::remove_file(&half_written);
            }
            written
        })
        .await
    }

    async fn read(&self, scope: &TenantScope, key: &BlobKey, range: Range<u64>) -> Result<Bytes> {
        let (path, key) = (self.blob_path(scope, key)?, key.clone());
        blocking(move || {
            let mut file = File::open(&path).map_err(|error| missing(error, &key))?;
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(Error::not_found("blob", &key));
            }
            let size = metadata.len();
            let start = range.start.min(size);
            let wanted = range.end.min(size).saturating_sub(start);
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::with_capacity(usize::try_from(wanted).map_err(Error::bug)?);
            file.take(wanted).read_to_end(&mut bytes)?;
            Ok(Bytes::from(bytes))
        })
        .await
    }

    async fn stat(&self, scope: &TenantScope, key: &BlobKey) -> Result<Option<BlobStat>> {
        let path = self.blob_path(scope, key)?;
        blocking(move || {
            let size = file_len(&path)?;
            Ok(size.map(|size_bytes| BlobStat { size_bytes }))
        })
        .await
    }

    async fn delete(&self, scope: &TenantScope, key: &BlobKey) -> Result<bool> {
        let path = self.blob_path(scope, key)?;
        blocking(move || remove(&path)).await
    }

    async fn upload_len(&self, scope: &TenantScope, upload: &BlobKey) -> Result<u64> {
        let path = self.unfinished_path(scope, upload)?;
        blocking(move || Ok(file_len(&path)?.unwrap_or(0))).await
    }

    async fn upload_append(
        &self,
        scope: &TenantScope,
        upload: &BlobKey,
        at: u64,
        bytes: Bytes,
    ) -> Result<()> {
        let path = self.unfinished_path(scope, upload)?;
        blocking(move || {
            make_parent(&path)?;
            let mut options = OpenOptions::new();
            let opened = options.create(at == 0).append(true).open(&path);
            let mut file = match opened {
                Err(error) if is_missing(&error) => return Err(other_length(0, at)),
                other => other.map_err(taken)?,
            };
            // Of two senders at the same length one must see what the other wrote.
            file.lock()?;
            let reached = file.metadata()?.len();
            if reached != at {
                return Err(other_length(reached, at));
            }
            let written = file.write_all(&bytes);
            if written.is_err() {
                // Back to the length the caller knows, so that the upload can be resumed.
                file.set_len(at)?;
            }
            Ok(written?)
        })
        .await
    }

    async fn upload_finish(
        &self,
        scope: &TenantScope,
        upload: &BlobKey,
        key: &BlobKey,
    ) -> Result<()> {
        let from = self.unfinished_path(scope, upload)?;
        let target = self.blob_path(scope, key)?;
        let upload = upload.clone();
        blocking(move || {
            let file = File::open(&from).map_err(|error| missing(error, &upload))?;
            file.sync_all()?;
            make_parent(&target)?;
            publish(&from, &target)
        })
        .await
    }

    async fn upload_abort(&self, scope: &TenantScope, upload: &BlobKey) -> Result<()> {
        let path = self.unfinished_path(scope, upload)?;
        blocking(move || remove(&path).map(drop)).await
    }

    async fn upload_path(&self, scope: &TenantScope, upload: &BlobKey) -> Result<Option<PathBuf>> {
        let path = self.unfinished_path(scope, upload)?;
        blocking(move || Ok(file_len(&path)?.map(|_| path))).await
    }

    async fn local_path(&self, scope: &TenantScope, key: &BlobKey) -> Result<Option<PathBuf>> {
        self.blob_path(scope, key).map(Some)
    }
}

impl EmbeddedStorage {
    fn blob_path(&self, scope: &TenantScope, key: &BlobKey) -> Result<PathBuf> {
        Ok(self.files(scope)?.blobs.join("kept").join(key.as_str()))
    }

    fn half_written_path(&self, scope: &TenantScope) -> Result<PathBuf> {
        let name = format!("{:032x}", self.entropy.next_u128());
        Ok(self.files(scope)?.blobs.join(HALF_WRITTEN).join(name))
    }

    fn unfinished_path(&self, scope: &TenantScope, upload: &BlobKey) -> Result<PathBuf> {
        Ok(self
            .files(scope)?
            .blobs
            .join("uploads")
            .join(upload.as_str()))
    }
}

/// Removes what a dead process had begun to write.
pub fn forget_half_written(blobs: &Path) -> Result<()> {
    match fs::remove_dir_all(blobs.join(HALF_WRITTEN)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Makes the folder of a file, and makes new folders durable in theirs.
fn make_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    if parent.is_dir() {
        return Ok(());
    }
    let above = parent.ancestors().skip(1);
    let is_missing = |folder: &&Path| !folder.is_dir();
    let mut changed: Vec<PathBuf> = above
        .clone()
        .take_while(is_missing)
        .map(Path::to_owned)
        .collect();
    changed.extend(above.skip(changed.len()).take(1).map(Path::to_owned));
    fs::create_dir_all(parent).map_err(taken)?;
    changed.iter().try_for_each(|folder| sync_folder(folder))
}

fn sync_folder(folder: &Path) -> Result<()> {
    Ok(File::open(folder)?.sync_all()?)
}

/// A file cannot lie below another file, nor take the place of a folder.
fn taken(error: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    match error.kind() {
        Io::NotADirectory | Io::IsADirectory | Io::AlreadyExists | Io::DirectoryNotEmpty => {
            let reason = "one blob name would be the folder of another".to_owned();
            Error::Conflict { reason }
        }
        _ => error.into(),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}

/// Renames into place and makes the rename itself durable.
fn publish(from: &Path, target: &Path) -> Result<()> {
    fs::rename(from, target).map_err(taken)?;
    target.parent().map_or(Ok(()), sync_folder)
}

fn file_len(path: &Path) -> Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn remove(path: &Path) -> Result<bool> {
    if file_len(path)?.is_none() {
        return Ok(false);
    }
    match fs::remove_file(path) {
        Ok(()) => {
            path.parent().map_or(Ok(()), sync_folder)?;
            Ok(true)
        }
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Io;
    matches!(error.kind(), Io::NotFound | Io::NotADirectory)
}

fn other_length(reached: u64, at: u64) -> Error {
    let reason = format!("the upload has reached byte {reached}, not {at}");
    Error::Conflict { reason }
}

fn missing(error: std::io::Error, key: &BlobKey) -> Error {
    if is_missing(&error) {
        return Error::not_found("blob", key);
    }
    error.into()
}
