//! A small world with known truth.
