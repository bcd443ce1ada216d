//! The `audio` measurement.

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: &Args) -> anyhow::Result<serde_json::Value> {
    anyhow::bail!("`audio` has no measurement yet")
}
