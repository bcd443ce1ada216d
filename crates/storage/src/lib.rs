//! Ports with written contracts, the backends of one process, decorators, and the conformance
//! suite every backend passes.
//!
//! Every method on customer data takes a `TenantScope` first. Ports are shaped for a remote backend:
//! async, batch-first, idempotent, cursor-paged, bounded.

pub mod error;
pub mod ports;

pub mod blob_streams;
pub mod duplicates;

mod arguments;
mod audit;
mod changes;
mod merge;
mod neighbours;

pub mod embedded;
pub mod memory;

pub mod decorate;

pub mod tables;

#[doc(hidden)]
pub mod conformance;

pub use error::Error;
