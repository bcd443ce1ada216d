//! What the tests of several rooms begin with.

use std::sync::Arc;

use leitmotif_domain::chance::{Entropy, Seed, SeededEntropy};
use leitmotif_domain::tenant::{SealKey, Tenant};
use leitmotif_domain::{Clock, OperatorScope, TenantId, TenantScope};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::Accounts;

/// A store in memory with one tenant.
pub async fn store_of_one(clock: Arc<dyn Clock>) -> (Arc<MemoryStorage>, TenantScope) {
    let storage = Arc::new(MemoryStorage::new(Arc::clone(&clock), entropy()));
    let scope = tenant_in(storage.as_ref(), clock.as_ref()).await;
    (storage, scope)
}

/// Chance that always falls alike.
pub fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SeededEntropy::new(Seed(1)))
}

/// Makes a tenant in an empty store.
pub async fn tenant_in(storage: &dyn Accounts, clock: &dyn Clock) -> TenantScope {
    let seal = SealKey::new([1; 32]);
    let tenant = Tenant {
        id: TenantId::from_u128(1),
        name: "t".to_owned(),
        created_at: clock.now(),
    };
    let scope = seal
        .open(&seal.seal_for(&tenant))
        .expect("a scope that was just sealed opens");
    let operator = OperatorScope::of_platform(&seal, "test");
    let created = storage.create_tenant(&operator, tenant).await;
    created.expect("an empty store takes a tenant");
    scope
}
