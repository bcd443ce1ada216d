//! A trained recommender: everything a request needs in memory.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use leitmotif_domain::{ModelId, TrackId};
use leitmotif_features::IdMap;
use leitmotif_learn::factorize::IalsModel;
use leitmotif_learn::neighbours::ItemNeighbours;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rank::{ListenedShare, Ranker};

/// Version of the stored form; an unknown one is refused. Form 1, without transitions and ranker,
/// still reads.
const FORMAT: u16 = 2;
/// The form of a model that tells expected listened shares; one that does not is written in form 2.
const FORMAT_LISTENED: u16 = 3;

/// How much each source counts in the blend; found on held-out listens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BlendWeights {
    /// Matrix factorisation with fold-in.
    pub taste: f32,
    /// Item-item cosine.
    pub neighbours: f32,
    /// Embedding neighbours.
    pub content: f32,
    /// Decayed popularity.
    pub popular: f32,
    /// What follows the tracks just played.
    #[serde(default)]
    pub session: f32,
}

impl Default for BlendWeights {
    /// What is used where nothing was learnt: neighbours and content carry, popularity breaks ties.
    fn default() -> Self {
        Self {
            taste: 1.0,
            neighbours: 0.5,
            content: 0.3,
            popular: 0.1,
            session: 0.2,
        }
    }
}

/// What a recommender is made of.
pub struct ModelParts {
    /// The tracks it knows; a column of every part.
    pub items: Vec<TrackId>,
    /// Taste by factorisation.
    pub taste: IalsModel,
    /// Neighbours by who plays what.
    pub neighbours: ItemNeighbours,
    /// Neighbours by sound and words.
    pub content: ItemNeighbours,
    /// What follows what in a session.
    pub transitions: ItemNeighbours,
    /// How much each source counts.
    pub blend: BlendWeights,
    /// What orders the candidates, where one was learnt that does better than the blend.
    pub ranker: Option<Ranker>,
    /// What tells how much of a track will be heard, where it does better than means.
    pub listened: Option<Arc<ListenedShare>>,
}

/// A trained recommender.
pub struct RecommenderModel {
    /// Its id.
    pub id: ModelId,
    parts: ModelParts,
    /// The columns are its numbers.
    column_of: IdMap<TrackId, ()>,
}

impl Deref for RecommenderModel {
    type Target = ModelParts;

    fn deref(&self) -> &ModelParts {
        &self.parts
    }
}

/// What every stored form begins with. Borrowed where it is written: these are nearly all of a model.
#[derive(Serialize, Deserialize)]
struct Stored<'m> {
    format: u16,
    items: Cow<'m, [TrackId]>,
    taste: Cow<'m, [u8]>,
    neighbours: Cow<'m, ItemNeighbours>,
    content: Cow<'m, ItemNeighbours>,
    /// Weights of taste, neighbours, content and popularity.
    blend: [f32; 4],
}

/// What form 2 adds.
#[derive(Serialize, Deserialize)]
struct StoredSecond<'m> {
    session_weight: f32,
    transitions: Cow<'m, ItemNeighbours>,
    /// Trees in LightGBM's text form, and what the blend counts beside them.
    ranker: Option<(String, f32)>,
}

/// What form 3 adds.
#[derive(Serialize, Deserialize)]
struct StoredThird {
    /// Trees in LightGBM's text form, and what they count in the order.
    listened: (String, f32),
}

impl RecommenderModel {
    /// Puts the parts together. The factors of the listeners are left out: whoever asks is folded in as
    /// they are now.
    ///
    /// - Errors: `DamagedModel` when the parts do not cover the same items, or one of them twice.
    pub fn new(id: ModelId, mut parts: ModelParts) -> Result<Self> {
        let counts = [
            parts.taste.item_count(),
            parts.neighbours.item_count(),
            parts.content.item_count(),
            parts.transitions.item_count(),
        ];
        let items = &parts.items;
        if counts.iter().any(|count| *count != items.len()) {
            let reason = format!("{} items, its parts have {counts:?}", items.len());
            return Err(Error::DamagedModel {
                model: id.to_string(),
                reason,
            });
        }
        let mut column_of = IdMap::default();
        for item in items {
            column_of.number_or_insert_with(*item, || ());
        }
        if column_of.len() != items.len() {
            return Err(Error::DamagedModel {
                model: id.to_string(),
                reason: "an item has two columns".to_owned(),
            });
        }
        parts.taste.forget_users();
        Ok(Self {
            id,
            parts,
            column_of,
        })
    }

