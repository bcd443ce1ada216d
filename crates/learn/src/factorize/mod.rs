//! Models that factor or invert the interaction matrix.

pub mod ease;
pub mod ials;
mod ials_bytes;

pub use ease::{EaseModel, EaseOptions};
pub use ials::{IalsModel, IalsOptions};
