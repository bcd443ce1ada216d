//! Boosted trees by their public face: against LightGBM, hostile files, and what a fit promises.

#![allow(clippy::unwrap_used)] // the functions beside the tests are tests too

mod data;
mod fits;
mod hostile;
mod lightgbm;
mod shapley;
