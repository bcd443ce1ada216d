//! The `rap_pairs` measurement.

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: &Args) -> anyhow::Result<serde_json::Value> {
    anyhow::bail!("`rap_pairs` has no measurement yet")
}
