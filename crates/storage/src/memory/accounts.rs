//! Tenants, keys and audit.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::tenant::{ApiKeyRecord, Tenant, check_tenant_name};
use leitmotif_domain::{KeyId, OperatorScope, TenantId, TenantScope, Timestamp};

use super::{MemoryStorage, page_of};
use crate::arguments::{page_id, page_position};
use crate::audit;
use crate::error::{Error, Result};
use crate::ports::{Accounts, AuditEntry};

/// The control plane.
#[derive(Default)]
pub struct Control {
    tenants: BTreeMap<TenantId, Tenant>,
    keys: BTreeMap<KeyId, ApiKeyRecord>,
    audit: Vec<AuditEntry>,
}

impl Control {
    fn record(&mut self, operator: &OperatorScope, at: Timestamp, action: &str) {
        let last = self.audit.last().map(|entry| (entry.sequence, entry.hash));
        self.audit
            .push(audit::following(last, operator, at, action));
    }

    fn insert_key(&mut self, key: ApiKeyRecord) -> Result<()> {
        if !self.tenants.contains_key(&key.tenant) {
            return Err(Error::not_found("tenant", key.tenant));
        }
        if self.keys.get(&key.id) == Some(&key) {
            return Ok(());
        }
        let is_taken = |other: &ApiKeyRecord| other.id == key.id || other.prefix == key.prefix;
        if self.keys.values().any(is_taken) {
            let reason = format!("another key with the id or prefix of `{}` exists", key.id);
            return Err(Error::Conflict { reason });
        }
        self.keys.insert(key.id, key);
        Ok(())
    }
}

#[async_trait]
impl Accounts for MemoryStorage {
    async fn create_tenant(&self, operator: &OperatorScope, tenant: Tenant) -> Result<()> {
        check_tenant_name(&tenant.name)?;
        let mut control = self.control.lock();
        let is_taken = |other: &Tenant| other.name == tenant.name || other.id == tenant.id;
        if control.tenants.values().any(is_taken) {
            let reason = format!("a tenant named `{}` exists", tenant.name);
            return Err(Error::Conflict { reason });
        }
        let action = format!("create tenant {}", tenant.id);
        control.record(operator, self.clock.now(), &action);
        self.tenants.write().insert(tenant.id, Arc::default());
        control.tenants.insert(tenant.id, tenant);
        Ok(())
    }

    async fn list_tenants(
        &self,
        operator: &OperatorScope,
        page: &PageRequest,
    ) -> Result<Page<Tenant>> {
        let after = TenantId::from_u128(page_id(page, 0)?);
        let mut control = self.control.lock();
        control.record(operator, self.clock.now(), "list tenants");
        Ok(page_of(&control.tenants, Some(&after), page, |tenant| {
            tenant.id.to_string()
        }))
    }

    async fn delete_tenant(&self, operator: &OperatorScope, id: TenantId) -> Result<bool> {
        let mut control = self.control.lock();
        control.keys.retain(|_, key| key.tenant != id);
        let was_there = control.tenants.remove(&id).is_some();
        control.record(operator, self.clock.now(), &format!("delete tenant {id}"));
        self.tenants.write().remove(&id);
        Ok(was_there)
    }

    async fn own_tenant(&self, scope: &TenantScope) -> Result<Option<Tenant>> {
        Ok(self.control.lock().tenants.get(&scope.tenant()).cloned())
    }

    async fn put_key(&self, scope: &TenantScope, key: ApiKeyRecord) -> Result<()> {
        if key.tenant != scope.tenant() {
            return Err(InvalidValue::new("tenant", "the key names another tenant").into());
        }
        self.control.lock().insert_key(key)
    }

    async fn put_key_of(&self, operator: &OperatorScope, key: ApiKeyRecord) -> Result<()> {
        let action = format!("issue key {} for tenant {}", key.id, key.tenant);
        let mut control = self.control.lock();
        control.insert_key(key)?;
        control.record(operator, self.clock.now(), &action);
        Ok(())
    }

    async fn find_key(&self, prefix: &str) -> Result<Option<ApiKeyRecord>> {
        let control = self.control.lock();
        let found = control.keys.values().find(|key| key.prefix == prefix);
        Ok(found.cloned())
    }

    async fn list_keys(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<ApiKeyRecord>> {
        let after = KeyId::from_u128(page_id(page, 0)?);
        let control = self.control.lock();
        let items = control
            .keys
            .values()
            .filter(|key| key.tenant == scope.tenant() && key.id > after)
            .take(page.limit() + 1)
            .cloned()
            .collect();
        Ok(Page::from_surplus(items, page.limit(), |key| {
            key.id.to_string()
        }))
    }

    async fn expire_key(&self, scope: &TenantScope, id: KeyId, at: Timestamp) -> Result<bool> {
        let mut control = self.control.lock();
        let found = control.keys.get_mut(&id);
        let own = found.filter(|key| key.tenant == scope.tenant());
        Ok(own.map(|key| key.expires_at = Some(at)).is_some())
    }

    async fn audit_log(
        &self,
        _operator: &OperatorScope,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>> {
        let after = page_position(page, 0)?;
        let control = self.control.lock();
        let items = control
            .audit
            .iter()
            .filter(|entry| i64::try_from(entry.sequence).is_ok_and(|at| at > after))
            .take(page.limit() + 1)
            .cloned()
            .collect();
        Ok(Page::from_surplus(items, page.limit(), |entry| {
            entry.sequence.to_string()
        }))
    }
}
