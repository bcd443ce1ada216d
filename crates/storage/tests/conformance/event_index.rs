//! The index of the log against the memory backend, while runs go to disk and files are reopened.

use std::path::Path;
use std::sync::Arc;

use leitmotif_domain::chance::{Seed, SplitMix64};
use leitmotif_domain::event::{Event, EventPayload, RecordedEvent, Search};
use leitmotif_domain::page::PageRequest;
use leitmotif_domain::{EventId, ListenerId, TenantScope, Timestamp};
use leitmotif_storage::conformance::{World, listen};
use leitmotif_storage::embedded::EmbeddedStorage;
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{EventLog, EventSelection, EventWindow};

const LISTENERS: usize = 5;
const IDS: usize = 2_000;

fn open(folder: &Path, tail_events: u64) -> EmbeddedStorage {
    EmbeddedStorage::open(folder, World::clock(), World::entropy(), "test")
        .unwrap()
        .with_tail_events(tail_events)
}

fn listener(number: usize) -> ListenerId {
    ListenerId::from_u128((number as u128) << 90 | 7)
}

/// An event whose id may have been seen, of one of few listeners and moments, or of no listener.
fn drawn(chance: &mut SplitMix64) -> Event {
    let id = (chance.next_below(IDS) as u128) << 60;
    let whose = chance.next_below(LISTENERS + 1);
    let mut event = listen(id, (whose < LISTENERS).then(|| listener(whose)));
    event.occurred_at = Timestamp::from_ms(chance.next_below(40) as i64 - 20);
    if chance.next_below(3) == 0 {
        event.payload = EventPayload::Search(Search {
            query: "night".to_owned(),
            result_count: 1,
        });
    }
    event
}

/// Everything that can be asked of the log by id and by listener.
async fn answers(log: &dyn EventLog, scope: &TenantScope) -> Vec<Vec<u64>> {
    let offsets = |events: &[RecordedEvent]| events.iter().map(|one| one.offset).collect();
    let mut answers: Vec<Vec<u64>> = vec![vec![log.head(scope).await.unwrap()]];
    for number in 0..=LISTENERS {
        let whose = listener(number);
        for kind in ["listen", "search", "feedback"] {
            let count = log.count_of_kind(scope, whose, kind).await.unwrap();
            answers.push(vec![count]);
            for is_earliest_first in [false, true] {
                let window = EventWindow {
                    after: Some(Timestamp::from_ms(-12)),
                    before: Some(Timestamp::from_ms(15)),
                    is_earliest_first,
                    ..EventWindow::of_kind(kind)
                };
                let found = log.of_kind(scope, whose, &window, 17).await.unwrap();
                answers.push(offsets(&found));
            }
        }
        for is_newest_first in [false, true] {
            let selection = EventSelection {
                kind: (number % 2 == 0).then(|| "listen".to_owned()),
                listener: Some(whose),
                is_newest_first,
                is_without_answers: false,
            };
            let slice = log.select(scope, &selection, 150, 23).await.unwrap();
            answers.push(offsets(&slice.events));
            answers.push(vec![slice.reached]);
        }
        let mut page = PageRequest::new(Some(31), None).unwrap();
        loop {
            let read = log.of_listener(scope, whose, &page).await.unwrap();
            answers.push(offsets(&read.items));
            let Some(next) = read.next else { break };
            page = page.following(next);
        }
    }
    for id in 0..IDS {
        let found = log
            .event(scope, EventId::from_u128((id as u128) << 60))
            .await;
        answers.push(found.unwrap().iter().map(|one| one.offset).collect());
    }
    answers
}

#[tokio::test]
async fn a_log_half_on_disk_answers_as_one_in_memory() {
    for (seed, tail_events) in [(1, 1), (2, 90), (3, 600)] {
        let folder = tempfile::tempdir().unwrap();
        let memory = Arc::new(MemoryStorage::new(World::clock(), World::entropy()));
        let mut world = World::of(&memory, World::clock(), Box::new(()));
        world.prepare().await;
        let mut store = Arc::new(open(folder.path(), tail_events));
        let mut own = World::of(&store, World::clock(), Box::new(()));
        own.prepare().await;
        let (scope, own_scope) = (world.first(), own.first());
        drop(own);
        let mut chance = Seed(seed).rng();
        for step in 0..60 {
            let count = 1 + chance.next_below(80);
            let events: Vec<Event> = (0..count).map(|_| drawn(&mut chance)).collect();
            let expected = memory.append(&scope, events.clone()).await.unwrap();
            let appended = store.append(&own_scope, events).await.unwrap();
            assert_eq!(appended, expected, "seed {seed}, step {step}");
            if step % 7 == 6 {
                drop(store);
                store = Arc::new(open(folder.path(), tail_events));
            }
            if step % 5 == 4 {
                let expected = answers(memory.as_ref(), &scope).await;
                let found = answers(store.as_ref(), &own_scope).await;
                assert_eq!(found, expected, "seed {seed}, step {step}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_rolled_back_is_no_duplicate() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path(), 8));
    let mut world = World::of(&store, World::clock(), Box::new(()));
    world.prepare().await;
    let scope = world.first();
    store.append(&scope, vec![listen(0, None)]).await.unwrap();
    store.limit_pages(&scope, 80).await.unwrap();
    let batch = |first: u128| (first..first + 50).map(|id| listen(id, None)).collect();
    let mut first = 1;
    let refused = loop {
        match store.append(&scope, batch(first)).await {
            Ok(_) => first += 50,
            Err(error) => break error,
        }
        assert!(first < 10_000, "the limit does not hold");
    };
    let head = store.head(&scope).await.unwrap();
    assert_eq!(u128::from(head), first, "{refused:?}");
    let id = EventId::from_u128(first);
    assert!(store.event(&scope, id).await.unwrap().is_none());
    store.limit_pages(&scope, 100_000).await.unwrap();
    let appended = store.append(&scope, batch(first)).await.unwrap();
    assert!(
        appended
            .iter()
            .all(|one| !one.is_duplicate && one.offset > head)
    );
    assert!(store.event(&scope, id).await.unwrap().is_some());
}
