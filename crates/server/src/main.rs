//! The `leitmotif` binary: parse the command line, build the platform, run.

#[macro_use]
mod output;

mod client;
mod commands;
mod courier;
mod entropy;
mod lyrics_encoder;
mod platform;
mod progress;
mod role;
mod sealed_webhooks;
mod settings;
mod telling;
mod trainer;
mod trust;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let code = commands::run().unwrap_or_else(|error| {
        eprintln!("leitmotif: {error:#}");
        ExitCode::FAILURE
    });
    output::code_after(code)
}
