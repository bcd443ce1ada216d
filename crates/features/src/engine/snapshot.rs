//! Every value of a drawn log, as it was when the snapshot was written: a faster engine has the same ones to the
//! last bit.

use std::fmt::Write as _;

use leitmotif_domain::event::{
    CatalogueChange, CatalogueChanged, EVENT_SCHEMA_VERSION, Event, ExposedTrack, Exposure,
    FeaturesPushed, Feedback, Listen, ListenOutcome, Moment, Opinion, Scrobble, ScrobbleDeleted,
    Search,
};
use leitmotif_domain::{EventId, ListenerId, RequestId, Rung, TrackId};
use serde_json::json;

use super::*;
use crate::definition::built_in::BUILT_IN;
use crate::value::Value;

const T0: i64 = 1_700_000_000_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const EVENTS: u64 = 1_500;

/// A view that has what the built-in ones have not: tumbling windows, filters of several conditions, numbers of
/// edges, decayed values of short half-lives.
const BESIDE: &str = "name = 'beside'\nentity = 'track'
    [[features]]\nname = 'a'\nevent = 'listen'\naggregate = 'mean'\nfield = 'share'\nwindow = 'tumbling 1d'
    [[features]]\nname = 'b'\nevent = 'listen'\naggregate = 'count'\nfilter = 'outcome != skipped and hour >= 12 and weekday < 6'\nwindow = '2d'
    [[features]]\nname = 'c'\nevent = 'listen'\naggregate = 'decayed_sum'\nfield = 'signal'\nhalf_life = '5h'
    [[features]]\nname = 'd'\nevent = 'listen'\naggregate = 'first'\nfield = 'played_ms'
    [[features]]\nname = 'e'\nevent = 'listen'\naggregate = 'rate'\nwhen = 'device == phone'\nfilter = \"activity == 'Slow Run'\"\nwindow = '12h'
    [[features]]\nname = 'f'\nevent = 'exposure'\naggregate = 'mean'\nfield = 'position'
    [[features]]\nname = 'g'\nevent = 'listen'\naggregate = 'sum'\nfield = 'played_ms'\nwindow = 'session 2h'
    [[features]]\nname = 'h'\nevent = 'listen'\naggregate = 'distinct'\nfield = 'hour'\nwindow = '3d'
    [[features]]\nname = 'i'\nevent = 'listen'\naggregate = 'top_k'\nfield = 'device'\nk = 2\nwindow = '20d'";
/// A view of what somebody else computes.
const PUSHED: &str = "name = 'pushed'\nentity = 'named'\njoin_keys = ['town']
    [[features]]\nname = 'heat'\nevent = 'push'\naggregate = 'pushed'";

struct Draw(u64);

impl Draw {
    /// SplitMix64, below a bound.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn one<'a>(&mut self, of: &[Option<&'a str>]) -> Option<&'a str> {
        of[self.below(of.len() as u64) as usize]
    }

    fn listen(&mut self) -> Listen {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let outcomes = [
            ListenOutcome::Completed,
            ListenOutcome::Skipped,
            ListenOutcome::Partial,
        ];
        Listen {
            played_ms: (self.below(9) > 0).then(|| self.below(200_000) as u32),
            track_ms: (self.below(9) > 0).then_some(200_000),
            source: text(self.one(&[None, Some("recommendation"), Some("radio")])),
            request_id: (self.below(3) == 0)
                .then(|| RequestId::from_u128(7_000 + u128::from(self.below(5)))),
            device: text(self.one(&[None, Some("phone"), Some(" Phone"), Some("Küche")])),
            activity: text(self.one(&[None, Some("slow run"), Some("")])),
            zone: text(self.one(&[None, Some("+05:30"), Some("Europe/Berlin"), Some("Nowhere")])),
            cell: text(self.one(&[None, Some("u33d"), Some("u33e")])),
            private: self.below(20) == 0,
            ..Listen::of(
                TrackId::from_u128(u128::from(self.below(6)) << 90 | 5),
                outcomes[self.below(3) as usize],
            )
        }
    }

    fn payload(
        &mut self,
        number: u64,
        played: &mut Vec<(EventId, i64, u128, Listen)>,
    ) -> EventPayload {
        let track = TrackId::from_u128(u128::from(self.below(6)) << 90 | 5);
        match self.below(12) {
            0 => EventPayload::Feedback(Feedback {
                track,
                opinion: [Opinion::Like, Opinion::Dislike, Opinion::Cleared]
                    [self.below(3) as usize],
            }),
            1 => EventPayload::Exposure(Exposure {
                request_id: RequestId::from_u128(7_000 + u128::from(self.below(5))),
                placement: ["home", "radio"][self.below(2) as usize].to_owned(),
                rung: Rung::Personalised,
                model: None,
                assignment: None,
                tracks: (0..3)
                    .map(|_| ExposedTrack {
                        track: TrackId::from_u128(u128::from(self.below(6)) << 90 | 5),
                        score: None,
                        propensity: None,
                    })
                    .collect(),
                reasons: Default::default(),
                is_sequenced: false,
                exploration: None,
                moment: Moment {
                    hour: Some(self.below(24) as u8),
                    ..Moment::default()
                },
                layout: None,
                layout_propensity: None,
                basis: None,
            }),
            2 => EventPayload::Search(Search {
                query: "q".to_owned(),
                result_count: self.below(9) as u32,
            }),
            3 => EventPayload::FeaturesPushed(FeaturesPushed {
                view: "pushed".to_owned(),
                entity: vec![["Oslo", "rome"][self.below(2) as usize].to_owned()],
                created_at: Some(Timestamp::from_ms(T0 + number as i64)),
                values: [("heat".to_owned(), json!(self.below(99)))].into(),
            }),
            4 => EventPayload::CatalogueChanged(CatalogueChanged {
                track,
                change: CatalogueChange::Updated,
                artist: self
                    .one(&[None, Some("Nina"), Some("nina"), Some("Ólafur"), Some(" ")])
                    .map(str::to_owned),
            }),
            5 if !played.is_empty() => {
                let place = self.below(played.len() as u64) as usize;
                let (scrobble, _, _, listen) = played.swap_remove(place);
                EventPayload::ScrobbleDeleted(ScrobbleDeleted {
                    scrobble,
                    listen: Some(listen),
                })
            }
            _ => EventPayload::Listen(self.listen()),
        }
    }

    fn events(&mut self) -> Vec<RecordedEvent> {
        let mut played: Vec<(EventId, i64, u128, Listen)> = Vec::new();
        let mut events = Vec::new();
        for number in 1..=EVENTS {
            let moment = T0 + number as i64 * 40 * DAY / EVENTS as i64;
            let late = [0, 0, 0, HOUR, 30 * HOUR, 9 * DAY, -2 * HOUR][self.below(7) as usize];
            let payload = self.payload(number, &mut played);
            let id = EventId::from_u128(u128::from(number) << 70 | u128::from(number));
            let listener = u128::from(self.below(4) + 1);
            if let EventPayload::Listen(listen) = &payload {
                played.push((id, moment, listener, listen.clone()));
            }
            let event_id = match &payload {
                EventPayload::Listen(_) => Scrobble::resolved_event_id(id),
                _ => id,
            };
            events.push(RecordedEvent {
                offset: number,
                recorded_at: Timestamp::from_ms(moment),
                event: Event {
                    event_id,
                    occurred_at: Timestamp::from_ms(moment - late),
                    listener: (self.below(15) > 0).then(|| ListenerId::from_u128(listener)),
                    schema_version: EVENT_SCHEMA_VERSION,
                    payload,
                },
            });
        }
        events
    }
}

