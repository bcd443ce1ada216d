//! What is written down of a playlist that was made: the tracks at their places, and where they come from.

use std::collections::HashMap;

use leitmotif_domain::event::{ExposedTrack, Exposure, Moment};
use leitmotif_domain::{Assignment, ModelId, RequestId, Rung, TrackId};

use super::generate::{PlaylistKind, PlaylistRequest};
use super::{CONTINUATION_PLACEMENT, PLACEMENT};
use crate::pipeline::Recommendations;

/// Where the tracks of a playlist come from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// How personal the choice was.
    pub rung: Rung,
    /// The model behind it.
    pub model: Option<ModelId>,
    /// The version of the pipeline that chose; absent for the built-in one and where none did.
    pub assignment: Option<Assignment>,
    /// What tracks were ranked by; those that were named or drawn have none.
    scores: HashMap<TrackId, f32>,
    /// Whether chance had a part in the choice. A draw without replacement has no closed form for the chance
    /// of a place, and the flow moves what was drawn, so that no propensity is known then.
    pub is_drawn: bool,
}

impl Origin {
    /// Tracks that were named, or found without a ranking.
    pub fn of(rung: Rung) -> Self {
        Self {
            rung,
            model: None,
            assignment: None,
            scores: HashMap::new(),
            is_drawn: false,
        }
    }

    /// Tracks that a ranking found.
    pub fn of_ranking(found: &Recommendations) -> Self {
        let scores = found.tracks.iter().map(|place| (place.track, place.score));
        Self {
            rung: found.rung,
            model: found.model,
            assignment: (found.assignment.version).map(|_| found.assignment.clone()),
            scores: scores.collect(),
            is_drawn: found.tracks.iter().any(|place| place.propensity < 1.0),
        }
    }

    /// What is written down of the playlist.
    pub fn exposure(
        &self,
        request_id: RequestId,
        request: &PlaylistRequest,
        tracks: &[TrackId],
    ) -> Exposure {
        let shown = tracks.iter().map(|track| ExposedTrack {
            track: *track,
            score: self.scores.get(track).copied(),
            propensity: (!self.is_drawn).then_some(1.0),
        });
        Exposure {
            request_id,
            placement: placement_of(&request.kind).to_owned(),
            rung: self.rung,
            model: self.model,
            assignment: self.assignment.clone(),
            tracks: shown.collect(),
            reasons: Default::default(),
            is_sequenced: true,
            exploration: None,
            moment: Moment::default(),
            layout: None,
            layout_propensity: None,
            basis: None,
        }
    }
}

/// The placement whose pipeline chooses the tracks, which is where they are shown.
fn placement_of(kind: &PlaylistKind) -> &'static str {
    match kind {
        PlaylistKind::Continuation(_) => CONTINUATION_PLACEMENT,
        _ => PLACEMENT,
    }
}
