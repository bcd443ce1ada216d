//! How fast the listening state is built from a log on disk, with what the allocator of the server
//! gives. Prints one JSON object.
//!
//! A million listens of 10,000 tracks by 10,000 listeners over thirty days, ids without an order: as
//! `leitmotif-eval events` sends them over HTTP, without server and client beside it.

mod processor;

use std::sync::Arc;
use std::time::Instant;

use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event, EventPayload, Listen, ListenOutcome};
use leitmotif_domain::{EventId, ListenerId, TenantScope, Timestamp, TrackId};
use leitmotif_features::Projection;
use leitmotif_features::saving::parts_of;
use leitmotif_storage::conformance::World;
use leitmotif_storage::embedded::EmbeddedStorage;
use leitmotif_storage::ports::EventLog;
use processor::processor_s;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: u64 = 1_000_000;
const LISTENERS: u64 = 10_000;
const TRACKS: u64 = 10_000;
const BATCH: u64 = 5_000;
const REPLAYS: usize = 7;
const T0: i64 = 1_700_000_000_000;
const SPREAD_MS: i64 = 30 * 86_400_000;

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
    let played_ms = mixed(number ^ 0x33) as u32 % 200_000;
    let outcome = if played_ms < 60_000 {
        ListenOutcome::Skipped
    } else {
        ListenOutcome::Completed
    };
    let listen = Listen {
        played_ms: Some(played_ms),
        track_ms: Some(200_000),
        source: Some("radio".to_owned()),
        ..Listen::of(
            TrackId::from_u128(wide(mixed(number ^ 0x77) % TRACKS)),
            outcome,
        )
    };
    Event {
        event_id: EventId::from_u128(wide(number)),
        occurred_at: Timestamp::from_ms(T0 + number as i64 * SPREAD_MS / EVENTS as i64),
        listener: Some(ListenerId::from_u128(wide(mixed(number) % LISTENERS))),
        schema_version: EVENT_SCHEMA_VERSION,
        payload: EventPayload::Listen(listen),
    }
}

/// Replays once and tells the seconds of the clock and of the processor.
async fn replay(log: &dyn EventLog, scope: &TenantScope) -> (f64, f64) {
    let (started, before) = (Instant::now(), processor_s());
    let built = Projection::replay(log, scope, EVENTS).await;
    let built = built.expect("the log replays");
    let parts = parts_of(&built.state).map(|part| part.map_or(0, |part| part.state.len()));
    let bytes: usize = parts.sum();
    let wall_s = started.elapsed().as_secs_f64();
    let processor_s = processor_s()
        .zip(before)
        .map(|(after, before)| after - before);
    eprintln!("{bytes} bytes in {wall_s:.3} s");
    (wall_s, processor_s.unwrap_or(f64::NAN))
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the log");
    let store = EmbeddedStorage::open(folder.path(), World::clock(), World::entropy(), "bench");
    let store = Arc::new(store.expect("an empty folder opens"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let mut world = World::of(&store, World::clock(), Box::new(()));
        world.prepare().await;
        let scope = world.first();
        for first in (0..EVENTS).step_by(BATCH as usize) {
            let events = (first..first + BATCH).map(event).collect();
            let appended = store.append(&scope, events).await;
            appended.expect("the log takes events");
        }
        let (mut wall, mut processor) = (Vec::new(), Vec::new());
        for _ in 0..REPLAYS {
            let (wall_s, processor_s) = replay(store.as_ref(), &scope).await;
            wall.push((EVENTS as f64 / wall_s).round());
            processor.push((EVENTS as f64 / processor_s).round());
        }
        wall.sort_by(f64::total_cmp);
        processor.sort_by(f64::total_cmp);
        println!(
            "{{\"events\": {EVENTS}, \"events_per_s\": {wall:?}, \"events_per_processor_s\": {processor:?}}}"
        );
    });
}
