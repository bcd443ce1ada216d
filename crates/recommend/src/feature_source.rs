//! Where an answer reads the features that are columns of its order.

use std::sync::Arc;

use leitmotif_domain::asked::FeatureBasis;
use leitmotif_domain::{TenantScope, Timestamp, TrackId};
use leitmotif_features::service::Level;
use leitmotif_features::{FeatureSet, Features};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::exposures::ExposureWriter;
use crate::pipeline::DegradedCause;
use crate::rank::{FeatureAsk, FeatureColumns, FeatureGone, FeatureRows, shown};
use crate::service::{Stores, TenantSlot};

/// Answers in the log beyond a set from which on they are taken in: the next play has to wait for those that are not.
const BEHIND_MAX: u64 = 128;

/// A set of features that answers read.
pub enum FeatureSource {
    /// The one that follows the log.
    Live(Level),
    /// One that stands where its owner put it.
    Held(Arc<Mutex<FeatureSet>>),
}

impl FeatureSource {
    /// Finds where an answer reads features; none where its model has none, and why where there should be some.
    ///
    /// What was answered meanwhile concerns features that do not count answers nothing. It is most of a log where much is
    /// asked, so that they stay as they stand, and what came is taken in beside the answers.
    ///
    /// - Cost: nothing where the model has none; else what the log has beyond the set, but for answers.
    pub(crate) async fn of(
        stores: &Stores,
        exposures: &ExposureWriter,
        scope: &TenantScope,
        slot: &Arc<TenantSlot>,
    ) -> std::result::Result<Option<Self>, DegradedCause> {
        let model = slot.view.read().model.clone();
        let Some(model) = model.filter(|model| !model.features().is_empty()) else {
            return Ok(None);
        };
        if let Some(held) = slot.held_features() {
            return Ok(Some(Self::Held(held)));
        }
        let failed = |error| {
            tracing::warn!(%error, "features could not be read");
            DegradedCause::Failed
        };
        let (features, names) = (&stores.features, model.features());
        let mut level = features.standing(scope).await.map_err(failed)?;
        let standing = level.with_set(|set| {
            let found = FeatureColumns::find(names, |name| set.view(name));
            // What is defined otherwise is no more what the model learnt from, however it is built.
            let is_lacking = matches!(found, Err(FeatureGone::NotServed(_)));
            let blind = found.is_ok_and(|columns| !columns.counts_answers(|name| set.view(name)));
            (is_lacking, blind, set.offset())
        });
        let (is_lacking, is_blind, offset) = standing.unwrap_or_default();
        let is_near = || is_blind && exposures.passed_over(scope.tenant(), offset) >= level.head();
        if offset < level.head() && !is_near() {
            level = slot.features_level(features, scope).await.map_err(failed)?;
        }
        if is_lacking && slot.begins_features_of(model.id) {
            tokio::spawn(build_missing(Arc::clone(&stores.features), scope.clone()));
        }
        if level.behind() >= BEHIND_MAX && !slot.follows_features() {
            let features = Arc::clone(&stores.features);
            tokio::spawn(take_in(features, scope.clone(), Arc::clone(slot)));
        }
        Ok(Some(Self::Live(level)))
    }

    /// Reads the columns of these names for candidates, and says where the set stood.
    ///
    /// - Errors: [`FeatureGone`] for a name whose view or feature is no more.
    pub fn read(
        &self,
        names: &[String],
        asked: &FeatureAsk<'_>,
        candidates: &[TrackId],
    ) -> std::result::Result<(FeatureRows, FeatureBasis), FeatureGone> {
        let read = |set: &mut FeatureSet, now: Timestamp| {
            let columns = FeatureColumns::find(names, |name| set.view(name))?;
            // Time never goes back in a set: what was read is what holds at its own.
            set.advance(now);
            let at = set.now();
            let rows = columns.read(set, &FeatureAsk { now: at, ..*asked }, candidates);
            let basis = FeatureBasis {
                log_offset: set.offset(),
                at,
                definitions: columns.definitions(|name| set.view(name)),
            };
            Ok((rows, basis))
        };
        let first = || names.first().map_or("", |name| shown(name)).to_owned();
        let gone = || FeatureGone::NotServed(first());
        match self {
            Self::Live(level) => {
                let outcome = level.with_set(|set| read(set, asked.now));
                outcome.ok_or_else(gone)?
            }
            Self::Held(set) => read(&mut set.lock(), asked.now),
        }
    }
}

/// Takes in what the log has beyond a set, beside the answers that read it.
async fn take_in(features: Arc<Features>, scope: TenantScope, slot: Arc<TenantSlot>) {
    if let Err(error) = slot.features_level(&features, &scope).await {
        tracing::warn!(%error, "features could not take in what was answered");
    }
}

/// Builds the views of a tenant anew, among which are such as the model was trained on and were put into service after
/// the set was opened. Answers do without the learnt order meanwhile.
async fn build_missing(features: Arc<Features>, scope: TenantScope) {
    match features.rebuild(&scope).await {
        Ok(checkpoint) => tracing::info!(
            offset = checkpoint.offset,
            "the features that the model reads were built"
        ),
        Err(error) => tracing::warn!(%error, "the features that the model reads were not built"),
    }
}

impl Stores {
    /// The features that live now, in a set of its own that does not follow the log.
    ///
    /// - Cost: a copy of all states.
    pub(crate) async fn features_beside(
        &self,
        scope: &TenantScope,
    ) -> Result<Arc<Mutex<FeatureSet>>> {
        let level = self.features.level(scope).await?;
        let copied = level.with_set(|set| set.clone());
        let copied = copied.ok_or_else(|| Error::bug("the features are closed"))?;
        Ok(Arc::new(Mutex::new(copied)))
    }
}
