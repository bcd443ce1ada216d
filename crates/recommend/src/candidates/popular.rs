//! What many play.

use crate::candidates::best::Best;
use crate::candidates::{Candidate, Offer};
use crate::explain::Source;
use crate::view::TenantView;

/// Scores tracks by decayed popularity; tracks nobody plays are not offered.
///
/// - Cost: O(count) where the counting kept as many of the most popular, else O(tracks).
pub fn popular(view: &TenantView, count: usize) -> Offer {
    let living = |index: &u32| {
        let (index, card) = (*index as usize, view.catalogue.card(*index as usize));
        let score = view
            .popularity
            .get(index)
            .copied()
            .filter(|_| card.is_some());
        score.filter(|score| *score > 0.0).map(|score| Candidate {
            index,
            score,
            because_of: None,
        })
    };
    let (most, is_all) = view.most_popular();
    let known: Vec<Candidate> = most.iter().filter_map(living).take(count).collect();
    if is_all || known.len() == count {
        return Offer::of_sorted(Source::Popular, known);
    }
    let mut best = Best::new(count);
    for candidate in (0..view.popularity.len() as u32).filter_map(|index| living(&index)) {
        best.tell(candidate.index as u32, candidate.score);
    }
    Offer::of_best(Source::Popular, best, |_| None)
}
