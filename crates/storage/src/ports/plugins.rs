//! The plugins of a tenant.

use async_trait::async_trait;
use leitmotif_domain::TenantScope;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::plugin::Plugin;

use crate::error::Result;

/// Which plugins a tenant has, and how their trials go. Their modules are blobs.
///
/// - A plugin is known by its name; another version takes its place.
/// - Ordering: by name.
#[async_trait]
pub trait PluginStore: Send + Sync {
    /// Adds a plugin, or puts another version in its place.
    ///
    /// - Errors: `Invalid` for a new name beyond [`leitmotif_domain::limits::PLUGINS_MAX`].
    async fn put_plugin(&self, scope: &TenantScope, plugin: Plugin) -> Result<()>;

    /// Reads a plugin.
    async fn plugin(&self, scope: &TenantScope, name: &str) -> Result<Option<Plugin>>;

    /// Lists plugins.
    async fn list_plugins(&self, scope: &TenantScope, page: &PageRequest) -> Result<Page<Plugin>>;

    /// Counts an answer of the version with this module, as [`Plugin::count`] does, and answers how the plugin
    /// stands then; `None` when another version is installed, or none.
    async fn count_plugin_answer(
        &self,
        scope: &TenantScope,
        name: &str,
        module_hash: &str,
        failure: Option<String>,
    ) -> Result<Option<Plugin>>;

    /// Lets a plugin run or not, as [`Plugin::enable`] does; answers how it stands then.
    async fn enable_plugin(
        &self,
        scope: &TenantScope,
        name: &str,
        is_enabled: bool,
    ) -> Result<Option<Plugin>>;

    /// Removes a plugin; says whether there was one.
    async fn delete_plugin(&self, scope: &TenantScope, name: &str) -> Result<bool>;
}
