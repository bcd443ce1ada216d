//! The catalogue of `rap-scraper`: its tables become tracks, and statements about them.
//!
//! Nothing here writes: rows are mapped to what the public API takes, so that the command line can
//! send them, and counted for the audit.

mod analysis;
mod audit;
mod spotify;
mod statement;
mod table;
mod track;

#[cfg(test)]
mod tests;

pub use analysis::{MappedAnalysis, map_analysis, map_features};
pub use audit::{IdClaims, RapAudit, RowFate};
pub use spotify::{SpotifyData, SpotifyShape};
pub use statement::MappedStatement;
pub use table::{TABLE_ANALYZER, map_table_row};
pub use track::{MappedTrack, MappedVector, map_track};

/// The namespace of its ids and the source of its statements.
pub const SOURCE: &str = "rap-scraper";
