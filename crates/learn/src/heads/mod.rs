//! Heads: does a track carry a label, told from numbers about it, and how sure that is.
//!
//! Each label has a head of its own: a logistic regression, a calibration and a threshold. What a head
//! is worth is measured on artists it has not seen: [`train_head`] deals the artists into folds, fits on
//! the others of each fold, and judges what was said of the rest. A value, a number between 0 and 1, has a
//! head that is a linear regression, judged the same way by [`train_value`].

mod calibration;
mod descent;
mod examples;
mod folds;
mod logistic;
mod measure;
mod train;
mod values;

pub use calibration::Calibration;
pub use examples::{Examples, Standard};
pub use folds::FOLDS;
pub use logistic::{Logistic, LogisticOptions};
pub use measure::{HeadMeasure, Interval, average_precision, roc_auc};
pub use train::{BAR, GROUPS_MIN, Head, HeadOptions, Judged, POSITIVES_MIN, Shortage, train_head};
pub use values::{
    JudgedValue, NEAR, VALUE_BAR, VALUE_GROUPS_MIN, VALUES_MIN, ValueHead, ValueMeasure,
    ValueOptions, train_value,
};

#[cfg(test)]
mod tests;
