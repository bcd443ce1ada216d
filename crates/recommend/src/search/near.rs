//! Near tracks that satisfy constraints.

use std::sync::Arc;

use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_storage::ports::{VectorFilter, VectorMatch, VectorSpace};

use super::constraints::{Constraint, Constraints, Shortfall};
use super::facts::TrackFacts;
use super::service::{SearchSlot, Searcher};
use crate::error::Result;
use crate::off_thread::off_thread;

/// Start of the name of every space of lyrics, beside those that are learned from them or of encoders.
const WORDS_SPACES: &str = "leitmotif-words";

/// Whether nearness in a space tells of lyrics, which not everybody may read.
pub fn tells_of_words(space: &VectorSpace) -> bool {
    let is_of_words = space.as_str().starts_with(WORDS_SPACES);
    is_of_words || space.learned_lyrics_number().is_some() || space.is_of_lyrics_encoder()
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct NearRequest {
    /// The track to be near.
    pub track: TrackId,
    /// Embedding space.
    pub space: VectorSpace,
    /// What must hold.
    pub constraints: Constraints,
    /// Whether words of the constraints may be found in lyrics.
    pub may_read_lyrics: bool,
    /// Tracks wanted.
    pub count: usize,
}

/// What is near.
#[derive(Debug, Clone, Default)]
pub struct NearAnswer {
    /// The tracks, nearest first, without the one asked about.
    pub tracks: Vec<VectorMatch>,
    /// Why they are fewer than wanted; none when they are not, or nothing constrained them.
    pub shortfall: Option<Shortfall>,
}

impl Searcher {
    /// Finds the nearest tracks that satisfy constraints; `None` when the track has no vector in the
    /// space.
    ///
    /// The constraints are asked inside the walk, so that fewer come back only when fewer satisfy
    /// them. Of a recording that is there more than once only the track that stands for it is told, and
    /// none of the recording asked about.
    ///
    /// - Errors: those of the stores; an empty range in the constraints.
    /// - Cost: one vector search; when fewer come back than wanted, one pass over all tracks.
    pub async fn near(
        &self,
        scope: &TenantScope,
        request: NearRequest,
    ) -> Result<Option<NearAnswer>> {
        (request.constraints.0.iter()).try_for_each(Constraint::check)?;
        let vectors = &self.stores().vectors;
        let (space, track) = (&request.space, request.track);
        let Some(vector) = vectors.vector(scope, space, track).await? else {
            return Ok(None);
        };
        let beside = self.recommender().beside(scope, vec![track]).await?;
        if request.constraints.is_empty() {
            // Without a filter the walk is faster; the track itself is left out afterwards.
            let near = vectors.nearest(scope, space, &vector, request.count + 1, beside);
            let mut tracks = near.await?;
            tracks.retain(|near| near.track != track);
            tracks.truncate(request.count);
            return Ok(Some(NearAnswer {
                tracks,
                shortfall: None,
            }));
        }
        let needs = request.constraints.ask_for_measurements();
        let slot = self.level(scope, needs).await?;
        let resolved = self.resolve(scope, &slot, request.constraints, request.may_read_lyrics);
        let constraints = Arc::new(resolved.await?);
        let keep = both(filter_of(&slot, &constraints, Some(track)), beside.clone());
        let tracks = vectors
            .nearest(scope, space, &vector, request.count, keep)
            .await?;
        if tracks.len() >= request.count {
            return Ok(Some(NearAnswer {
                tracks,
                shortfall: None,
            }));
        }
        let counted = off_thread(move || {
            let corpus = slot.corpus.read();
            let is_beside = |other| beside.as_ref().is_none_or(|beside| beside(other));
            let others = (corpus.facts()).filter(|(other, _)| *other != track && is_beside(*other));
            Shortfall::count(&constraints, others)
        });
        let shortfall = Some(counted.await?);
        Ok(Some(NearAnswer { tracks, shortfall }))
    }

    /// What is known of tracks that constraints ask for, in their order.
    pub async fn facts(&self, scope: &TenantScope, tracks: &[TrackId]) -> Result<Vec<TrackFacts>> {
        let slot = self.level(scope, true).await?;
        let corpus = slot.corpus.read();
        let facts = tracks.iter().map(|track| corpus.facts_of(*track));
        Ok(facts
            .map(|facts| facts.copied().unwrap_or_default())
            .collect())
    }
}

/// The constraints as a filter of a vector search; none when everything may pass.
pub(super) fn filter_of(
    slot: &Arc<SearchSlot>,
    constraints: &Arc<Constraints>,
    without: Option<TrackId>,
) -> Option<VectorFilter> {
    if constraints.is_empty() && without.is_none() {
        return None;
    }
    let (slot, constraints) = (Arc::clone(slot), Arc::clone(constraints));
    Some(Arc::new(move |track| {
        Some(track) != without && slot.corpus.read().admits(&constraints, track)
    }))
}

/// What passes both filters.
fn both(one: Option<VectorFilter>, other: Option<VectorFilter>) -> Option<VectorFilter> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Arc::new(move |track| one(track) && other(track))),
        (one, other) => one.or(other),
    }
}
