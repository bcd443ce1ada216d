//! Reading a folder of the server's disk.

use std::path::{Path as FilePath, PathBuf};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use leitmotif_domain::job::{JobTask, NewJob};
use serde::Deserialize;
use utoipa::ToSchema;

use super::jobs::{QueuedAnswer, queue_one};
use crate::middleware::auth::AdminAccess;
use crate::middleware::body::JsonBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// A folder to be read.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportInput {
    /// Absolute path on the server, inside one of the configured import roots.
    pub path: String,
}

/// Queues the reading of a folder. Only folders inside `import_roots` of the settings are read.
#[utoipa::path(post, path = "/api/v1/imports", tag = "imports", request_body = ImportInput, responses(
    (status = 202, body = QueuedAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    State(state): State<ApiState>,
    access: AdminAccess,
    JsonBody(input): JsonBody<ImportInput>,
) -> Result<(StatusCode, Json<QueuedAnswer>), Problem> {
    let roots = state.import_roots.clone();
    let folder = tokio::task::spawn_blocking(move || allowed(&roots, FilePath::new(&input.path)))
        .await
        .map_err(|error| Problem::bug(&error))??;
    let path = folder.display().to_string();
    let job = NewJob {
        dedupe_key: format!("scan:{path}"),
        task: JobTask::ScanFolder { path },
    };
    queue_one(&state, access.scope(), job).await
}

/// Follows links before comparing, so that a link cannot lead out of the roots.
fn allowed(roots: &[PathBuf], path: &FilePath) -> Result<PathBuf, Problem> {
    let refused = || {
        let detail = "the folder is not inside `import_roots` of the server's settings";
        Problem::invalid("/path", detail)
    };
    let real = path.canonicalize().map_err(|_| refused())?;
    let is_inside = roots
        .iter()
        .filter_map(|root| root.canonicalize().ok())
        .any(|root| real.starts_with(root));
    if is_inside && real.is_dir() {
        Ok(real)
    } else {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_inside_a_root_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("music"), folder.path().join("other"));
        std::fs::create_dir_all(inside.join("album")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("escape")).unwrap();
        let roots = [inside.clone()];
        assert!(allowed(&roots, &inside.join("album")).is_ok());
        assert!(allowed(&roots, &inside.join("../other")).is_err());
        assert!(allowed(&roots, &inside.join("escape")).is_err());
        assert!(allowed(&[], &inside).is_err());
    }
}
