//! Repository chores that the compiler does not do.

pub mod tidy;
