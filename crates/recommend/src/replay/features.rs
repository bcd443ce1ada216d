//! Features on their way through the log, for answers whose order reads some.

use std::sync::Arc;

use leitmotif_domain::TenantScope;
use leitmotif_domain::asked::FeatureBasis;
use leitmotif_features::projection::READ_BATCH;
use leitmotif_features::{FeatureSet, LiveView};
use parking_lot::Mutex;

use crate::error::Result;
use crate::rank::{FeatureColumns, views_of};
use crate::service::Stores;

/// A set of features that stands where the last answer read it.
#[derive(Default)]
pub(super) struct PastFeatures {
    /// The views as they are now, read once.
    views: Option<Vec<LiveView>>,
    /// With the names of its views.
    set: Option<(Vec<String>, Arc<Mutex<FeatureSet>>)>,
}

impl PastFeatures {
    /// The features of these names as an answer read them; none where their views are gone or defined otherwise. An answer
    /// that read none gets a set all the same, which it does not ask.
    ///
    /// - Cost: reads the log from where the set stands. Answers that were given at once may have read it in another order
    ///   than they come in: for one that read less than the last, the log is read from its beginning.
    pub(super) async fn stand_at(
        &mut self,
        stores: &Stores,
        scope: &TenantScope,
        names: &[String],
        basis: Option<FeatureBasis>,
    ) -> Result<Option<Arc<Mutex<FeatureSet>>>> {
        if self.views.is_none() {
            self.views = Some(stores.features.views(scope).await?);
        }
        let all = self.views.as_deref().unwrap_or_default();
        let named = |name: &str| all.iter().find(|view| view.definition.name == name);
        let Ok(columns) = FeatureColumns::find(names, named) else {
            return Ok(None);
        };
        let Some(basis) = basis else {
            let empty = FeatureSet::new(&[], stores.clock.now());
            return Ok(Some(Arc::new(Mutex::new(empty))));
        };
        if columns.definitions(named) != basis.definitions {
            return Ok(None);
        }
        let views = views_of(all, names);
        let view_names = views.iter().map(|view| view.definition.name.clone());
        let view_names: Vec<String> = view_names.collect();
        let is_before =
            |set: &FeatureSet| set.offset() <= basis.log_offset && set.now() <= basis.at;
        let known = self.set.take();
        let known = known.filter(|(names, set)| *names == view_names && is_before(&set.lock()));
        let (_, set) = self.set.insert(known.unwrap_or_else(|| {
            let begun = FeatureSet::new(&views, basis.at);
            (view_names, Arc::new(Mutex::new(begun)))
        }));
        set.lock().advance(basis.at);
        loop {
            let offset = set.lock().offset();
            if offset >= basis.log_offset {
                return Ok(Some(Arc::clone(set)));
            }
            let mut events = stores.log.read(scope, offset, READ_BATCH).await?;
            events.retain(|event| event.offset <= basis.log_offset);
            if events.is_empty() {
                return Ok(Some(Arc::clone(set)));
            }
            set.lock().take_all(&events);
        }
    }
}
