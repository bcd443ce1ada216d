//! The job that looks for duplicates.

use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_analysis::audio::Fingerprint;
use leitmotif_domain::job::{JobTask, Progress};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::{EventId, TenantScope, TrackId, limits};
use leitmotif_storage::duplicates::{DUPLICATES, DuplicateReport, announce, keep_report};
use leitmotif_storage::ports::TrackFilter;

use super::groups::Grouping;
use crate::catalogue::Catalogue;
use crate::error::Result;
use crate::jobs::threads::off_the_async_threads;
use crate::jobs::worker::{JobFailure, JobHandle, JobRunner};

/// Looks for duplicates.
pub struct DuplicatesRunner {
    /// Where tracks and their analyses lie.
    pub catalogue: Arc<Catalogue>,
}

#[async_trait]
impl JobRunner for DuplicatesRunner {
    fn kind(&self) -> &'static str {
        "find_duplicates"
    }

    async fn run(
        &self,
        scope: &TenantScope,
        job: &JobHandle,
    ) -> std::result::Result<(), JobFailure> {
        if !matches!(job.leased.job.task, JobTask::FindDuplicates) {
            return Err(JobFailure {
                reason: "not a search for duplicates".to_owned(),
                is_retryable: false,
            });
        }
        let report = self.search(scope, |progress| job.report(progress)).await?;
        self.keep(scope, &report).await?;
        tracing::info!(
            fingerprinted = report.fingerprinted,
            groups = report.groups.len(),
            "duplicates searched"
        );
        Ok(())
    }
}

impl DuplicatesRunner {
    /// Keeps what was found and tells the log: a group that others joined is not confirmed any more.
    async fn keep(&self, scope: &TenantScope, report: &DuplicateReport) -> Result<()> {
        keep_report(self.catalogue.blobs.as_ref(), scope, report).await?;
        let now = self.catalogue.clock.now();
        let event_id = EventId::derive(&[
            DUPLICATES.as_bytes(),
            &scope.tenant().as_u128().to_be_bytes(),
            &now.as_ms().to_be_bytes(),
        ]);
        let conclusion = format!("{} groups found", report.groups.len());
        let log = self.catalogue.log.as_ref();
        Ok(announce(log, scope, event_id, &conclusion, now).await?)
    }

    /// Goes through every analysed track with audio, in the order of their ids.
    async fn search(
        &self,
        scope: &TenantScope,
        mut on_progress: impl FnMut(Progress) + Send,
    ) -> Result<DuplicateReport> {
        let store = &self.catalogue.store;
        let filter = TrackFilter {
            has_audio: Some(true),
            has_analysis: Some(true),
            ..TrackFilter::default()
        };
        let mut progress = Progress {
            done: 0,
            total: store.counts(scope).await?.with_audio,
        };
        let (mut grouping, mut after) = (Grouping::default(), None);
        loop {
            let asked = PageRequest::new(Some(limits::PAGE_ITEMS_MAX), after)?;
            let page = store.list_tracks(scope, &filter, &asked).await?;
            let ids: Vec<TrackId> = page.items.iter().map(|track| track.id).collect();
            let analyses = store.analyses(scope, &ids).await?;
            progress.done += ids.len() as u64;
            let next = page.next.clone();
            grouping = off_the_async_threads(move || {
                for (track, stored) in page.items.iter().zip(analyses) {
                    let found = stored.and_then(|stored| fingerprint_of(&stored.document));
                    if let Some(fingerprint) = found {
                        grouping.add(track, fingerprint);
                    }
                }
                grouping
            })
            .await?;
            on_progress(progress);
            if next.is_none() {
                break;
            }
            after = next;
        }
        Ok(DuplicateReport {
            searched_at: Some(self.catalogue.clock.now()),
            fingerprinted: grouping.count(),
            groups: grouping.finish(),
            ..DuplicateReport::default()
        })
    }
}

/// The fingerprint in a stored analysis; analyses of earlier versions have none.
fn fingerprint_of(document: &serde_json::Value) -> Option<Fingerprint> {
    let text = document.get("audio")?.get("fingerprint")?.as_str()?;
    let fingerprint = Fingerprint::try_from(text.to_owned()).ok()?;
    (!fingerprint.is_empty()).then_some(fingerprint)
}
