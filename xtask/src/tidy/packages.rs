//! How many packages the default build compiles: each costs time and trust.

use std::collections::BTreeSet;
use std::process::Command;

use super::Finding;
use super::repo::Repo;

/// Most packages in the default build of the binary.
const PACKAGES_MAX: usize = 450;

/// Counts what `cargo build` of the product would compile on this machine.
pub fn check(repo: &Repo) -> Vec<Finding> {
    // First without the network: whoever builds has the packages already.
    let listed = tree(repo, true).or_else(|_| tree(repo, false));
    let message = match listed {
        Ok(listing) => {
            let package_count = packages(&listing).len();
            if package_count <= PACKAGES_MAX {
                return Vec::new();
            }
            format!(
                "{package_count} packages in the default build, bring them below {PACKAGES_MAX}"
            )
        }
        Err(reason) => format!("cannot count packages, repair `cargo tree --locked`: {reason}"),
    };
    vec![Finding::new("Cargo.lock", 1, message)]
}

fn tree(repo: &Repo, is_offline: bool) -> Result<String, String> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let mut command = Command::new(cargo);
    command
        .args([
            "tree",
            "-p",
            "leitmotif",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "--locked",
        ])
        .args(is_offline.then_some("--offline"))
        .current_dir(&repo.root);
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(complaint.lines().next().unwrap_or("no message").to_owned())
}

/// Name and version of each line, once.
fn packages(listing: &str) -> BTreeSet<(&str, &str)> {
    listing
        .lines()
        .filter_map(|text| {
            let mut words = text.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_count_once() {
        let listing = "leitmotif v0.1.0 (/x)\nserde v1.0.0\nserde v1.0.0 (*)\n\nserde v0.9.0\n\
            serde_derive v1.0.0 (proc-macro)\n";
        assert_eq!(packages(listing).len(), 4);
    }
}
