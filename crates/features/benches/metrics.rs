//! What metrics cost: rows of a log on disk, their memory, each built-in metric over them, and a recount by parts.
//! Prints one JSON object.
//!
//! Two million events of 200,000 listeners over thirty days: a tenth are answers of ten tracks, the rest plays, of
//! which a third name an answer.

use std::sync::Arc;
use std::time::Instant;

use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, ExposedTrack, Exposure, Listen, ListenOutcome,
    Moment,
};
use leitmotif_domain::zone::Calendar;
use leitmotif_domain::{EventId, ListenerId, RequestId, Rung, Timestamp, TrackId};
use leitmotif_features::metrics::registry::built_in_metrics;
use leitmotif_features::metrics::{Breakdown, MetricRegistry, Query};
use leitmotif_storage::conformance::World;
use leitmotif_storage::embedded::EmbeddedStorage;
use leitmotif_storage::ports::EventLog;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: u64 = 2_000_000;
const LISTENERS: u64 = 200_000;
const TRACKS: u64 = 20_000;
const SHOWN: u64 = 10;
const BATCH: u64 = 5_000;
const T0: i64 = 1_700_000_000_000;
const SPREAD_MS: i64 = 30 * 86_400_000;
const PAGE_BYTES: f64 = 4_096.0;

/// SplitMix64 of a number.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn track(number: u64) -> TrackId {
    TrackId::from_u128(u128::from(mixed(number % TRACKS)))
}

fn event(number: u64) -> Event {
    let listener = mixed(number / SHOWN) % LISTENERS;
    let answer = number - number % SHOWN;
    let payload = if number == answer {
        let shown = (0..SHOWN).map(|place| ExposedTrack {
            track: track(mixed(answer) + place),
            score: Some(1.0),
            propensity: Some(1.0),
        });
        EventPayload::Exposure(Exposure {
            request_id: RequestId::from_u128(u128::from(answer) + 1),
            placement: format!("place {}", answer % 7),
            rung: Rung::Personalised,
            model: None,
            assignment: None,
            tracks: shown.collect(),
            reasons: Default::default(),
            is_sequenced: false,
            exploration: None,
            moment: Moment::default(),
            layout: None,
            layout_propensity: None,
            basis: None,
        })
    } else {
        let played_ms = mixed(number ^ 0x33) as u32 % 200_000;
        let outcome = if played_ms < 60_000 {
            ListenOutcome::Skipped
        } else {
            ListenOutcome::Completed
        };
        let is_named = number.is_multiple_of(3);
        EventPayload::Listen(Listen {
            played_ms: Some(played_ms),
            track_ms: Some(200_000),
            source: Some("radio".to_owned()),
            request_id: is_named.then(|| RequestId::from_u128(u128::from(answer) + 1)),
            ..Listen::of(track(mixed(answer) + number % 40), outcome)
        })
    };
    Event {
        event_id: EventId::from_u128(u128::from(mixed(number)) << 64 | u128::from(number)),
        occurred_at: Timestamp::from_ms(T0 + number as i64 * SPREAD_MS / EVENTS as i64),
        listener: Some(ListenerId::from_u128(u128::from(mixed(listener)))),
        schema_version: EVENT_SCHEMA_VERSION,
        payload,
    }
}

fn resident_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(f64::NAN) * PAGE_BYTES / 1e6
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
        let by_day = Query {
            from: None,
            to: None,
            by: vec![Breakdown::Day],
            calendar: Calendar::of(None).expect("UTC is a zone"),
        };
        let registry = MetricRegistry::new(store.clone(), store.clone());
        let before_mb = resident_mb();
        let started = Instant::now();
        let level = registry.read(&scope, &[], &by_day).await;
        level.expect("the log reads");
        let (level_s, rows_mb) = (started.elapsed().as_secs_f64(), resident_mb() - before_mb);
        let mut each = Vec::new();
        for metric in built_in_metrics() {
            let started = Instant::now();
            let read = registry.read(&scope, &[Arc::clone(&metric.definition)], &by_day).await;
            read.expect("a metric reads");
            let name = &metric.definition.name;
            each.push(format!("\"{name}\": {:.0}", started.elapsed().as_secs_f64() * 1e3));
        }
        let metric = &built_in_metrics()[1].definition;
        let started = Instant::now();
        let mut read = 0;
        let recount = registry.recount(&scope, metric, &by_day, |progress| {
            read = progress.done;
            true
        });
        let recount = recount.await.expect("the log reads").expect("nobody gave it up");
        assert!(recount.is_equal(), "what is kept is what the log says");
        println!(
            "{{\"events\": {EVENTS}, \"level_s\": {level_s:.2}, \"rows_mb\": {rows_mb:.0}, \"by_day_ms\": {{{}}}, \
             \"recount_s\": {:.2}, \"recount_events_read\": {read}, \"kept_share\": {}}}",
            each.join(", "),
            started.elapsed().as_secs_f64(),
            recount.kept.part.share(),
        );
    });
}
