//! Work from the queue: the loop of the workers, the analysis of a track, the decoding child.

pub mod analyze;
pub mod beginnings;
pub(crate) mod child;
pub mod decoder;
pub mod directory;
pub mod document;
pub mod process;
pub mod scan;
pub mod segments;
pub mod texts;
pub(crate) mod threads;
pub mod worker;

pub use analyze::AnalyzeRunner;
pub use beginnings::{Beginning, Beginnings};
pub use directory::TenantDirectory;
pub use document::TrackAnalysis;
pub use leitmotif_analysis::descriptor::Descriptor;
pub use process::{AudioProcess, DecoderProcess};
pub use scan::ScanRunner;
pub use texts::TextsRunner;
pub use worker::{JobFailure, JobHandle, JobRunner, Workers};
