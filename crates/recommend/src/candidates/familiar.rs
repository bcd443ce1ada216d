//! What the listener knows and does not reject: better than an empty place.

use crate::candidates::{Candidate, Offer};
use crate::explain::Source;
use crate::known::{KnownTrack, KnownTracks};
use crate::skips::is_rejected;

/// Offers known tracks, those not heard for longest first; rejected ones never.
pub fn familiar(known: &KnownTracks<'_>, count: usize) -> Offer {
    let is_welcome = |one: &&KnownTrack| !is_rejected(&one.history);
    let mut known: Vec<_> = (known.iter().filter(is_welcome))
        .filter_map(|one| Some((one.history.last_played, one.index?)))
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
