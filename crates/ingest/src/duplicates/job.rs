//! The job that looks for duplicates.

use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_analysis::audio::Fingerprint;
use leitmotif_domain::job::{JobTask, Progress};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::track::Track;
use leitmotif_domain::{EventId, TenantScope, TrackId, limits};
use leitmotif_storage::duplicates::{
    DUPLICATES, DuplicateGroup, DuplicateReport, announce, keep_report,
};
use leitmotif_storage::ports::TrackFilter;

use super::groups::Grouping;
use super::shared::SharedIds;
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

    /// Goes through every track, in the order of their ids.
    async fn search(
        &self,
        scope: &TenantScope,
        mut on_progress: impl FnMut(Progress) + Send,
    ) -> Result<DuplicateReport> {
        let store = &self.catalogue.store;
        let filter = TrackFilter::default();
        let mut progress = Progress {
            done: 0,
            total: store.counts(scope).await?.tracks,
        };
        let (mut grouping, mut after) = (Grouping::default(), None);
        let mut shared = SharedIds::default();
        loop {
            let asked = PageRequest::new(Some(limits::PAGE_ITEMS_MAX), after)?;
            let page = store.list_tracks(scope, &filter, &asked).await?;
            page.items.iter().for_each(|track| shared.add(track));
            progress.done += page.items.len() as u64;
            let next = page.next;
            let with_audio = page.items.into_iter().filter(|track| track.audio.is_some());
            let heard: Vec<Track> = with_audio.collect();
            let ids: Vec<TrackId> = heard.iter().map(|track| track.id).collect();
            let analyses = store.analyses(scope, &ids).await?;
            grouping = off_the_async_threads(move || {
                for (track, stored) in heard.iter().zip(analyses) {
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
        let fingerprinted = grouping.count();
        let mut groups = grouping.finish();
        groups.extend(shared.finish(store.as_ref(), scope).await?);
        groups.sort_by_key(DuplicateGroup::id);
        Ok(DuplicateReport {
            searched_at: Some(self.catalogue.clock.now()),
            fingerprinted,
            groups,
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
