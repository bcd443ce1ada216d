//! Which crate may know which: the table of arrows against every manifest.

use super::Finding;
use super::manifest::{self, Dependency, Table};
use super::repo::Repo;

/// The document that holds the table.
const MAP: &str = "ARCHITECTURE.md";
/// First cell of the table's header.
const HEADER: &str = "| crate | may depend on (ours) | must not know |";

/// What a row allows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    Everything,
    Only(Vec<String>),
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    crate_name: String,
    allowed: Allowed,
    /// Packages named in backticks in the last cell.
    forbidden: Vec<String>,
    line: usize,
}

/// Checks every manifest against the table.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let Some(map) = repo.file(MAP) else {
        return vec![Finding::new(MAP, 1, "missing, write the map of the code")];
    };
    let rows = read_table(&map.text);
    if rows.is_empty() {
        let message = format!("no table of arrows, add one under `{HEADER}`");
        return vec![Finding::new(MAP, 1, message)];
    }
    let manifests: Vec<(String, &str, String)> = repo
        .files
        .iter()
        .filter_map(|file| {
            let folder = file.path.strip_suffix("/Cargo.toml")?;
            let name = folder.rsplit('/').next()?.to_owned();
            manifest::package_name(&file.text)?;
            Some((name, file.path.as_str(), file.text.clone()))
        })
        .collect();
    let mut findings = Vec::new();
    for (name, path, text) in &manifests {
        match rows.iter().find(|row| row.crate_name == *name) {
            Some(row) => findings.extend(check_manifest(row, path, text)),
            None => {
                let message =
                    format!("`{name}` has no row in {MAP}, add one and say what it may know");
                findings.push(Finding::new(path, 1, message));
            }
        }
    }
    for row in &rows {
        if !manifests.iter().any(|(name, _, _)| *name == row.crate_name) {
            let message = format!("no crate `{}`, remove its row", row.crate_name);
            findings.push(Finding::new(MAP, row.line, message));
        }
    }
    findings
}

fn check_manifest(row: &Row, path: &str, text: &str) -> Vec<Finding> {
    manifest::dependencies(text)
        .iter()
        .filter_map(|dependency| breach(row, dependency))
        .map(|(line, message)| Finding::new(path, line, message))
        .collect()
}

fn breach(row: &Row, dependency: &Dependency) -> Option<(usize, String)> {
    let package = &dependency.package;
    let name = &row.crate_name;
    if let Some(ours) = our_crate(package) {
        let is_allowed = match &row.allowed {
            Allowed::Everything => true,
            Allowed::Only(names) => names.iter().any(|allowed| allowed == ours),
        };
        let message = format!(
            "arrow `{name}` → `{ours}` is not in the table of {MAP}, move the code or write an ADR"
        );
        return (!is_allowed && ours != name).then_some((dependency.line, message));
    }
    // A test may need a runtime to drive what it tests; the product may not.
    let is_forbidden = dependency.table == Table::Normal && row.forbidden.contains(package);
    let message =
        format!("`{name}` must not know `{package}`, move what needs it to another crate");
    is_forbidden.then_some((dependency.line, message))
}

/// The folder of one of our packages.
fn our_crate(package: &str) -> Option<&str> {
    match package {
        "leitmotif" => Some("server"),
        "xtask" => Some("xtask"),
        _ => package.strip_prefix("leitmotif-"),
    }
}

fn read_table(text: &str) -> Vec<Row> {
    text.lines()
        .enumerate()
        .skip_while(|(_, line)| line.trim() != HEADER)
        .skip(2)
        .take_while(|(_, line)| line.trim_start().starts_with('|'))
        .flat_map(|(index, line)| read_rows(line, index + 1))
        .collect()
}

/// A line may name several crates that share a row.
fn read_rows(line: &str, line_number: usize) -> Vec<Row> {
    let cells: Vec<&str> = line
        .trim()
        .trim_matches('|')
        .split('|')
        .map(str::trim)
        .collect();
    let [names, allowed, forbidden] = cells[..] else {
        return Vec::new();
    };
    let words = |cell: &str| -> Vec<String> {
        let words = cell
            .split(',')
            .map(|word| word.trim().trim_matches('`').to_owned());
        words
            .filter(|word| !word.is_empty() && word != "–" && word != "none")
            .collect()
    };
    let allowed = match words(allowed).as_slice() {
        [only] if only == "everything" => Allowed::Everything,
        names => Allowed::Only(names.to_vec()),
    };
    let forbidden = forbidden
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    let row = |crate_name: String| Row {
        crate_name,
        allowed: allowed.clone(),
        forbidden: Vec::clone(&forbidden),
        line: line_number,
    };
    words(names).into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# Map\n\n| crate | may depend on (ours) | must not know |\n|---|---|---|\n\
        | learn, vectors | none | async: `tokio` |\n| storage | domain, vectors | `axum` |\n\
        | server | everything | – |\n\nEnd | of | table\n";

    fn messages(name: &str, manifest: &str) -> Vec<String> {
        let rows = read_table(TABLE);
        let row = rows.iter().find(|row| row.crate_name == name).unwrap();
        check_manifest(row, "x/Cargo.toml", manifest)
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn the_table_is_read() {
        let rows = read_table(TABLE);
        let names: Vec<_> = rows.iter().map(|row| row.crate_name.as_str()).collect();
        assert_eq!(names, ["learn", "vectors", "storage", "server"]);
        assert_eq!(rows[0].forbidden, ["tokio"]);
        assert_eq!(rows[3].allowed, Allowed::Everything);
        assert_eq!(rows[2].line, 6);
    }

    #[test]
    fn arrows_are_strict_in_tests_too() {
        let manifest = "[dependencies]\nleitmotif-domain.workspace = true\n\
            leitmotif-learn.workspace = true\n[dev-dependencies]\nleitmotif-api.workspace = true\n";
        let found = messages("storage", manifest);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("x/Cargo.toml:3: arrow `storage` → `learn`"),
            "{found:?}"
        );
        assert!(
            found[1].starts_with("x/Cargo.toml:5: arrow `storage` → `api`"),
            "{found:?}"
        );
        assert!(messages("server", manifest).is_empty());
    }

    #[test]
    fn forbidden_packages_are_named() {
        let found = messages(
            "learn",
            "[dependencies]\ntokio = \"1\"\n[dev-dependencies]\ntokio = \"1\"\n",
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("x/Cargo.toml:2: `learn` must not know `tokio`"),
            "{found:?}"
        );
    }
}
