//! Boosted trees: learning to rank, to tell apart and to predict numbers.

mod features;
mod parameters;

mod binning;
mod dataset;

mod histogram;
mod lambda_rank;
mod objective;

mod grow;
mod split;
mod split_categories;
mod tree;

mod ensemble;
mod fit;
mod kernels;
mod scorer;
mod views;

mod contributions;
mod explainer;
mod lightgbm_read;
mod lightgbm_text;
mod lightgbm_write;

pub use contributions::Contributions;
pub use dataset::{BinOptions, Dataset};
pub use ensemble::{Ensemble, Importance};
pub use explainer::Explainer;
pub use features::{Examples, Features};
pub use fit::{Fit, fit};
pub use parameters::{CategoryOptions, Monotone, Objective, Parameters};
