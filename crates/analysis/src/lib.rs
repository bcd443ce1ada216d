//! Audio and lyrics in, descriptors with evidence out.
//!
//! Pure: no async, network, clock, tenant, storage or logging.

pub mod analyzer;
pub mod audio;
pub mod descriptor;
pub mod logistic;
pub mod lyrics;
pub mod singular;

pub use analyzer::{AnalysisError, Analyzer, AnalyzerManifest, TrackInput};
pub use descriptor::Descriptor;
