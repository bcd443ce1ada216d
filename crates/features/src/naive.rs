//! The listening state held against one that keeps every play: slow, large and plainly right.

use std::collections::{BTreeMap, BTreeSet};

use leitmotif_domain::event::{
    EVENT_SCHEMA_VERSION, Event, EventPayload, Feedback, Listen, ListenOutcome, Opinion,
    RecordedEvent, Scrobble, ScrobbleDeleted,
};
use leitmotif_domain::{EventId, ListenerId, Timestamp, TrackId};
use proptest::prelude::*;

use crate::listener::Judgement;
use crate::plays::RECENT_MAX;
use crate::state::ListeningState;

const T0: i64 = 1_700_000_000_000;
const MONTH_MS: i64 = 30 * 86_400_000;

/// Everything a listener did.
#[derive(Default)]
struct Naive {
    /// By moment and what is kept of the event's id; whether it was taken back.
    plays: BTreeMap<(Timestamp, u64), (Listen, bool)>,
    judgements: BTreeSet<(TrackId, Timestamp, EventId, Judgement)>,
}

/// The bits of an event's id that tell it apart from the others of its moment.
fn short(event: EventId) -> u64 {
    event.as_u128() as u64 & ((1 << 48) - 1)
}

impl Naive {
    fn apply(&mut self, event: &Event) {
        let (at, id) = (event.occurred_at, event.event_id);
        match &event.payload {
            EventPayload::Listen(listen) if !listen.private => {
                self.plays.insert((at, short(id)), (listen.clone(), false));
            }
            EventPayload::Feedback(feedback) => {
                let judgement = match feedback.opinion {
                    Opinion::Like => Judgement::Liked,
                    Opinion::Dislike => Judgement::Disliked,
                    Opinion::Cleared => Judgement::None,
                };
                self.judgements.insert((feedback.track, at, id, judgement));
            }
            EventPayload::ScrobbleDeleted(deleted) => {
                let play = (at, short(Scrobble::resolved_event_id(deleted.scrobble)));
                if let Some((_, is_taken_back)) = self.plays.get_mut(&play) {
                    *is_taken_back = true;
                }
            }
            _ => {}
        }
    }

    /// Signal, plays, skips, last played and judgement, as they are read.
    fn tracks(&self) -> BTreeMap<TrackId, (i32, u32, u32, Timestamp, Judgement)> {
        let mut found: BTreeMap<_, (i32, u32, u32, Timestamp, Judgement)> = BTreeMap::new();
        let judged = self.judgements.iter().map(|one| one.0);
        let judged: BTreeSet<TrackId> = judged.collect();
        for ((at, _), (listen, is_taken_back)) in &self.plays {
            let nothing = (0, 0, 0, *at, Judgement::None);
            let track = found.entry(listen.track).or_insert(nothing);
            track.3 = track.3.max(*at);
            if !is_taken_back {
                track.0 += (f64::from(listen.signal()) * 1_000.0).round() as i32;
                track.1 += 1;
                track.2 += u32::from(listen.outcome == ListenOutcome::Skipped);
            }
        }
        for (id, at, _, judgement) in &self.judgements {
            let track = found.entry(*id).or_insert((0, 0, 0, *at, *judgement));
            (track.3, track.4) = (track.3.max(*at), *judgement);
        }
        found.retain(|track, history| history.1 > 0 || judged.contains(track));
        for history in found.values_mut() {
            history.0 += match history.4 {
                Judgement::Liked => 3_000,
                Judgement::Disliked => -3_000,
                Judgement::None => 0,
            };
        }
        found
    }

    /// Those of the newest that stand.
    fn recent(&self) -> Vec<(Timestamp, TrackId)> {
        let newest = self.plays.iter().rev().take(RECENT_MAX);
        let standing = newest.filter(|(_, (_, is_taken_back))| !is_taken_back);
        standing
            .map(|((at, _), (listen, _))| (*at, listen.track))
            .collect()
    }
}

fn recorded(id: EventId, at_ms: i64, payload: EventPayload) -> RecordedEvent {
    RecordedEvent {
        offset: 1,
        recorded_at: Timestamp::from_ms(0),
        event: Event {
            event_id: id,
            occurred_at: Timestamp::from_ms(at_ms),
            listener: Some(ListenerId::from_u128(1)),
            schema_version: EVENT_SCHEMA_VERSION,
            payload,
        },
    }
}

fn listen(track: u128, played_ms: u32) -> Listen {
    let outcome = match played_ms % 3 {
        0 => ListenOutcome::Skipped,
        1 => ListenOutcome::Completed,
        _ => ListenOutcome::Partial,
    };
    Listen {
        played_ms: Some(played_ms),
        track_ms: Some(200_000),
        ..Listen::of(TrackId::from_u128(track), outcome)
    }
}

/// What one step of a listener tells: a play, now and then taken back later, or a judgement.
fn told((place, (track, played_ms, at_ms, kind)): (usize, Step)) -> Vec<RecordedEvent> {
    let scrobble = EventId::derive(&[&place.to_le_bytes()]);
    let id = Scrobble::resolved_event_id(scrobble);
    let play = listen(track, played_ms);
    match kind {
        0 => {
            let deleted = ScrobbleDeleted {
                scrobble,
                listen: Some(play.clone()),
            };
            let gone = EventId::derive(&[b"gone", &place.to_le_bytes()]);
            vec![
                recorded(id, at_ms, EventPayload::Listen(play)),
                recorded(gone, at_ms, EventPayload::ScrobbleDeleted(deleted)),
            ]
        }
        1..=3 => {
            let opinions = [Opinion::Like, Opinion::Dislike, Opinion::Cleared];
            let feedback = Feedback {
                track: TrackId::from_u128(track),
                opinion: opinions[kind as usize - 1],
            };
            vec![recorded(id, at_ms, EventPayload::Feedback(feedback))]
        }
        4 => {
            let private = Listen {
                private: true,
                ..play
            };
            vec![recorded(id, at_ms, EventPayload::Listen(private))]
        }
        _ => vec![recorded(id, at_ms, EventPayload::Listen(play))],
    }
}

