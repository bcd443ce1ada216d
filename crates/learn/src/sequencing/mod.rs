//! Putting tracks into an order in which each flows into the next.

mod order;
mod sound;
mod tracks;
mod transition;

pub use order::{SequencingProblem, crowded_pairs, order_cost, sequence};
pub use sound::{Mode, TrackSound};
pub use tracks::{EnergyArc, SequenceOptions, Sequenced, sequence_tracks};
pub use transition::transition_cost;
