//! The map of a catalogue: every track with an embedding as a point of the plane, one map per space.
//!
//! `vectors + their neighbours in the index → learn::layout → a blob`. It is made when it is first asked
//! for, in the background. Tracks that come later stand among their neighbours until so many came that
//! the map is made anew.

mod make;
mod mapper;
mod placed;

pub use mapper::{MapProgress, MapView, Mapper};
pub use placed::{CatalogueMap, GRID};
