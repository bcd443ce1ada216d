//! The shape of files: length, heads, where unsafe code may live.

use super::Finding;
use super::repo::{Repo, TextFile};
use super::source::{functions, line_of, mask, test_ranges, word_positions};

/// Longest file in lines, tests not counted.
const FILE_LINES_MAX: usize = 800;
/// Longest function in lines: a screen.
const FUNCTION_LINES_MAX: usize = 70;
/// Endings of the files whose length counts.
const CODE_ENDINGS: [&str; 6] = [".rs", ".js", ".mjs", ".css", ".py", ".sh"];
/// Files that hold tables of numbers or words.
const TABLE_ENDINGS: [&str; 3] = ["_weights.rs", "profiles.rs", "_scale.rs"];
/// Folders of test code; the conformance suite is run by the tests of every backend.
const TEST_FOLDERS: [&str; 4] = ["benches", "conformance", "fixtures", "tests"];
/// The only places with unsafe code: the SIMD kernels and the memory map of snapshots; and the names that plugins
/// export, which are attributes without code.
const UNSAFE_HOMES: [&str; 4] = [
    "crates/learn/src/trees/kernels.rs",
    "crates/vectors/src/kernels/",
    "crates/vectors/src/snapshot/map.rs",
    "sdk/plugin/src/export.rs",
];

/// Checks every file of code.
pub fn check(repo: &Repo) -> Vec<Finding> {
    repo.files.iter().flat_map(check_file).collect()
}

fn check_file(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !CODE_ENDINGS
        .iter()
        .any(|ending| file.path.ends_with(ending))
    {
        return findings;
    }
    let masked = if file.is_rust() {
        mask(&file.text)
    } else {
        String::new()
    };
    if !is_table(&file.path) && !is_test(&file.path) {
        findings.extend(check_length(file, &masked));
    }
    if file.is_rust() {
        findings.extend(check_head(file));
        findings.extend(check_unsafe(file, &masked));
        if !is_test(&file.path) {
            findings.extend(check_functions(file, &masked));
        }
    }
    findings
}

fn check_length(file: &TextFile, masked: &str) -> Option<Finding> {
    let test_lines: usize = outermost(test_ranges(masked))
        .iter()
        .map(|(start, end)| line_of(masked, *end) - line_of(masked, *start) + 1)
        .sum();
    let line_count = file.text.lines().count().saturating_sub(test_lines);
    let message = format!("file of {line_count} lines, split it below {FILE_LINES_MAX}");
    (line_count > FILE_LINES_MAX).then(|| Finding::new(&file.path, 1, message))
}

/// Ranges that lie in no other one, so that nothing counts twice.
fn outermost(mut ranges: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    ranges.sort_unstable();
    let mut kept: Vec<(usize, usize)> = Vec::new();
    for range in ranges {
        if kept.last().is_none_or(|last| range.0 >= last.1) {
            kept.push(range);
        }
    }
    kept
}

fn check_functions(file: &TextFile, masked: &str) -> Vec<Finding> {
    functions(masked)
        .iter()
        .filter(|function| function.line_count > FUNCTION_LINES_MAX)
        .map(|function| {
            let message = format!(
                "function `{}` of {} lines, split it below {FUNCTION_LINES_MAX}",
                function.name, function.line_count
            );
            Finding::new(&file.path, function.line, message)
        })
        .collect()
}

/// Attributes of the whole file may stand before its head.
fn check_head(file: &TextFile) -> Option<Finding> {
    let head = file
        .text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("#!["));
    let has_head = head.is_some_and(|line| line.starts_with("//! ") && line.len() > 10);
    let message = "no `//!` head, say in one sentence what the file holds";
    (!has_head).then(|| Finding::new(&file.path, 1, message))
}

fn check_unsafe(file: &TextFile, masked: &str) -> Option<Finding> {
    if UNSAFE_HOMES.iter().any(|home| file.path.starts_with(home)) {
        return None;
    }
    let at = word_positions(masked, "unsafe").next()?;
    let message = "unsafe code outside the kernels of `learn` and `vectors` and the memory map, write it safely";
    Some(Finding::new(&file.path, line_of(masked, at), message))
}

fn is_table(path: &str) -> bool {
    path.split('/').any(|part| part == "data")
        || TABLE_ENDINGS.iter().any(|ending| path.ends_with(ending))
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| TEST_FOLDERS.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(path: &str, text: String) -> Vec<String> {
        let file = TextFile {
            path: path.to_owned(),
            text,
        };
        check_file(&file).iter().map(Finding::to_string).collect()
    }

    fn function_of(lines: usize) -> String {
        format!(
            "//! What it holds.\nfn f() {{\n{}}}\n",
            "    g();\n".repeat(lines - 2)
        )
    }

    #[test]
    fn functions_may_have_seventy_lines() {
        assert!(check_text("a/b.rs", function_of(70)).is_empty());
        let found = check_text("a/b.rs", function_of(71));
        assert_eq!(
            found,
            ["a/b.rs:2: function `f` of 71 lines, split it below 70"]
        );
        assert!(check_text("a/tests/b.rs", function_of(71)).is_empty());
        let test = function_of(71).replace("fn f", "#[cfg(test)]\nfn f");
        assert!(check_text("a/b.rs", test).is_empty());
    }

    #[test]
    fn files_may_have_eight_hundred_lines_beside_their_tests() {
        let text = |lines: usize| format!("//! What it holds.\n{}", "// x\n".repeat(lines - 1));
        assert!(check_text("a/b.rs", text(800)).is_empty());
        assert_eq!(check_text("a/b.rs", text(801)).len(), 1);
        assert!(check_text("a/b_weights.rs", text(801)).is_empty());
        assert!(check_text("a/tests/b.rs", text(801)).is_empty());
        let tests = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n}\n";
        assert!(check_text("a/b.rs", text(800) + tests).is_empty());
        assert_eq!(check_text("a/b.css", "a {}\n".repeat(801)).len(), 1);
    }

    #[test]
    fn heads_and_unsafe_code_are_found() {
        let found = check_text("a/b.rs", "#![allow(x)]\nuse a;\n".to_owned());
        assert!(found[0].starts_with("a/b.rs:1: no `//!` head"), "{found:?}");
        assert!(check_text("a/b.rs", "#![no_main]\n//! What it holds.\n".to_owned()).is_empty());
        let code = "//! What it holds.\n// unsafe\nfn f() { unsafe { g() } }\n".to_owned();
        let found = check_text("a/b.rs", code.clone());
        assert!(found[0].starts_with("a/b.rs:3: unsafe code"), "{found:?}");
        assert!(check_text("crates/vectors/src/kernels/x86.rs", code).is_empty());
        let lint = "//! What it holds.\n#![deny(unsafe_code)]\n".to_owned();
        assert!(check_text("a/b.rs", lint).is_empty());
    }
}
