//! What the listener knows and does not reject: better than an empty place.

use leitmotif_features::{Judgement, ListenerProfile};

use crate::candidates::{Candidate, Offer};
use crate::explain::Source;
use crate::view::TenantView;

/// Offers known tracks, those not heard for longest first; disliked and mostly skipped ones never.
pub fn familiar(view: &TenantView, profile: &ListenerProfile, count: usize) -> Offer {
    let mut known: Vec<_> = profile
        .tracks()
        .filter(|(_, history)| {
            history.judgement() != Judgement::Disliked && history.signal() >= 0.0
        })
        .filter_map(|(track, history)| Some((history.last_played, view.catalogue.index(track)?)))
        .collect();
    known.sort_unstable();
    known.truncate(count);
    let total = known.len().max(1) as f32;
    let candidates = known
        .iter()
        .enumerate()
        .map(|(place, (_, index))| Candidate {
            index: *index,
            score: 1.0 - place as f32 / total,
            because_of: None,
        });
    Offer::new(Source::Familiar, candidates.collect(), count)
}
