//! Scopes in the signatures of ports: customer data is not reachable without one.

use super::Finding;
use super::repo::Repo;
use super::source::{closing, line_of, mask, name_at, word_positions};

/// Where the ports are.
const PORTS: &str = "crates/storage/src/ports/";
/// Methods that need no scope, one a line as `port Trait::method: reason`.
const EXCEPTIONS: &str = "xtask/tidy-exceptions.txt";

/// A method that may lack a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exception {
    method: String,
    line: usize,
}

/// Checks every method of every port, and that no exception is left over.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let (exceptions, mut findings) = match repo.file(EXCEPTIONS) {
        Some(file) => read_exceptions(&file.text),
        None => (Vec::new(), Vec::new()),
    };
    let mut unscoped = Vec::new();
    for file in repo.files.iter().filter(|f| f.path.starts_with(PORTS)) {
        for (method, line) in unscoped_methods(&mask(&file.text)) {
            if !exceptions
                .iter()
                .any(|exception| exception.method == method)
            {
                let message = format!(
                    "`{method}` does not take `&TenantScope` or `&OperatorScope` first, add it"
                );
                findings.push(Finding::new(&file.path, line, message));
            }
            unscoped.push(method);
        }
    }
    for exception in exceptions {
        if !unscoped.contains(&exception.method) {
            let message = format!("`{}` needs no exception, remove the line", exception.method);
            findings.push(Finding::new(EXCEPTIONS, exception.line, message));
        }
    }
    findings
}

fn read_exceptions(text: &str) -> (Vec<Exception>, Vec<Finding>) {
    let mut exceptions = Vec::new();
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = line
            .strip_prefix("port ")
            .and_then(|rest| rest.split_once(": "))
            .filter(|(_, reason)| reason.len() > 10);
        match parsed {
            Some((method, _)) => exceptions.push(Exception {
                method: method.to_owned(),
                line: index + 1,
            }),
            None => {
                let message = "not `port Trait::method: reason`, write why there is no scope";
                findings.push(Finding::new(EXCEPTIONS, index + 1, message));
            }
        }
    }
    (exceptions, findings)
}

/// Methods of traits without a scope right after `self`, with their lines.
fn unscoped_methods(masked: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for trait_at in word_positions(masked, "trait") {
        let Some(trait_name) = name_at(masked, trait_at + "trait".len()) else {
            continue;
        };
        let Some(open) = masked[trait_at..].find('{').map(|offset| trait_at + offset) else {
            continue;
        };
        let end = closing(masked, open).unwrap_or(masked.len());
        let body = &masked[open..end];
        for at in word_positions(body, "fn") {
            let Some(method) = name_at(body, at + "fn".len()) else {
                continue;
            };
            if !is_scoped(&body[at..]) {
                let line = line_of(masked, open + at);
                found.push((format!("{trait_name}::{method}"), line));
            }
        }
    }
    found
}

fn is_scoped(signature: &str) -> bool {
    let Some(open) = signature.find('(') else {
        return false;
    };
    let end = closing(signature, open).unwrap_or(signature.len());
    let mut parameters = signature[open + 1..end].split(',').map(str::trim);
    let first = parameters
        .find(|parameter| !matches!(*parameter, "&self" | "&mut self" | "self"))
        .unwrap_or_default();
    let Some((_, kind)) = first.split_once(':') else {
        return false;
    };
    let kind: String = kind.split_whitespace().collect();
    kind == "&TenantScope" || kind == "&OperatorScope"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_without_a_scope_are_found() {
        let text = "fn free() {}\npub trait P: Send {\n    async fn a(&self, scope: &TenantScope);\n\
            \x20   async fn b(\n        &self,\n        operator: &OperatorScope,\n    ) -> R<(u8, u8)>;\n\
            \x20   fn c(&self, key: &str, scope: &TenantScope);\n    fn d(&self) -> usize { 1 }\n}\n";
        let found = unscoped_methods(&mask(text));
        let expected = [("P::c".to_owned(), 8), ("P::d".to_owned(), 9)];
        assert_eq!(found, expected);
    }

    #[test]
    fn exceptions_need_a_reason() {
        let (exceptions, findings) =
            read_exceptions("# why\nport A::b: called before there is a scope\nport C::d\n");
        assert_eq!(exceptions.len(), 1);
        assert_eq!(exceptions[0].method, "A::b");
        assert_eq!(findings[0].line, 3);
    }
}