    /// The column of a track.
    pub fn column(&self, track: TrackId) -> Option<usize> {
        self.column_of.number(track).map(|column| column as usize)
    }

    /// Writes the model.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let weights = &self.blend;
        let third = self.listened.as_ref().map(|listened| {
            let term = self.ranker.as_ref().and_then(Ranker::listened);
            let weight = term.map_or(0.0, |(_, weight)| *weight);
            StoredThird {
                listened: (listened.to_text(), weight),
            }
        });
        let stored = Stored {
            format: if third.is_some() {
                FORMAT_LISTENED
            } else {
                FORMAT
            },
            items: Cow::Borrowed(&self.items),
            taste: Cow::Owned(self.taste.to_bytes()),
            neighbours: Cow::Borrowed(&self.neighbours),
            content: Cow::Borrowed(&self.content),
            blend: [
                weights.taste,
                weights.neighbours,
                weights.content,
                weights.popular,
            ],
        };
        let second = StoredSecond {
            session_weight: weights.session,
            transitions: Cow::Borrowed(&self.transitions),
            ranker: (self.ranker.as_ref()).map(|ranker| (ranker.to_text(), ranker.blend_weight())),
        };
        let mut bytes = postcard::to_allocvec(&(stored, second)).map_err(Error::bug)?;
        if let Some(third) = third {
            bytes.extend(postcard::to_allocvec(&third).map_err(Error::bug)?);
        }
        Ok(bytes)
    }

    /// Reads a model; bytes of any origin give a model or an error. A ranker that this version does
    /// not understand costs the learnt order, not the model.
    pub fn from_bytes(id: ModelId, bytes: &[u8]) -> Result<Self> {
        let damaged = |reason: String| Error::DamagedModel {
            model: id.to_string(),
            reason,
        };
        let (stored, rest): (Stored, _) =
            postcard::take_from_bytes(bytes).map_err(|error| damaged(error.to_string()))?;
        let unread = |error: postcard::Error| damaged(error.to_string());
        let learnt = |error: leitmotif_learn::Error| damaged(error.to_string());
        let (second, third) = match stored.format {
            1 => {
                let nothing = ItemNeighbours::from_lists(vec![Vec::new(); stored.items.len()]);
                let second = StoredSecond {
                    session_weight: 0.0,
                    transitions: Cow::Owned(nothing.map_err(learnt)?),
                    ranker: None,
                };
                (second, None)
            }
            FORMAT => (postcard::from_bytes(rest).map_err(unread)?, None),
            FORMAT_LISTENED => {
                let (second, rest): (StoredSecond, _) =
                    postcard::take_from_bytes(rest).map_err(unread)?;
                let third: StoredThird = postcard::from_bytes(rest).map_err(unread)?;
                (second, Some(third))
            }
            unknown => return Err(damaged(format!("format {unknown} is not known"))),
        };
        let ranker = second.ranker.and_then(|(text, blend_weight)| {
            Ranker::from_text(&text, blend_weight)
                .inspect_err(|error| tracing::warn!(model = %id, %error, "the ranker is left out"))
                .ok()
        });
        let (listened, weight) = match third {
            Some(third) => {
                let (text, weight) = third.listened;
                let read = ListenedShare::from_text(&text).inspect_err(|error| {
                    tracing::warn!(model = %id, %error, "the listened share is left out");
                });
                (read.ok().map(Arc::new), weight)
            }
            None => (None, 0.0),
        };
        let ranker = match (ranker, &listened) {
            (Some(ranker), Some(listened)) => {
                Some(ranker.with_listened(Arc::clone(listened), weight))
            }
            (ranker, _) => ranker,
        };
        let [taste, neighbours, content, popular] = stored.blend;
        let parts = ModelParts {
            items: stored.items.into_owned(),
            taste: IalsModel::from_bytes(&stored.taste).map_err(learnt)?,
            neighbours: stored.neighbours.into_owned(),
            content: stored.content.into_owned(),
            transitions: second.transitions.into_owned(),
            blend: BlendWeights {
                taste,
                neighbours,
                content,
                popular,
                session: second.session_weight,
            },
            ranker,
            listened,
        };
        Self::new(id, parts)
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_learn::InteractionMatrix;
    use leitmotif_learn::factorize::IalsOptions;
    use leitmotif_learn::matrix::Triplet;
    use leitmotif_learn::trees::{
        BinOptions, Dataset, Examples, Features, Objective, Parameters, fit,
    };

    use super::*;
    use crate::rank::{COLUMN_COUNT, column_names};

    fn lists(lists: Vec<Vec<(u32, f32)>>) -> Cow<'static, ItemNeighbours> {
        Cow::Owned(ItemNeighbours::from_lists(lists).unwrap())
    }

    fn stored(format: u16) -> Stored<'static> {
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
            items: Cow::Owned(vec![TrackId::from_u128(1), TrackId::from_u128(2)]),
            taste: Cow::Owned(IalsModel::fit(&matrix, options).unwrap().to_bytes()),
            neighbours: lists(vec![vec![(1, 0.5)], Vec::new()]),
            content: lists(vec![Vec::new(); 2]),
            blend: [1.0, 0.5, 0.25, 0.125],
        }
    }

    #[test]
    fn the_first_form_still_reads() {
        let id = ModelId::from_u128(9);
        let bytes = postcard::to_allocvec(&stored(1)).unwrap();
        let model = RecommenderModel::from_bytes(id, &bytes).unwrap();
        assert_eq!(model.neighbours.of(0).collect::<Vec<_>>(), [(1, 0.5)]);
        assert!(model.ranker.is_none() && model.transitions.of(0).len() == 0);
        // What was stored with the factors of listeners is held, and written, without.
        assert!(model.taste.user_factors().is_empty() && model.taste.item_count() == 2);
        assert_eq!((model.blend.popular, model.blend.session), (0.125, 0.0));
        let again = RecommenderModel::from_bytes(id, &model.to_bytes().unwrap()).unwrap();
        assert_eq!(again.blend, model.blend);
    }

    #[test]
    fn a_model_that_tells_the_listened_share_reads_as_it_was_written() {
        let id = ModelId::from_u128(9);
        let rows: Vec<f32> = (0..100 * COLUMN_COUNT).map(|at| (at % 7) as f32).collect();
        let labels: Vec<f32> = (0..100).map(|row| (row % 7) as f32 / 7.0).collect();
        let examples = Examples::new(Features::new(&rows, COLUMN_COUNT).unwrap(), &labels);
        let parameters = Parameters {
            objective: Objective::Regression,
            trees: 5,
            ..Parameters::default()
        };
        let dataset = Dataset::new(&examples, &BinOptions::default()).unwrap();
        let ensemble = fit(&dataset, None, &parameters).unwrap().ensemble;
        let named = ensemble.with_names(column_names()).unwrap();
        let share = Arc::new(ListenedShare::new(named.clone()).unwrap());
        let bytes = postcard::to_allocvec(&stored(1)).unwrap();
        let mut model = RecommenderModel::from_bytes(id, &bytes).unwrap();
        let plain = model.to_bytes().unwrap();
        assert!(
            RecommenderModel::from_bytes(id, &plain)
                .unwrap()
                .listened
                .is_none()
        );
        let ranker = Ranker::new(named, 1.0).unwrap();
        model.parts.ranker = Some(ranker.with_listened(Arc::clone(&share), 0.5));
        model.parts.listened = Some(share);
        let written = model.to_bytes().unwrap();
        let read = RecommenderModel::from_bytes(id, &written).unwrap();
        let (told, kept) = (read.listened.as_ref(), model.listened.as_ref());
        assert_eq!(told.unwrap().to_text(), kept.unwrap().to_text());
        let term = read.ranker.as_ref().and_then(Ranker::listened);
        assert_eq!(term.map(|one| one.1), Some(0.5));
        assert_eq!(read.to_bytes().unwrap(), written);
        for cut in [plain.len(), written.len() - 1] {
            assert!(RecommenderModel::from_bytes(id, &written[..cut]).is_err());
        }
    }

    #[test]
    fn a_ranker_of_other_columns_costs_the_learnt_order_alone() {
        let second = StoredSecond {
            session_weight: 0.5,
            transitions: lists(vec![Vec::new(); 2]),
            ranker: Some(("tree\nversion=v4\n".to_owned(), 1.0)),
        };
        let bytes = postcard::to_allocvec(&(stored(FORMAT), second)).unwrap();
        let model = RecommenderModel::from_bytes(ModelId::from_u128(9), &bytes).unwrap();
        assert!(model.ranker.is_none());
        let twice = Stored {
            items: Cow::Owned(vec![TrackId::from_u128(1); 2]),
            ..stored(1)
        };
        let twice = postcard::to_allocvec(&twice).unwrap();
        assert!(RecommenderModel::from_bytes(ModelId::from_u128(9), &twice).is_err());
        let unknown = postcard::to_allocvec(&stored(7)).unwrap();
        assert!(RecommenderModel::from_bytes(ModelId::from_u128(9), &unknown).is_err());
    }
}
