//! A log by hand; random logs in random order against a recount; what a file may say.

use std::collections::BTreeMap;
use std::sync::Arc;

use leitmotif_domain::chance::{Seed, SeededEntropy};
use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::event::{
    CatalogueChange, CatalogueChanged, EVENT_SCHEMA_VERSION, Event, EventPayload, ExposedTrack,
    Exposure, Feedback, INFERRED_SKIP_SOURCE, Listen, ListenOutcome, Moment, Opinion,
    RecordedEvent, ScrobbleDeleted,
};
use leitmotif_domain::tenant::{SealKey, Tenant};
use leitmotif_domain::zone::Calendar;
use leitmotif_domain::{
    Assignment, EventId, ListenerId, OperatorScope, RequestId, Rung, TenantId, TenantScope,
    Timestamp, TrackId,
};
use leitmotif_storage::memory::MemoryStorage;
use leitmotif_storage::ports::{Accounts, EventLog};
use proptest::prelude::*;

use super::evaluation::{GROUPS_MAX, Query, evaluate};
use super::facts::{Facts, Part};
use super::naive::{Counts, recount};
use super::registry::{RecountProgress, built_in_metrics};
use super::tally::{Evaluation, GroupKey};
use super::{Breakdown, MetricDefinition, MetricRegistry, MetricValue};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Midnight of the 14th of November 2023.
const T0: i64 = 1_699_920_000_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(T0 + ms)
}

fn track(number: u128) -> TrackId {
    TrackId::from_u128(number)
}

fn shown(request: u128, placement: &str, tracks: &[u128]) -> EventPayload {
    EventPayload::Exposure(Exposure {
        request_id: RequestId::from_u128(request),
        placement: placement.to_owned(),
        rung: Rung::Popular,
        model: None,
        assignment: (request.is_multiple_of(2)).then(|| Assignment {
            name: placement.to_owned(),
            version: Some(2),
            propensity: 0.5,
        }),
        tracks: (tracks.iter())
            .map(|number| ExposedTrack {
                track: track(*number),
                score: None,
                propensity: None,
            })
            .collect(),
        reasons: Default::default(),
        is_sequenced: false,
        exploration: None,
        moment: Moment::default(),
        layout: None,
        layout_propensity: None,
        basis: None,
    })
}

fn heard(number: u128, outcome: ListenOutcome, request: Option<u128>) -> Listen {
    Listen {
        played_ms: Some(if outcome == ListenOutcome::Completed {
            200_000
        } else {
            20_000
        }),
        track_ms: Some(200_000),
        request_id: request.map(RequestId::from_u128),
        ..Listen::of(track(number), outcome)
    }
}

fn judged(number: u128, opinion: Opinion) -> EventPayload {
    EventPayload::Feedback(Feedback {
        track: track(number),
        opinion,
    })
}

/// A log of events in the order in which they came.
fn log(events: Vec<(u128, i64, EventPayload)>) -> Vec<RecordedEvent> {
    let recorded = |(offset, (listener, ms, payload))| RecordedEvent {
        offset,
        recorded_at: at(0),
        event: Event {
            event_id: EventId::from_u128(u128::from(offset)),
            occurred_at: at(ms),
            listener: (listener > 0).then(|| ListenerId::from_u128(listener)),
            schema_version: EVENT_SCHEMA_VERSION,
            payload,
        },
    };
    (1..).zip(events).map(recorded).collect()
}

fn metric(name: &str) -> MetricDefinition {
    let all = built_in_metrics();
    let found = all.into_iter().find(|one| one.definition.name == name);
    found.unwrap().definition.as_ref().clone()
}

fn query(by: &[Breakdown]) -> Query {
    Query {
        from: None,
        to: None,
        by: by.to_vec(),
        calendar: Calendar::of(None).unwrap(),
    }
}

fn evaluated(definition: &MetricDefinition, events: &[RecordedEvent], query: &Query) -> Evaluation {
    let mut facts = Facts::of_part(Part::default());
    events.iter().for_each(|event| facts.take(event));
    facts.sort();
    evaluate(definition, &facts, query, Part::default()).unwrap()
}

fn value(name: &str, events: &[RecordedEvent]) -> MetricValue {
    let definition = metric(name);
    let evaluation = evaluated(&definition, events, &query(&[]));
    evaluation.value(&definition, &evaluation.total)
}

