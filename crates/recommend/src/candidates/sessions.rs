//! What other listeners played in sessions like the running one.

use super::Offer;
use super::best::Best;
use crate::explain::Source;
use crate::view::TenantView;

/// Scores tracks by how alike and how recent the sessions are that they were played in.
///
/// - `last`: catalogue indexes of the tracks just played, newest first.
/// - Cost: that of [`RecentSessions::after`](crate::recent_sessions::RecentSessions::after).
pub fn sessions(view: &TenantView, last: &[u32], count: usize) -> Offer {
    let mut best = Best::new(count);
    for (index, score) in view.sessions.after(last, count) {
        if view.catalogue.card(index as usize).is_some() {
            best.tell(index, score);
        }
    }
    Offer::of_best(Source::Sessions, best, |_| None)
}