fn views() -> Vec<LiveView> {
    let texts = BUILT_IN.into_iter().chain([BESIDE, PUSHED]);
    let live = texts.map(|text| LiveView {
        version: Some(1),
        text: text.into(),
        definition: Arc::new(ViewDefinition::parse(text).expect("views of a test read")),
    });
    live.collect()
}

/// Every value of every entity; numbers in the shortest form that reads back to the same bits.
fn told(set: &mut FeatureSet, now: Timestamp) -> String {
    let mut text = String::new();
    for view in views() {
        let name = &view.definition.name;
        let keys = set.entities(name, None, usize::MAX);
        let columns: Vec<usize> = (0..view.definition.width()).collect();
        let rows = set
            .read(name, &keys, &columns, now)
            .expect("the view is there");
        for (place, key) in keys.iter().enumerate() {
            let [first, second] = key.parts();
            write!(text, "{name} {:x}.{:x}", first % 0xFFF1, second % 0xFFF1)
                .expect("memory takes text");
            for value in rows.row(place).values {
                let shown = match value {
                    Value::Null => "-".to_owned(),
                    Value::Number(number) => format!("{number:?}"),
                    Value::Moment(at) => format!("@{}", at.as_ms() - T0),
                    Value::Texts(texts) => texts.join("+").replace(' ', "_"),
                    Value::Tracks(tracks) => {
                        format!("{}t", tracks.iter().map(|(_, by)| by).sum::<i64>())
                    }
                    other => other.to_json().to_string().replace(' ', "_"),
                };
                write!(text, " {shown}").expect("memory takes text");
            }
            text.push('\n');
        }
    }
    text
}

#[test]
fn every_value_of_a_drawn_log_is_what_it_was() {
    let events = Draw(11).events();
    let middle = Timestamp::from_ms(T0 + 22 * DAY + HOUR / 2);
    let end = Timestamp::from_ms(T0 + 40 * DAY + 5 * HOUR);
    let mut set = FeatureSet::new(&views(), Timestamp::from_ms(T0));
    let mut text = String::new();
    for event in &events {
        if event.offset == EVENTS / 2 {
            text += &told(&mut set, middle);
        }
        set.advance(event.recorded_at);
        set.take(event);
    }
    text += &told(&mut set, end);
    let mut anew = FeatureSet::new(&views(), end);
    events.iter().for_each(|event| anew.take(event));
    assert!(
        told(&mut anew, end) == told(&mut set, end),
        "a replay has other values"
    );
    assert!(
        set.encode().unwrap() == anew.encode().unwrap(),
        "a replay ends in other bytes"
    );
    let expected = include_str!("snapshot.txt");
    for (line, (told, expected)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(told, expected, "line {}", line + 1);
    }
    assert_eq!(text.lines().count(), expected.lines().count());
}
