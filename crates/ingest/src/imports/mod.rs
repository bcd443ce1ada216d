//! Tables and catalogues from elsewhere.

pub mod archive;
pub mod claims;
pub mod histories;
pub mod literal;
pub mod playlists;
pub mod rap_scraper;
pub mod table;

pub mod cells;
pub mod lines;
pub mod records;
