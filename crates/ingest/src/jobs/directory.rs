//! The tenants that background work serves.

use std::sync::Arc;

use leitmotif_domain::page::PageRequest;
use leitmotif_domain::tenant::SealKey;
use leitmotif_domain::{OperatorScope, TenantScope};
use leitmotif_storage::Error;
use leitmotif_storage::ports::Accounts;
use parking_lot::RwLock;

/// Scopes of every tenant, for work that no caller started.
pub struct TenantDirectory {
    seal: SealKey,
    accounts: Arc<dyn Accounts>,
    scopes: RwLock<Vec<TenantScope>>,
}

impl TenantDirectory {
    /// Starts empty.
    pub fn new(seal: SealKey, accounts: Arc<dyn Accounts>) -> Self {
        Self {
            seal,
            accounts,
            scopes: RwLock::new(Vec::new()),
        }
    }

    /// Reads the tenants anew: at the start, and after one was made or removed.
    pub async fn refresh(&self) -> Result<(), Error> {
        let operator = OperatorScope::of_platform(&self.seal, "find work for the job workers");
        let mut page = PageRequest::largest();
        let mut scopes = Vec::new();
        loop {
            let found = self.accounts.list_tenants(&operator, &page).await?;
            for tenant in &found.items {
                scopes.push(self.seal.open(&self.seal.seal_for(tenant))?);
            }
            match found.next {
                Some(after) => page = page.following(after),
                None => break,
            }
        }
        *self.scopes.write() = scopes;
        Ok(())
    }

    /// The scopes as last read.
    pub fn scopes(&self) -> Vec<TenantScope> {
        self.scopes.read().clone()
    }
}
