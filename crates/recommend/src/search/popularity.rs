//! How much tracks are played, against each other.

use std::collections::HashMap;

use leitmotif_domain::TrackId;

use crate::view::TenantView;

/// The popularity of every track that is played: per cent of the catalogue that is played less, by
/// decayed plays, and what nobody plays by its popularity elsewhere. A track of which nothing is known has 0.
///
/// - Cost: O(n log n) over the played tracks.
pub fn popularity_percent(view: &TenantView) -> HashMap<TrackId, f32> {
    let mut played: Vec<(f32, TrackId)> = (view.catalogue.cards())
        .filter_map(|(index, card)| Some((*view.counts.popularity.get(index)?, card.id)))
        .filter(|(popularity, _)| *popularity > 0.0)
        .collect();
    played.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let total = view.catalogue.cards().count();
    let unplayed = total - played.len();
    let mut below = unplayed;
    let mut percent = HashMap::with_capacity(played.len());
    for equal in played.chunk_by(|a, b| a.0 == b.0) {
        for (_, track) in equal {
            percent.insert(*track, 100.0 * below as f32 / total.max(1) as f32);
        }
        below += equal.len();
    }
    percent
}
