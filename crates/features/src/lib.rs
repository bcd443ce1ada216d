//! Aggregates over the event log: what listeners did and what happened to tracks.
//!
//! One code path: the same [`ListeningState::apply`] runs live and in a replay, and the state does
//! not depend on the order in which events arrive, so deleting and rebuilding it gives the same
//! bytes.

pub mod listener;
pub mod projection;
pub mod state;
pub mod track;

pub use listener::{Judgement, ListenerProfile, TrackHistory};
pub use projection::{Error, Projection};
pub use state::ListeningState;
pub use track::TrackActivity;
