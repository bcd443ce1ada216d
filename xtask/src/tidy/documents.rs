//! Paths in documents: a document that names what is gone is wrong.

use super::Finding;
use super::repo::{Repo, TextFile};

/// First words of the paths that are checked in backticks.
const FOLDERS: [&str; 9] = [
    ".ci/",
    "changelog.d/",
    "crates/",
    "deploy/",
    "docs/",
    "eval/",
    "fuzz/",
    "sdk/",
    "xtask/",
];

/// Checks every Markdown file.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let documents = repo.files.iter().filter(|file| file.path.ends_with(".md"));
    documents
        .flat_map(|file| check_file(file, &|path| repo.exists(path)))
        .collect()
}

fn check_file(file: &TextFile, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    let mut is_fenced = false;
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        }
        if is_fenced {
            continue;
        }
        let mut dead = |shown: &str| {
            let message = format!("`{shown}` does not exist, correct the path");
            findings.push(Finding::new(&file.path, index + 1, message));
        };
        for path in code_paths(line) {
            if !exists(&path) {
                dead(&path);
            }
        }
        for target in link_targets(line) {
            if !exists(&joined(folder, target)) {
                dead(target);
            }
        }
    }
    findings
}

/// Paths from the root in backticks; placeholders and patterns are passed over.
fn code_paths(line: &str) -> Vec<String> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .flat_map(str::split_whitespace)
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| !word.contains(['*', '<', '…', '$']) && !word.contains("NNNN"))
        .flat_map(expanded)
        .map(|word| plain(&word).to_owned())
        .collect()
}

/// `a/{b,c}.rs` names two paths.
fn expanded(word: &str) -> Vec<String> {
    let braces = word.split_once('{').and_then(|(front, rest)| {
        let (middle, back) = rest.split_once('}')?;
        Some((front, middle, back))
    });
    match braces {
        Some((front, middle, back)) => {
            let parts = middle.split(',');
            parts
                .map(|part| format!("{front}{}{back}", part.trim()))
                .collect()
        }
        None => vec![word.to_owned()],
    }
}

/// Without a line number, an anchor or closing punctuation.
fn plain(word: &str) -> &str {
    let path = word.split(['#', ':']).next().unwrap_or(word);
    path.trim_end_matches([',', ';', ')', '/'])
}

/// Targets of links into the repository.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split(['#', ' ']).next().unwrap_or(target))
        .filter(|target| !target.is_empty() && !target.contains(':') && !target.starts_with('/'))
}

/// Joins a link to the folder of its document, `..` resolved.
fn joined(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(path: &str, text: &str) -> Vec<String> {
        let file = TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let present = ["crates/a/src/lib.rs", "docs/b.md", "docs/adr", "README.md"];
        check_file(&file, &|path| present.contains(&path))
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn living_paths_pass() {
        for text in [
            "see `crates/a/src/lib.rs:12` and [b](docs/b.md#words)",
            "`docs/adr/NNNN-title.md`, `docs/*.md`, `docs/<name>.md`, `other/folder`",
            "`docs/adr/` and [web](https://example.org/x) and [here](#there)",
            "```\n`docs/gone.md`\n```",
            "`docs/{b.md,adr}`",
        ] {
            assert_eq!(check_text("X.md", text), Vec::<String>::new(), "{text}");
        }
        assert!(check_text("docs/adr/1.md", "[b](../b.md) [r](../../README.md)").is_empty());
    }

    #[test]
    fn dead_paths_are_named() {
        let found = check_text("X.md", "a\n`crates/a/src/gone.rs`, [c](docs/c.md)");
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            found[0],
            "X.md:2: `crates/a/src/gone.rs` does not exist, correct the path"
        );
        assert!(found[1].contains("`docs/c.md`"));
    }
}
