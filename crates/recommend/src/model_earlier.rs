//! Stored forms of a model before the present one, which are read whole.

use leitmotif_domain::{ModelId, TrackId};
use leitmotif_learn::factorize::IalsModel;
use leitmotif_learn::neighbours::ItemNeighbours;
use leitmotif_learn::sequencing::TransitionWeights;
use serde::Deserialize;

use crate::audiences::AudiencePopularity;
use crate::cold_map::ColdMap;
use crate::error::Result;
use crate::item_sounds::ItemSounds;
use crate::model::{BlendWeights, ModelParts, Newcomers, RecommenderModel};
use crate::model_bytes::{Settings, StoredTrees, damaged};
use crate::moments::MomentLifts;
use crate::neighbour_settings::NeighbourSettings;

/// What every earlier form begins with.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct Stored {
    format: u16,
    items: Vec<TrackId>,
    taste: Vec<u8>,
    neighbours: ItemNeighbours,
    content: ItemNeighbours,
    /// Weights of taste, neighbours, content and popularity.
    blend: [f32; 4],
}

/// What form 2 adds.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct StoredSecond {
    session_weight: f32,
    transitions: ItemNeighbours,
    /// Trees in LightGBM's text form, and what the blend counts beside them.
    ranker: Option<(String, f32)>,
}

/// What form 3 adds.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct StoredThird {
    /// Trees in LightGBM's text form, and what they count in the order.
    listened: (String, f32),
}

/// The weights that the forms from 4 on have before the present one.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct FiveWeights {
    /// See [`BlendWeights`].
    pub taste: f32,
    /// See [`BlendWeights`].
    pub neighbours: f32,
    /// See [`BlendWeights`].
    pub content: f32,
    /// See [`BlendWeights`].
    pub popular: f32,
    /// See [`BlendWeights`].
    pub session: f32,
}

/// The weights before a moment could count, in order.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct SevenWeights {
    first: FiveWeights,
    sessions: f32,
    trending: f32,
}

/// The weights before an audience could count, in order.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct EightWeights {
    first: SevenWeights,
    moment: f32,
}

/// The settings of form 9, which knows nothing of newcomers.
#[derive(Deserialize)]
pub struct NewcomerlessSettings {
    blend: BlendWeights,
    trees: StoredTrees,
    steps: Option<TransitionWeights>,
    neighbours_by: NeighbourSettings,
    cold: Option<ColdMap>,
    moments: Option<MomentLifts>,
    audiences: Option<AudiencePopularity>,
    sounds: Option<ItemSounds>,
}

impl From<NewcomerlessSettings> for Settings {
    fn from(earlier: NewcomerlessSettings) -> Self {
        Self {
            blend: earlier.blend,
            trees: earlier.trees,
            steps: earlier.steps,
            neighbours_by: earlier.neighbours_by,
            cold: earlier.cold,
            moments: earlier.moments,
            audiences: earlier.audiences,
            sounds: earlier.sounds,
            newcomers: Newcomers::default(),
        }
    }
}

/// The settings of form 8, which knows nothing of how items sound.
#[derive(Deserialize)]
pub struct SoundlessSettings {
    blend: BlendWeights,
    trees: StoredTrees,
    steps: Option<TransitionWeights>,
    neighbours_by: NeighbourSettings,
    cold: Option<ColdMap>,
    moments: Option<MomentLifts>,
    audiences: Option<AudiencePopularity>,
}

impl From<SoundlessSettings> for Settings {
    fn from(earlier: SoundlessSettings) -> Self {
        Self {
            blend: earlier.blend,
            trees: earlier.trees,
            steps: earlier.steps,
            neighbours_by: earlier.neighbours_by,
            cold: earlier.cold,
            moments: earlier.moments,
            audiences: earlier.audiences,
            sounds: None,
            newcomers: Newcomers::default(),
        }
    }
}

/// The settings of form 7, which knows nothing of audiences.
#[derive(Deserialize)]
pub struct AudiencelessSettings {
    blend: EightWeights,
    trees: StoredTrees,
    steps: Option<TransitionWeights>,
    neighbours_by: NeighbourSettings,
    cold: Option<ColdMap>,
    moments: Option<MomentLifts>,
}

