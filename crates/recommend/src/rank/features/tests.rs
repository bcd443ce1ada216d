//! What is a column, and what it is for a candidate: by hand-worked logs.

use leitmotif_domain::EventId;
use leitmotif_domain::event::{
    CatalogueChange, CatalogueChanged, EVENT_SCHEMA_VERSION, Event, EventPayload, Listen,
    ListenOutcome, RecordedEvent,
};
use leitmotif_features::ViewDefinition;

use super::*;

const HOUR_MS: i64 = 3_600_000;

const TRACKS: &str = "name = 'of_tracks'\nentity = 'track'
    [services]\nranker = ['plays', 'last_at', 'devices', 'outside']
    [[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'
    [[features]]\nname = 'last_at'\nevent = 'listen'\naggregate = 'last'
    [[features]]\nname = 'devices'\nevent = 'listen'\naggregate = 'top_k'\nfield = 'device'\nk = 2
    [[features]]\nname = 'outside'\nevent = 'push'\naggregate = 'pushed'
    [[features]]\nname = 'unused'\nevent = 'listen'\naggregate = 'count'";
const LISTENERS: &str = "name = 'of_listeners'\nentity = 'listener'\nservices = { ranker = ['*'] }
    [[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'";
const PAIRS: &str = "name = 'of_pairs'\nentity = 'listener_artist'\nservices = { ranker = ['*'] }
    [[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'";
const CELLS: &str = "name = 'of_cells'\nentity = 'context_cell'\nservices = { ranker = ['*'] }
    [[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'";
const REQUESTS: &str = "name = 'of_requests'\nentity = 'request'\nservices = { ranker = ['*'] }
    [[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'";

fn views(texts: &[&str]) -> Vec<LiveView> {
    let view = |text: &&str| LiveView {
        version: Some(1),
        text: (*text).into(),
        definition: Arc::new(ViewDefinition::parse(text).unwrap()),
    };
    texts.iter().map(view).collect()
}

fn event(offset: u64, listener: Option<u128>, payload: EventPayload) -> RecordedEvent {
    let at = Timestamp::from_ms(offset as i64 * HOUR_MS);
    RecordedEvent {
        offset,
        recorded_at: at,
        event: Event {
            event_id: EventId::from_u128(offset.into()),
            occurred_at: at,
            listener: listener.map(ListenerId::from_u128),
            schema_version: EVENT_SCHEMA_VERSION,
            payload,
        },
    }
}

fn credit(offset: u64, track: u128, artist: &str) -> RecordedEvent {
    let changed = CatalogueChanged {
        track: TrackId::from_u128(track),
        change: CatalogueChange::Added,
        artist: Some(artist.to_owned()),
    };
    event(offset, None, EventPayload::CatalogueChanged(changed))
}

fn play(offset: u64, listener: u128, track: u128) -> RecordedEvent {
    let listen = Listen {
        zone: Some("UTC".to_owned()),
        device: Some("phone".to_owned()),
        ..Listen::of(TrackId::from_u128(track), ListenOutcome::Completed)
    };
    event(offset, Some(listener), EventPayload::Listen(listen))
}

/// Tracks 11 and 12 are of one artist, 13 is of nobody; two listeners play them an hour apart.
fn log() -> Vec<RecordedEvent> {
    vec![
        credit(1, 11, "Somebody"),
        credit(2, 12, "Somebody"),
        play(3, 1, 11),
        play(4, 1, 12),
        play(5, 2, 11),
        play(6, 1, 13),
    ]
}

#[test]
fn what_cannot_be_a_column_is_told() {
    let (columns, refused) = FeatureColumns::of_service(&views(&[TRACKS, REQUESTS, LISTENERS]));
    let expected = [
        "of_tracks.plays",
        "of_tracks.last_at",
        "of_tracks.outside",
        "of_listeners.plays",
    ];
    assert_eq!(
        columns
            .names()
            .iter()
            .map(|name| shown(name))
            .collect::<Vec<_>>(),
        expected
    );
    assert!(columns.names().iter().all(|name| name.contains(MEANING)));
    assert_eq!(
        refused,
        [
            "the feature `of_tracks.devices` is no column: it is a texts, not a number",
            "the feature `of_requests.plays` is no column: it is about a `request`, of which a candidate has none",
        ]
    );
    let none = FeatureColumns::of_service(&[]);
    assert_eq!(none, (FeatureColumns::default(), Vec::new()));
    // More than are columns at most: the first are.
    let many: String = (0..limits::FEATURE_COLUMNS_MAX + 2)
        .map(|at| format!("[[features]]\nname = 'f{at}'\nevent = 'listen'\naggregate = 'count'\n"))
        .collect();
    let many = format!("name = 'many'\nentity = 'track'\nservices = {{ ranker = ['*'] }}\n{many}");
    let (columns, refused) = FeatureColumns::of_service(&views(&[&many]));
    assert_eq!(columns.names().len(), limits::FEATURE_COLUMNS_MAX);
    assert_eq!(refused.len(), 2);
    assert!(refused[1].contains("`many.f65`"), "{refused:?}");
}

#[test]
fn a_column_that_is_no_more_is_named() {
    let live = views(&[TRACKS]);
    let find = |name: &str| {
        let named = |view: &str| live.iter().find(|one| one.definition.name == view);
        FeatureColumns::find(&["of_tracks.plays".to_owned(), name.to_owned()], named)
    };
    assert!(find("of_tracks.last_at").is_ok());
    for gone in [
        "of_tracks.skips",
        "of_artists.plays",
        "of_tracks.devices",
        "plays",
    ] {
        assert_eq!(find(gone), Err(FeatureGone::NotServed(gone.to_owned())));
    }
}

#[test]
fn a_column_that_means_something_else_is_named() {
    let (learnt, _) = FeatureColumns::of_service(&views(&[TRACKS]));
    let find = |text: &str, names: &[String]| {
        let live = views(&[text]);
        FeatureColumns::find(names, |view| {
            live.iter().find(|one| one.definition.name == view)
        })
    };
    assert_eq!(find(TRACKS, learnt.names()), Ok(learnt.clone()));
    let kept = TRACKS.replace("entity =", "ttl = '90d'\nentity =");
    assert_eq!(
        find(&kept, learnt.names()),
        Err(FeatureGone::Redefined("of_tracks.plays".to_owned()))
    );
    // A name that tells no meaning takes any.
    assert!(find(&kept, &["of_tracks.plays".to_owned()]).is_ok());
    for wrong in ["of_tracks.plays@", "of_tracks.plays@else"] {
        let found = find(TRACKS, &[wrong.to_owned()]);
        assert!(matches!(found, Err(FeatureGone::Redefined(_))), "{wrong}");
    }
}

#[test]
fn every_entity_of_a_candidate_has_its_values() {
    let live = views(&[CELLS, LISTENERS, PAIRS, TRACKS]);
    let (columns, _) = FeatureColumns::of_service(&live);
    let now = Timestamp::from_ms(9 * HOUR_MS);
    let mut set = FeatureSet::new(&live, now);
    set.take_all(&log());
    // A Thursday morning on a phone, the cell of the last play; those before it were at night.
    let moment = Moment {
        device: Some("Phone".to_owned()),
        hour: Some(7),
        weekday: Some(4),
        ..Moment::default()
    };
    let candidates = [11, 12, 13, 99].map(TrackId::from_u128);
    let mut read = |listener: Option<u128>, moment: &Moment| {
        let asked = FeatureAsk {
            listener: listener.map(ListenerId::from_u128),
            moment,
            now,
        };
        columns.read(&mut set, &asked, &candidates)
    };
    let row = |rows: &FeatureRows, place: usize, is_known: bool| {
        let mut row = vec![-1.0];
        rows.append(place, is_known, &mut row);
        row
    };
    // Cell, listener, pair; then plays, days since and what nobody pushed of the track.
    let days = |hours: f32| (hours / 24.0).ln_1p();
    let same = |told: Vec<f32>, expected: [f32; 7]| {
        let is_same = |(a, b): (&f32, &f32)| a == b || a.is_nan() && b.is_nan();
        assert!(
            told.iter().zip(&expected).all(is_same),
            "{told:?} {expected:?}"
        );
        assert_eq!(told.len(), expected.len());
    };
    const NONE: f32 = f32::NAN;
    let rows = read(Some(1), &moment);
    assert_eq!(rows.width(), 6);
    same(
        row(&rows, 0, true),
        [-1.0, 1.0, 3.0, 2.0, 2.0, days(4.0), NONE],
    );
    same(
        row(&rows, 1, true),
        [-1.0, 1.0, 3.0, 2.0, 1.0, days(5.0), NONE],
    );
    same(
        row(&rows, 2, true),
        [-1.0, 1.0, 3.0, NONE, 1.0, days(3.0), NONE],
    );
    same(
        row(&rows, 3, true),
        [-1.0, 1.0, 3.0, NONE, NONE, NONE, NONE],
    );
    // Of a track that the model does not know nothing was counted.
    same(
        row(&rows, 0, false),
        [-1.0, 1.0, 3.0, 2.0, NONE, NONE, NONE],
    );
    let rows = read(None, &Moment::default());
    same(
        row(&rows, 0, true),
        [-1.0, NONE, NONE, NONE, 2.0, days(4.0), NONE],
    );
    let mut none = vec![5.0];
    FeatureRows::default().append(3, true, &mut none);
    assert_eq!(none, [5.0]);
}
