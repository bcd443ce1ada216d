//! An answer held against the one that was shown.

use leitmotif_domain::{RequestId, TrackId};
use serde::{Deserialize, Serialize};

use super::Served;

/// What came of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The same tracks in the same order with the same scores.
    Identical,
    /// Another answer, though nothing it hangs on was changed since.
    Different,
    /// Another answer, and tracks were changed, removed or joined to one recording since.
    CatalogueChanged,
    /// Another answer, and vectors or measurements it hangs on came or changed since.
    VectorsChanged,
    /// Its model is gone or does not read.
    ModelGone,
    /// Its pipeline is gone or does not read.
    PipelineGone,
    /// Views whose features it read were changed or removed since.
    FeaturesChanged,
    /// A part failed or came too late then.
    Degraded,
    /// It was asked for more than exposures keep.
    Incomplete,
    /// A playlist, whose order is made elsewhere.
    Playlist,
    /// It was written before exposures kept what they were made from.
    Early,
}

/// Answers by what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeCounts {
    /// See [`Outcome::Identical`].
    pub identical: u64,
    /// See [`Outcome::Different`].
    pub different: u64,
    /// See [`Outcome::CatalogueChanged`].
    pub catalogue_changed: u64,
    /// See [`Outcome::VectorsChanged`].
    pub vectors_changed: u64,
    /// See [`Outcome::ModelGone`].
    pub model_gone: u64,
    /// See [`Outcome::PipelineGone`].
    pub pipeline_gone: u64,
    /// See [`Outcome::FeaturesChanged`].
    #[serde(default)]
    pub features_changed: u64,
    /// See [`Outcome::Degraded`].
    pub degraded: u64,
    /// See [`Outcome::Incomplete`].
    pub incomplete: u64,
    /// See [`Outcome::Playlist`].
    pub playlists: u64,
    /// See [`Outcome::Early`].
    pub early: u64,
}

impl OutcomeCounts {
    /// Counts one.
    pub fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Identical => &mut self.identical,
            Outcome::Different => &mut self.different,
            Outcome::CatalogueChanged => &mut self.catalogue_changed,
            Outcome::VectorsChanged => &mut self.vectors_changed,
            Outcome::ModelGone => &mut self.model_gone,
            Outcome::PipelineGone => &mut self.pipeline_gone,
            Outcome::FeaturesChanged => &mut self.features_changed,
            Outcome::Degraded => &mut self.degraded,
            Outcome::Incomplete => &mut self.incomplete,
            Outcome::Playlist => &mut self.playlists,
            Outcome::Early => &mut self.early,
        } += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        let replayed =
            self.identical + self.different + self.catalogue_changed + self.vectors_changed;
        let gone = self.model_gone + self.pipeline_gone + self.features_changed;
        let kept = self.degraded + self.incomplete + self.playlists + self.early;
        replayed + gone + kept
    }
}

/// A place of a list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShownPlace {
    /// The track.
    pub track: TrackId,
    /// The score it was ranked by.
    pub score: Option<f32>,
}

impl ShownPlace {
    fn is_same(&self, other: &Self) -> bool {
        let bits = |place: &Self| (place.track, place.score.map(f32::to_bits));
        bits(self) == bits(other)
    }
}

/// The first place at which two answers differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The answer.
    pub request_id: RequestId,
    /// Where its exposure is in the log.
    pub offset: u64,
    /// The place, from 1.
    pub position: u32,
    /// What was shown there; none where nothing was.
    pub was: Option<ShownPlace>,
    /// What would be; none where nothing would.
    pub is: Option<ShownPlace>,
    /// Why, as far as it is known.
    pub outcome: Outcome,
}

impl Difference {
    /// Finds the first difference; none where there is none.
    pub(super) fn first(served: &Served, again: &[ShownPlace]) -> Option<Self> {
        let was = &served.places;
        let at = (0..was.len().max(again.len())).find(|at| {
            let both = was.get(*at).zip(again.get(*at));
            both.is_none_or(|(was, is)| !was.is_same(is))
        })?;
        Some(Self {
            request_id: served.request_id,
            offset: served.offset,
            position: u32::try_from(at + 1).unwrap_or(u32::MAX),
            was: was.get(at).copied(),
            is: again.get(at).copied(),
            outcome: Outcome::Different,
        })
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::Timestamp;
    use leitmotif_domain::asked::AnswerBasis;
    use leitmotif_domain::event::Moment;

    use super::*;

    fn places(list: &[(u128, f32)]) -> Vec<ShownPlace> {
        let place = |(track, score): &(u128, f32)| ShownPlace {
            track: TrackId::from_u128(*track),
            score: Some(*score),
        };
        list.iter().map(place).collect()
    }

    #[test]
    fn the_first_other_track_or_bit_of_a_score_is_told() {
        let shown = places(&[(1, 0.5), (2, 0.25)]);
        let served = |places: &[ShownPlace]| Served {
            offset: 9,
            at: Timestamp::from_ms(0),
            listener: None,
            request_id: RequestId::from_u128(3),
            placement: "home".to_owned(),
            moment: Moment::default(),
            model: None,
            assignment: None,
            is_playlist: false,
            places: places.to_vec(),
            basis: AnswerBasis::default(),
        };
        let check = |again: &[(u128, f32)], expected: Option<u32>| {
            let found = Difference::first(&served(&shown), &places(again));
            assert_eq!(found.map(|one| one.position), expected, "{again:?}");
        };
        check(&[(1, 0.5), (2, 0.25)], None);
        check(
            &[(1, 0.5), (2, f32::from_bits(0.25_f32.to_bits() + 1))],
            Some(2),
        );
        check(&[(2, 0.25), (1, 0.5)], Some(1));
        check(&[(1, 0.5)], Some(2));
        check(&[(1, 0.5), (2, 0.25), (3, 0.1)], Some(3));
    }

    #[test]
    fn every_outcome_is_counted_once() {
        let all = [
            Outcome::Identical,
            Outcome::Different,
            Outcome::CatalogueChanged,
            Outcome::VectorsChanged,
            Outcome::ModelGone,
            Outcome::PipelineGone,
            Outcome::Degraded,
            Outcome::Incomplete,
            Outcome::Playlist,
            Outcome::Early,
        ];
        let mut counts = OutcomeCounts::default();
        all.into_iter().for_each(|outcome| counts.add(outcome));
        assert_eq!(counts.total(), all.len() as u64);
    }
}
