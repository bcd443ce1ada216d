//! What many play.

use crate::candidates::{Candidate, Offer};
use crate::explain::Source;
use crate::view::TenantView;

/// Scores tracks by decayed popularity; tracks nobody plays are not offered.
pub fn popular(view: &TenantView, count: usize) -> Offer {
    let candidates = view
        .popularity
        .iter()
        .enumerate()
        .filter_map(|(index, score)| {
            (*score > 0.0 && view.catalogue.card(index).is_some()).then_some(Candidate {
                index,
                score: *score,
                because_of: None,
            })
        });
    Offer::new(Source::Popular, candidates.collect(), count)
}
