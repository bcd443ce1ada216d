//! Models, usage and replays.

use leitmotif_domain::{ErrorKind, ModelId, Timestamp, limits};
use serde_json::json;

use super::kind_of;
use super::world::{World, page};
use crate::ports::{ModelRecord, ReplayBegin, StoredAnswer, UsageEntry};

pub(super) fn model(id: u128) -> ModelRecord {
    ModelRecord {
        id: ModelId::from_u128(id),
        name: "recommender".to_owned(),
        created_at: Timestamp::from_ms(5),
        log_offset: 7,
        metrics: json!({ "ndcg": 0.25 }),
    }
}

pub(super) fn answer() -> StoredAnswer {
    StoredAnswer {
        status: 201,
        content_type: "application/json".to_owned(),
        body: b"{}".to_vec(),
    }
}

pub(super) fn used(amount: u64) -> Vec<UsageEntry> {
    let metric = "events".to_owned();
    vec![UsageEntry { metric, amount }]
}

pub async fn models_are_immutable_and_aliased(world: &World) {
    let (scope, models) = (world.first(), &world.models);
    for id in 1..=3 {
        models.register(&scope, model(id)).await.unwrap();
    }
    let mut other = model(2);
    other.log_offset = 9;
    assert_eq!(
        kind_of(models.register(&scope, other).await),
        ErrorKind::Conflict
    );
    let read = models.model(&scope, ModelId::from_u128(2)).await.unwrap();
    assert_eq!(read, Some(model(2)));
    assert_eq!(
        models.model(&scope, ModelId::from_u128(9)).await.unwrap(),
        None
    );
    let newest = models.list_models(&scope, &page(2, None)).await.unwrap();
    assert_eq!(newest.items, [model(3), model(2)]);
    let rest = models
        .list_models(&scope, &page(2, newest.next))
        .await
        .unwrap();
    assert_eq!((rest.items, rest.next), (vec![model(1)], None));
    assert_eq!(models.alias(&scope, "production").await.unwrap(), None);
    for id in [1, 3] {
        let moved = models.set_alias(&scope, "production", ModelId::from_u128(id));
        moved.await.unwrap();
        let followed = models.alias(&scope, "production").await.unwrap();
        assert_eq!(followed, Some(model(id)));
    }
    let unknown = models
        .set_alias(&scope, "production", ModelId::from_u128(9))
        .await;
    assert_eq!(kind_of(unknown), ErrorKind::NotFound);
    assert_eq!(
        models.alias(&scope, "production").await.unwrap(),
        Some(model(3))
    );
}

pub async fn usage_counts_an_effect_once(world: &World) {
    let (scope, ledger) = (world.first(), &world.ledger);
    let day = 24 * 3_600 * 1_000;
    let at = |days: i64| Timestamp::from_ms(1_699_920_000_000 + days * day);
    for (days, dedupe, amount) in [
        (0, None, 2),
        (0, None, 2),
        (0, Some("batch 1"), 10),
        (0, Some("batch 1"), 10),
        (1, Some("batch 2"), 100),
    ] {
        let recorded = ledger.record_usage(&scope, at(days), dedupe, used(amount));
        recorded.await.unwrap();
    }
    let other = vec![UsageEntry {
        metric: "a".to_owned(),
        amount: 1,
    }];
    ledger
        .record_usage(&scope, at(1), None, other)
        .await
        .unwrap();
    let rows = async |from: &str, to: &str| {
        let rows = ledger.usage(&scope, from, to).await.unwrap();
        rows.into_iter()
            .map(|row| (row.day, row.metric, row.amount))
            .collect::<Vec<_>>()
    };
    let row = |day: &str, metric: &str, amount| (day.to_owned(), metric.to_owned(), amount);
    let (first, second) = ("2023-11-14", "2023-11-15");
    let all = [
        row(first, "events", 14),
        row(second, "a", 1),
        row(second, "events", 100),
    ];
    assert_eq!(rows(first, second).await, all);
    assert_eq!(rows(second, second).await, all[1..]);
    assert_eq!(rows("2023-11-16", "2023-12-01").await, []);
}

pub async fn replays_follow_their_request(world: &World) {
    let (scope, ledger) = (world.first(), &world.ledger);
    let begin = async |key: &str, hash: u8| {
        let begun = ledger
            .replay_begin(&scope, key, [hash; 32], world.now())
            .await;
        begun.unwrap()
    };
    assert_eq!(begin("k", 1).await, ReplayBegin::Fresh);
    assert_eq!(begin("k", 1).await, ReplayBegin::Running);
    assert_eq!(begin("k", 2).await, ReplayBegin::Mismatch);
    ledger.replay_abandon(&scope, "k").await.unwrap();
    assert_eq!(begin("k", 2).await, ReplayBegin::Fresh);
    ledger.replay_finish(&scope, "k", answer()).await.unwrap();
    ledger.replay_abandon(&scope, "k").await.unwrap();
    assert_eq!(begin("k", 2).await, ReplayBegin::Stored(answer()));
    assert_eq!(begin("k", 1).await, ReplayBegin::Mismatch);
    ledger
        .replay_finish(&scope, "unknown", answer())
        .await
        .unwrap();
    assert_eq!(begin("unknown", 1).await, ReplayBegin::Fresh);
    assert_eq!(ledger.replay_abandon_all(&scope).await.unwrap(), 1);
    assert_eq!(begin("unknown", 1).await, ReplayBegin::Fresh);
    assert_eq!(begin("k", 2).await, ReplayBegin::Stored(answer()));
}

pub async fn replays_are_forgotten_in_time(world: &World) {
    let (scope, ledger) = (world.first(), &world.ledger);
    let begin = async || {
        let begun = ledger.replay_begin(&scope, "k", [1; 32], world.now()).await;
        begun.unwrap()
    };
    begin().await;
    ledger.replay_finish(&scope, "k", answer()).await.unwrap();
    world.clock.advance_ms(limits::IDEMPOTENCY_MS);
    assert_eq!(begin().await, ReplayBegin::Stored(answer()));
    world.clock.advance_ms(1);
    assert_eq!(begin().await, ReplayBegin::Fresh);
}
