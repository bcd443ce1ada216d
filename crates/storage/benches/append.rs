//! How fast the embedded log takes events when every one has another listener, and what it writes to
//! the disk for them. Prints one JSON object.
//!
//! The worst case for the indexes of the log: a million listeners and event ids without an order, so
//! that no two events of a batch lie near each other.

use std::sync::Arc;
use std::time::Instant;

use leitmotif_domain::event::{Event, EventPayload};
use leitmotif_domain::{ListenerId, Timestamp, TrackId};
use leitmotif_storage::conformance::{World, listen};
use leitmotif_storage::embedded::EmbeddedStorage;
use leitmotif_storage::ports::EventLog;

const LISTENERS: u64 = 1_000_000;
const TRACKS: u64 = 100_000;
const EVENTS: u64 = 2_000_000;
const BATCH: u64 = 1_000;
/// Batches on their way at once, as connections would send them.
const CALLERS: usize = 8;
/// Parts that are timed for themselves.
const PARTS: u64 = 10;
const T0: i64 = 1_700_000_000_000;

/// SplitMix64 of a number.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn wide(number: u64) -> u128 {
    u128::from(mixed(number)) << 64 | u128::from(mixed(number ^ 0xA5A5))
}

fn event(number: u64) -> Event {
    let listener = ListenerId::from_u128(wide(mixed(number) % LISTENERS));
    let mut event = listen(wide(number), Some(listener));
    event.occurred_at = Timestamp::from_ms(T0 + number as i64 * 50);
    if let EventPayload::Listen(listen) = &mut event.payload {
        listen.track = TrackId::from_u128(wide(mixed(number ^ 0x77) % TRACKS));
    }
    event
}

/// Bytes this process has handed to the disk, where the system tells.
fn written() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    let line = text.lines().find(|line| line.starts_with("write_bytes:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

async fn append_part(store: &Arc<EmbeddedStorage>, world: &World, part: u64) -> f64 {
    let batches = EVENTS / PARTS / BATCH;
    let started = Instant::now();
    let callers = (0..CALLERS as u64).map(|caller| {
        let (store, scope) = (Arc::clone(store), world.first());
        tokio::spawn(async move {
            for batch in (caller..batches).step_by(CALLERS) {
                let first = (part * batches + batch) * BATCH;
                let events = (first..first + BATCH).map(event).collect();
                store
                    .append(&scope, events)
                    .await
                    .expect("the log takes events");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller ends");
    }
    (batches * BATCH) as f64 / started.elapsed().as_secs_f64()
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the log");
    let store = EmbeddedStorage::open(folder.path(), World::clock(), World::entropy(), "bench");
    let store = Arc::new(store.expect("an empty folder opens"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let mut world = World::of(&store, World::clock(), Box::new(()));
        world.prepare().await;
        let before = written();
        let mut rates = Vec::new();
        for part in 0..PARTS {
            let rate = append_part(&store, &world, part).await;
            eprintln!("part {} of {PARTS}: {rate:.0} events/s", part + 1);
            rates.push(rate.round());
        }
        let bytes = written()
            .zip(before)
            .map(|(after, before)| (after - before) / EVENTS);
        let bytes = bytes.map_or("null".to_owned(), |bytes| bytes.to_string());
        println!(
            "{{\"events\": {EVENTS}, \"listeners\": {LISTENERS}, \"events_per_s\": {rates:?}, \
             \"bytes_written_per_event\": {bytes}}}"
        );
    });
}
