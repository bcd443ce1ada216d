//! What each column of a row added to a ranker's score, worked out when somebody asks.

use std::sync::Arc;

use leitmotif_domain::TenantScope;

use crate::error::Result;
use crate::rank::Ranker;
use crate::service::Recommender;
use crate::trace::Trace;

impl Recommender {
    /// What each column added to the score of each candidate that the ranker of an answer ordered, by catalogue
    /// index; nothing once another model is in service.
    ///
    /// - Shape: named parts that sum to the candidate's score before controls and rules, largest first;
    ///   parts of nothing are left out.
    /// - Cost: O(candidates × trees × leaves), some tens of milliseconds, off the async threads.
    /// - Source: see [`Ranker::by_column`].
    pub async fn contributions(
        &self,
        scope: &TenantScope,
        trace: &Arc<Trace>,
    ) -> Result<Vec<(usize, Vec<(String, f32)>)>> {
        let trace = Arc::clone(trace);
        let work = move |view: &crate::view::TenantView| {
            let model = view
                .model
                .as_ref()
                .filter(|model| Some(model.id) == trace.model);
            let Some(ranker) = model.and_then(|model| model.ranker.as_ref()) else {
                return Ok(Vec::new());
            };
            let told = |(index, row)| Ok((index, Ranker::by_column(ranker, row)?));
            trace.by_ranker.iter().map(told).collect()
        };
        self.with_view_off_thread(scope, work).await?
    }
}
