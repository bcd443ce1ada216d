//! Metrics by definition: the definitions, their values, and whether the log says the same.

pub mod definitions;
pub mod recount;
pub mod values;
