//! What usually follows the tracks just played.

use super::neighbours::offer_of;
use crate::candidates::Offer;
use crate::explain::Source;
use crate::model::RecommenderModel;
use crate::trace::Deadline;
use crate::view::TenantView;

/// Last tracks that speak, and what each earlier one is multiplied by: the settings that next-track
/// prediction was best with on recorded sessions.
pub const LAST_TRACKS: usize = 3;
/// See [`LAST_TRACKS`].
pub const DECAY: f32 = 0.6;

/// Scores tracks by how often they followed the listener's last tracks, which are too few to be late with.
///
/// - `last`: columns of the model, newest first.
pub fn session(
    view: &TenantView,
    model: &RecommenderModel,
    last: &[u32],
    count: usize,
) -> Option<Offer> {
    let entries = voices(last);
    offer_of(
        view,
        model,
        (&model.transitions, Source::Session),
        &entries,
        count,
        Deadline::default(),
    )
}

/// The last tracks with their weights.
pub fn voices(last: &[u32]) -> Vec<(usize, f32)> {
    let weights = std::iter::successors(Some(1.0), |weight| Some(weight * DECAY));
    last.iter()
        .map(|column| *column as usize)
        .take(LAST_TRACKS)
        .zip(weights)
        .collect()
}
