//! The `leitmotif` binary: parse the command line, build the platform, run.

mod client;
mod commands;
mod entropy;
mod lyrics_encoder;
mod platform;
mod progress;
mod settings;
mod trainer;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("leitmotif: {error:#}");
            ExitCode::FAILURE
        }
    }
}
