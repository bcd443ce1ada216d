//! What the tests of several rooms begin with.

use std::sync::Arc;

use leitmotif_domain::chance::{Seed, SeededEntropy};
use leitmotif_domain::tenant::{SealKey, Tenant};
use leitmotif_domain::{Clock, OperatorScope, TenantId, TenantScope};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::Accounts;

/// A store in memory with one tenant.
pub async fn store_of_one(clock: Arc<dyn Clock>) -> (Arc<MemoryStorage>, TenantScope) {
    let entropy = Arc::new(SeededEntropy::new(Seed(1)));
    let storage = Arc::new(MemoryStorage::new(Arc::clone(&clock), entropy));
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
    (storage, scope)
}