/// What ann (1) and bob (2) were shown and did on two days.
fn by_hand() -> Vec<RecordedEvent> {
    use ListenOutcome::{Completed, Partial, Skipped};
    let listen = |listen: Listen| EventPayload::Listen(listen);
    let added = |number: u128, artist: &str| {
        let changed = CatalogueChanged {
            track: track(number),
            change: CatalogueChange::Added,
            artist: Some(artist.to_owned()),
        };
        (0, 0, EventPayload::CatalogueChanged(changed))
    };
    log(vec![
        added(1, "A"),
        added(2, "A"),
        added(3, "B"),
        added(4, "C"),
        (1, HOUR, shown(11, "home", &[1, 2, 3])),
        (1, 2 * HOUR, shown(12, "radio", &[2])),
        // Of the latest exposure: the radio's.
        (1, 3 * HOUR, listen(heard(2, Completed, None))),
        // Named, and so of home.
        (1, 4 * HOUR, listen(heard(2, Skipped, Some(11)))),
        (
            1,
            5 * HOUR,
            listen(Listen {
                private: true,
                ..heard(1, Completed, Some(11))
            }),
        ),
        // A day and a millisecond after it was shown.
        (1, 25 * HOUR + 1, listen(heard(3, Partial, None))),
        (2, HOUR, shown(13, "home", &[1, 3])),
        // A day after, which is within.
        (2, 25 * HOUR, listen(heard(3, Completed, None))),
        (2, 25 * HOUR, judged(3, Opinion::Dislike)),
        (2, 26 * HOUR, judged(3, Opinion::Like)),
    ])
}

#[test]
fn a_log_by_hand() {
    let events = by_hand();
    // Shown: 3 + 1 + 2. Played: 2 at home (named), 2 on the radio, 3 at bob's home.
    let through = value("click_through", &events);
    assert_eq!(through.value, Some(3.0 / 6.0));
    assert_eq!((through.listeners, through.observations), (2, 6));
    assert_eq!(
        (through.numerator, through.denominator),
        (3_000_000, 6_000_000)
    );
    // Both listeners have one half: x − R y is 0 for each.
    assert_eq!(through.interval, Some((0.5, 0.5)));
    // First places: 1, 2 of the radio, 1.
    assert_eq!(value("click_through_at_1", &events).value, Some(1.0 / 3.0));
    assert_eq!(value("plays_per_answer", &events).value, Some(3.0 / 3.0));
    // Four plays: completed, skipped, partial, completed.
    assert_eq!(value("skip_rate", &events).value, Some(0.25));
    assert_eq!(value("completion_rate", &events).value, Some(0.5));
    // Ann heard 220 s on the first day and 20 s on the second, bob 200 s.
    let time = value("listened_time", &events);
    assert_eq!((time.value, time.observations), (Some(440.0 / 3.0), 3));
    // Two completed and a like over four plays and a like; the dislike was replaced.
    assert_eq!(value("satisfaction", &events).value, Some(7.0 / 9.0));
    // Of four tracks three were shown.
    let coverage = value("catalogue_coverage", &events);
    assert_eq!((coverage.value, coverage.listeners), (Some(0.75), 2));
    // Ann's first plays of A and B and bob's first of B, of four.
    assert_eq!(value("new_artists", &events).value, Some(0.75));
}

#[test]
fn broken_down_by_day_and_placement() {
    let definition = metric("click_through");
    let by = [Breakdown::Day, Breakdown::Placement];
    let evaluation = evaluated(&definition, &by_hand(), &query(&by));
    let found: Vec<_> = (evaluation.groups.iter())
        .map(|(key, tally)| {
            let value = evaluation.value(&definition, tally);
            let counts = (value.numerator / 1_000_000, value.denominator / 1_000_000);
            (Calendar::text(key.day.unwrap()), key.labels.clone(), counts)
        })
        .collect();
    let label = |text: &str| vec![Some(text.to_owned())];
    let day = "2023-11-14".to_owned();
    assert_eq!(
        found,
        [
            (day.clone(), label("home"), (2, 5)),
            (day, label("radio"), (1, 1))
        ]
    );
    // A play that follows from nothing shown has no placement.
    let definition = metric("skip_rate");
    let evaluation = evaluated(&definition, &by_hand(), &query(&[Breakdown::Placement]));
    let plays = |labels: Vec<Option<String>>| {
        let key = GroupKey { day: None, labels };
        evaluation.groups[&key].moments.observations
    };
    assert_eq!(
        (
            plays(label("home")),
            plays(label("radio")),
            plays(vec![None])
        ),
        (2, 1, 1)
    );
    let evaluation = evaluated(
        &metric("click_through"),
        &by_hand(),
        &query(&[Breakdown::Pipeline]),
    );
    assert_eq!(evaluation.groups.len(), 2, "radio 2, and what is built in");
}

