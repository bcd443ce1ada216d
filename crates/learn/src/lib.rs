//! Recommendation models and ranking metrics: matrices in, model out.
//!
//! Everything starts from an [`InteractionMatrix`] of listeners and items. The crate is pure: no
//! clock, network, logging or tenant, and results do not depend on the number of threads.

mod error;

pub mod matrix;
pub mod rank_metrics;

pub mod bandit;
pub mod diversify;
pub mod drift;
pub mod exposure;
pub mod factorize;
pub mod heads;
pub mod layout;
pub mod neighbours;
pub mod newcomers;
pub mod popularity;
pub mod retrieval;
pub mod sequence;
pub mod sequencing;
pub mod trees;

mod dense;
mod random;
mod top_k;

pub use error::{Error, ErrorKind, Result};
pub use matrix::InteractionMatrix;
pub use top_k::top_k;
