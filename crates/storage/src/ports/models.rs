//! Trained models: immutable versions and the aliases that point at them.

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{ModelId, TenantScope, Timestamp};

use crate::error::Result;

/// An immutable version of a model. Its bytes lie in the blob store under `models/<id>`.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRecord {
    /// Its id.
    pub id: ModelId,
    /// The family: `recommender`.
    pub name: String,
    /// When it was trained.
    pub created_at: Timestamp,
    /// The last log offset it learnt from.
    pub log_offset: u64,
    /// What it measured when it was trained.
    pub metrics: serde_json::Value,
}

/// The models of a tenant.
#[async_trait]
pub trait ModelRegistry: Send + Sync {
    /// Registers a version.
    ///
    /// - Errors: `Conflict` when the id is taken.
    async fn register(&self, scope: &TenantScope, model: ModelRecord) -> Result<()>;

    /// Reads a version.
    async fn model(&self, scope: &TenantScope, id: ModelId) -> Result<Option<ModelRecord>>;

    /// Lists versions, newest first.
    async fn list_models(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<ModelRecord>>;

    /// Points an alias at a version, at once for every reader.
    ///
    /// - Errors: `NotFound` for an unknown version.
    async fn set_alias(&self, scope: &TenantScope, alias: &str, id: ModelId) -> Result<()>;

    /// Follows an alias.
    async fn alias(&self, scope: &TenantScope, alias: &str) -> Result<Option<ModelRecord>>;
}