#[test]
fn days_are_those_of_the_zone() {
    let definition = metric("completion_rate");
    let mut asked = query(&[Breakdown::Day]);
    asked.calendar = Calendar::of(Some("-03:00")).unwrap();
    let evaluation = evaluated(&definition, &by_hand(), &asked);
    let counts: Vec<u64> = (evaluation.groups.values())
        .map(|tally| tally.moments.observations)
        .collect();
    // At three in the morning of UTC it is midnight there: all on one day but nothing before it.
    assert_eq!(counts, [4]);
    asked.from = Some(at(4 * HOUR));
    asked.to = Some(at(25 * HOUR));
    let evaluation = evaluated(&definition, &by_hand(), &asked);
    assert_eq!(
        evaluation.total.moments.observations, 1,
        "from is in, to is not"
    );
}

#[test]
fn what_leaves_the_catalogue_is_not_covered() {
    let mut events = by_hand();
    let gone = CatalogueChanged {
        track: track(1),
        change: CatalogueChange::Removed,
        artist: None,
    };
    let mut last = log(vec![(0, 0, EventPayload::CatalogueChanged(gone))]);
    last[0].offset = 100;
    events.append(&mut last);
    assert_eq!(value("catalogue_coverage", &events).value, Some(2.0 / 3.0));
}

#[test]
fn halves_of_the_listeners_add_up() {
    let mut events = Vec::new();
    for listener in 1..200 {
        events.push((listener, HOUR, shown(listener, "home", &[listener % 7, 50])));
        let outcome = heard(listener % 7, ListenOutcome::Completed, None);
        events.push((listener, 2 * HOUR, EventPayload::Listen(outcome)));
    }
    let events = log(events);
    for name in ["click_through", "catalogue_coverage", "listened_time"] {
        let definition = metric(name);
        let whole = evaluated(&definition, &events, &query(&[Breakdown::Day]));
        let mut sum = Evaluation::default();
        for index in 0..4 {
            let mut facts = Facts::of_part(Part { bits: 2, index });
            events.iter().for_each(|event| facts.take(event));
            facts.sort();
            assert!((30..70).contains(&facts.listeners().count()));
            sum.merge(
                evaluate(
                    &definition,
                    &facts,
                    &query(&[Breakdown::Day]),
                    Part::default(),
                )
                .unwrap(),
            );
        }
        assert_eq!(sum, whole, "{name}");
        let mut halved = Facts::of_part(Part::default());
        events.iter().for_each(|event| halved.take(event));
        halved.halve();
        halved.halve();
        let mut direct = Facts::of_part(Part { bits: 2, index: 0 });
        events.iter().for_each(|event| direct.take(event));
        assert_eq!((halved.count(), halved.part), (direct.count(), direct.part));
    }
}

#[test]
fn files_name_the_place_that_is_wrong() {
    let good = "name = 'm'\ndescription = ''\nobservation = 'exposed_track'\nwindow = '1d'\nbetter = 'higher'\nunit = ''\n[[numerator]]\nevent = 'listen'\ncount = 'any'\n";
    assert!(MetricDefinition::parse(good).is_ok());
    for (from, to, place, part) in [
        ("exposed_track", "track", (3, 15), "no `observation`"),
        ("'1d'", "'61d'", (4, 10), "at most 60d"),
        ("window = '1d'\n", "", (3, 15), "needs a `window`"),
        (
            "'higher'",
            "'up'",
            (5, 10),
            "is one of higher, lower, neither",
        ),
        ("'listen'", "'search'", (8, 9), "is one of listen, feedback"),
        ("'any'", "'sum'", (9, 9), "needs a `field`"),
        ("'any'", "'sum'\nfield = 'device'", (10, 9), "is no number"),
        ("'any'", "'any'\nfield = 'share'", (10, 9), "stands beside"),
        (
            "'any'",
            "'any'\nfilter = 'mood == sad'",
            (10, 11),
            "no field `mood`",
        ),
        (
            "'any'",
            "'any'\nfilter = 'cell == u4'",
            (10, 10),
            "cannot be filtered by `cell`",
        ),
        (
            "'any'",
            "'any'\nweight = 0.0001",
            (10, 10),
            "three decimals",
        ),
        ("'any'", "'any'\nweight = 1001.0", (10, 10), "within ±1000"),
        (
            "unit = ''",
            "unit = ''\nfilter = 'position > x'",
            (7, 22),
            "is a number",
        ),
        (
            "exposed_track",
            "catalogue_track",
            (4, 10),
            "nothing is attributed",
        ),
        (
            "exposed_track'\nwindow = '1d'",
            "play'\nfilter = 'placement == x'",
            (4, 11),
            "no field `placement`",
        ),
        (
            "exposed_track'\nwindow = '1d'",
            "listener_day'\nfilter = 'hour == 1'",
            (4, 10),
            "no fields",
        ),
        ("name = 'm'", "name = 'm/n'", (1, 8), "`name` must have"),
        ("unit = ''", "units = ''", (6, 1), "unknown field"),
    ] {
        let text = good.replacen(from, to, 1);
        let error = MetricDefinition::parse(&text).expect_err(&text);
        assert!(error.reason.contains(part), "{text}\n{error}");
        assert_eq!((error.line, error.column), place, "{text}\n{error}");
    }
}

