//! Tables of tracks: one row, one track.

pub mod table;
