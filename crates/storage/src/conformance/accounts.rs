//! Tenants, keys and audit.

use leitmotif_domain::{ErrorKind, TenantId};

use super::kind_of;
use super::world::{World, page};
use crate::audit;

pub async fn tenants_have_unique_names(world: &World) {
    let operator = world.operator();
    let taken = world.tenant(3, "first");
    let same_id = world.tenant(1, "third");
    let bad = world.tenant(3, "Not A Name");
    for (tenant, kind) in [
        (taken, ErrorKind::Conflict),
        (same_id, ErrorKind::Conflict),
        (bad, ErrorKind::Invalid),
    ] {
        let refused = world.accounts.create_tenant(&operator, tenant).await;
        assert_eq!(kind_of(refused), kind);
    }
    let list = world.accounts.list_tenants(&operator, &page(1, None)).await;
    let list = list.unwrap();
    assert_eq!(list.items[0].name, "first");
    let more = page(9, list.next);
    let rest = world.accounts.list_tenants(&operator, &more).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    let own = world.accounts.own_tenant(&world.second()).await.unwrap();
    assert_eq!(own, Some(world.tenant(2, "second")));
    let foreign = page(1, Some("nonsense".to_owned()));
    let refused = world.accounts.list_tenants(&operator, &foreign).await;
    assert_eq!(kind_of(refused), ErrorKind::Invalid);
}

pub async fn keys_belong_to_their_tenant(world: &World) {
    let (first, accounts) = (world.first(), &world.accounts);
    let key = world.issue(first.tenant()).record;
    accounts.put_key(&first, key.clone()).await.unwrap();
    accounts.put_key(&first, key.clone()).await.unwrap();
    assert_eq!(
        accounts.find_key(&key.prefix).await.unwrap(),
        Some(key.clone())
    );
    assert_eq!(accounts.find_key("unknown").await.unwrap(), None);
    let mut same_prefix = world.issue(first.tenant()).record;
    same_prefix.prefix = key.prefix.clone();
    let refused = accounts.put_key(&first, same_prefix).await;
    assert_eq!(kind_of(refused), ErrorKind::Conflict);
    let foreign = world.issue(TenantId::from_u128(2)).record;
    let refused = accounts.put_key(&first, foreign).await;
    assert_eq!(kind_of(refused), ErrorKind::Invalid);
    let orphan = world.issue(TenantId::from_u128(9)).record;
    let refused = accounts.put_key_of(&world.operator(), orphan).await;
    assert_eq!(kind_of(refused), ErrorKind::NotFound);
    let listed = accounts.list_keys(&first, &page(1, None)).await.unwrap();
    assert!(listed.next.is_some());
    let listed = accounts.list_keys(&first, &page(9, listed.next)).await;
    assert_eq!(listed.unwrap().items.len(), 1);
    let at = world.now();
    assert!(accounts.expire_key(&first, key.id, at).await.unwrap());
    let expired = accounts.find_key(&key.prefix).await.unwrap().unwrap();
    assert_eq!(expired.expires_at, Some(at));
    let stranger = world.second();
    assert!(!accounts.expire_key(&stranger, key.id, at).await.unwrap());
}

pub async fn a_deleted_tenant_is_not_found(world: &World) {
    let (scope, operator) = (world.first(), world.operator());
    let prefix = &world.keys[0].record.prefix;
    world.events.head(&scope).await.unwrap();
    let accounts = &world.accounts;
    let id = scope.tenant();
    assert!(accounts.delete_tenant(&operator, id).await.unwrap());
    assert!(!accounts.delete_tenant(&operator, id).await.unwrap());
    assert_eq!(accounts.find_key(prefix).await.unwrap(), None);
    assert_eq!(accounts.own_tenant(&scope).await.unwrap(), None);
    let gone = [
        kind_of(world.events.head(&scope).await),
        kind_of(world.catalog.counts(&scope).await),
        kind_of(world.vectors.spaces(&scope).await),
        kind_of(world.jobs.job_counts(&scope).await),
        kind_of(world.models.alias(&scope, "production").await),
        kind_of(world.ledger.usage(&scope, "2000-01-01", "2100-01-01").await),
        kind_of(world.blobs.stat(&scope, &"a".parse().unwrap()).await),
        kind_of(accounts.put_key(&scope, world.issue(id).record).await),
    ];
    assert_eq!(gone, [ErrorKind::NotFound; 8]);
    let again = accounts.create_tenant(&operator, world.tenant(1, "first"));
    again.await.unwrap();
    assert_eq!(world.events.head(&scope).await.unwrap(), 0);
}

pub async fn the_audit_log_is_a_chain(world: &World) {
    let operator = world.operator();
    let log = world.accounts.audit_log(&operator, &page(3, None)).await;
    let log = log.unwrap();
    let more = page(9, log.next);
    let rest = world.accounts.audit_log(&operator, &more).await.unwrap();
    let entries: Vec<_> = log.items.into_iter().chain(rest.items).collect();
    // Two tenants and two keys.
    assert_eq!(entries.len(), 4);
    let mut former = [0; 32];
    for (position, entry) in (1..).zip(&entries) {
        assert_eq!(entry.sequence, position);
        assert_eq!(
            (entry.by.as_str(), entry.reason.as_str()),
            ("platform", "test")
        );
        assert_eq!(entry.hash, audit::chain(&former, entry));
        former = entry.hash;
    }
    let mut forged = entries[0].clone();
    forged.action.push('!');
    assert_ne!(forged.hash, audit::chain(&[0; 32], &forged));
}
