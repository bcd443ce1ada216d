//! The plugins of a tenant.

use std::collections::BTreeMap;

use async_trait::async_trait;
use leitmotif_domain::TenantScope;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::plugin::Plugin;

use super::{MemoryStorage, page_of};
use crate::arguments::check_plugin_count;
use crate::error::Result;
use crate::ports::PluginStore;

/// Plugins by name.
pub type Plugins = BTreeMap<String, Plugin>;

#[async_trait]
impl PluginStore for MemoryStorage {
    async fn put_plugin(&self, scope: &TenantScope, plugin: Plugin) -> Result<()> {
        self.with(scope, |state| {
            if !state.plugins.contains_key(plugin.name()) {
                check_plugin_count(state.plugins.len())?;
            }
            state.plugins.insert(plugin.name().to_owned(), plugin);
            Ok(())
        })
    }

    async fn plugin(&self, scope: &TenantScope, name: &str) -> Result<Option<Plugin>> {
        self.with(scope, |state| Ok(state.plugins.get(name).cloned()))
    }

    async fn list_plugins(&self, scope: &TenantScope, page: &PageRequest) -> Result<Page<Plugin>> {
        self.with(scope, |state| {
            let after = page.after.as_ref();
            Ok(page_of(&state.plugins, after, page, |plugin| {
                plugin.name().to_owned()
            }))
        })
    }

    async fn count_plugin_answer(
        &self,
        scope: &TenantScope,
        name: &str,
        module_hash: &str,
        failure: Option<String>,
    ) -> Result<Option<Plugin>> {
        self.with(scope, |state| {
            let found = state.plugins.get_mut(name);
            let found = found.filter(|plugin| plugin.module_hash == module_hash);
            Ok(found.map(|plugin| {
                plugin.count(failure.as_deref());
                plugin.clone()
            }))
        })
    }

    async fn enable_plugin(
        &self,
        scope: &TenantScope,
        name: &str,
        is_enabled: bool,
    ) -> Result<Option<Plugin>> {
        self.with(scope, |state| {
            Ok(state.plugins.get_mut(name).map(|plugin| {
                plugin.enable(is_enabled);
                plugin.clone()
            }))
        })
    }

    async fn delete_plugin(&self, scope: &TenantScope, name: &str) -> Result<bool> {
        self.with(scope, |state| Ok(state.plugins.remove(name).is_some()))
    }
}
