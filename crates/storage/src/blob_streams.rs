//! Blobs too large for memory as streams, for threads that may wait.
//!
//! Both wait for the store on the calling thread, which therefore must not be one that runs async work:
//! use `tokio::task::spawn_blocking`.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use leitmotif_domain::TenantScope;
use tokio::runtime::Handle;

use crate::error::{Error, Result};
use crate::ports::{BlobKey, BlobStore};

/// Bytes that are asked of the store, and given to it, at once.
const CHUNK_BYTES: usize = 4 << 20;

/// A blob that is read from its beginning, a chunk in memory at a time.
pub struct BlobReader {
    blobs: Arc<dyn BlobStore>,
    scope: TenantScope,
    key: BlobKey,
    runtime: Handle,
    at: u64,
    size_bytes: u64,
    chunk: Bytes,
}

impl BlobReader {
    /// Opens a blob.
    ///
    /// - Errors: `NotFound`.
    pub fn open(
        blobs: Arc<dyn BlobStore>,
        scope: &TenantScope,
        key: BlobKey,
        runtime: Handle,
    ) -> Result<Self> {
        let stat = runtime.block_on(blobs.stat(scope, &key))?;
        let stat = stat.ok_or_else(|| Error::not_found("blob", &key))?;
        Ok(Self {
            blobs,
            scope: scope.clone(),
            key,
            runtime,
            at: 0,
            size_bytes: stat.size_bytes,
            chunk: Bytes::new(),
        })
    }

    /// Its length.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl Read for BlobReader {
    /// - Errors: those of the store lie within the error of the stream; see [`stream_error`].
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() && self.at < self.size_bytes {
            let range = self.at..self.at + CHUNK_BYTES as u64;
            let read = self.blobs.read(&self.scope, &self.key, range);
            self.chunk = self.runtime.block_on(read).map_err(io::Error::other)?;
            self.at += self.chunk.len() as u64;
        }
        let count = self.chunk.len().min(out.len());
        self.chunk.copy_to_slice(&mut out[..count]);
        Ok(count)
    }
}

/// A blob that is written from its beginning, a chunk in memory at a time. It is not there before
/// [`BlobWriter::finish`]; one that is never finished is begun anew by the next writer of that blob.
pub struct BlobWriter {
    blobs: Arc<dyn BlobStore>,
    scope: TenantScope,
    key: BlobKey,
    runtime: Handle,
    at: u64,
    chunk: Vec<u8>,
}

impl BlobWriter {
    /// Begins a blob.
    pub fn begin(
        blobs: Arc<dyn BlobStore>,
        scope: &TenantScope,
        key: BlobKey,
        runtime: Handle,
    ) -> Result<Self> {
        runtime.block_on(blobs.upload_abort(scope, &key))?;
        Ok(Self {
            blobs,
            scope: scope.clone(),
            key,
            runtime,
            at: 0,
            chunk: Vec::with_capacity(CHUNK_BYTES),
        })
    }

    /// Makes what was written the blob, durable and in the place of a former one.
    pub fn finish(mut self) -> Result<()> {
        self.send()?;
        let finish = self.blobs.upload_finish(&self.scope, &self.key, &self.key);
        self.runtime.block_on(finish)
    }

    fn send(&mut self) -> Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        let (at, bytes) = (self.at, chunk.len() as u64);
        let append = self
            .blobs
            .upload_append(&self.scope, &self.key, at, chunk.into());
        self.runtime.block_on(append)?;
        self.at += bytes;
        Ok(())
    }
}

impl Write for BlobWriter {
    /// - Errors: those of the store lie within the error of the stream; see [`stream_error`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..count]);
        if self.chunk.len() == CHUNK_BYTES {
            self.send().map_err(io::Error::other)?;
        }
        Ok(count)
    }

    /// Does nothing: a blob is durable once it is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error of the store within the error of a stream; the error itself where it is the stream's own,
/// such as an end that came too early.
pub fn stream_error(error: io::Error) -> std::result::Result<Error, io::Error> {
    error.downcast::<Error>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::World;
    use crate::memory::MemoryStorage;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_blob_of_several_chunks_comes_back() {
        let store = Arc::new(MemoryStorage::new(World::clock(), World::entropy()));
        let mut world = World::of(&store, World::clock(), Box::new(()));
        world.prepare().await;
        let (scope, runtime) = (world.first(), Handle::current());
        let work = move || {
            let key: BlobKey = "models/large".parse().unwrap();
            let blobs: Arc<dyn BlobStore> = store;
            let begin = || BlobWriter::begin(blobs.clone(), &scope, key.clone(), runtime.clone());
            let open = || BlobReader::open(blobs.clone(), &scope, key.clone(), runtime.clone());
            assert!(matches!(open(), Err(Error::NotFound { .. })));
            for count in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 5] {
                // Somebody who died in the middle.
                let mut dead = begin().unwrap();
                dead.write_all(&vec![9; CHUNK_BYTES]).unwrap();
                let bytes: Vec<u8> = (0..count).map(|at| (at % 251) as u8).collect();
                let mut writer = begin().unwrap();
                bytes
                    .chunks(1_000_003)
                    .try_for_each(|part| writer.write_all(part))
                    .unwrap();
                writer.finish().unwrap();
                let mut reader = open().unwrap();
                assert_eq!(reader.size_bytes(), count as u64);
                let mut read = Vec::new();
                reader.read_to_end(&mut read).unwrap();
                assert!(read == bytes, "{count}");
            }
            let mut reader = open().unwrap();
            runtime.block_on(blobs.delete(&scope, &key)).unwrap();
            let lost = reader.read(&mut [0]).unwrap_err();
            assert!(matches!(stream_error(lost), Ok(Error::NotFound { .. })));
        };
        tokio::task::spawn_blocking(work).await.unwrap();
    }
}
