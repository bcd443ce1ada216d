//! Features: views, their versions, what they hold, and reading them.

pub mod distribution;
pub mod entities;
pub mod online;
pub mod past;
pub mod pushes;
pub mod views;
