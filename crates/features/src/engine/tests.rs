//! Aggregates by hand; any order against the same bytes; windows against a recount.

use std::collections::{BTreeMap, BTreeSet};

use leitmotif_domain::event::{
    CatalogueChange, CatalogueChanged, EVENT_SCHEMA_VERSION, Event, FeaturesPushed, Feedback,
    Listen, ListenOutcome, Opinion, Scrobble, ScrobbleDeleted,
};
use leitmotif_domain::{EventId, ListenerId, TrackId};
use serde_json::json;

use super::*;
use crate::definition::built_in::BUILT_IN;
use crate::value::{Row, Status, Value};

const T0: i64 = 1_700_000_000_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

fn live(text: &str) -> LiveView {
    LiveView {
        version: Some(1),
        text: text.into(),
        definition: Arc::new(ViewDefinition::parse(text).unwrap()),
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

fn recorded(offset: u64, at_ms: i64, listener: u128, payload: EventPayload) -> RecordedEvent {
    RecordedEvent {
        offset,
        recorded_at: at(at_ms),
        event: Event {
            event_id: EventId::from_u128(u128::from(offset)),
            occurred_at: at(at_ms),
            listener: Some(ListenerId::from_u128(listener)),
            schema_version: EVENT_SCHEMA_VERSION,
            payload,
        },
    }
}

fn listen(track: u128, played_ms: u32) -> Listen {
    Listen {
        played_ms: Some(played_ms),
        track_ms: Some(200_000),
        device: Some(["phone", "speaker", "Car"][played_ms as usize % 3].to_owned()),
        zone: Some("+02:00".to_owned()),
        ..Listen::of(
            TrackId::from_u128(track),
            match played_ms % 3 {
                0 => ListenOutcome::Skipped,
                1 => ListenOutcome::Completed,
                _ => ListenOutcome::Partial,
            },
        )
    }
}

impl FeatureSet {
    /// Takes an event in that is known of since a moment.
    fn take_known_of(&mut self, recorded: &RecordedEvent, known_at: Timestamp) {
        let mut batch = Vec::new();
        self.take_known(recorded, known_at, &mut batch);
        self.apply(&mut batch);
    }
}

fn plays(track: u128, played_ms: u32) -> EventPayload {
    EventPayload::Listen(listen(track, played_ms))
}

fn feature(rest: &str) -> String {
    format!("name = 'v'\nentity = 'track'\n[[features]]\nname = 'x'\nevent = 'listen'\n{rest}")
}

fn row_of(set: &mut FeatureSet, view: &str, key: EntityKey, now_ms: i64) -> Row {
    let width = set.view(view).unwrap().definition.width();
    let columns: Vec<usize> = (0..width).collect();
    set.read(view, &[key], &columns, at(now_ms)).unwrap().row(0)
}

/// The one value of track 1 after plays at these moments, with so much heard.
fn value_of(text: &str, events: &[(i64, u32)], now_ms: i64) -> Value {
    let mut set = FeatureSet::new(&[live(text)], at(now_ms));
    for (place, (at_ms, played)) in events.iter().enumerate() {
        let event = recorded(place as u64 + 1, *at_ms, 7, plays(1, *played));
        set.take_known_of(&event, event.recorded_at);
    }
    row_of(&mut set, "v", EntityKey::of(1), now_ms)
        .values
        .remove(0)
}

#[test]
fn each_aggregate_by_hand() {
    let check = |rest: &str, events: &[(i64, u32)], now_ms: i64, expected: Value| {
        assert_eq!(value_of(&feature(rest), events, now_ms), expected, "{rest}");
    };
    // Seconds 1 and 4 are completed, 3 is skipped, 5 partial.
    let events = [
        (T0, 1),
        (T0 + DAY, 3),
        (T0 + 2 * DAY, 4),
        (T0 + 2 * DAY + 1, 5),
    ];
    let now = T0 + 2 * DAY + MINUTE;
    let number = Value::Number;
    check("aggregate = 'count'", &events, now, number(4.0));
    check(
        "aggregate = 'count'\nfilter = 'outcome == skipped'",
        &events,
        now,
        number(1.0),
    );
    check(
        "aggregate = 'sum'\nfield = 'played_ms'",
        &events,
        now,
        number(13.0),
    );
    check(
        "aggregate = 'mean'\nfield = 'played_ms'",
        &events,
        now,
        number(3.25),
    );
    check(
        "aggregate = 'mean'\nfield = 'result_x'"
            .replace("result_x", "position")
            .as_str()
            .replace("position", "hour")
            .as_str(),
        &events[..1],
        now,
        number(0.0),
    );
    check(
        "aggregate = 'rate'\nwhen = 'outcome == completed'",
        &events,
        now,
        number(0.5),
    );
    check(
        "aggregate = 'rate'\nwhen = 'outcome == completed'\nprior = 0.25\nprior_weight = 4",
        &events,
        now,
        number(3.0 / 8.0),
    );
    check(
        "aggregate = 'last'",
        &events,
        now,
        Value::Moment(at(T0 + 2 * DAY + 1)),
    );
    check("aggregate = 'first'", &events, now, Value::Moment(at(T0)));
    check(
        "aggregate = 'last'\nfield = 'device'",
        &events,
        now,
        Value::Text("Car".to_owned()),
    );
    check(
        "aggregate = 'last'\nfield = 'played_ms'\nwindow = '30s'",
        &events,
        now,
        Value::Null,
    );
    check(
        "aggregate = 'top_k'\nfield = 'device'\nk = 1",
        &events,
        now,
        Value::Texts(vec!["speaker".to_owned()]),
    );
    check(
        "aggregate = 'count'\nwindow = '2d'\ntile = '1d'",
        &events,
        now,
        number(3.0),
    );
    check(
        "aggregate = 'count'\nwindow = 'tumbling 1d'",
        &events,
        now,
        number(2.0),
    );
    check(
        "aggregate = 'count'\nwindow = 'session 1h'",
        &events,
        now,
        number(2.0),
    );
    check(
        "aggregate = 'count'\nwindow = 'session 30s'",
        &events,
        now,
        number(0.0),
    );
    check(
        "aggregate = 'mean'\nfield = 'played_ms'\nwindow = '1h'",
        &events[..2],
        now,
        Value::Null,
    );
}

#[test]
fn a_decayed_play_weighs_half_after_a_half_life() {
    let text = feature("aggregate = 'decayed_sum'\nhalf_life = '30d'");
    for (age, expected) in [
        (0, 1.0),
        (30 * DAY, 0.5),
        (15 * DAY, 0.5_f64.sqrt()),
        (300 * DAY, 1.0 / 1024.0),
    ] {
        let Value::Number(found) = value_of(&text, &[(T0, 1)], T0 + age) else {
            panic!("a decayed sum is a number")
        };
        assert!(
            (found - expected).abs() < 1e-6,
            "{age}: {found} for {expected}"
        );
    }
    let both = value_of(&text, &[(T0, 1), (T0 - 30 * DAY, 1)], T0);
    assert!((both.number() - 1.5).abs() < 1e-6, "{both:?}");
}

#[test]
fn an_event_counts_when_its_moment_has_come() {
    let text = feature("aggregate = 'count'");
    let mut set = FeatureSet::new(&[live(&text)], at(T0));
    let event = recorded(1, T0 + MINUTE, 7, plays(1, 1));
    set.take_known_of(&event, at(T0));
    assert_eq!(set.waiting(), (1, 0));
    let status = |set: &mut FeatureSet, now| row_of(set, "v", EntityKey::of(1), now).status;
    assert_eq!(status(&mut set, T0 + MINUTE - 1), Status::NotFound);
    let bytes = set.encode().unwrap();
    let mut again = FeatureSet::decode(&[live(&text)], &bytes).unwrap();
    assert_eq!(status(&mut set, T0 + MINUTE), Status::Present);
    assert_eq!(status(&mut again, T0 + MINUTE), Status::Present);
    assert_eq!(
        status(&mut set, T0),
        Status::Present,
        "time does not go back"
    );
}

#[test]
fn values_end_with_the_time_to_live() {
    let text = feature("aggregate = 'count'").replace("[[features]]", "ttl = '2h'\n[[features]]");
    let mut set = FeatureSet::new(&[live(&text)], at(T0));
    let event = recorded(1, T0, 7, plays(1, 1));
    set.take_known_of(&event, at(T0));
    let two_hours = 2 * 60 * MINUTE;
    let row = row_of(&mut set, "v", EntityKey::of(1), T0 + two_hours);
    assert_eq!(
        (row.status, &row.values[0]),
        (Status::Present, &Value::Number(1.0))
    );
    let row = row_of(&mut set, "v", EntityKey::of(1), T0 + two_hours + 1);
    assert_eq!(
        (row.status, &row.values[0]),
        (Status::OutsideMaxAge, &Value::Null)
    );
    assert_eq!(row.newest, Some(at(T0)));
}

#[test]
fn a_play_taken_back_leaves_the_sums() {
    let text = "name = 'v'\nentity = 'track'
        [[features]]\nname = 'a'\nevent = 'listen'\naggregate = 'count'
        [[features]]\nname = 'b'\nevent = 'listen'\naggregate = 'decayed_sum'\nhalf_life = '1d'
        [[features]]\nname = 'c'\nevent = 'listen'\naggregate = 'top_k'\nfield = 'listener'\nk = 3
        [[features]]\nname = 'd'\nevent = 'listen'\naggregate = 'count'\nwindow = 'session 1h'";
    let mut set = FeatureSet::new(&[live(text)], at(T0));
    let told = recorded(1, T0, 7, plays(1, 1));
    let gone = recorded(
        2,
        T0,
        7,
        EventPayload::ScrobbleDeleted(ScrobbleDeleted {
            scrobble: EventId::from_u128(1),
            listen: Some(listen(1, 1)),
        }),
    );
    set.take_known_of(&told, at(T0));
    set.take_known_of(&gone, at(T0));
    let row = row_of(&mut set, "v", EntityKey::of(1), T0);
    let zero = Value::Number(0.0);
    assert_eq!(
        row.values,
        [zero.clone(), zero.clone(), Value::Texts(Vec::new()), zero]
    );
}

#[test]
fn private_plays_and_inferred_skips_are_in_no_feature() {
    let mut private = listen(1, 1);
    private.private = true;
    let mut inferred = listen(1, 0);
    inferred.source = Some(leitmotif_domain::event::INFERRED_SKIP_SOURCE.to_owned());
    let mut set = FeatureSet::new(&BUILT_IN.map(live), at(T0));
    for (place, listen) in [private, inferred].into_iter().enumerate() {
        let event = recorded(place as u64 + 1, T0, 7, EventPayload::Listen(listen));
        set.take_known_of(&event, at(T0));
    }
    for text in BUILT_IN {
        let name = ViewDefinition::parse(text).unwrap().name;
        assert_eq!(set.size(&name).unwrap().entities, 0, "{name}");
    }
}

#[test]
fn artists_are_those_that_the_catalogue_had_when_the_play_came() {
    let credit = |artist: &str| {
        EventPayload::CatalogueChanged(CatalogueChanged {
            track: TrackId::from_u128(1),
            change: CatalogueChange::Updated,
            artist: Some(artist.to_owned()),
        })
    };
    let mut set = FeatureSet::new(&BUILT_IN.map(live), at(T0));
    let steps = [
        credit("Nina"),
        plays(1, 1),
        credit("NINA "),
        plays(1, 1),
        credit("Other"),
        plays(1, 1),
    ];
    for (place, payload) in steps.into_iter().enumerate() {
        let event = recorded(place as u64 + 1, T0 + place as i64, 7, payload);
        set.take_known_of(&event, event.recorded_at);
    }
    let column = set
        .view("artist")
        .unwrap()
        .definition
        .column("plays_7d")
        .unwrap();
    for (artist, count) in [("nina", 2.0), ("other", 1.0)] {
        let row = row_of(
            &mut set,
            "artist",
            EntityKey::of(text_id(artist)),
            T0 + MINUTE,
        );
        assert_eq!(row.values[column], Value::Number(count), "{artist}");
    }
    let top = set
        .view("listener")
        .unwrap()
        .definition
        .column("top_artists_90d")
        .unwrap();
    let row = row_of(&mut set, "listener", EntityKey::of(7), T0 + MINUTE);
    assert_eq!(
        row.values[top],
        Value::Texts(vec!["NINA".to_owned(), "Other".to_owned()])
    );
    let cells = set.entities("context_cell", None, 10);
    let names: Vec<_> = cells
        .iter()
        .filter_map(|cell| set.name(cell.parts()[0]))
        .collect();
    assert_eq!(names, ["weekday/night/speaker/-"]);
}

#[test]
fn of_pushed_rows_the_newest_holds_then_the_one_made_last() {
    let text = "name = 'driver'\nentity = 'named'\njoin_keys = ['driver_id']\nttl = '2h'
        [[features]]\nname = 'rate'\nevent = 'push'\naggregate = 'pushed'
        [[features]]\nname = 'tags'\nevent = 'push'\naggregate = 'pushed'";
    let push = |offset: u64, at_ms: i64, made: i64, values: serde_json::Value| {
        let pushed = FeaturesPushed {
            view: "driver".to_owned(),
            entity: vec!["1001".to_owned()],
            created_at: Some(at(made)),
            values: serde_json::from_value(values).unwrap(),
        };
        recorded(offset, at_ms, 0, EventPayload::FeaturesPushed(pushed))
    };
    let mut set = FeatureSet::new(&[live(text)], at(T0));
    for event in [
        push(1, T0 - 10, 0, json!({"rate": 0.5, "tags": ["a"]})),
        push(2, T0 - 3_000_000, 9, json!({"rate": 0.9, "tags": ["late"]})),
        push(3, T0 - 10, 5, json!({"rate": 0.7})),
        push(4, T0 - 10, 4, json!({"rate": 0.8})),
    ] {
        set.take_known_of(&event, at(T0));
    }
    let key = EntityKey::of_texts(&["1001".to_owned()]);
    let row = row_of(&mut set, "driver", key, T0);
    assert_eq!(
        row.values,
        [Value::Pushed(json!(0.7)), Value::Pushed(json!(["a"]))]
    );
    assert!((row.values[0].number() - 0.7).abs() < 1e-12);
}

/// Plays, judgements and plays that were taken back, of some weeks.
fn month(steps: &[(u128, u128, u32, i64)]) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    for (place, (listener, track, played_ms, minute)) in steps.iter().enumerate() {
        let id = place as u64;
        let at_ms = T0 + minute * MINUTE;
        let mut told = recorded(id, at_ms, *listener, plays(*track, *played_ms));
        told.event.event_id = Scrobble::resolved_event_id(EventId::from_u128(u128::from(id)));
        if played_ms % 10 == 1 {
            told.event.payload = EventPayload::Feedback(Feedback {
                track: TrackId::from_u128(*track),
                opinion: [Opinion::Like, Opinion::Dislike, Opinion::Cleared]
                    [*played_ms as usize / 10 % 3],
            });
        }
        if played_ms % 10 == 0 {
            let mut gone = told.clone();
            gone.event.event_id = EventId::from_u128(1_000_000 + u128::from(id));
            gone.event.payload = EventPayload::ScrobbleDeleted(ScrobbleDeleted {
                scrobble: EventId::from_u128(u128::from(id)),
                listen: Some(listen(*track, *played_ms)),
            });
            events.push(gone);
        }
        events.push(told);
    }
    events
}

/// Credits for the tracks, then events in an order, all known at the end.
fn bytes_of(events: &[RecordedEvent], now_ms: i64, steps: usize) -> Vec<u8> {
    let first_ms = if steps > 1 { T0 } else { now_ms };
    let mut set = FeatureSet::new(&BUILT_IN.map(live), at(first_ms));
    for track in 0..6 {
        let changed = CatalogueChanged {
            track: TrackId::from_u128(track),
            change: CatalogueChange::Added,
            artist: Some(format!("Artist {}", track % 4)),
        };
        let event = recorded(
            track as u64 + 1,
            T0,
            0,
            EventPayload::CatalogueChanged(changed),
        );
        set.take_known_of(&event, at(T0));
    }
    for (place, event) in events.iter().enumerate() {
        let mut event = event.clone();
        event.offset = place as u64 + 10;
        set.advance(at(
            first_ms + (now_ms - first_ms) * place as i64 / events.len() as i64
        ));
        set.take_known_of(&event, at(now_ms));
    }
    set.advance(at(now_ms));
    set.encode().unwrap()
}

proptest::proptest! {
    #[test]
    fn any_order_of_arrival_gives_the_same_bytes(
        steps in proptest::collection::vec((0_u128..3, 0_u128..6, 0_u32..200_000, 0_i64..43_200), 1..120),
        places in proptest::collection::vec(0_u32..1_000_000, 240),
    ) {
        let events = month(&steps);
        let now = T0 + 43_200 * MINUTE;
        let mut ordered = events.clone();
        ordered.sort_by_key(|event| (event.event.occurred_at, event.event.event_id));
        let mut shuffled: Vec<_> = places.iter().zip(events).collect();
        shuffled.sort_by_key(|(place, _)| *place);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(_, event)| event).collect();
        proptest::prop_assert_eq!(bytes_of(&ordered, now, 1), bytes_of(&shuffled, now, 1));
        // Read again and again while it grows, or once at the end.
        proptest::prop_assert_eq!(bytes_of(&ordered, now, 9), bytes_of(&ordered, now, 1));
    }

    #[test]
    fn windows_are_a_recount_of_the_raw_events(
        steps in proptest::collection::vec((1_u128..4, 0_i64..20_000), 1..100),
        now_minute in 0_i64..25_000,
    ) {
        let text = "name = 'v'\nentity = 'track'
            [[features]]\nname = 'a'\nevent = 'listen'\naggregate = 'count'\nwindow = '3d'\ntile = '6h'
            [[features]]\nname = 'b'\nevent = 'listen'\naggregate = 'sum'\nfield = 'played_ms'\nwindow = 'tumbling 2d'
            [[features]]\nname = 'c'\nevent = 'listen'\naggregate = 'distinct'\nfield = 'listener'\nwindow = '1d'\ntile = '1h'
            [[features]]\nname = 'd'\nevent = 'listen'\naggregate = 'last'\nwindow = '1d'";
        let now = T0 + now_minute * MINUTE;
        let mut set = FeatureSet::new(&[live(text)], at(T0));
        let mut counted: BTreeMap<u128, (f64, f64, BTreeSet<usize>, f64)> = BTreeMap::new();
        let tile = |ms: i64, width: i64| ms.div_euclid(width);
        for (place, (track, minute)) in steps.iter().enumerate() {
            let at_ms = T0 + minute * MINUTE;
            let event = recorded(place as u64 + 1, at_ms, place as u128 % 7, plays(*track, 100));
            set.take_known_of(&event, event.recorded_at);
            if at_ms <= now {
                let entry = counted.entry(*track).or_insert((0.0, 0.0, BTreeSet::new(), f64::NAN));
                let (hours_6, days_2, hour) = (DAY / 4, 2 * DAY, DAY / 24);
                if tile(at_ms, hours_6) > tile(now, hours_6) - 12 { entry.0 += 1.0; }
                if tile(at_ms, days_2) == tile(now, days_2) { entry.1 += 100.0; }
                if tile(at_ms, hour) > tile(now, hour) - 24 { entry.2.insert(place % 7); }
                if at_ms > now - DAY { entry.3 = entry.3.max(at_ms as f64); }
            }
        }
        let columns = [0, 1, 2, 3];
        for (track, (count, sum, different, last)) in counted {
            let rows = set.read("v", &[EntityKey::of(track)], &columns, at(now)).unwrap();
            proptest::prop_assert_eq!(rows.numbers[0], count);
            proptest::prop_assert_eq!(rows.numbers[1], sum);
            proptest::prop_assert_eq!(rows.numbers[2].round(), different.len() as f64);
            proptest::prop_assert_eq!(rows.numbers[3].to_bits(), last.to_bits());
        }
    }
}
