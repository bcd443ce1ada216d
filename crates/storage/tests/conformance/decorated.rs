//! Wrappers: the suite through failures and retries, and what each wrapper does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use leitmotif_domain::chance::Seed;
use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::{ErrorKind, TrackId};
use leitmotif_storage::conformance::{self, World, listen};
use leitmotif_storage::decorate::{
    Flaky, FlakyOptions, Metered, PortCall, PortMeter, Retry, RetryOptions, Timeout,
};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{BlobStore, EventLog, VectorStore};
use parking_lot::Mutex;

/// At 20 % failures ten tries fail together once in ten million calls.
const PATIENT: RetryOptions = RetryOptions {
    attempts_max: 10,
    first_wait: Duration::from_millis(1),
    wait_max: Duration::from_millis(20),
};

fn backend() -> (Arc<MemoryStorage>, Arc<ManualClock>) {
    let clock = World::clock();
    let store = Arc::new(MemoryStorage::new(clock.clone(), World::entropy()));
    (store, clock)
}

fn world(options: FlakyOptions, seed: u64) -> World {
    let (store, clock) = backend();
    let mut world = World::of(&store, clock, Box::new(()));
    let flaky = Arc::new(Flaky::new(store, options, Seed(seed)));
    let shaky = Arc::new(Retry::new(flaky, PATIENT, Seed(seed)));
    world.events = shaky.clone();
    world.catalog = shaky.clone();
    world.vectors = shaky.clone();
    world.blobs = shaky.clone();
    world.imports = shaky.clone();
    world.jobs = shaky;
    world
}

#[tokio::test(start_paused = true)]
async fn a_retried_flaky_backend_conforms() {
    for seed in 0..5 {
        let options = FlakyOptions {
            before: 0.2,
            after: 0.0,
            spares_unrepeatable: true,
        };
        conformance::suite(|| world(options, seed)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_leave_one_effect() {
    let options = FlakyOptions {
        before: 0.1,
        after: 0.3,
        spares_unrepeatable: true,
    };
    let mut world = world(options, 3);
    world.prepare().await;
    let scope = world.first();
    for id in 1..=200 {
        let appended = world.events.append(&scope, vec![listen(id, None)]).await;
        assert_eq!(appended.unwrap()[0].offset, u64::try_from(id).unwrap());
        let track = TrackId::from_u128(id);
        let space = "sound-1".parse().unwrap();
        let vector = vec![(track, vec![1.0, id as f32])];
        world.vectors.upsert(&scope, &space, vector).await.unwrap();
    }
    assert_eq!(world.events.head(&scope).await.unwrap(), 200);
    let read = world.events.read(&scope, 0, 999).await.unwrap();
    let ids: Vec<_> = read
        .iter()
        .map(|one| one.event.event_id.as_u128())
        .collect();
    assert_eq!(ids, (1..=200).collect::<Vec<_>>());
    assert_eq!(world.vectors.spaces(&scope).await.unwrap()[0].1, 200);
}

#[derive(Default)]
struct Counts(Mutex<Vec<(PortCall, u64, Option<ErrorKind>)>>);

impl PortMeter for Counts {
    fn record(&self, call: PortCall, elapsed_us: u64, error: Option<ErrorKind>) {
        self.0.lock().push((call, elapsed_us, error));
    }
}

#[tokio::test(start_paused = true)]
async fn retries_are_bounded_counted_and_spare_unrepeatable_calls() {
    let (store, clock) = backend();
    let mut world = World::of(&store, clock, Box::new(()));
    world.prepare().await;
    let scope = world.first();
    let always = FlakyOptions {
        before: 1.0,
        ..FlakyOptions::default()
    };
    let (inner, outer) = (Arc::new(Counts::default()), Arc::new(Counts::default()));
    let failing = Metered::new(Arc::new(Flaky::new(store, always, Seed(1))), inner.clone());
    let retried = Metered::new(
        Arc::new(Retry::new(Arc::new(failing), PATIENT, Seed(1))),
        outer.clone(),
    );
    let refused = retried.head(&scope).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert_eq!(inner.0.lock().len(), 10);
    let upload = "u".parse().unwrap();
    let once = retried
        .upload_append(&scope, &upload, 0, Bytes::new())
        .await;
    assert_eq!(once.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(inner.0.lock().len(), 11);
    let outer = outer.0.lock();
    let (call, elapsed_us, error) = outer[0];
    assert_eq!((call.port, call.method), ("EventLog", "head"));
    assert_eq!((outer.len(), error), (2, Some(ErrorKind::Unavailable)));
    // Nine waits of 1, 2, 4, 8, 16, 20, 20, 20, 20 ms, each at least half and rounded up to a
    // tick of the timer.
    assert!((55_000..=125_000).contains(&elapsed_us), "{elapsed_us}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_backend_is_not_waited_for() {
    let (store, clock) = backend();
    let mut world = World::of(&store, clock, Box::new(()));
    world.prepare().await;
    let scope = world.first();
    let always = FlakyOptions {
        before: 1.0,
        ..FlakyOptions::default()
    };
    let slow = RetryOptions {
        attempts_max: 1_000,
        first_wait: Duration::from_secs(60),
        wait_max: Duration::from_secs(60),
    };
    let stuck = Retry::new(
        Arc::new(Flaky::new(store.clone(), always, Seed(1))),
        slow,
        Seed(1),
    );
    let limited = Timeout::new(Arc::new(stuck), Duration::from_secs(2));
    let error = limited.spaces(&scope).await.unwrap_err();
    assert!(
        error.to_string().contains("`spaces` within 2000 ms"),
        "{error}"
    );
    let quick = Timeout::new(store, Duration::from_secs(2));
    assert_eq!(EventLog::head(&quick, &scope).await.unwrap(), 0);
    assert!(
        BlobStore::stat(&quick, &scope, &"a".parse().unwrap())
            .await
            .is_ok()
    );
}
