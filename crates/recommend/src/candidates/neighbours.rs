//! Listeners who play this also play that.

use leitmotif_learn::neighbours::ItemNeighbours;

use crate::candidates::{Candidate, Offer};
use crate::explain::Source;
use crate::model::RecommenderModel;
use crate::view::TenantView;

/// Scores tracks by the weighted similarity to the listener's tracks.
///
/// - Cost: O(entries × neighbours).
pub fn item_neighbours(
    view: &TenantView,
    model: &RecommenderModel,
    entries: &[(usize, f32)],
    count: usize,
) -> Offer {
    offer_of(
        view,
        model,
        &model.neighbours,
        Source::Neighbours,
        entries,
        count,
    )
}

/// Sums similarities over the listener's tracks and remembers which of them said most.
pub(super) fn offer_of(
    view: &TenantView,
    model: &RecommenderModel,
    neighbours: &ItemNeighbours,
    source: Source,
    entries: &[(usize, f32)],
    count: usize,
) -> Offer {
    let mut scores = vec![0.0_f32; model.items.len()];
    let mut strongest = vec![(0.0_f32, usize::MAX); model.items.len()];
    for &(column, weight) in entries {
        for (neighbour, similarity) in neighbours.of(column) {
            let slot = neighbour as usize;
            let part = weight * similarity;
            scores[slot] += part;
            if part > strongest[slot].0 {
                strongest[slot] = (part, column);
            }
        }
    }
    let candidates = view.columns().filter_map(|(column, index)| {
        let score = *scores.get(column)?;
        let (_, from) = *strongest.get(column)?;
        (score > 0.0).then(|| Candidate {
            index,
            score,
            because_of: view.index_of_column(from),
        })
    });
    Offer::new(source, candidates.collect(), count)
}
