//! Every port over maps, for tests and trials: nothing survives the process.
//!
//! It answers exactly as the embedded backend does; both pass the same conformance suite.

mod accounts;
mod blobs;
mod catalog;
mod definitions;
mod events;
mod imports;
mod jobs;
mod ledger;
mod models;
mod plugins;
mod vectors;
mod webhooks;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use leitmotif_domain::chance::Entropy;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{Clock, TenantId, TenantScope};
use parking_lot::{Mutex, RwLock};

use crate::error::{Error, Result};

/// The in-memory backend of every port.
pub struct MemoryStorage {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    control: Mutex<accounts::Control>,
    tenants: RwLock<HashMap<TenantId, Arc<Mutex<TenantState>>>>,
}

/// Everything of one tenant. One lock: a batch is atomic because nobody sees the middle of it.
#[derive(Default)]
struct TenantState {
    log: events::Log,
    catalog: catalog::Catalog,
    spaces: vectors::Spaces,
    blobs: blobs::Blobs,
    definitions: definitions::Definitions,
    imports: imports::Imports,
    jobs: jobs::Jobs,
    models: models::Models,
    plugins: plugins::Plugins,
    ledger: ledger::Books,
    webhooks: webhooks::Webhooks,
}

impl MemoryStorage {
    /// Makes an empty platform.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            clock,
            entropy,
            control: Mutex::default(),
            tenants: RwLock::default(),
        }
    }

    /// Works on a tenant's state.
    ///
    /// - Errors: `NotFound` for a tenant that was never made or is gone.
    fn with<T>(
        &self,
        scope: &TenantScope,
        work: impl FnOnce(&mut TenantState) -> Result<T>,
    ) -> Result<T> {
        let found = self.tenants.read().get(&scope.tenant()).cloned();
        let state = found.ok_or_else(|| Error::not_found("tenant", scope.tenant()))?;
        let mut state = state.lock();
        work(&mut state)
    }
}

/// One page of a map in key order, from `after` on.
fn page_of<'a, K: Ord + 'a, V: Clone + 'a>(
    map: &'a BTreeMap<K, V>,
    after: Option<&K>,
    page: &PageRequest,
    key: impl Fn(&V) -> String,
) -> Page<V> {
    use std::ops::Bound;
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    let items = map
        .range((start, Bound::Unbounded))
        .take(page.limit() + 1)
        .map(|(_, value)| value.clone())
        .collect();
    Page::from_surplus(items, page.limit(), key)
}
