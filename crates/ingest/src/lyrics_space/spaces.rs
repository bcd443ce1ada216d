//! The learned spaces of a process, as they are in use.

use std::collections::HashMap;
use std::sync::Arc;

use leitmotif_analysis::lyrics::lyrics_words;
use leitmotif_domain::{ErrorKind, TenantId, TenantScope, TrackId};
use leitmotif_storage::ports::{BlobKey, VectorSpace};
use parking_lot::Mutex;

use super::document::LearnedLyrics;
use crate::catalogue::Catalogue;
use crate::error::Result;
use crate::lyrics_encoder::{self, LyricsEncoder};

/// Where the document lies. There is one: it replaces the former as a whole, and with it the space that
/// later songs go to.
const DOCUMENT: &str = "lyrics/space";
/// Tenants whose embedding is kept in memory, 17 MB each at most; beyond it all are read again.
const KEPT_MAX: usize = 8;

/// Reads and keeps the learned spaces; one for a process, which holds its data folder alone.
pub struct LyricsSpaces {
    pub(crate) catalogue: Arc<Catalogue>,
    encoder: Option<Arc<dyn LyricsEncoder>>,
    kept: Mutex<HashMap<TenantId, Option<Arc<LearnedLyrics>>>>,
}

impl LyricsSpaces {
    /// Starts with none read; `encoder` is what the operator brings.
    pub fn new(catalogue: Arc<Catalogue>, encoder: Option<Arc<dyn LyricsEncoder>>) -> Self {
        Self {
            catalogue,
            encoder,
            kept: Mutex::default(),
        }
    }

    /// The encoder, which is the same for all tenants.
    pub fn encoder(&self) -> Option<&Arc<dyn LyricsEncoder>> {
        self.encoder.as_ref()
    }

    /// The one in use; `None` before the first learning.
    ///
    /// - Errors: `Corrupt` for a damaged document.
    pub async fn current(&self, scope: &TenantScope) -> Result<Option<Arc<LearnedLyrics>>> {
        if let Some(known) = self.kept.lock().get(&scope.tenant()) {
            return Ok(known.clone());
        }
        let key: BlobKey = DOCUMENT.parse()?;
        let blobs = &self.catalogue.blobs;
        let found = match blobs.read(scope, &key, 0..u64::MAX).await {
            Ok(bytes) => {
                let read = off_thread(move || LearnedLyrics::from_bytes(&bytes)).await?;
                Some(Arc::new(read?))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        self.keep(scope, found.clone());
        Ok(found)
    }

    /// Embeds a text by what was learned and by the encoder, each where it has a place for it. Neither costs
    /// an analysis when it fails.
    pub async fn embed_all(
        &self,
        scope: &TenantScope,
        text: &str,
    ) -> Result<Vec<(VectorSpace, Vec<f32>)>> {
        let learned = self.embed(scope, text).await?;
        let encoded = self.encode(text).await?;
        Ok(learned.into_iter().chain(encoded).collect())
    }

    /// Takes a track out of the spaces of encoders that did not embed its words as they are now.
    pub async fn leave_encoders_but(
        &self,
        scope: &TenantScope,
        track: TrackId,
        written: &[VectorSpace],
    ) -> Result<()> {
        let written = written.to_vec();
        let is_meant =
            move |space: &VectorSpace| space.is_of_lyrics_encoder() && !written.contains(space);
        let vectors = &self.catalogue.vectors;
        Ok(vectors
            .remove_from(scope, track, Arc::new(is_meant))
            .await?)
    }

    async fn encode(&self, text: &str) -> Result<Option<(VectorSpace, Vec<f32>)>> {
        let Some(encoder) = self.encoder.clone() else {
            return Ok(None);
        };
        let space = encoder.space().clone();
        let text = text.to_owned();
        match off_thread(move || lyrics_encoder::vector_of(encoder.as_ref(), &text)).await? {
            Ok(vector) => Ok(vector.map(|vector| (space, vector))),
            Err(error) => {
                tracing::error!(%error, "a song is not embedded by the encoder");
                Ok(None)
            }
        }
    }

    /// Embeds a text by the space in use; `None` without one, and for a text that has no word of it. A
    /// damaged space costs its vectors and no analysis.
    pub async fn embed(
        &self,
        scope: &TenantScope,
        text: &str,
    ) -> Result<Option<(VectorSpace, Vec<f32>)>> {
        let learned = match self.current(scope).await {
            Ok(Some(learned)) => learned,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                tracing::error!(%error, "the learned lyrics space does not load");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let text = text.to_owned();
        let work = move || vector_of(&learned, &text).map(|vector| (learned.space(), vector));
        off_thread(work).await
    }

    /// Forgets a tenant that was removed.
    pub fn forget(&self, tenant: TenantId) {
        self.kept.lock().remove(&tenant);
    }

    /// Puts a learned space into use, at once for whoever embeds after this.
    pub(super) async fn switch(
        &self,
        scope: &TenantScope,
        learned: &Arc<LearnedLyrics>,
    ) -> Result<()> {
        let writing = Arc::clone(learned);
        let bytes = off_thread(move || writing.to_bytes()).await??;
        let key: BlobKey = DOCUMENT.parse()?;
        self.catalogue.blobs.put(scope, &key, bytes.into()).await?;
        self.keep(scope, Some(Arc::clone(learned)));
        Ok(())
    }

    /// Removes the spaces of former learnings that are not `read` any more; says which.
    pub async fn drop_former(
        &self,
        scope: &TenantScope,
        read: &[VectorSpace],
    ) -> Result<Vec<VectorSpace>> {
        let vectors = &self.catalogue.vectors;
        let newest = self.newest_number(scope).await?;
        let mut dropped = Vec::new();
        for (space, _) in vectors.spaces(scope).await? {
            let number = space.learned_lyrics_number();
            if number.is_some_and(|number| number < newest) && !read.contains(&space) {
                vectors.remove_space(scope, &space).await?;
                dropped.push(space);
            }
        }
        Ok(dropped)
    }

    /// The highest number of a learned space, 0 without one.
    pub(super) async fn newest_number(&self, scope: &TenantScope) -> Result<u64> {
        let spaces = self.catalogue.vectors.spaces(scope).await?;
        let numbers = spaces
            .iter()
            .filter_map(|(space, _)| space.learned_lyrics_number());
        Ok(numbers.max().unwrap_or(0))
    }

    fn keep(&self, scope: &TenantScope, found: Option<Arc<LearnedLyrics>>) {
        let mut kept = self.kept.lock();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(scope.tenant(), found);
    }
}

/// The vector of a text.
pub(super) fn vector_of(learned: &LearnedLyrics, text: &str) -> Option<Vec<f32>> {
    let words = lyrics_words(text);
    learned.embedding.embed(words.iter().map(String::as_str))
}

pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| leitmotif_storage::Error::bug(error).into())
}
