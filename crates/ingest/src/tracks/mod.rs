//! Audio files on a disk: finding them, reading their tags.

pub mod files;
pub mod payload;
pub mod scan;
pub mod tags;
