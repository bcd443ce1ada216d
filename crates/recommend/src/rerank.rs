//! From a ranking to a list people want to hear: no duplicates, artists spaced.

use std::collections::HashSet;

use leitmotif_learn::diversify::space_artists;

use crate::catalogue::CatalogueView;
use crate::rank::Ranked;

/// Places between two tracks of one artist, where the candidates allow it.
pub const ARTIST_GAP: usize = 2;
/// Candidates looked at per wanted place, so that spacing finds other artists without reaching for
/// tracks the ranking thinks little of.
const POOL_PER_PLACE: usize = 3;

/// Drops excluded tracks and second versions of one recording, spaces artists, keeps `count`.
pub fn rerank(
    catalogue: &CatalogueView,
    ranked: Vec<Ranked>,
    is_excluded: impl Fn(usize) -> bool,
    taken: &mut HashSet<u64>,
    count: usize,
) -> Vec<Ranked> {
    let mut pool = Vec::new();
    let mut artists = Vec::new();
    for one in ranked {
        if pool.len() >= count * POOL_PER_PLACE {
            break;
        }
        let Some(card) = catalogue.card(one.index) else {
            continue;
        };
        if !is_excluded(one.index) && taken.insert(card.canonical_key) {
            artists.push(card.artist_key);
            pool.push(Some(one));
        }
    }
    space_artists(&artists, ARTIST_GAP)
        .into_iter()
        .take(count)
        .filter_map(|place| pool.get_mut(place)?.take())
        .collect()
}
