//! Which model of similar tracks the source `neighbours` answers from.

use leitmotif_domain::limits;
use leitmotif_learn::InteractionMatrix;
use leitmotif_learn::factorize::{EaseModel, EaseOptions};
use leitmotif_learn::neighbours::{ItemNeighbours, Rp3BetaOptions, item_cosine, rp3beta};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Neighbours kept per track.
const NEIGHBOURS: usize = 200;
/// How far walks hold popular targets down: as usual, little, and much. With 1 they reach half on the demo
/// world.
const BETAS: [f32; 3] = [0.4, 0.2, 0.7];
/// Weights on the squares of EASE's weights. Small catalogues with few plays want small ones: the right
/// one grows with the plays of a track.
const LAMBDAS: [f64; 4] = [20.0, 60.0, 200.0, 600.0];

/// A model of similar tracks with its settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeighbourSettings {
    /// Item-item cosine.
    #[default]
    ItemCosine,
    /// Random walks of three steps, RP3β.
    Rp3Beta(Rp3BetaOptions),
    /// A linear model in closed form, cut to its largest positive weights.
    Ease(EaseOptions),
}

impl NeighbourSettings {
    /// What is tried on a matrix of so many listeners and tracks, the simpler first.
    pub fn tried(listener_count: usize, track_count: usize) -> Vec<Self> {
        let walks = BETAS.map(|beta| {
            Self::Rp3Beta(Rp3BetaOptions {
                beta,
                count: NEIGHBOURS,
                ..Rp3BetaOptions::default()
            })
        });
        let linear = LAMBDAS.map(|lambda| Self::Ease(EaseOptions { lambda }));
        let mut tried = vec![Self::ItemCosine];
        tried.extend(walks);
        if is_small(listener_count, track_count) {
            tried.extend(linear);
        }
        tried
    }

    /// Fits the lists on what listeners took to. A log that has outgrown EASE since it was chosen is
    /// fitted with item-item cosine.
    ///
    /// - Shape: `liked` is listeners × tracks.
    /// - Cost: that of the model; see [`item_cosine()`], [`rp3beta()`] and [`EaseModel`].
    pub fn fit(&self, liked: &InteractionMatrix) -> Result<ItemNeighbours> {
        Ok(match self {
            Self::Rp3Beta(options) => rp3beta(liked, *options)?,
            Self::Ease(options) if is_small(liked.row_count(), liked.column_count()) => {
                EaseModel::fit(&liked.binarize(), *options)?.neighbours(NEIGHBOURS)?
            }
            Self::ItemCosine | Self::Ease(_) => item_cosine(liked, NEIGHBOURS)?,
        })
    }
}

/// Whether EASE may be fitted.
fn is_small(listener_count: usize, track_count: usize) -> bool {
    listener_count.min(track_count) <= limits::EASE_SIDE_MAX
        && track_count <= limits::EASE_TRACKS_MAX
}

#[cfg(test)]
mod tests {
    use leitmotif_learn::matrix::Triplet;

    use super::*;

    #[test]
    fn the_simplest_is_tried_first_and_ease_up_to_its_bounds() {
        let has_ease = |listeners, tracks| {
            let tried = NeighbourSettings::tried(listeners, tracks);
            assert_eq!(tried[0], NeighbourSettings::ItemCosine);
            tried
                .iter()
                .any(|one| matches!(one, NeighbourSettings::Ease(_)))
        };
        let (side, tracks) = (limits::EASE_SIDE_MAX, limits::EASE_TRACKS_MAX);
        assert!(has_ease(1_000_000, side) && has_ease(side, tracks));
        assert!(!has_ease(side + 1, side + 1) && !has_ease(side, tracks + 1));
    }

    #[test]
    fn each_model_names_the_tracks_of_the_same_listeners() {
        let entries: Vec<Triplet> = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3)]
            .map(|(row, column)| Triplet {
                row,
                column,
                weight: 1.0,
            })
            .into();
        let liked = InteractionMatrix::from_triplets(3, 4, &entries).unwrap();
        for settings in NeighbourSettings::tried(3, 4) {
            let lists = settings.fit(&liked).unwrap();
            let names = |item| lists.of(item).map(|(other, _)| other).collect::<Vec<_>>();
            assert_eq!(
                [names(0), names(1), names(2)],
                [[1], [0], [3]],
                "{settings:?}"
            );
        }
    }

    #[test]
    fn a_log_that_has_outgrown_ease_falls_back_to_the_cosine() {
        let tracks = limits::EASE_TRACKS_MAX + 1;
        let entries = [0, 7].map(|column| Triplet {
            row: 0,
            column,
            weight: 1.0,
        });
        let liked = InteractionMatrix::from_triplets(1, tracks, &entries).unwrap();
        let lists = |settings: NeighbourSettings| settings.fit(&liked).unwrap();
        let ease = lists(NeighbourSettings::Ease(EaseOptions::default()));
        assert_eq!(ease, lists(NeighbourSettings::ItemCosine));
        assert_eq!(ease.of(0).collect::<Vec<_>>(), [(7, 1.0)]);
    }
}
