//! Scansion: which syllables of a line of English verse are stressed, and in which metre it goes.

mod chain;
mod features;
mod fit;
mod form;
mod model;
mod scanner;
mod verse;

pub use features::is_light;
pub use fit::ScannedLine;
pub use form::Metre;
pub use model::{ScansionModel, ScansionModelError};
pub use scanner::{LineScan, Scanner, scan_poem};
pub use verse::VerseMetre;
