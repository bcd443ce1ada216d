//! Rows of the past against a naive computation, and an attack with events of the future.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use leitmotif_domain::chance::{Seed, SeededEntropy};
use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::event::{
    CatalogueChange, CatalogueChanged, EVENT_SCHEMA_VERSION, Event, Listen, ListenOutcome,
};
use leitmotif_domain::tenant::{SealKey, Tenant};
use leitmotif_domain::{Clock, EventId, ListenerId, OperatorScope, TenantId, TenantScope, TrackId};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{Accounts, EventLog};

use super::*;
use crate::definition::ViewDefinition;
use crate::definition::built_in::BUILT_IN;
use crate::value::{Status, Value};

const T0: i64 = 1_700_000_000_000;
const MINUTE: i64 = 60_000;

/// Waits for what storage in memory has ready at once.
fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

struct World {
    clock: Arc<ManualClock>,
    storage: MemoryStorage,
    scope: TenantScope,
    count: u128,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(T0)));
        let entropy = Arc::new(SeededEntropy::new(Seed(1)));
        let storage = MemoryStorage::new(clock.clone(), entropy);
        let seal = SealKey::new([7; 32]);
        let tenant = Tenant {
            id: TenantId::from_u128(1),
            name: "world".to_owned(),
            created_at: clock.now(),
        };
        let scope = seal.open(&seal.seal_for(&tenant)).unwrap();
        let operator = OperatorScope::of_platform(&seal, "test");
        now(storage.create_tenant(&operator, tenant)).unwrap();
        let mut world = Self {
            clock,
            storage,
            scope,
            count: 0,
        };
        for track in 0..4 {
            let changed = CatalogueChanged {
                track: TrackId::from_u128(track),
                change: CatalogueChange::Added,
                artist: Some(format!("artist {}", track % 2)),
            };
            world.append(0, 0, EventPayload::CatalogueChanged(changed));
        }
        world
    }

    /// Appends an event that happened so many minutes after the start, known so many minutes after.
    fn append(&mut self, occurred: i64, recorded: i64, payload: EventPayload) {
        self.count += 1;
        let ahead_ms = T0 + recorded * MINUTE - self.clock.now().as_ms();
        self.clock.advance_ms(ahead_ms);
        let event = Event {
            event_id: EventId::from_u128(self.count),
            occurred_at: Timestamp::from_ms(T0 + occurred * MINUTE),
            listener: Some(ListenerId::from_u128(self.count % 2)),
            schema_version: EVENT_SCHEMA_VERSION,
            payload,
        };
        now(self.storage.append(&self.scope, vec![event])).unwrap();
    }

    fn play(&mut self, occurred: i64, recorded: i64, track: u128) {
        let listen = Listen {
            played_ms: Some(100_000 + occurred as u32),
            track_ms: Some(200_000),
            device: Some("phone".to_owned()),
            ..Listen::of(
                TrackId::from_u128(track),
                [ListenOutcome::Completed, ListenOutcome::Skipped][occurred as usize % 2],
            )
        };
        self.append(occurred, recorded, EventPayload::Listen(listen));
    }

    fn rows(&self, view: &str, asked: &[PastRow], knowledge: Knowledge) -> Vec<Row> {
        let view = built_in(view);
        let rows = point_in_time(&self.storage, &self.scope, &view, asked, knowledge);
        now(rows).unwrap()
    }

    fn events(&self) -> Vec<leitmotif_domain::event::RecordedEvent> {
        now(self.storage.read(&self.scope, 0, 10_000)).unwrap()
    }
}

fn built_in(name: &str) -> LiveView {
    let views = BUILT_IN.map(|text| LiveView {
        version: None,
        text: text.into(),
        definition: Arc::new(ViewDefinition::parse(text).unwrap()),
    });
    let found = views.into_iter().find(|view| view.definition.name == name);
    found.unwrap()
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_ms(T0 + minute * MINUTE)
}

/// The values of an entity from nothing but the events that count, each row on its own.
fn naive(world: &World, view: &str, row: PastRow, knowledge: Knowledge) -> Row {
    let view = built_in(view);
    let mut set = FeatureSet::new(std::slice::from_ref(&view), row.at);
    let mut known_at = Timestamp::from_ms(i64::MIN);
    let mut late = Vec::new();
    for event in world.events() {
        known_at = known_at.max(event.recorded_at);
        let is_credit = matches!(event.event.payload, EventPayload::CatalogueChanged(_));
        let has_happened = event.event.occurred_at <= row.at;
        match knowledge {
            Knowledge::Recorded if known_at <= row.at && has_happened => set.take(&event),
            Knowledge::Occurred if is_credit => set.take(&event),
            Knowledge::Occurred if has_happened => {
                late.push(set.credited(&event, event.event.occurred_at));
            }
            _ => {}
        }
    }
    late.sort_by_key(|event| (event.known_at, event.event.offset));
    late.iter().for_each(|event| set.count(event));
    let columns: Vec<usize> = (0..view.definition.width()).collect();
    let read = set.read(&view.definition.name, &[row.key], &columns, row.at);
    read.unwrap().row(0)
}

