//! Heads: does a track carry a label, told from numbers about it, and how sure that is.
//!
//! Each label has a head of its own: a logistic regression, a calibration and a threshold. What a head
//! is worth is measured on artists it has not seen: [`train_head`] deals the artists into folds, fits on
//! the others of each fold, and judges what was said of the rest.

mod calibration;
mod examples;
mod folds;
mod logistic;
mod measure;
mod train;

pub use calibration::Calibration;
pub use examples::{Examples, Standard};
pub use folds::FOLDS;
pub use logistic::{Logistic, LogisticOptions};
pub use measure::{HeadMeasure, Interval, average_precision, roc_auc};
pub use train::{BAR, GROUPS_MIN, Head, HeadOptions, Judged, POSITIVES_MIN, Shortage, train_head};

#[cfg(test)]
mod tests;
