//! x
use serde::{Deserialize, Serialize};
/// A
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RhymeSpan {}
/// B
pub struct RhymeChains {}
/// C
pub fn rhyme_chains() {}
