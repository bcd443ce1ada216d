//! How long a read of 100 features for 500 tracks takes, how many events are taken in a second by the built-in
//! views alone and with one of a hundred features beside them, and what an entity weighs. Prints one JSON object.
//!
//! The events follow from a seed: 200,000 plays of 5,000 tracks of 417 artists by 2,000 listeners over sixty days.

mod processor;

use std::sync::Arc;
use std::time::Instant;

use leitmotif_domain::event::{
    CatalogueChange, CatalogueChanged, EVENT_SCHEMA_VERSION, Event, EventPayload, Listen,
    ListenOutcome, RecordedEvent,
};
use leitmotif_domain::{EventId, ListenerId, Timestamp, TrackId};
use leitmotif_features::service::built_in_views;
use leitmotif_features::{EntityKey, FeatureSet, LiveView, ViewDefinition};
use processor::processor_s;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: u64 = 200_000;
const TRACKS: u64 = 5_000;
const TRACKS_PER_ARTIST: u64 = 12;
const LISTENERS: u64 = 2_000;
/// Times that all events are taken in; the fastest tells what the machine can.
const REPLAYS: usize = 5;
const FEATURES: usize = 100;
/// Events that are read of a log at once.
const READ_EVENTS: usize = 5_000;
const ENTITIES: u64 = 500;
const READS: usize = 500;
const T0: i64 = 1_700_000_000_000;
const DAY: i64 = 86_400_000;

