//! `cargo xtask <chore>`: the command line of the chores.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["tidy"] => tidy(own_root()?),
        ["tidy", root] => tidy(Path::new(root)),
        _ => bail!("usage: cargo xtask tidy [ROOT]"),
    }
}

/// The repository that this binary was built in.
fn own_root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the manifest of xtask lies in a folder of the repository")
}

fn tidy(root: &Path) -> anyhow::Result<ExitCode> {
    let findings = xtask::tidy::check(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: nothing to do");
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {} findings", findings.len());
    Ok(ExitCode::FAILURE)
}