impl From<AudiencelessSettings> for Settings {
    fn from(earlier: AudiencelessSettings) -> Self {
        Self {
            blend: earlier.blend.into(),
            trees: earlier.trees,
            steps: earlier.steps,
            neighbours_by: earlier.neighbours_by,
            cold: earlier.cold,
            moments: earlier.moments,
            audiences: None,
            sounds: None,
            newcomers: Newcomers::default(),
        }
    }
}

/// The settings of form 6, which knows nothing of moments.
#[derive(Deserialize)]
pub struct MomentlessSettings {
    blend: SevenWeights,
    trees: StoredTrees,
    steps: Option<TransitionWeights>,
    neighbours_by: NeighbourSettings,
    cold: Option<ColdMap>,
}

impl From<MomentlessSettings> for Settings {
    fn from(earlier: MomentlessSettings) -> Self {
        Self {
            blend: earlier.blend.into(),
            trees: earlier.trees,
            steps: earlier.steps,
            neighbours_by: earlier.neighbours_by,
            cold: earlier.cold,
            moments: None,
            audiences: None,
            sounds: None,
            newcomers: Newcomers::default(),
        }
    }
}

/// The settings of form 4, and what those of form 5 begin with.
#[derive(Deserialize)]
pub struct EarlierSettings {
    blend: FiveWeights,
    trees: StoredTrees,
}

impl EarlierSettings {
    /// With the costs of steps that follow it, if any do.
    pub fn with(self, steps: Option<TransitionWeights>) -> Settings {
        Settings {
            blend: self.blend.into(),
            trees: self.trees,
            steps,
            neighbours_by: NeighbourSettings::ItemCosine,
            cold: None,
            moments: None,
            audiences: None,
            sounds: None,
            newcomers: Newcomers::default(),
        }
    }
}

impl From<EightWeights> for BlendWeights {
    fn from(earlier: EightWeights) -> Self {
        Self {
            moment: earlier.moment,
            ..earlier.first.into()
        }
    }
}

impl From<SevenWeights> for BlendWeights {
    fn from(earlier: SevenWeights) -> Self {
        Self {
            sessions: earlier.sessions,
            trending: earlier.trending,
            ..earlier.first.into()
        }
    }
}

impl From<FiveWeights> for BlendWeights {
    fn from(earlier: FiveWeights) -> Self {
        let FiveWeights {
            taste,
            neighbours,
            content,
            popular,
            session,
        } = earlier;
        Self {
            taste,
            neighbours,
            content,
            popular,
            session,
            sessions: 0.0,
            trending: 0.0,
            moment: 0.0,
            audience: 0.0,
        }
    }
}

/// Reads a model of form 1, which has neither transitions nor a ranker, 2, or 3, which tells expected
/// listened shares.
///
/// - Errors: `DamagedModel`.
pub fn read(id: ModelId, bytes: &[u8]) -> Result<RecommenderModel> {
    let unread = |error: postcard::Error| damaged(id, error);
    let learnt = |error: leitmotif_learn::Error| damaged(id, error);
    let (stored, rest): (Stored, _) = postcard::take_from_bytes(bytes).map_err(unread)?;
    let (second, third) = match stored.format {
        1 => {
            let nothing = ItemNeighbours::from_lists(vec![Vec::new(); stored.items.len()]);
            let second = StoredSecond {
                session_weight: 0.0,
                transitions: nothing.map_err(learnt)?,
                ranker: None,
            };
            (second, None)
        }
        2 => (postcard::from_bytes(rest).map_err(unread)?, None),
        3 => {
            let (second, rest) = postcard::take_from_bytes(rest).map_err(unread)?;
            let third: StoredThird = postcard::from_bytes(rest).map_err(unread)?;
            (second, Some(third))
        }
        unknown => return Err(damaged(id, format!("format {unknown} is not known"))),
    };
    let trees = StoredTrees {
        ranker: second.ranker,
        listened: third.map(|third| third.listened),
    };
    let trees = trees.read(id);
    let [taste, neighbours, content, popular] = stored.blend;
    let parts = ModelParts {
        items: stored.items,
        taste: IalsModel::from_bytes(&stored.taste).map_err(learnt)?,
        neighbours: stored.neighbours,
        neighbours_by: NeighbourSettings::default(),
        content: stored.content,
        transitions: second.transitions,
        cold: None,
        moments: None,
        audiences: None,
        sounds: None,
        blend: BlendWeights::from(FiveWeights {
            taste,
            neighbours,
            content,
            popular,
            session: second.session_weight,
        }),
        ranker: trees.ranker,
        is_ranker_unread: trees.is_ranker_unread,
        listened: trees.listened,
        steps: None,
        newcomers: Newcomers::default(),
    };
    RecommenderModel::new(id, parts)
}

