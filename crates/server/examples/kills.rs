//! The kill test as long as you like:
//! `cargo run --release --example kills -- --kills 1000 --seed 7 --binary target/release/leitmotif`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "shared with the journeys, of which it uses a part"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use leitmotif_domain::Clock;
use leitmotif_domain::clock::SystemClock;

#[path = "../tests/journeys/harness.rs"]
mod harness;
#[path = "../tests/journeys/kill_engine.rs"]
mod kill_engine;
#[path = "../tests/journeys/wire.rs"]
mod wire;

/// Kills a server under load again and again, and checks what it kept.
#[derive(Parser)]
struct Args {
    /// How often.
    #[arg(long, default_value_t = 50)]
    kills: usize,
    /// The `leitmotif` binary.
    #[arg(long)]
    binary: PathBuf,
    /// Seed of the moments and the load.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Longest time to be ready again, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    ready_ms_max: u64,
}

fn main() {
    let args = Args::parse();
    let folder = tempfile::tempdir().unwrap();
    let plan = kill_engine::KillPlan {
        kills: args.kills,
        seed: args.seed,
        ready_max: Duration::from_millis(args.ready_ms_max),
        now_ms: SystemClock.now().as_ms(),
    };
    let report = kill_engine::run(plan, &args.binary, folder.path());
    println!("{report:?}");
}
