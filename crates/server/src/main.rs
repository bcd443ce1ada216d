//! The `leitmotif` binary.
fn main() {}
