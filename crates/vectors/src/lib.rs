//! Exact and HNSW nearest-neighbour search with filters and persistence.
//!
//! An [`Index`] holds vectors under 128-bit ids. Small sets are scanned exactly; large ones are
//! found through a hierarchical navigable small-world graph that walks 8-bit codes and rescores
//! the best candidates in `f32`. A loaded index stays in its mapped snapshot, which is checked whole
//! before the first search. The crate is pure: no clock, network, logging or tenant.

mod error;

mod index;
mod options;

mod exact;
mod walk;

mod build;
mod consolidate;
mod graph;
mod select;

mod lookup;
mod quantise;
mod rows;
mod scratch;
mod store;

mod kernels;
mod snapshot;

pub use error::{Error, ErrorKind, Result};
pub use index::Index;
pub use kernels::active_kernels;
pub use options::{DIMENSION_MAX, IndexOptions, Metric, Neighbour, SearchOptions};
