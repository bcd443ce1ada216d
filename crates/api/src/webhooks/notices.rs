//! Notices that follow from the day rather than from one act: digests, quotas and drift.

use std::sync::Arc;
use std::time::Duration;

use leitmotif_domain::page::PageRequest;
use leitmotif_domain::webhook::{NoticeKind, notice};
use leitmotif_domain::{Clock, EventId, TenantScope};
use leitmotif_ingest::jobs::TenantDirectory;
use leitmotif_recommend::Recommender;
use leitmotif_storage::ports::{EventLog, WebhookStore};
use serde_json::json;
use tokio::sync::watch;

use super::digest::Digest;
use super::drift::Drift;
use crate::middleware::daily::{DailyRequests, day_text};
use crate::problem::Problem;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Share of a day's requests from which on they are nearly spent, in hundredths.
const NEARLY_SPENT: u64 = 80;

/// Makes notices that follow from the day. Only for tenants with a webhook that wants them.
pub struct Notices {
    /// Who is told.
    pub webhooks: Arc<dyn WebhookStore>,
    /// Where notices are appended.
    pub log: Arc<dyn EventLog>,
    /// Knows who plays what.
    pub recommender: Arc<Recommender>,
    /// Counts requests.
    pub daily: Arc<DailyRequests>,
    /// The tenants.
    pub directory: Arc<TenantDirectory>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Notices {
    /// Looks again and again until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            for scope in self.directory.scopes() {
                if let Err(problem) = self.look(&scope).await {
                    tracing::warn!(tenant = %scope.tenant(), ?problem, "no notices of the day");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Makes the notices of a tenant that are due.
    ///
    /// - Errors: those of the stores; the next look does what this one did not.
    pub async fn look(&self, scope: &TenantScope) -> Result<(), Problem> {
        let page = PageRequest::largest();
        let webhooks = self.webhooks.list_webhooks(scope, &page).await?.items;
        let wanted = |kind| webhooks.iter().any(|webhook| webhook.wants(kind));
        if wanted(NoticeKind::QuotaNearlySpent) {
            self.look_at_quota(scope).await?;
        }
        if wanted(NoticeKind::ReleasesDigest) {
            let digest = Digest {
                log: self.log.as_ref(),
                recommender: &self.recommender,
                scope,
            };
            digest.follow(self.clock.now()).await?;
        }
        if wanted(NoticeKind::DriftNoticed) {
            let drift = Drift {
                log: self.log.as_ref(),
                scope,
            };
            drift.follow(self.clock.now()).await?;
        }
        Ok(())
    }

    async fn look_at_quota(&self, scope: &TenantScope) -> Result<(), Problem> {
        let now = self.clock.now();
        let Some((spent, bound)) = self.daily.spent(scope.tenant(), now) else {
            return Ok(());
        };
        if spent.saturating_mul(100) < bound.saturating_mul(NEARLY_SPENT) {
            return Ok(());
        }
        let day = day_text(now);
        let tenant = scope.tenant().as_u128().to_be_bytes();
        let id = EventId::derive(&[b"quota nearly spent", &tenant, day.as_bytes()]);
        // Appended again it would be no second notice, but a write at every look.
        if self.log.event(scope, id).await?.is_some() {
            return Ok(());
        }
        let conclusion = format!("{spent} of the day's {bound} requests are made");
        let detail = json!({"day": day, "requests": spent, "requests_max": bound});
        let event = notice(NoticeKind::QuotaNearlySpent, id, now, conclusion, detail);
        self.log.append(scope, vec![event]).await?;
        Ok(())
    }
}
