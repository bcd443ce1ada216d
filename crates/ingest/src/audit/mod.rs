//! What an import brought, counted: the first thing its owner sees.

pub mod agreement;
mod column_agreement;
pub mod document;
pub mod findings;
pub mod profile;
pub mod reanalysis;
mod stand_ins;
pub mod tables;

pub use document::AuditDocument;
