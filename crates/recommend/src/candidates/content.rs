//! What sounds or reads alike: from the model's lists for known tracks, from the vector store for
//! tracks that came after the training.

use std::collections::HashMap;
use std::sync::Arc;

use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_storage::ports::{VectorFilter, VectorSpace, VectorStore};

use crate::candidates::neighbours::offer_of;
use crate::candidates::{Candidate, Offer};
use crate::error::Result;
use crate::explain::Source;
use crate::model::RecommenderModel;
use crate::trace::Deadline;
use crate::view::TenantView;

/// Scores tracks by the embedding similarity to the listener's tracks, from the model's lists; `None` when the
/// deadline comes first.
pub fn content_neighbours(
    view: &TenantView,
    model: &RecommenderModel,
    entries: &[(usize, f32)],
    count: usize,
    deadline: Deadline,
) -> Option<Offer> {
    let lists = (&model.content, Source::Content);
    offer_of(view, model, lists, entries, count, deadline)
}

/// Finds embedding neighbours of a few tracks in every space that holds them. Distances of two
/// spaces are never compared: each space's similarities are summed with equal weight.
///
/// - `keep` limits the answer, for example to tracks that no model knows yet.
/// - Cost: one vector search per seed and space.
pub async fn content_cold(
    vectors: &dyn VectorStore,
    scope: &TenantScope,
    spaces: &[VectorSpace],
    seeds: &[(TrackId, f32)],
    keep: Option<VectorFilter>,
    count: usize,
) -> Result<Vec<(TrackId, f32, TrackId)>> {
    let mut found: HashMap<TrackId, (f32, f32, TrackId)> = HashMap::new();
    for space in spaces {
        for &(seed, weight) in seeds {
            let Some(query) = vectors.vector(scope, space, seed).await? else {
                continue;
            };
            let keep = keep.as_ref().map(Arc::clone);
            for near in vectors
                .nearest(scope, space, &query, count + 1, keep)
                .await?
            {
                if near.track == seed {
                    continue;
                }
                let part = weight * (1.0 - near.distance);
                let entry = found
                    .entry(near.track)
                    .or_insert((0.0, f32::NEG_INFINITY, seed));
                entry.0 += part;
                if part > entry.1 {
                    (entry.1, entry.2) = (part, seed);
                }
            }
        }
    }
    let mut ranked: Vec<_> = found
        .into_iter()
        .map(|(track, (score, _, seed))| (track, score, seed))
        .collect();
    ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked.truncate(count);
    Ok(ranked)
}

impl Offer {
    /// Turns tracks of the vector store into candidates of the view.
    pub fn of_content(view: &TenantView, found: &[(TrackId, f32, TrackId)], count: usize) -> Self {
        let candidates = found.iter().filter_map(|&(track, score, seed)| {
            let index = view.catalogue.index(track)?;
            Some(Candidate {
                index,
                score,
                because_of: view.catalogue.index(seed).map(|index| index as u32),
            })
        });
        Self::new(Source::Content, candidates.collect(), count)
    }
}
