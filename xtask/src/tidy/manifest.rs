//! The dependency tables of a `Cargo.toml`, as we write them.

/// Where a dependency is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `[dependencies]` and `[build-dependencies]`: part of the product.
    Normal,
    /// `[dev-dependencies]`: part of the tests.
    Dev,
}

/// One dependency of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package; a rename is undone.
    pub package: String,
    /// Where it is declared.
    pub table: Table,
    /// The line, from 1.
    pub line: usize,
}

/// Reads the package name.
pub fn package_name(text: &str) -> Option<String> {
    let mut is_package = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_package = line == "[package]";
        } else if is_package
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "name"
        {
            return Some(value.trim().trim_matches('"').to_owned());
        }
    }
    None
}

/// Reads the dependencies, those under `[target.….dependencies]` too.
pub fn dependencies(text: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut table = None;
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let line = line.trim();
        if line.starts_with('[') {
            let (section, named) = section_of(line);
            table = named.is_none().then_some(section).flatten();
            if let (Some(table), Some(package)) = (section, named) {
                found.push(Dependency {
                    package,
                    table,
                    line: line_number,
                });
            }
        } else if let Some(table) = table
            && let Some(package) = package_of(line)
        {
            found.push(Dependency {
                package,
                table,
                line: line_number,
            });
        }
    }
    found
}

/// The table that a header opens, and the package of headers such as `[dependencies.serde]`.
fn section_of(header: &str) -> (Option<Table>, Option<String>) {
    let name = header.trim_matches(['[', ']']);
    let tables = [
        ("dev-dependencies", Table::Dev),
        ("build-dependencies", Table::Normal),
        ("dependencies", Table::Normal),
    ];
    for (suffix, table) in tables {
        if name == suffix || name.ends_with(&format!(".{suffix}")) {
            // The root's shared versions are not a dependency of anybody.
            let is_workspace = name.starts_with("workspace.");
            return ((!is_workspace).then_some(table), None);
        }
        if let Some((front, package)) = name.rsplit_once('.')
            && (front == suffix || front.ends_with(&format!(".{suffix}")))
        {
            return (Some(table), Some(package.trim_matches('"').to_owned()));
        }
    }
    (None, None)
}

fn package_of(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    if key.trim_start().starts_with('#') {
        return None;
    }
    if let Some((_, rest)) = value.split_once("package")
        && let Some(renamed) = rest.split('"').nth(1)
    {
        return Some(renamed.to_owned());
    }
    let key = key.trim().trim_matches('"');
    Some(key.split('.').next().unwrap_or(key).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        let text = "[package]\nname = \"leitmotif-x\"\n[dependencies]\n# tokio = 1\n\
            serde.workspace = true\nhyper = { version = \"1\" }\nother = { package = \"real\" }\n\
            [dev-dependencies]\nproptest = \"1\"\n[target.'cfg(unix)'.dependencies]\nrustix = \"1\"\n\
            [dependencies.tokio]\nversion = \"1\"\n[features]\nx = []\n\
            [workspace.dependencies]\nnot = \"1\"\n";
        assert_eq!(package_name(text).as_deref(), Some("leitmotif-x"));
        let found: Vec<_> = dependencies(text)
            .into_iter()
            .map(|d| (d.package, d.table, d.line))
            .collect();
        let expected = [
            ("serde", Table::Normal, 5),
            ("hyper", Table::Normal, 6),
            ("real", Table::Normal, 7),
            ("proptest", Table::Dev, 9),
            ("rustix", Table::Normal, 11),
            ("tokio", Table::Normal, 12),
        ];
        let expected = expected.map(|(name, table, line)| (name.to_owned(), table, line));
        assert_eq!(found, expected);
    }
}
