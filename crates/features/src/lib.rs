//! Aggregates over the event log: what listeners did and what happened to tracks.
//!
//! One code path: the same code runs live and in a replay, and no state depends on the order in which
//! events arrive, so deleting and rebuilding it gives the same bytes. [`ListeningState`] is what the
//! recommender answers from; [`FeatureSet`] computes what feature views define.

pub mod definition;
pub mod entity;

pub mod aggregate;
pub mod engine;
pub mod metrics;
pub mod offline;
pub mod parity;
pub mod service;
pub mod value;

pub mod id_map;
pub mod listener;
#[cfg(test)]
mod naive;
pub mod parted_map;
pub mod plays;
pub mod projection;
pub mod saving;
pub mod state;
pub mod track;

pub use definition::{DefinitionError, ViewDefinition};
pub use engine::{FeatureSet, LiveView};
pub use entity::EntityKey;
pub use id_map::IdMap;
pub use listener::{Judgement, ListenerProfile, TrackHistory};
pub use projection::{Error, Projection};
pub use service::Features;
pub use state::ListeningState;
pub use track::TrackActivity;
pub use value::{Row, Status, Value};
