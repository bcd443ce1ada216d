//! The `vectors` measurement.

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: &Args) -> anyhow::Result<serde_json::Value> {
    anyhow::bail!("`vectors` has no measurement yet")
}
