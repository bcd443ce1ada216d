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

#[async_trait]
impl BlobStore for EmbeddedStorage {
    async fn put(&self, scope: &TenantScope, key: &BlobKey, bytes: Bytes) -> Result<()> {
        let target = self.blob_path(scope, key)?;
        blocking(move || {
            let beside = beside(&target);
            make_parent(&target)?;
            let written = write_synced(&beside, &bytes).and_then(|()| publish(&beside, &target));
            if written.is_err() {
                // The half-written file would only take room on a disk that may be full.
                let _ = fs::remove_file(&beside);
            }
            written
        })
        .await
    }

    async fn read(&self, scope: &TenantScope, key: &BlobKey, range: Range<u64>) -> Result<Bytes> {
        let (path, key) = (self.blob_path(scope, key)?, key.clone());
        blocking(move || {
            let mut file = File::open(&path).map_err(|error| missing(error, &key))?;
            let size = file.metadata()?.len();
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
        let path = self.upload_path(scope, upload)?;
        blocking(move || Ok(file_len(&path)?.unwrap_or(0))).await
    }

    async fn upload_append(
        &self,
        scope: &TenantScope,
        upload: &BlobKey,
        at: u64,
        bytes: Bytes,
    ) -> Result<()> {
        let path = self.upload_path(scope, upload)?;
        blocking(move || {
            make_parent(&path)?;
            let reached = file_len(&path)?.unwrap_or(0);
            if reached != at {
                let reason = format!("the upload has reached byte {reached}, not {at}");
                return Err(Error::Conflict { reason });
            }
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
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
        let from = self.upload_path(scope, upload)?;
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
        let path = self.upload_path(scope, upload)?;
        blocking(move || remove(&path).map(drop)).await
    }

    async fn local_path(&self, scope: &TenantScope, key: &BlobKey) -> Result<Option<PathBuf>> {
        self.blob_path(scope, key).map(Some)
    }
}

impl EmbeddedStorage {
    fn blob_path(&self, scope: &TenantScope, key: &BlobKey) -> Result<PathBuf> {
        Ok(self.files(scope)?.blobs.join("kept").join(key.as_str()))
    }

    fn upload_path(&self, scope: &TenantScope, upload: &BlobKey) -> Result<PathBuf> {
        Ok(self
            .files(scope)?
            .blobs
            .join("uploads")
            .join(upload.as_str()))
    }
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".writing");
    PathBuf::from(name)
}

fn make_parent(path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}

/// Renames into place and makes the rename itself durable.
fn publish(from: &Path, target: &Path) -> Result<()> {
    fs::rename(from, target)?;
    if let Some(parent) = target.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

fn file_len(path: &Path) -> Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn missing(error: std::io::Error, key: &BlobKey) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Error::not_found("blob", key);
    }
    error.into()
}
