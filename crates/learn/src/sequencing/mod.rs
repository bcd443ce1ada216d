//! Putting tracks into an order in which each flows into the next, and learning what breaks the flow.
//!
//! [`sequence_tracks`] orders by what each part of a step counts: a convention, or what [`StepModel`]
//! learnt from where listeners played on.

mod order;
mod play_rates;
mod session_steps;
mod sound;
mod step_model;
mod tracks;
mod transition;

pub use order::{SequencingProblem, crowded_pairs, order_cost, sequence};
pub use play_rates::{PlayRates, RATE_COLUMNS};
pub use session_steps::{SessionPlays, Step, StepListen, steps_of};
pub use sound::{Mode, TrackSound};
pub use step_model::{StepColumns, StepModel, StepRow};
pub use tracks::{ARTIST_GAP, BEAM, EnergyArc, SequenceOptions, Sequenced, sequence_tracks};
pub use transition::{STEP_PARTS, StepParts, TransitionWeights};
