//! The model registry.

use std::collections::BTreeMap;

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{ModelId, TenantScope};

use super::MemoryStorage;
use crate::arguments::page_id;
use crate::error::{Error, Result};
use crate::ports::{ModelRecord, ModelRegistry};

/// The models of one tenant.
#[derive(Default)]
pub struct Models {
    versions: BTreeMap<ModelId, ModelRecord>,
    aliases: BTreeMap<String, ModelId>,
}

#[async_trait]
impl ModelRegistry for MemoryStorage {
    async fn register(&self, scope: &TenantScope, model: ModelRecord) -> Result<()> {
        self.with(scope, |state| {
            if state.models.versions.contains_key(&model.id) {
                let reason = format!("model `{}` is registered already", model.id);
                return Err(Error::Conflict { reason });
            }
            state.models.versions.insert(model.id, model);
            Ok(())
        })
    }

    async fn model(&self, scope: &TenantScope, id: ModelId) -> Result<Option<ModelRecord>> {
        self.with(scope, |state| Ok(state.models.versions.get(&id).cloned()))
    }

    async fn list_models(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<ModelRecord>> {
        let before = ModelId::from_u128(page_id(page, u128::MAX)?);
        self.with(scope, |state| {
            let newest_first = state.models.versions.range(..before).rev();
            let items = newest_first
                .take(page.limit() + 1)
                .map(|(_, model)| model.clone())
                .collect();
            Ok(Page::from_surplus(items, page.limit(), |model| {
                model.id.to_string()
            }))
        })
    }

    async fn set_alias(&self, scope: &TenantScope, alias: &str, id: ModelId) -> Result<()> {
        self.with(scope, |state| {
            if !state.models.versions.contains_key(&id) {
                return Err(Error::not_found("model", id));
            }
            state.models.aliases.insert(alias.to_owned(), id);
            Ok(())
        })
    }

    async fn alias(&self, scope: &TenantScope, alias: &str) -> Result<Option<ModelRecord>> {
        self.with(scope, |state| {
            let id = state.models.aliases.get(alias);
            Ok(id.and_then(|id| state.models.versions.get(id).cloned()))
        })
    }
}
