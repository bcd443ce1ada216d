//! A trained recommender: everything a request needs in memory.

use std::collections::HashMap;

use leitmotif_domain::{ModelId, TrackId};
use leitmotif_learn::factorize::IalsModel;
use leitmotif_learn::neighbours::ItemNeighbours;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Version of the stored form; an unknown one is refused.
const FORMAT: u16 = 1;

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
}

impl Default for BlendWeights {
    /// What is used where nothing was learnt: neighbours and content carry, popularity breaks ties.
    fn default() -> Self {
        Self {
            taste: 1.0,
            neighbours: 0.5,
            content: 0.3,
            popular: 0.1,
        }
    }
}

/// A trained recommender.
pub struct RecommenderModel {
    /// Its id.
    pub id: ModelId,
    /// The tracks it knows; a column of every part.
    pub items: Vec<TrackId>,
    /// Taste by factorisation.
    pub taste: IalsModel,
    /// Neighbours by who plays what.
    pub neighbours: ItemNeighbours,
    /// Neighbours by sound and words.
    pub content: ItemNeighbours,
    /// How much each source counts.
    pub blend: BlendWeights,
    column_of: HashMap<TrackId, u32>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u16,
    items: Vec<TrackId>,
    taste: Vec<u8>,
    neighbours: Vec<Vec<(u32, f32)>>,
    content: Vec<Vec<(u32, f32)>>,
    blend: BlendWeights,
}

impl RecommenderModel {
    /// Puts the parts together.
    ///
    /// - Errors: `DamagedModel` when the parts do not cover the same items.
    pub fn new(
        id: ModelId,
        items: Vec<TrackId>,
        taste: IalsModel,
        neighbours: ItemNeighbours,
        content: ItemNeighbours,
        blend: BlendWeights,
    ) -> Result<Self> {
        let counts = [
            taste.item_count(),
            neighbours.item_count(),
            content.item_count(),
        ];
        if counts.iter().any(|count| *count != items.len()) {
            let reason = format!("{} items, its parts have {counts:?}", items.len());
            return Err(Error::DamagedModel {
                model: id.to_string(),
                reason,
            });
        }
        let column_of = items
            .iter()
            .enumerate()
            .map(|(column, item)| (*item, column as u32))
            .collect();
        Ok(Self {
            id,
            items,
            taste,
            neighbours,
            content,
            blend,
            column_of,
        })
    }

    /// The column of a track.
    pub fn column(&self, track: TrackId) -> Option<usize> {
        self.column_of.get(&track).map(|column| *column as usize)
    }

    /// Writes the model.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let stored = Stored {
            format: FORMAT,
            items: self.items.clone(),
            taste: self.taste.to_bytes(),
            neighbours: self.neighbours.lists().to_vec(),
            content: self.content.lists().to_vec(),
            blend: self.blend,
        };
        postcard::to_allocvec(&stored).map_err(Error::bug)
    }

    /// Reads a model; bytes of any origin give a model or an error.
    pub fn from_bytes(id: ModelId, bytes: &[u8]) -> Result<Self> {
        let damaged = |reason: String| Error::DamagedModel {
            model: id.to_string(),
            reason,
        };
        let stored: Stored =
            postcard::from_bytes(bytes).map_err(|error| damaged(error.to_string()))?;
        if stored.format != FORMAT {
            return Err(damaged(format!("format {} is not known", stored.format)));
        }
        let learnt = |error: leitmotif_learn::Error| damaged(error.to_string());
        Self::new(
            id,
            stored.items,
            IalsModel::from_bytes(&stored.taste).map_err(learnt)?,
            ItemNeighbours::from_lists(stored.neighbours).map_err(learnt)?,
            ItemNeighbours::from_lists(stored.content).map_err(learnt)?,
            stored.blend,
        )
    }
}
