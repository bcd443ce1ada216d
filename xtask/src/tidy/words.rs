//! Words that have no place in the repository.

use super::Finding;
use super::repo::{Repo, TextFile};

/// Traces of the machines the code was written on; put together here so that this file passes.
const TRACES: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/tmp/", "wt"),
    concat!("sub", "agent"),
];
/// The note that needs an issue.
const NOTE: &str = concat!("TO", "DO");
/// Endings of the files whose notes are read; documents may talk about notes.
const CODE_ENDINGS: [&str; 7] = [".rs", ".js", ".mjs", ".css", ".py", ".sh", ".toml"];

/// Checks every text file.
pub fn check(repo: &Repo) -> Vec<Finding> {
    repo.files.iter().flat_map(check_file).collect()
}

fn check_file(file: &TextFile) -> Vec<Finding> {
    let is_code = CODE_ENDINGS
        .iter()
        .any(|ending| file.path.ends_with(ending));
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for trace in TRACES.iter().filter(|trace| has_trace(line, trace)) {
            let message = format!("`{trace}` means nothing to a reader, remove it");
            findings.push(Finding::new(&file.path, index + 1, message));
        }
        if is_code && has_open_note(line) {
            let message = format!("{NOTE} without an issue, name it as `{NOTE}(#12)`");
            findings.push(Finding::new(&file.path, index + 1, message));
        }
    }
    findings
}

/// A trace that starts with `/` is a path from the root of a disk, not a part of a longer one.
fn has_trace(line: &str, trace: &str) -> bool {
    line.match_indices(trace).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !trace.starts_with('/')
            || before.is_none_or(|c| !c.is_alphanumeric() && !"._-~)}".contains(c))
    })
}

fn has_open_note(line: &str) -> bool {
    line.match_indices(NOTE).any(|(at, _)| {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let rest = &line[at + NOTE.len()..];
        let is_word = !is_part(line[..at].chars().next_back()) && !is_part(rest.chars().next());
        let has_issue = rest
            .split_once('#')
            .is_some_and(|(_, after)| after.starts_with(|c: char| c.is_ascii_digit()));
        is_word && !has_issue
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_and_open_notes_are_found() {
        let check = |path: &str, text: String, expected: usize| {
            let file = TextFile {
                path: path.to_owned(),
                text,
            };
            assert_eq!(check_file(&file).len(), expected, "{}", file.text);
        };
        check("a.md", format!("see {}x", TRACES[0]), 1);
        check(
            "a.md",
            format!("frame{} and src{}", TRACES[0], TRACES[0]),
            0,
        );
        check("a.rs", format!("// {NOTE}: later"), 1);
        check("a.rs", format!("// {NOTE}(#12): later"), 0);
        check("a.rs", format!("let {NOTE}S = 1;"), 0);
        check("a.md", format!("`{NOTE}` carries an issue number"), 0);
    }
}
