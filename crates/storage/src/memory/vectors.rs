//! Vectors as they were written, beside an index per space.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_vectors::Index;

use super::MemoryStorage;
use crate::arguments::{check_dimension, check_vector};
use crate::error::Result;
use crate::neighbours;
use crate::ports::{SpaceFilter, VectorFilter, VectorMatch, VectorSpace, VectorStore};

/// The spaces of one tenant; a space that is emptied is gone.
pub type Spaces = BTreeMap<VectorSpace, Space>;

/// One space.
pub struct Space {
    index: Index,
    written: BTreeMap<TrackId, Vec<f32>>,
}

#[async_trait]
impl VectorStore for MemoryStorage {
    async fn upsert(
        &self,
        scope: &TenantScope,
        space: &VectorSpace,
        vectors: Vec<(TrackId, Vec<f32>)>,
    ) -> Result<()> {
        for (_, vector) in &vectors {
            check_vector(vector)?;
        }
        self.with(scope, |state| {
            let Some((_, first)) = vectors.first() else {
                return Ok(());
            };
            let stored = state.spaces.get(space);
            let expected = stored.map_or(first.len(), |stored| stored.index.dimension());
            for (_, vector) in &vectors {
                check_dimension(space.as_str(), vector.len(), expected)?;
            }
            if stored.is_none() {
                let fresh = Space {
                    index: neighbours::empty_index(expected)?,
                    written: BTreeMap::new(),
                };
                state.spaces.insert(space.clone(), fresh);
            }
            if let Some(stored) = state.spaces.get_mut(space) {
                for (track, vector) in vectors {
                    stored.index.upsert(track.as_u128(), &vector)?;
                    stored.written.insert(track, vector);
                }
            }
            Ok(())
        })
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
        self.with(scope, |state| {
            let held = state.spaces.iter_mut();
            for (_, space) in held.filter(|(name, _)| spaces(name)) {
                space.index.remove(track.as_u128());
                space.written.remove(&track);
            }
            state.spaces.retain(|_, space| !space.written.is_empty());
            Ok(())
        })
    }

    async fn remove_space(&self, scope: &TenantScope, space: &VectorSpace) -> Result<()> {
        self.with(scope, |state| {
            state.spaces.remove(space);
            Ok(())
        })
    }

    async fn vector(
        &self,
        scope: &TenantScope,
        space: &VectorSpace,
        track: TrackId,
    ) -> Result<Option<Vec<f32>>> {
        self.with(scope, |state| {
            let stored = state.spaces.get(space);
            Ok(stored.and_then(|stored| stored.written.get(&track).cloned()))
        })
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
        self.with(scope, |state| match state.spaces.get(space) {
            Some(stored) => neighbours::nearest(&stored.index, query, count, filter),
            None => Ok(Vec::new()),
        })
    }

    async fn spaces(&self, scope: &TenantScope) -> Result<Vec<(VectorSpace, u64)>> {
        self.with(scope, |state| {
            let count =
                |(name, space): (&VectorSpace, &Space)| (name.clone(), space.written.len() as u64);
            Ok(state.spaces.iter().map(count).collect())
        })
    }
}
