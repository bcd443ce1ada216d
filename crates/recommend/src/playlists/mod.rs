//! Playlists: which tracks, and in which order they flow into each other.

mod generate;
mod path;
mod sound;

pub use generate::{PlaylistDraft, PlaylistKind, PlaylistRequest, StepBasis, generate, step_costs};
pub use leitmotif_learn::sequencing::{EnergyArc, Mode, TrackSound, TransitionWeights};
pub use path::sonic_path;
pub(crate) use sound::measured_of;
pub use sound::sounds_of;
