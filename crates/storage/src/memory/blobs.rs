//! Blobs as byte strings.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use leitmotif_domain::TenantScope;

use super::MemoryStorage;
use crate::error::{Error, Result};
use crate::ports::{BlobKey, BlobStat, BlobStore};

/// The blobs of one tenant.
#[derive(Default)]
pub struct Blobs {
    kept: BTreeMap<BlobKey, Bytes>,
    uploads: BTreeMap<BlobKey, Vec<u8>>,
}

impl Blobs {
    fn keep(&mut self, key: BlobKey, bytes: Bytes) -> Result<()> {
        check_place(&self.kept, &key)?;
        self.kept.insert(key, bytes);
        Ok(())
    }
}

/// Refuses what a backend of files cannot keep: a name that is the folder of another.
fn check_place<T>(stored: &BTreeMap<BlobKey, T>, key: &BlobKey) -> Result<()> {
    let is_below = |upper: &str, lower: &str| {
        let rest = lower.strip_prefix(upper);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let clashes = |other: &BlobKey| {
        is_below(other.as_str(), key.as_str()) || is_below(key.as_str(), other.as_str())
    };
    if stored.keys().any(clashes) {
        let reason = "one blob name would be the folder of another".to_owned();
        return Err(Error::Conflict { reason });
    }
    Ok(())
}

#[async_trait]
impl BlobStore for MemoryStorage {
    async fn put(&self, scope: &TenantScope, key: &BlobKey, bytes: Bytes) -> Result<()> {
        self.with(scope, |state| state.blobs.keep(key.clone(), bytes))
    }

    async fn read(&self, scope: &TenantScope, key: &BlobKey, range: Range<u64>) -> Result<Bytes> {
        self.with(scope, |state| {
            let found = state.blobs.kept.get(key);
            let bytes = found.ok_or_else(|| Error::not_found("blob", key))?;
            let size = bytes.len() as u64;
            let start = range.start.min(size);
            let end = range.end.min(size).max(start);
            // Both lie within the length of a slice in memory.
            Ok(bytes.slice(start as usize..end as usize))
        })
    }

    async fn stat(&self, scope: &TenantScope, key: &BlobKey) -> Result<Option<BlobStat>> {
        self.with(scope, |state| {
            let found = state.blobs.kept.get(key);
            Ok(found.map(|bytes| BlobStat {
                size_bytes: bytes.len() as u64,
            }))
        })
    }

    async fn delete(&self, scope: &TenantScope, key: &BlobKey) -> Result<bool> {
        self.with(scope, |state| Ok(state.blobs.kept.remove(key).is_some()))
    }

    async fn upload_len(&self, scope: &TenantScope, upload: &BlobKey) -> Result<u64> {
        self.with(scope, |state| {
            let reached = state.blobs.uploads.get(upload).map(Vec::len);
            Ok(reached.unwrap_or_default() as u64)
        })
    }

    async fn upload_append(
        &self,
        scope: &TenantScope,
        upload: &BlobKey,
        at: u64,
        bytes: Bytes,
    ) -> Result<()> {
        self.with(scope, |state| {
            let uploads = &mut state.blobs.uploads;
            let reached = uploads.get(upload).map(Vec::len).unwrap_or_default() as u64;
            if reached != at {
                let reason = format!("the upload has reached byte {reached}, not {at}");
                return Err(Error::Conflict { reason });
            }
            check_place(uploads, upload)?;
            let written = uploads.entry(upload.clone()).or_default();
            written.extend_from_slice(&bytes);
            Ok(())
        })
    }

    async fn upload_finish(
        &self,
        scope: &TenantScope,
        upload: &BlobKey,
        key: &BlobKey,
    ) -> Result<()> {
        self.with(scope, |state| {
            let found = state.blobs.uploads.get(upload);
            let written = found.ok_or_else(|| Error::not_found("blob", upload))?;
            let bytes = Bytes::copy_from_slice(written);
            state.blobs.keep(key.clone(), bytes)?;
            state.blobs.uploads.remove(upload);
            Ok(())
        })
    }

    async fn upload_abort(&self, scope: &TenantScope, upload: &BlobKey) -> Result<()> {
        self.with(scope, |state| {
            state.blobs.uploads.remove(upload);
            Ok(())
        })
    }

    async fn upload_path(&self, scope: &TenantScope, _upload: &BlobKey) -> Result<Option<PathBuf>> {
        self.with(scope, |_| Ok(None))
    }

    async fn local_path(&self, scope: &TenantScope, _key: &BlobKey) -> Result<Option<PathBuf>> {
        self.with(scope, |_| Ok(None))
    }
}
