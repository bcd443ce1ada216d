//! Whether what was served is what a replay gives.

use std::sync::Arc;

use leitmotif_domain::Timestamp;

use crate::engine::FeatureSet;
use crate::entity::EntityKey;
use crate::value::Row;

/// A row as it was served, with what it followed from.
#[derive(Debug, Clone)]
pub struct ServedRow {
    /// The view.
    pub view: String,
    /// Its file.
    pub text: Arc<str>,
    /// Whom it is about.
    pub key: EntityKey,
    /// Which columns.
    pub columns: Vec<usize>,
    /// The last event that was known.
    pub offset: u64,
    /// The moment.
    pub at: Timestamp,
    /// The values.
    pub row: Row,
}

/// How served rows and a replay differ.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Parity {
    /// Rows that were computed anew.
    pub rows: u64,
    /// Values in them.
    pub values: u64,
    /// Values that differ in any bit.
    pub differing: u64,
    /// The largest difference of two numbers.
    pub difference_max: f64,
}

impl Parity {
    /// Computes a row anew from a set that has reached its event and moment.
    pub fn add(&mut self, served: &ServedRow, set: &mut FeatureSet) {
        let read = set.read(&served.view, &[served.key], &served.columns, served.at);
        let Some(anew) = read.map(|rows| rows.row(0)) else {
            return;
        };
        self.rows += 1;
        let has_status = anew.status == served.row.status && anew.newest == served.row.newest;
        for (before, now) in served.row.values.iter().zip(&anew.values) {
            self.values += 1;
            if !before.is_identical(now) || !has_status {
                self.differing += 1;
                let difference = (before.number() - now.number()).abs();
                self.difference_max = self.difference_max.max(difference);
            }
        }
    }
}
