//! Listeners who play this also play that.

use leitmotif_learn::neighbours::ItemNeighbours;

use crate::candidates::Offer;
use crate::candidates::best::Best;
use crate::explain::Source;
use crate::model::RecommenderModel;
use crate::trace::Deadline;
use crate::view::TenantView;

/// Scores tracks by the weighted similarity to the listener's tracks; `None` when the deadline comes first.
///
/// - Cost: O(entries × neighbours).
pub fn item_neighbours(
    view: &TenantView,
    model: &RecommenderModel,
    entries: &[(usize, f32)],
    count: usize,
    deadline: Deadline,
) -> Option<Offer> {
    offer_of(
        view,
        model,
        (&model.neighbours, Source::Neighbours),
        entries,
        count,
        deadline,
    )
}

/// Sums similarities over the listener's tracks and remembers which of them said most; `None` when the deadline
/// comes first.
pub(super) fn offer_of(
    view: &TenantView,
    model: &RecommenderModel,
    (neighbours, source): (&ItemNeighbours, Source),
    entries: &[(usize, f32)],
    count: usize,
    deadline: Deadline,
) -> Option<Offer> {
    let mut votes = view.votes.lend_for(model.items.len());
    if !votes.add(neighbours, entries, deadline) {
        return None;
    }
    let mut best = Best::new(count);
    for (column, score) in votes.sums() {
        if let (true, Some(index)) = (score > 0.0, view.index_of_column(column)) {
            best.tell(index, score);
        }
    }
    let because_of = |index: usize| {
        let (from, _) = entries.get(votes.strongest(view.column(index)?)?)?;
        view.index_of_column(*from)
    };
    Some(Offer::of_best(source, best, because_of))
}
