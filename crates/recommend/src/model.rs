//! A trained recommender: everything a request needs in memory.

use std::ops::Deref;
use std::sync::Arc;

use leitmotif_domain::{ModelId, TrackId};
use leitmotif_features::IdMap;
use leitmotif_learn::factorize::IalsModel;
use leitmotif_learn::neighbours::ItemNeighbours;
use leitmotif_learn::newcomers::NewcomerMix;
use leitmotif_learn::sequencing::TransitionWeights;
use serde::{Deserialize, Serialize};

use crate::audiences::AudiencePopularity;
use crate::cold_map::ColdMap;
use crate::error::{Error, Result};
use crate::explain::Source;
use crate::item_sounds::ItemSounds;
use crate::moments::MomentLifts;
use crate::neighbour_settings::NeighbourSettings;
use crate::rank::{ListenedShare, Ranker};

/// How much each source counts in the blend; found on held-out listens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BlendWeights {
    /// Matrix factorisation with fold-in.
    pub taste: f32,
    /// What is played by the same listeners.
    pub neighbours: f32,
    /// Embedding neighbours.
    pub content: f32,
    /// Decayed popularity.
    pub popular: f32,
    /// What follows the tracks just played.
    #[serde(default)]
    pub session: f32,
    /// What was played in sessions like the running one.
    #[serde(default)]
    pub sessions: f32,
    /// What is played more than usual in these days.
    #[serde(default)]
    pub trending: f32,
    /// How much more often a track is played at the moment: no source, and added to what sources offer, for each
    /// unit of the natural logarithm.
    #[serde(default)]
    pub moment: f32,
    /// How far popularity is that with the audience of the request rather than with everybody, 0 to 1: no source of
    /// its own.
    #[serde(default)]
    pub audience: f32,
}

impl BlendWeights {
    /// The weights by the numbers of their sources.
    pub fn by_source(&self) -> [f32; Source::LEARNT] {
        [
            self.taste,
            self.neighbours,
            self.content,
            self.popular,
            self.session,
            self.sessions,
            self.trending,
        ]
    }
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
            sessions: 0.2,
            trending: 0.0,
            moment: 0.0,
            audience: 0.0,
        }
    }
}

/// How listeners are answered of whom few tracks are known; found on listeners cut to a few of theirs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Newcomers {
    /// What the known tracks count beside popularity.
    pub mix: NewcomerMix,
    /// Up to so many known tracks the mix answers, which is the session rung, and beyond them the blend.
    pub tracks_max: u32,
}

/// What a recommender is made of.
pub struct ModelParts {
    /// The tracks it knows; a column of every part.
    pub items: Vec<TrackId>,
    /// Taste by factorisation.
    pub taste: IalsModel,
    /// Neighbours by who plays what.
    pub neighbours: ItemNeighbours,
    /// Which model these are of.
    pub neighbours_by: NeighbourSettings,
    /// Neighbours by sound and words.
    pub content: ItemNeighbours,
    /// What follows what in a session.
    pub transitions: ItemNeighbours,
    /// From content to factors, where training found that it finds new tracks better than likeness.
    pub cold: Option<ColdMap>,
    /// What is played at which moments more than else, where listens tell theirs.
    pub moments: Option<MomentLifts>,
    /// What is popular with whom, where enough plays tell it.
    pub audiences: Option<AudiencePopularity>,
    /// How its items sound, where any was analysed.
    pub sounds: Option<ItemSounds>,
    /// How much each source counts.
    pub blend: BlendWeights,
    /// What orders the candidates, where one was learnt that does better than the blend.
    pub ranker: Option<Ranker>,
    /// Whether one was stored that this version cannot read, such as one over columns that are no more.
    pub is_ranker_unread: bool,
    /// What tells how much of a track will be heard, where it does better than means.
    pub listened: Option<Arc<ListenedShare>>,
    /// What each part of a step from one track to the next counts, where that was learnt and tells better
    /// than the convention where listeners play on.
    pub steps: Option<TransitionWeights>,
    /// How listeners are answered of whom few tracks are known.
    pub newcomers: Newcomers,
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
        if let (Some(ranker), Some(listened)) = (&parts.ranker, &parts.listened)
            && ranker.features() != listened.features()
        {
            return Err(Error::DamagedModel {
                model: id.to_string(),
                reason: "its trees read other features".to_owned(),
            });
        }
        parts.taste.forget_users();
        Ok(Self {
            id,
            parts,
            column_of,
        })
    }

    /// The same sources under another id, with another order of candidates and no listened share, which belonged to
    /// the order before.
    pub fn with_ranker(self, id: ModelId, ranker: Ranker) -> Self {
        let parts = ModelParts {
            ranker: Some(ranker),
            is_ranker_unread: false,
            listened: None,
            ..self.parts
        };
        Self { id, parts, ..self }
    }

    /// The features that its trees read, as `view.feature`.
    pub fn features(&self) -> &[String] {
        let of_share = || self.listened.as_ref().map(|listened| listened.features());
        let read = (self.ranker.as_ref())
            .map(Ranker::features)
            .or_else(of_share);
        read.map_or(&[], |features| features)
    }

    /// The column of a track.
    pub fn column(&self, track: TrackId) -> Option<usize> {
        self.column_of.number(track).map(|column| column as usize)
    }
}
