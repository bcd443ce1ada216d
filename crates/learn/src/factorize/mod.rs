//! Models that factor or invert the interaction matrix.

pub mod attribute_map;
pub mod ease;
pub mod ials;
mod ials_bytes;

pub use attribute_map::{AttributeMap, AttributedFactors, Attributes};
pub use ease::{EaseModel, EaseOptions};
pub use ials::{IalsModel, IalsOptions};
