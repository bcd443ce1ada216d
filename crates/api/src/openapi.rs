//! The description of the API, generated from the handlers.

use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// The frame the handlers' descriptions are put into.
#[derive(OpenApi)]
#[openapi(
    info(title = "Leitmotif", description = "Music analysis, search and recommendations you host yourself. Every number has evidence, every play teaches."),
    security(("key" = [])),
    modifiers(&Credential)
)]
pub struct ApiDescription;

struct Credential;

impl utoipa::Modify for Credential {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let components = description.components.get_or_insert_with(Default::default);
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("key", scheme);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("reads").path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }

    /// The last schema of a name stands for all, without a word.
    #[test]
    fn no_two_schemas_have_one_name() {
        let mut files = Vec::new();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        sources(&source, &mut files);
        let mut homes: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for file in files {
            let text = std::fs::read_to_string(&file).expect("reads");
            let mut is_schema = false;
            for line in text.lines() {
                let declared = ["pub struct ", "pub enum "];
                let name = declared.iter().find_map(|begin| line.strip_prefix(begin));
                match name {
                    Some(name) if is_schema => {
                        let is_part = |c: char| !c.is_alphanumeric();
                        let name = name.split(is_part).next().unwrap_or_default();
                        homes.entry(name.to_owned()).or_default().push(file.clone());
                        is_schema = false;
                    }
                    _ if line.starts_with("#[derive(") => is_schema = line.contains("ToSchema"),
                    _ => {}
                }
            }
        }
        assert!(homes.len() > 100, "{} schemas", homes.len());
        homes.retain(|_, files| files.len() > 1);
        assert!(homes.is_empty(), "give these names of their own: {homes:?}");
    }
}