/// Something that may happen, by small numbers.
type Drawn = (u128, u8, i64, u128, u8);

fn payload((_, kind, hour, number, more): Drawn, place: usize) -> EventPayload {
    let outcome = [
        ListenOutcome::Completed,
        ListenOutcome::Skipped,
        ListenOutcome::Partial,
    ][usize::from(more) % 3];
    let request = (more.is_multiple_of(4)).then_some(u128::from(more / 4) + 1);
    match kind {
        0..3 => {
            let tracks: Vec<u128> = (0..u128::from(more % 4))
                .map(|step| (number + step) % 6)
                .collect();
            let placement = if hour % 2 == 0 { "home" } else { "radio" };
            shown(place as u128 + 1, placement, &tracks)
        }
        3..7 => EventPayload::Listen(Listen {
            private: more == 7,
            source: (more == 9).then(|| INFERRED_SKIP_SOURCE.to_owned()),
            device: (more > 30).then(|| "phone".to_owned()),
            ..heard(number, outcome, request)
        }),
        7 => EventPayload::ScrobbleDeleted(ScrobbleDeleted {
            scrobble: EventId::from_u128(0),
            listen: Some(heard(number, outcome, None)),
        }),
        8 => judged(
            number,
            [Opinion::Like, Opinion::Dislike, Opinion::Cleared][usize::from(more) % 3],
        ),
        _ => EventPayload::CatalogueChanged(CatalogueChanged {
            track: track(number),
            change: CatalogueChange::Updated,
            artist: Some(format!("artist {}", number % 4)),
        }),
    }
}

proptest! {
    #[test]
    fn random_logs_in_any_order_equal_a_recount(
        drawn in prop::collection::vec((1_u128..5, 0_u8..10, 0_i64..60, 0_u128..6, 0_u8..40), 0..60),
        order in any::<u64>(),
    ) {
        // Places keep moments apart, so that nothing hangs on the order of two events at one moment; those taken back
        // are at the moment of what they take back.
        let mut events: Vec<(u128, i64, EventPayload)> = Vec::new();
        for (place, one) in drawn.iter().enumerate() {
            let (mut listener, mut ms) = (one.0, one.2 * HOUR + place as i64);
            let mut made = payload(*one, place);
            if let EventPayload::ScrobbleDeleted(deleted) = &mut made
                && let Some((whose, when, EventPayload::Listen(listen))) = events.last()
            {
                (listener, ms) = (*whose, *when);
                deleted.listen = Some(listen.clone());
            }
            events.push((listener, ms, made));
        }
        let in_order = log(events.clone());
        let mut shuffled = events;
        let mut state = order;
        for place in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(place, (state >> 33) as usize % (place + 1));
        }
        let shuffled = log(shuffled);
        for metric in built_in_metrics() {
            let definition = metric.definition.as_ref();
            for by in [&[][..], &[Breakdown::Day]] {
                let mut asked = query(by);
                asked.from = Some(at(6 * HOUR));
                asked.to = Some(at(50 * HOUR));
                let found = evaluated(definition, &in_order, &asked);
                let again = evaluated(definition, &shuffled, &asked);
                prop_assert_eq!(&found, &again, "{}", definition.name);
                if definition.name == "catalogue_coverage" {
                    continue;
                }
                let counts = |key: &GroupKey, tally: &super::tally::Tally| -> (GroupKey, Counts) {
                    let one = &tally.moments;
                    (key.clone(), (one.listeners, one.observations, one.x, one.y))
                };
                let found: BTreeMap<GroupKey, Counts> = if by.is_empty() {
                    let is_some = found.total.moments.listeners > 0;
                    is_some.then(|| counts(&GroupKey::default(), &found.total)).into_iter().collect()
                } else {
                    found.groups.iter().map(|(key, tally)| counts(key, tally)).collect()
                };
                prop_assert_eq!(&found, &recount(definition, &in_order, &asked), "{}", definition.name);
            }
        }
    }
}

