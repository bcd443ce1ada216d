//! Bytes by name: audio, models, exports.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use async_trait::async_trait;
use bytes::Bytes;
use leitmotif_domain::TenantScope;
use leitmotif_domain::error::InvalidValue;

use crate::error::Result;

/// The name of a blob: words joined by `/`, nothing that could leave the tenant's place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey(String);

impl BlobKey {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BlobKey {
    type Err = InvalidValue;
    fn from_str(text: &str) -> std::result::Result<Self, InvalidValue> {
        let is_char = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.';
        let is_word =
            |word: &str| !word.is_empty() && !word.starts_with('.') && word.bytes().all(is_char);
        if text.len() > 200 || !text.split('/').all(is_word) {
            let shown: String = text.chars().take(80).collect();
            return Err(InvalidValue::new(
                "blob",
                format!("`{shown}` is not a blob name"),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is known of a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobStat {
    /// Bytes.
    pub size_bytes: u64,
}

/// The blobs of a tenant.
///
/// - A finished blob is never half visible: it appears whole, replacing a former one.
/// - Uploads survive a restart and go on at the length they reached.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Writes a whole blob.
    ///
    /// - Errors: `Conflict` when one of `a` and `a/b` is written beside the other.
    async fn put(&self, scope: &TenantScope, key: &BlobKey, bytes: Bytes) -> Result<()>;

    /// Reads part of a blob; the range is cut to its length.
    ///
    /// - Errors: `NotFound`.
    async fn read(&self, scope: &TenantScope, key: &BlobKey, range: Range<u64>) -> Result<Bytes>;

    /// Looks at a blob.
    async fn stat(&self, scope: &TenantScope, key: &BlobKey) -> Result<Option<BlobStat>>;

    /// Removes a blob; says whether it was there.
    async fn delete(&self, scope: &TenantScope, key: &BlobKey) -> Result<bool>;

    /// Length an unfinished upload has reached, 0 when there is none.
    async fn upload_len(&self, scope: &TenantScope, upload: &BlobKey) -> Result<u64>;

    /// Appends to an upload at the length it has reached; a new upload starts at 0.
    ///
    /// - Errors: `Conflict` when `at` is not that length.
    async fn upload_append(
        &self,
        scope: &TenantScope,
        upload: &BlobKey,
        at: u64,
        bytes: Bytes,
    ) -> Result<()>;

    /// Makes an upload the blob `key`, durable.
    ///
    /// - Errors: `NotFound` when nothing was uploaded.
    async fn upload_finish(
        &self,
        scope: &TenantScope,
        upload: &BlobKey,
        key: &BlobKey,
    ) -> Result<()>;

    /// Gives an upload up; not an error when there is none.
    async fn upload_abort(&self, scope: &TenantScope, upload: &BlobKey) -> Result<()>;

    /// A path on this machine where the bytes of an unfinished upload can be read by a child process, as far as
    /// they have arrived; `None` where there is no upload, or the backend keeps it elsewhere.
    async fn upload_path(
        &self,
        scope: &TenantScope,
        upload: &BlobKey,
    ) -> Result<Option<std::path::PathBuf>>;

    /// A path on this machine where the blob's bytes can be read by a child process, if the backend
    /// keeps it as a file. A remote backend answers `None` and the caller copies the blob first.
    async fn local_path(
        &self,
        scope: &TenantScope,
        key: &BlobKey,
    ) -> Result<Option<std::path::PathBuf>>;
}
