//! Embedding spaces and their neighbours.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::{TenantScope, TrackId};

use crate::error::Result;

/// The name of an embedding space: a model and its version. Two spaces are never compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VectorSpace(String);

/// How the names of spaces that are learned from a tenant's own lyrics begin; a number follows.
const LEARNED_LYRICS: &str = "leitmotif-lyrics-";
/// How the names of spaces of lyrics encoders begin; a hash of the encoder's files follows.
const LYRICS_ENCODER: &str = "leitmotif-encoder-";

impl VectorSpace {
    /// The space of a learning from lyrics; each has one of its own, since its axes are its own.
    pub fn of_learned_lyrics(number: u64) -> Self {
        Self(format!("{LEARNED_LYRICS}{number}"))
    }

    /// Which learning from lyrics the space is of.
    pub fn learned_lyrics_number(&self) -> Option<u64> {
        self.0.strip_prefix(LEARNED_LYRICS)?.parse().ok()
    }

    /// The space of a lyrics encoder: other files, another space.
    pub fn of_lyrics_encoder(files_hash: u64) -> Self {
        Self(format!("{LYRICS_ENCODER}{files_hash:016x}"))
    }

    /// Whether the vectors are those of a lyrics encoder.
    pub fn is_of_lyrics_encoder(&self) -> bool {
        self.0.starts_with(LYRICS_ENCODER)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names the spaces that are read unless another is asked for: all but those that a later learning
/// replaced, which stay while somebody has them by name.
pub async fn current_spaces(
    vectors: &dyn VectorStore,
    scope: &TenantScope,
) -> Result<Vec<(VectorSpace, u64)>> {
    let mut spaces = vectors.spaces(scope).await?;
    let numbers = spaces
        .iter()
        .map(|(space, _)| space.learned_lyrics_number());
    let newest = numbers.max().flatten();
    spaces.retain(|(space, _)| {
        let number = space.learned_lyrics_number();
        number.is_none() || number == newest
    });
    Ok(spaces)
}

impl FromStr for VectorSpace {
    type Err = InvalidValue;
    fn from_str(text: &str) -> std::result::Result<Self, InvalidValue> {
        let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(is_word) {
            let shown: String = text.chars().take(80).collect();
            let reason = format!("`{shown}` is not a name of 1..=64 characters a-z 0-9 -");
            return Err(InvalidValue::new("space", reason));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for VectorSpace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One neighbour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorMatch {
    /// The track.
    pub track: TrackId,
    /// Cosine distance, 0 (same direction) ..= 2.
    pub distance: f32,
}

/// Whether a vector points anywhere: what has no music or no words in it does not, and has no neighbours.
pub fn has_direction(vector: &[f32]) -> bool {
    vector
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .is_normal()
}

/// Which tracks may answer.
pub type VectorFilter = Arc<dyn Fn(TrackId) -> bool + Send + Sync>;

/// Which spaces are meant.
pub type SpaceFilter = Arc<dyn Fn(&VectorSpace) -> bool + Send + Sync>;

/// Vectors of a tenant's tracks, one index per space, cosine distance.
///
/// - A space takes its dimension from its first vector.
/// - Ordering: nearest first, ties by id.
#[async_trait]
pub trait VectorStore: Send + Sync {
    /// Writes vectors, all or none.
    ///
    /// - Errors: `Invalid` for a wrong dimension, a value that is not finite, or a vector that
    ///   [has no direction](has_direction).
    async fn upsert(
        &self,
        scope: &TenantScope,
        space: &VectorSpace,
        vectors: Vec<(TrackId, Vec<f32>)>,
    ) -> Result<()>;

    /// Removes a track from every space.
    async fn remove(&self, scope: &TenantScope, track: TrackId) -> Result<()>;

    /// Removes a track from the spaces that pass; not an error when it is in none of them.
    async fn remove_from(
        &self,
        scope: &TenantScope,
        track: TrackId,
        spaces: SpaceFilter,
    ) -> Result<()>;

    /// Removes a space with all its vectors; not an error when there is none. Its name is free again.
    async fn remove_space(&self, scope: &TenantScope, space: &VectorSpace) -> Result<()>;

    /// Reads one vector as it was written.
    async fn vector(
        &self,
        scope: &TenantScope,
        space: &VectorSpace,
        track: TrackId,
    ) -> Result<Option<Vec<f32>>>;

    /// Finds the `count` nearest tracks that pass the filter.
    ///
    /// - Errors: `Invalid` for a wrong dimension; an unknown space answers with nothing.
    async fn nearest(
        &self,
        scope: &TenantScope,
        space: &VectorSpace,
        query: &[f32],
        count: usize,
        filter: Option<VectorFilter>,
    ) -> Result<Vec<VectorMatch>>;

    /// Names the spaces with how many vectors each holds, by name.
    async fn spaces(&self, scope: &TenantScope) -> Result<Vec<(VectorSpace, u64)>>;
}
