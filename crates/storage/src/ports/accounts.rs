//! The control plane: tenants, keys, audit.

use async_trait::async_trait;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::tenant::{ApiKeyRecord, Tenant};
use leitmotif_domain::{KeyId, OperatorScope, TenantId, TenantScope, Timestamp};

use crate::error::Result;

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Position, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What was done.
    pub action: String,
    /// SHA-256 over the former hash and this line; a changed line breaks the chain.
    pub hash: [u8; 32],
}

/// Tenants and keys. Every operator call leaves a line in the audit log, in the same transaction.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes a tenant.
    ///
    /// - Errors: `Conflict` when the name is taken.
    async fn create_tenant(&self, operator: &OperatorScope, tenant: Tenant) -> Result<()>;

    /// Lists tenants by id.
    async fn list_tenants(
        &self,
        operator: &OperatorScope,
        page: &PageRequest,
    ) -> Result<Page<Tenant>>;

    /// Removes a tenant, its keys and all its data; says whether it was there.
    async fn delete_tenant(&self, operator: &OperatorScope, id: TenantId) -> Result<bool>;

    /// Reads the caller's own tenant.
    async fn own_tenant(&self, scope: &TenantScope) -> Result<Option<Tenant>>;

    /// Stores a key for the tenant of the scope.
    ///
    /// - Errors: `Invalid` when the record names another tenant; `NotFound` when that tenant is gone;
    ///   `Conflict` when another key has its id or prefix.
    async fn put_key(&self, scope: &TenantScope, key: ApiKeyRecord) -> Result<()>;

    /// Stores a key for any tenant.
    ///
    /// - Errors: `NotFound` for an unknown tenant; `Conflict` when another key has its id or prefix.
    async fn put_key_of(&self, operator: &OperatorScope, key: ApiKeyRecord) -> Result<()>;

    /// Finds a key by its public part. Called before there is a scope; answers no customer data.
    async fn find_key(&self, prefix: &str) -> Result<Option<ApiKeyRecord>>;

    /// Lists the keys of a tenant by id.
    async fn list_keys(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<ApiKeyRecord>>;

    /// Sets when a key stops opening anything; says whether it was there.
    async fn expire_key(&self, scope: &TenantScope, id: KeyId, at: Timestamp) -> Result<bool>;

    /// Reads the audit log, oldest first; the page key is a sequence.
    async fn audit_log(
        &self,
        operator: &OperatorScope,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>>;
}
