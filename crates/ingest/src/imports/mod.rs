//! Tables and catalogues from elsewhere.

pub mod literal;
pub mod rap_scraper;
pub mod table;

pub mod cells;
pub mod lines;
pub mod records;