#[cfg(test)]
pub mod tests {
    use leitmotif_learn::InteractionMatrix;
    use leitmotif_learn::factorize::IalsOptions;
    use leitmotif_learn::matrix::Triplet;

    use super::*;

    fn lists(lists: Vec<Vec<(u32, f32)>>) -> ItemNeighbours {
        ItemNeighbours::from_lists(lists).unwrap()
    }

    /// The bytes of a model of two items, as far as form 1 has them.
    pub fn first_form(format: u16) -> Vec<u8> {
        postcard::to_allocvec(&stored(format)).unwrap()
    }

    fn stored(format: u16) -> Stored {
        let entry = Triplet {
            row: 0,
            column: 1,
            weight: 1.0,
        };
        let matrix = InteractionMatrix::from_triplets(1, 2, &[entry]).unwrap();
        let options = IalsOptions {
            factors: 2,
            ..IalsOptions::default()
        };
        Stored {
            format,
            items: vec![TrackId::from_u128(1), TrackId::from_u128(2)],
            taste: IalsModel::fit(&matrix, options).unwrap().to_bytes(),
            neighbours: lists(vec![vec![(1, 0.5)], Vec::new()]),
            content: lists(vec![Vec::new(); 2]),
            blend: [1.0, 0.5, 0.25, 0.125],
        }
    }

    fn second(trees: &str) -> StoredSecond {
        StoredSecond {
            session_weight: 0.5,
            transitions: lists(vec![vec![(1, 1.0)], Vec::new()]),
            ranker: Some((trees.to_owned(), 1.0)),
        }
    }

    #[test]
    fn the_first_form_still_reads() {
        let model = read(ModelId::from_u128(9), &first_form(1)).unwrap();
        assert_eq!(model.neighbours.of(0).collect::<Vec<_>>(), [(1, 0.5)]);
        assert!(model.ranker.is_none() && model.transitions.of(0).len() == 0);
        // What was stored with the factors of listeners is held, and written, without.
        assert!(model.taste.user_factors().is_empty() && model.taste.item_count() == 2);
        assert_eq!((model.blend.popular, model.blend.session), (0.125, 0.0));
    }

    #[test]
    fn later_forms_read_and_trees_of_other_columns_cost_the_learnt_order_alone() {
        let id = ModelId::from_u128(9);
        let trees = "tree\nversion=v4\n";
        let bytes = postcard::to_allocvec(&(stored(2), second(trees))).unwrap();
        let model = read(id, &bytes).unwrap();
        assert!(model.ranker.is_none() && model.blend.session == 0.5);
        assert_eq!(model.transitions.of(0).len(), 1);
        assert!(read(id, &bytes[..bytes.len() - 1]).is_err());
        let third = StoredThird {
            listened: (trees.to_owned(), 0.5),
        };
        let bytes = postcard::to_allocvec(&(stored(3), second(trees), third)).unwrap();
        let model = read(id, &bytes).unwrap();
        assert!(model.listened.is_none());
        assert!(read(id, &bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn what_is_none_is_refused() {
        let id = ModelId::from_u128(9);
        let twice = Stored {
            items: vec![TrackId::from_u128(1); 2],
            ..stored(1)
        };
        assert!(read(id, &postcard::to_allocvec(&twice).unwrap()).is_err());
        assert!(read(id, &first_form(7)).is_err());
        assert!(read(id, &[]).is_err());
    }
}
