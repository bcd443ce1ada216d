//! A small world with known truth: songs, verses and listeners.
//!
//! Pure: everything follows from a seed; no clock, network or file is read.

pub mod listeners;
pub mod songs;
pub mod verses;