#[test]
fn a_late_play_counts_from_when_it_came() {
    let mut world = World::new();
    world.play(10, 10, 1);
    world.play(20, 90, 1);
    world.play(60, 95, 1);
    let column = built_in("track").definition.column("plays_1d").unwrap();
    let plays = |at: i64, knowledge| {
        let row = PastRow {
            key: EntityKey::of(1),
            at: minute(at),
        };
        match world.rows("track", &[row], knowledge).remove(0) {
            Row {
                status: Status::NotFound,
                ..
            } => 0.0,
            row => row.values[column].number(),
        }
    };
    for (at, recorded, occurred) in [
        (9, 0.0, 0.0),
        (10, 1.0, 1.0),
        (20, 1.0, 2.0),
        (60, 1.0, 3.0),
        (90, 2.0, 3.0),
        (95, 3.0, 3.0),
    ] {
        assert_eq!(plays(at, Knowledge::Recorded), recorded, "minute {at}");
        assert_eq!(plays(at, Knowledge::Occurred), occurred, "minute {at}");
    }
}

#[test]
fn rows_come_in_the_order_asked() {
    let mut world = World::new();
    (0..40).for_each(|at| world.play(at, at, at as u128 % 4));
    let column = built_in("track").definition.column("plays_1d").unwrap();
    let asked: Vec<PastRow> = [30, 3, 39, 3, 12]
        .iter()
        .map(|at| PastRow {
            key: EntityKey::of(1),
            at: minute(*at),
        })
        .collect();
    let rows = world.rows("track", &asked, Knowledge::Recorded);
    let plays: Vec<f64> = rows.iter().map(|row| row.values[column].number()).collect();
    // Track 1 is played at minutes 1, 5, 9 …
    assert_eq!(plays, [8.0, 1.0, 10.0, 1.0, 3.0]);
    assert!(matches!(rows[0].values[0], Value::Number(_)));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
    /// Nothing that happens, or comes, after a row's moment may change it: not a millisecond after, not
    /// at the same moment but known later, not long before but known later.
    #[test]
    fn nothing_leaks_from_the_future(
        plays in proptest::collection::vec((0_i64..3_000, 0_i64..2_000, 0_u128..4), 1..60),
        moments in proptest::collection::vec((0_i64..5_000, 0_u128..4), 1..8),
        attacks in proptest::collection::vec((0_i64..4_000, 0_u128..4), 1..20),
    ) {
        for view in ["track", "listener", "listener_artist", "artist"] {
            let key = |id: u128| match view {
                "track" => EntityKey::of(id),
                "listener" => EntityKey::of(id % 2),
                "artist" => EntityKey::of(crate::definition::text_id(&format!("artist {}", id % 2))),
                _ => EntityKey::pair(id % 2, crate::definition::text_id("artist 1")),
            };
            let asked: Vec<PastRow> = moments.iter()
                .map(|(at, id)| PastRow { key: key(*id), at: minute(*at) }).collect();
            let mut known: Vec<_> = plays.iter().map(|(at, late, track)| (at + late, *at, *track)).collect();
            known.sort_unstable();
            let mut world = World::new();
            known.iter().for_each(|(recorded, occurred, track)| world.play(*occurred, *recorded, *track));
            let honest = world.rows(view, &asked, Knowledge::Recorded);
            for (row, asked) in honest.iter().zip(&asked) {
                proptest::prop_assert!(row.is_identical(&naive(&world, view, *asked, Knowledge::Recorded)));
            }
            let occurred = world.rows(view, &asked, Knowledge::Occurred);
            for (row, asked) in occurred.iter().zip(&asked) {
                proptest::prop_assert!(row.is_identical(&naive(&world, view, *asked, Knowledge::Occurred)), "{view}");
            }
            // The attack: whatever it claims of when it happened, it comes after every row.
            let last = moments.iter().map(|(at, _)| *at).max().unwrap_or(0).max(5_000);
            for (occurred, track) in &attacks {
                world.play(*occurred, last + 1, *track);
            }
            let attacked = world.rows(view, &asked, Knowledge::Recorded);
            let leaks = honest.iter().zip(&attacked).filter(|(a, b)| !a.is_identical(b)).count();
            proptest::prop_assert_eq!(leaks, 0);
        }
    }
}
