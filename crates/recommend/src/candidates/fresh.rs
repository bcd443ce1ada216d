//! What is new in the catalogue: the last rung, for a platform where nothing was played yet.

use crate::candidates::{Candidate, Offer};
use crate::explain::Source;
use crate::view::TenantView;

/// Offers the newest tracks by their place among all: the newest scores 1.
///
/// - Cost: O(tracks + count · log count).
pub fn fresh(view: &TenantView, count: usize) -> Offer {
    let mut newest: Vec<_> = view
        .catalogue
        .cards()
        .map(|(index, card)| (card.created_at, card.id, index))
        .collect();
    let total = newest.len().max(1) as f32;
    if count < newest.len() {
        newest.select_nth_unstable_by(count, |a, b| b.cmp(a));
        newest.truncate(count);
    }
    newest.sort_unstable_by(|a, b| b.cmp(a));
    let candidates = newest
        .iter()
        .enumerate()
        .map(|(place, (_, _, index))| Candidate {
            index: *index,
            score: 1.0 - place as f32 / total,
            because_of: None,
        });
    Offer::of_sorted(Source::Fresh, candidates.collect())
}