/// A view of a hundred features: plays, skips, means, rates and decayed sums over many windows.
fn wide_view() -> LiveView {
    let mut text = "name = 'wide'\nentity = 'track'\n".to_owned();
    for place in 0..FEATURES {
        let days = 1 + place / 5;
        let rest = match place % 5 {
            0 => format!("aggregate = 'count'\nwindow = '{days}d'"),
            1 => format!(
                "aggregate = 'rate'\nwhen = 'outcome == skipped'\nprior = 0.25\nprior_weight = 9.0\nwindow = '{days}d'"
            ),
            2 => format!("aggregate = 'mean'\nfield = 'signal'\nwindow = '{days}d'"),
            3 => format!("aggregate = 'decayed_sum'\nhalf_life = '{days}d'"),
            _ => format!("aggregate = 'sum'\nfield = 'played_ms'\nwindow = '{days}d'"),
        };
        text += &format!("[[features]]\nname = 'f{place}'\nevent = 'listen'\n{rest}\n");
    }
    LiveView {
        version: Some(1),
        definition: Arc::new(ViewDefinition::parse(&text).expect("the text above is a view")),
        text: text.into(),
    }
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn recorded(offset: u64, at: Timestamp, listener: u64, payload: EventPayload) -> RecordedEvent {
    RecordedEvent {
        offset,
        recorded_at: at,
        event: Event {
            event_id: EventId::from_u128(u128::from(offset)),
            occurred_at: at,
            listener: Some(ListenerId::from_u128(u128::from(listener))),
            schema_version: EVENT_SCHEMA_VERSION,
            payload,
        },
    }
}

/// The catalogue, then the plays.
fn events() -> Vec<RecordedEvent> {
    let track = |track: u64| TrackId::from_u128(u128::from(track));
    let credited = (0..TRACKS).map(|number| {
        let changed = CatalogueChanged {
            track: track(number),
            change: CatalogueChange::Added,
            artist: Some(format!("Band {}", number / TRACKS_PER_ARTIST)),
        };
        let payload = EventPayload::CatalogueChanged(changed);
        recorded(number + 1, Timestamp::from_ms(T0), 0, payload)
    });
    let mut seed = 7;
    let play = |number: u64| {
        let at = Timestamp::from_ms(T0 + (number * 60 * DAY as u64 / EVENTS) as i64);
        let played = next(&mut seed) % 200_000;
        let listener = next(&mut seed) % LISTENERS;
        let outcome = if played < 60_000 {
            ListenOutcome::Skipped
        } else {
            ListenOutcome::Completed
        };
        let listen = Listen {
            played_ms: Some(played as u32),
            track_ms: Some(200_000),
            device: Some("phone".to_owned()),
            ..Listen::of(track(next(&mut seed) % TRACKS), outcome)
        };
        recorded(TRACKS + number, at, listener, EventPayload::Listen(listen))
    };
    credited.chain((1..=EVENTS).map(play)).collect()
}

/// Events that views take in a second of the clock, at best, and of the processor, on the average.
fn replays_per_s(views: &[LiveView], events: &[RecordedEvent], now: Timestamp) -> [f64; 2] {
    let (mut least_us, mut taken_s) = (f64::INFINITY, 0.0);
    for _ in 0..REPLAYS {
        let mut set = FeatureSet::new(views, now);
        let before = processor_s();
        let us = micros_of(|| {
            events
                .chunks(READ_EVENTS)
                .for_each(|read| set.take_all(read))
        });
        let seconds = processor_s()
            .zip(before)
            .map(|(after, before)| after - before);
        least_us = us.min(least_us);
        taken_s += seconds.unwrap_or(f64::NAN);
    }
    let each_s = taken_s / REPLAYS as f64;
    [least_us / 1e6, each_s].map(|seconds| (EVENTS as f64 / seconds).round())
}

/// Payloads that are read from the text of the log in a second of the processor.
fn decoded_per_s(events: &[RecordedEvent]) -> f64 {
    let text = |event: &RecordedEvent| serde_json::to_string(&event.event.payload);
    let texts: Vec<String> = events.iter().filter_map(|event| text(event).ok()).collect();
    let before = processor_s();
    let read = texts
        .iter()
        .map(|text| serde_json::from_str::<EventPayload>(text));
    let count = read.filter(Result::is_ok).count();
    let taken_s = processor_s()
        .zip(before)
        .map(|(after, before)| after - before);
    (count as f64 / taken_s.unwrap_or(f64::NAN)).round()
}

fn micros_of(mut work: impl FnMut()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1e6
}

fn percentile(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let place = ((times.len() - 1) as f64 * share) as usize;
    times.get(place).copied().unwrap_or(f64::NAN)
}

fn main() {
    let events = events();
    let end = Timestamp::from_ms(T0 + 60 * DAY);
    let mut built_in = FeatureSet::new(&built_in_views(), end);
    events.iter().for_each(|event| built_in.take(event));
    let built_in_per_s = replays_per_s(&built_in_views(), &events, end);
    let all: Vec<LiveView> = built_in_views().into_iter().chain([wide_view()]).collect();
    let all_per_s = replays_per_s(&all, &events, end);
    let mut set = FeatureSet::new(&[wide_view()], end);
    events.iter().for_each(|event| set.take(event));
    let decoded_per_s = decoded_per_s(&events);
    let keys: Vec<EntityKey> = (0..ENTITIES)
        .map(|id| EntityKey::of(u128::from(id * 9)))
        .collect();
    let columns: Vec<usize> = (0..FEATURES).collect();
    let mut read = |now: Timestamp| {
        micros_of(|| {
            let rows = set
                .read("wide", &keys, &columns, now)
                .expect("the view is there");
            assert_eq!(rows.numbers.len(), keys.len() * columns.len());
        })
    };
    // Nobody has read these entities yet: every column is computed.
    let first = read(end);
    // Each read an hour later: what moves by the hour is computed anew, days stay but at midnight.
    let mut cold: Vec<f64> = (1..=50)
        .map(|hour| read(end.plus_ms(hour * 3_600_000)))
        .collect();
    let base = end.plus_ms(50 * 3_600_000);
    let mut warm: Vec<f64> = (0..READS)
        .map(|at| read(base.plus_ms(1 + at as i64)))
        .collect();
    let sizes = built_in_views().into_iter().filter_map(|view| {
        let size = built_in.size(&view.definition.name)?;
        let bytes = size.memory_bytes as f64 / size.entities.max(1) as f64;
        (size.entities > 0).then(|| format!("\"{}\":{bytes:.0}", view.definition.name))
    });
    let sizes: Vec<String> = sizes.collect();
    println!(
        "{{\"read_us_100x500\":{:.0},\"read_us_100x500_p99\":{:.0},\"read_us_100x500_hourly\":{:.0},\"read_us_100x500_first\":{first:.0},\"events_per_s_decoded\":{decoded_per_s},\"events_per_s_built_in\":{built_in_per_s:?},\"events_per_s_all\":{all_per_s:?},\"bytes_per_entity\":{{{}}}}}",
        percentile(&mut warm, 0.5),
        percentile(&mut warm, 0.99),
        percentile(&mut cold, 0.5),
        sizes.join(",")
    );
}
