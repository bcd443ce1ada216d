//! Webhooks and dead letters.

use leitmotif_domain::webhook::{DeadLetter, NoticeKind, Pause, Webhook, WebhookSecret};
use leitmotif_domain::{ErrorKind, EventId, Timestamp, WebhookId, limits};

use super::kind_of;
use super::world::{World, page};

pub(super) fn webhook(id: u128) -> Webhook {
    Webhook {
        id: WebhookId::from_u128(id),
        url: "http://example.org/hook".to_owned(),
        kinds: vec![NoticeKind::JobFailed],
        secret: WebhookSecret::from_bytes(vec![7; 24]),
        created_at: Timestamp::from_ms(5),
        after_offset: 3,
        pause: None,
    }
}

pub(super) fn letter(webhook: u128, offset: u64) -> DeadLetter {
    DeadLetter {
        webhook: WebhookId::from_u128(webhook),
        offset,
        event_id: EventId::from_u128(u128::from(offset)),
        kind: NoticeKind::JobFailed,
        attempts: 8,
        error: "no answer".to_owned(),
        failed_at: Timestamp::from_ms(9),
    }
}

pub async fn webhooks_are_bounded_and_paused(world: &World) {
    let (scope, store) = (world.first(), &world.webhooks);
    for id in 1..=limits::WEBHOOKS_MAX as u128 {
        store.add_webhook(&scope, webhook(id)).await.unwrap();
    }
    let again = store.add_webhook(&scope, webhook(1)).await;
    assert_eq!(kind_of(again), ErrorKind::Conflict);
    let beyond = store.add_webhook(&scope, webhook(99)).await;
    assert_eq!(kind_of(beyond), ErrorKind::Invalid);
    let id = WebhookId::from_u128(2);
    let pause = Some(Pause {
        at: Timestamp::from_ms(8),
        reason: "gone".to_owned(),
    });
    let paused = store.pause_webhook(&scope, id, pause.clone()).await;
    assert!(paused.unwrap());
    let read = store.webhook(&scope, id).await.unwrap().unwrap();
    assert_eq!(read.pause, pause);
    assert!(store.pause_webhook(&scope, id, None).await.unwrap());
    assert_eq!(store.webhook(&scope, id).await.unwrap(), Some(webhook(2)));
    let listed = store.list_webhooks(&scope, &page(2, None)).await.unwrap();
    assert_eq!(listed.items, [webhook(1), webhook(2)]);
    let rest = store.list_webhooks(&scope, &page(1, listed.next)).await;
    assert_eq!(rest.unwrap().items, [webhook(3)]);
    assert!(store.delete_webhook(&scope, id).await.unwrap());
    assert!(!store.delete_webhook(&scope, id).await.unwrap());
    assert!(!store.pause_webhook(&scope, id, None).await.unwrap());
    assert_eq!(store.webhook(&scope, id).await.unwrap(), None);
}

pub async fn dead_letters_are_bounded_and_leave_with_their_webhook(world: &World) {
    let (scope, store) = (world.first(), &world.webhooks);
    let unknown = store.put_dead_letter(&scope, letter(1, 1)).await;
    assert_eq!(kind_of(unknown), ErrorKind::NotFound);
    for id in [1, 2] {
        store.add_webhook(&scope, webhook(id)).await.unwrap();
    }
    store.put_dead_letter(&scope, letter(2, 1)).await.unwrap();
    for offset in 1..=limits::DEAD_LETTERS_MAX as u64 + 1 {
        let put = store.put_dead_letter(&scope, letter(1, offset)).await;
        put.unwrap();
    }
    let again = store.put_dead_letter(&scope, letter(1, 2)).await;
    again.unwrap();
    let first = WebhookId::from_u128(1);
    let listed = store.list_dead_letters(&scope, first, &page(2, None)).await;
    let listed = listed.unwrap();
    assert_eq!(listed.items, [letter(1, 2), letter(1, 3)]);
    let next = page(1, listed.next);
    let rest = store.list_dead_letters(&scope, first, &next).await;
    assert_eq!(rest.unwrap().items, [letter(1, 4)]);
    let read = store.dead_letter(&scope, first, 3).await.unwrap();
    assert_eq!(read, Some(letter(1, 3)));
    assert!(store.delete_dead_letter(&scope, first, 3).await.unwrap());
    assert!(!store.delete_dead_letter(&scope, first, 3).await.unwrap());
    assert!(store.delete_webhook(&scope, first).await.unwrap());
    let gone = store.list_dead_letters(&scope, first, &page(9, None)).await;
    assert_eq!(gone.unwrap().items, []);
    let second = WebhookId::from_u128(2);
    let kept = store.dead_letter(&scope, second, 1).await.unwrap();
    assert_eq!(kept, Some(letter(2, 1)));
}
