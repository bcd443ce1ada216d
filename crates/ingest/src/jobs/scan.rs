//! The job that reads a folder.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::TenantScope;
use leitmotif_domain::job::JobTask;

use crate::catalogue::Catalogue;
use crate::jobs::worker::{JobFailure, JobHandle, JobRunner};
use crate::tracks::scan::scan_folder;

/// Reads folders.
pub struct ScanRunner {
    /// Where the tracks go.
    pub catalogue: Arc<Catalogue>,
}

#[async_trait]
impl JobRunner for ScanRunner {
    fn kind(&self) -> &'static str {
        "scan_folder"
    }

    async fn run(&self, scope: &TenantScope, job: &JobHandle) -> Result<(), JobFailure> {
        let JobTask::ScanFolder { path } = &job.leased.job.task else {
            return Err(JobFailure {
                reason: "not a scan".to_owned(),
                is_retryable: false,
            });
        };
        let report = scan_folder(&self.catalogue, scope, Path::new(path), |progress| {
            job.report(progress)
        })
        .await?;
        tracing::info!(
            files = report.files,
            unchanged = report.unchanged,
            written = report.written,
            duplicates = report.duplicates,
            unreadable = report.unreadable,
            "folder read"
        );
        for problem in &report.problems {
            tracing::warn!(%problem, "passed over");
        }
        Ok(())
    }
}
