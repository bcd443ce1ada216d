//! Choices of an index and of a search, and what a search returns.

use crate::error::{Error, Result};

/// The largest dimension of an index; keeps sums of code products far inside `i32`.
pub const DIMENSION_MAX: usize = 8192;

/// How the distance between two vectors is measured; smaller is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// `1 − cos(a, b)`, in 0.0..=2.0. Vectors are stored with unit length.
    Cosine,
    /// `−a·b`, unbounded. Not a metric in the strict sense: a vector need not be nearest to itself.
    Dot,
    /// Squared Euclidean distance `Σ(aᵢ − bᵢ)²`, at least 0.0.
    L2,
}

/// Choices fixed when an index is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexOptions {
    /// Links of a node on the upper levels, 2..=64; the bottom level has twice as many.
    pub m: usize,
    /// Breadth of the walk that finds the links of a new node, `m`..=4096.
    pub ef_construction: usize,
    /// Seed of the node levels and of the insertion order of a bulk build.
    pub seed: u64,
    /// Below this many live vectors a search scans all of them, exactly. A scan of 20,000 codes
    /// takes about 0.1 ms at 128 dimensions, and needs no graph.
    pub exact_below: usize,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            m: 16,
            ef_construction: 128,
            seed: 0x6c65_6974_6d6f_7469,
            exact_below: 20_000,
        }
    }
}

impl IndexOptions {
    pub(crate) fn validate(&self) -> Result<()> {
        if !(2..=64).contains(&self.m) {
            return Err(Error::InvalidOption {
                name: "m",
                value: self.m,
                allowed: "2 to 64",
            });
        }
        if !(self.m..=4096).contains(&self.ef_construction) {
            return Err(Error::InvalidOption {
                name: "ef_construction",
                value: self.ef_construction,
                allowed: "m to 4096",
            });
        }
        Ok(())
    }
}

/// Choices of one search.
#[derive(Clone, Copy)]
pub struct SearchOptions<'a> {
    /// Breadth of the walk; raised to `k` when smaller. More finds more and costs more.
    pub ef: usize,
    /// Keeps only ids for which it answers true. It is called once or more for many ids, in any order.
    pub filter: Option<&'a (dyn Fn(u128) -> bool + Sync)>,
}

impl Default for SearchOptions<'_> {
    fn default() -> Self {
        Self {
            ef: 64,
            filter: None,
        }
    }
}

/// One found vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its id.
    pub id: u128,
    /// Its distance to the query under the index's [`Metric`].
    pub distance: f32,
}
