//! Playlists: which tracks, and in which order they flow into each other.

mod generate;
mod mix;
mod path;
mod shown;
mod sound;

/// The placement whose pipeline chooses.
const PLACEMENT: &str = "playlist";
/// Whose pipeline chooses what goes on after a playlist.
const CONTINUATION_PLACEMENT: &str = "playlist_continuation";

pub use generate::{PlaylistDraft, PlaylistKind, PlaylistRequest, StepBasis, generate, step_costs};
pub use leitmotif_learn::sequencing::{EnergyArc, Mode, TrackSound, TransitionWeights};
pub use mix::Period;
pub use path::sonic_path;
pub(crate) use sound::measured_of;
pub use sound::sounds_of;