#[test]
fn a_day_late_by_a_month_counts_where_it_belongs() {
    let mut events = vec![
        (1, HOUR, shown(1, "home", &[1])),
        (1, 40 * DAY, shown(2, "home", &[1])),
    ];
    let late = EventPayload::Listen(heard(1, ListenOutcome::Completed, None));
    events.push((1, 2 * HOUR, late));
    let definition = metric("click_through");
    let evaluation = evaluated(&definition, &log(events), &query(&[Breakdown::Day]));
    let counts: Vec<i128> = (evaluation.groups.values())
        .map(|tally| tally.moments.x / 1_000_000)
        .collect();
    assert_eq!(counts, [1, 0]);
}

#[test]
fn terms_and_windows_are_taken_up_to_their_bounds() {
    let text = |window: &str, terms: usize| {
        let term = "[[numerator]]\nevent = 'listen'\ncount = 'each'\n".repeat(terms);
        format!(
            "name = 'm'\ndescription = ''\nobservation = 'answer'\nwindow = '{window}'\nbetter = 'higher'\nunit = ''\n{term}"
        )
    };
    let refused = |window: &str, terms: usize| {
        let read = MetricDefinition::parse(&text(window, terms));
        read.err().map(|error| error.to_string())
    };
    assert_eq!(refused("60d", 16), None);
    assert!(refused("61d", 1).unwrap().contains("at most 60d"));
    assert!(refused("1d", 17).unwrap().contains("at most 16 terms"));
}

#[test]
fn answers_have_as_many_groups_as_their_bound() {
    let count = |days: usize| {
        let mut facts = Facts::of_part(Part::default());
        let shown = |day: usize| (1, day as i64 * DAY, shown(day as u128 + 1, "home", &[1]));
        log((0..days).map(shown).collect())
            .iter()
            .for_each(|event| facts.take(event));
        facts.sort();
        let metric = metric("click_through");
        evaluate(&metric, &facts, &query(&[Breakdown::Day]), Part::default())
            .map(|found| found.groups.len())
    };
    assert_eq!(count(GROUPS_MAX), Ok(GROUPS_MAX));
    assert_eq!(count(GROUPS_MAX + 1), Err(GROUPS_MAX + 1));
}

#[test]
fn a_recount_by_parts_equals_what_is_kept_and_the_whole() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(recounted_by_parts());
}

async fn recounted_by_parts() {
    let (storage, scope) = storage().await;
    let mut events = Vec::new();
    for listener in 1..60 {
        events.push((listener, HOUR, shown(listener, "home", &[1, 2, 3])));
        let heard = heard(listener % 3, ListenOutcome::Completed, None);
        events.push((listener, 2 * HOUR, EventPayload::Listen(heard)));
    }
    let events: Vec<Event> = log(events).into_iter().map(|one| one.event).collect();
    storage.append(&scope, events).await.unwrap();
    // 59 listeners have eight rows each, by the way they are counted.
    for (rows_max, is_whole) in [(1_000, true), (200, false)] {
        let registry = MetricRegistry::with_rows(storage.clone(), storage.clone(), rows_max);
        let metric = Arc::new(metric("click_through"));
        let by_day = query(&[Breakdown::Day]);
        let mut told = Vec::new();
        let tell = |progress: RecountProgress| {
            told.push(progress);
            true
        };
        let recount = registry.recount(&scope, &metric, &by_day, tell);
        let recount = recount.await.unwrap().unwrap();
        assert!(recount.is_equal());
        assert_eq!(recount.everybody.total.moments.listeners, 59);
        assert_eq!(
            recount.kept.part == Part::default(),
            is_whole,
            "{:?}",
            recount.kept.part
        );
        let last = told.last().unwrap();
        assert_eq!(last.done, last.total, "{told:?}");
        let given_up = registry.recount(&scope, &metric, &by_day, |_| false);
        assert!(given_up.await.unwrap().is_none());
    }
}

async fn storage() -> (Arc<MemoryStorage>, TenantScope) {
    let seal = SealKey::new([7; 32]);
    let clock = Arc::new(ManualClock::new(at(90 * DAY)));
    let entropy = Arc::new(SeededEntropy::new(Seed(1)));
    let storage = Arc::new(MemoryStorage::new(clock, entropy));
    let tenant = Tenant {
        id: TenantId::from_u128(7),
        name: "test".to_owned(),
        created_at: at(0),
    };
    let operator = OperatorScope::of_platform(&seal, "test");
    let scope = seal.open(&seal.seal_for(&tenant)).unwrap();
    storage.create_tenant(&operator, tenant).await.unwrap();
    (storage, scope)
}
