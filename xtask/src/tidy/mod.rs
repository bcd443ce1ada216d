//! The house rules that a machine can check; `CONVENTIONS.md` says why they exist.
//!
//! Every finding is one line `path:line: what, what to do`.

mod repo;
mod source;

mod arrows;
mod documents;
mod manifest;
mod packages;
mod ports;
mod shape;
mod words;

use std::fmt;
use std::path::Path;

use repo::Repo;

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the root of the repository.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Checks the repository at `root`; the findings come sorted by place.
///
/// - Errors: a file that cannot be read.
pub fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let repo = Repo::read(root)?;
    let mut findings = arrows::check(&repo);
    findings.extend(shape::check(&repo));
    findings.extend(ports::check(&repo));
    findings.extend(documents::check(&repo));
    findings.extend(words::check(&repo));
    findings.extend(packages::check(&repo));
    findings.sort();
    findings.dedup();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let findings = check(root).unwrap();
        let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
        assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
    }
}
