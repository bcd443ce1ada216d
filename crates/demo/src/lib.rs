//! A small world with known truth: songs, verses and listeners, and the tour that shows them to a
//! running platform through its public API.
//!
//! Everything simulated follows from a seed; no clock, network or file is read here.

pub mod form_scores;
pub mod listeners;
pub mod rap_catalogue;
pub mod songs;
pub mod verses;
pub mod world;

pub mod tour;