type Step = (u128, u32, i64, u8);

/// A track of few, how long it was played, a moment within a month with some at the same one, a kind.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = prop_oneof![
        (0..MONTH_MS).prop_map(|ms| T0 + ms),
        (0_i64..40).prop_map(|second| T0 + second * 1_000),
        // Clocks that stand at the beginning of time or in a far century.
        Just(0),
        Just(-1),
        Just(T0 + 500 * 365 * 86_400_000),
    ];
    prop::collection::vec((0_u128..9, 0_u32..220_000, at, 0_u8..40), 1..400)
}

proptest! {
    #[test]
    fn it_tells_what_a_list_of_all_plays_tells(
        steps in steps(),
        delays in prop::collection::vec(0_usize..500, 400),
    ) {
        let mut events: Vec<(usize, RecordedEvent)> = Vec::new();
        for (step, delay) in steps.into_iter().enumerate().zip(delays) {
            // A play may come any number of events late, and its retraction later still.
            let place = step.0;
            for (later, event) in told(step).into_iter().enumerate() {
                events.push((place + delay + later * (delay % 97), event));
            }
        }
        events.sort_by_key(|(place, _)| *place);
        let (mut state, mut naive) = (ListeningState::default(), Naive::default());
        for (_, event) in &events {
            state.apply(event);
            naive.apply(&event.event);
        }
        let nobody = Default::default();
        let profile = state.listener(ListenerId::from_u128(1)).unwrap_or(&nobody);
        let expected = naive.tracks();
        let found: Vec<_> = profile.tracks().collect();
        prop_assert_eq!(found.len(), expected.len());
        for ((track, history), (id, expected)) in found.iter().zip(&expected) {
            let milli = (history.signal() * 1_000.0).round() as i32;
            let read = (milli, history.plays, history.skips, history.last_played, history.judgement());
            prop_assert_eq!((*track, read), (*id, *expected));
            prop_assert_eq!(profile.history(*track), Some(*history));
        }
        prop_assert_eq!(profile.recent().collect::<Vec<_>>(), naive.recent());
        prop_assert_eq!(profile.is_empty(), expected.is_empty());
        prop_assert!(profile.history(TrackId::from_u128(99)).is_none());
        let bytes = postcard::to_allocvec(&state).unwrap();
        let read: ListeningState = postcard::from_bytes(&bytes).unwrap();
        prop_assert!(read == state);
        prop_assert_eq!(postcard::to_allocvec(&read).unwrap(), bytes);
    }

    #[test]
    fn bytes_of_any_origin_are_a_state_or_an_error(
        steps in steps(),
        damage in prop::collection::vec((0_usize..100_000, 0_u8..=255), 1..4),
    ) {
        let mut state = ListeningState::default();
        steps.into_iter().enumerate().flat_map(told).for_each(|event| state.apply(&event));
        let mut bytes = postcard::to_allocvec(&state).unwrap();
        for (place, byte) in damage {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        if let Ok(read) = postcard::from_bytes::<ListeningState>(&bytes) {
            let profiles = read.listeners();
            profiles.for_each(|(_, profile)| assert!(profile.tracks().count() < 1_000));
        }
    }
}

#[test]
fn ten_thousand_plays_in_a_second_are_all_counted() {
    let mut state = ListeningState::default();
    let mut naive = Naive::default();
    for place in 0..10_000_u64 {
        let id = EventId::derive(&[&place.to_le_bytes()]);
        let play = EventPayload::Listen(listen(u128::from(place % 50), 1));
        // A hundred at each moment, and the moments backwards.
        let event = recorded(id, T0 + 999 - (place / 100) as i64, play);
        state.apply(&event);
        naive.apply(&event.event);
    }
    let profile = state.listener(ListenerId::from_u128(1)).unwrap();
    assert_eq!(
        profile.tracks().map(|(_, one)| one.plays).sum::<u32>(),
        10_000
    );
    assert_eq!(profile.recent().collect::<Vec<_>>(), naive.recent());
    let tracks = state.tracks().map(|(_, activity)| activity.total().plays);
    assert_eq!(tracks.collect::<Vec<_>>(), [200; 50]);
}

#[test]
fn the_newest_plays_are_counted_once_however_often_they_come() {
    // The log counts an event id once; a reader that is given a batch again passes offsets over.
    let mut projection = crate::Projection::default();
    let batch: Vec<RecordedEvent> = (0..60_u64)
        .map(|place| RecordedEvent {
            offset: place + 1,
            ..recorded(
                EventId::derive(&[&place.to_le_bytes()]),
                T0 + place as i64,
                EventPayload::Listen(listen(u128::from(place % 7), 1)),
            )
        })
        .collect();
    projection.take(&batch);
    let once = postcard::to_allocvec(&projection.state).unwrap();
    (0..99).for_each(|_| projection.take(&batch));
    assert_eq!(postcard::to_allocvec(&projection.state).unwrap(), once);
    // Even a reader that forgets offsets counts a listener's newest plays once.
    let profile = |state: &ListeningState| state.listener(ListenerId::from_u128(1)).cloned();
    let mut state = projection.state.clone();
    (0..99).for_each(|_| batch.iter().for_each(|event| state.apply(event)));
    assert_eq!(profile(&state), profile(&projection.state));
}
