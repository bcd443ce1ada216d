//! The job that finds which tracks plugins have not been run on.

use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::job::{JobTask, Progress};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::plugin::Plugin;
use leitmotif_domain::{TenantScope, TrackId, limits};
use leitmotif_storage::ports::{AnalysisDocument, TrackFilter};
use serde::Deserialize;

use super::apply::outstanding;
use crate::catalogue::Catalogue;
use crate::error::Result;
use crate::jobs::document::TrackAnalysis;
use crate::jobs::threads::off_the_async_threads;
use crate::jobs::worker::{JobFailure, JobHandle, JobRunner};

/// Queues the tracks that lack the answer of a plugin, or have one of a plugin that is gone.
pub struct SpreadPluginsRunner {
    /// Where tracks and their analyses lie.
    pub catalogue: Arc<Catalogue>,
}

#[async_trait]
impl JobRunner for SpreadPluginsRunner {
    fn kind(&self) -> &'static str {
        "spread_plugins"
    }

    async fn run(
        &self,
        scope: &TenantScope,
        job: &JobHandle,
    ) -> std::result::Result<(), JobFailure> {
        if !matches!(job.leased.job.task, JobTask::SpreadPlugins) {
            return Err(JobFailure {
                reason: "not a spreading of plugins".to_owned(),
                is_retryable: false,
            });
        }
        let queued = self.spread(scope, |progress| job.report(progress)).await?;
        tracing::info!(queued, "tracks queued for plugins");
        Ok(())
    }
}

impl SpreadPluginsRunner {
    /// Walks the analysed tracks in the order of their ids; answers how many were queued.
    pub(crate) async fn spread(
        &self,
        scope: &TenantScope,
        mut on_progress: impl FnMut(Progress) + Send,
    ) -> Result<u64> {
        let store = &self.catalogue.store;
        let plugins = Arc::new(self.catalogue.plugins_of(scope).await?);
        let filter = TrackFilter {
            has_analysis: Some(true),
            ..TrackFilter::default()
        };
        let mut progress = Progress {
            done: 0,
            total: store.counts(scope).await?.analysed,
        };
        let (mut queued, mut after) = (0, None);
        loop {
            let asked = PageRequest::new(Some(limits::PAGE_ITEMS_MAX), after)?;
            let page = store.list_tracks(scope, &filter, &asked).await?;
            let ids: Vec<TrackId> = page.items.iter().map(|track| track.id).collect();
            progress.done += ids.len() as u64;
            let analyses = store.analyses(scope, &ids).await?;
            let known = Arc::clone(&plugins);
            let lacking = off_the_async_threads(move || {
                let stored = ids.into_iter().zip(analyses);
                let lacks = stored.filter(|(id, stored)| lacks(&known, *id, stored.as_ref()));
                lacks.map(|(id, _)| id).collect::<Vec<TrackId>>()
            })
            .await?;
            queued += lacking.len() as u64;
            self.catalogue.queue_analysis(scope, lacking).await?;
            on_progress(progress);
            if page.next.is_none() {
                return Ok(queued);
            }
            after = page.next;
        }
    }
}

/// Whether a track lacks an answer. What does not read is analysed anew anyway, when it is asked for.
fn lacks(plugins: &[Plugin], track: TrackId, stored: Option<&AnalysisDocument>) -> bool {
    let Some(stored) = stored else { return false };
    let Ok(document) = TrackAnalysis::deserialize(&stored.document) else {
        return false;
    };
    let (wanted, some_are_gone) = outstanding(plugins, track, &document, &stored.input_hash);
    some_are_gone || !wanted.is_empty()
}
