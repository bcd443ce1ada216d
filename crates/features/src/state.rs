//! The listening state of a tenant: all profiles and activities up to a log offset.

use leitmotif_domain::event::{EventPayload, Listen, RecordedEvent, Scrobble};
use leitmotif_domain::{EventId, ListenerId, Timestamp, TrackId};
use serde::{Deserialize, Serialize};

use crate::listener::ListenerProfile;
use crate::parted_map::PartedMap;
use crate::track::TrackActivity;

/// Everything the recommender needs of the past.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListeningState {
    listeners: PartedMap<ListenerId, ListenerProfile>,
    tracks: PartedMap<TrackId, TrackActivity>,
}

impl ListeningState {
    /// Takes one event in. Kinds that say nothing of listening are passed over.
    ///
    /// - Cost: constant on the average, whatever the state holds.
    pub fn apply(&mut self, recorded: &RecordedEvent) {
        let event = &recorded.event;
        match (&event.payload, event.listener) {
            (EventPayload::Listen(listen), listener) => {
                // What is merely inferred says too little to count against a track for everybody.
                if !listen.private && !listen.is_inferred_skip() {
                    let activity = self.tracks.get_or_default(listen.track);
                    activity.add(listen, event.occurred_at);
                }
                if let Some(listener) = listener {
                    let profile = self.listeners.get_or_default(listener);
                    profile.add_listen(event.event_id, listen, event.occurred_at);
                }
            }
            (EventPayload::Feedback(feedback), Some(listener)) => {
                let profile = self.listeners.get_or_default(listener);
                profile.add_feedback(event.event_id, feedback, event.occurred_at);
            }
            (EventPayload::ScrobbleDeleted(deleted), listener) => {
                if let Some(listen) = &deleted.listen {
                    let listened = Scrobble::resolved_event_id(deleted.scrobble);
                    self.take_out(listener, listened, listen, event.occurred_at);
                }
            }
            _ => {}
        }
    }

    /// Takes a listen out that was taken in before. The track's last play stays where it was:
    /// what came before it is not kept.
    fn take_out(
        &mut self,
        listener: Option<ListenerId>,
        event: EventId,
        listen: &Listen,
        at: Timestamp,
    ) {
        if let Some(activity) = self.tracks.get_mut(listen.track)
            && !(listen.private || listen.is_inferred_skip())
        {
            activity.take_out(listen, at);
        }
        let profile = listener.and_then(|listener| self.listeners.get_mut(listener));
        if let Some(profile) = profile {
            profile.take_out(event, listen, at);
        }
    }

    /// An empty state that is filled part by part to so many listeners and tracks.
    pub(crate) fn with_room(sizes: StateSizes) -> Self {
        Self {
            listeners: PartedMap::with_room(sizes.listeners as usize),
            tracks: PartedMap::with_room(sizes.tracks as usize),
        }
    }

    /// How many listeners and tracks it holds.
    pub(crate) fn sizes(&self) -> StateSizes {
        StateSizes {
            listeners: self.listeners.entry_count() as u64,
            tracks: self.tracks.entry_count() as u64,
        }
    }

    /// One more than the largest number of a part. Parts of listeners have even numbers, those of tracks
    /// odd ones, so that one may become more without the other.
    pub(crate) fn part_numbers(&self) -> u32 {
        let most = self.listeners.part_count().max(self.tracks.part_count());
        2 * most as u32
    }

    /// The numbers of the parts that changed since they were stored; they count as stored from here on.
    pub(crate) fn take_changed_parts(&mut self) -> Vec<u32> {
        let listeners = self.listeners.take_changed().into_iter();
        let tracks = self.tracks.take_changed().into_iter();
        let numbers = (listeners.map(|part| 2 * part)).chain(tracks.map(|part| 2 * part + 1));
        numbers.map(|number| number as u32).collect()
    }

    /// Counts all parts as changed.
    pub(crate) fn forget_stored_parts(&mut self) {
        self.listeners.forget_stored();
        self.tracks.forget_stored();
    }

    /// The bytes of a part; none where nothing is in it.
    pub(crate) fn encode_part(&self, number: u32) -> postcard::Result<Vec<u8>> {
        let part = number as usize / 2;
        if number.is_multiple_of(2) {
            self.listeners.encode(part)
        } else {
            self.tracks.encode(part)
        }
    }

    /// Puts a part in.
    pub(crate) fn decode_part(&mut self, number: u32, bytes: &[u8]) -> postcard::Result<()> {
        if number.is_multiple_of(2) {
            self.listeners.decode(bytes)
        } else {
            self.tracks.decode(bytes)
        }
    }

    /// A listener's profile.
    pub fn listener(&self, id: ListenerId) -> Option<&ListenerProfile> {
        self.listeners.get(id)
    }

    /// Every listener, in the order in which they came.
    pub fn listeners(&self) -> impl Iterator<Item = (ListenerId, &ListenerProfile)> {
        self.listeners.iter()
    }

    /// A track's activity.
    pub fn track(&self, id: TrackId) -> Option<&TrackActivity> {
        self.tracks.get(id)
    }

    /// Every played track, in the order in which they came.
    pub fn tracks(&self) -> impl Iterator<Item = (TrackId, &TrackActivity)> {
        self.tracks.iter()
    }
}

/// How much a state holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateSizes {
    pub listeners: u64,
    pub tracks: u64,
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::event::{
        EVENT_SCHEMA_VERSION, Event, Feedback, ListenOutcome, Opinion, ScrobbleDeleted,
    };

    use super::*;
    use crate::listener::Judgement;

    fn recorded(index: u64, listener: u128, payload: EventPayload) -> RecordedEvent {
        RecordedEvent {
            offset: index + 1,
            recorded_at: Timestamp::from_ms(0),
            event: Event {
                event_id: EventId::from_u128(u128::from(index)),
                occurred_at: Timestamp::from_ms(
                    1_700_000_000_000 + (index as i64 % 7) * 40_000_000,
                ),
                listener: Some(ListenerId::from_u128(listener)),
                schema_version: EVENT_SCHEMA_VERSION,
                payload,
            },
        }
    }

    fn listen(track: u128, played_ms: u32, outcome: ListenOutcome) -> EventPayload {
        EventPayload::Listen(Listen {
            played_ms: Some(played_ms),
            track_ms: Some(200_000),
            ..Listen::of(TrackId::from_u128(track), outcome)
        })
    }

    #[test]
    fn skips_outweigh_a_play_and_the_newest_judgement_stands() {
        let mut state = ListeningState::default();
        state.apply(&recorded(
            0,
            1,
            listen(5, 200_000, ListenOutcome::Completed),
        ));
        state.apply(&recorded(1, 1, listen(5, 0, ListenOutcome::Skipped)));
        state.apply(&recorded(2, 1, listen(5, 20_000, ListenOutcome::Skipped)));
        let profile = state.listener(ListenerId::from_u128(1)).unwrap();
        let history = profile.history(TrackId::from_u128(5)).unwrap();
        assert!(
            (history.signal() + 0.8).abs() < 1e-6,
            "{}",
            history.signal()
        );
        for (index, opinion) in [(4, Opinion::Dislike), (3, Opinion::Like)] {
            let feedback = Feedback {
                track: TrackId::from_u128(5),
                opinion,
            };
            state.apply(&recorded(index, 1, EventPayload::Feedback(feedback)));
        }
        let profile = state.listener(ListenerId::from_u128(1)).unwrap();
        let judgement = profile.history(TrackId::from_u128(5)).unwrap().judgement();
        assert_eq!(judgement, Judgement::Disliked);
    }

    #[test]
    fn a_deleted_scrobble_leaves_no_trace_in_the_taste() {
        let scrobble = EventId::from_u128(77);
        let payload = listen(5, 200_000, ListenOutcome::Completed);
        let EventPayload::Listen(play) = payload.clone() else {
            unreachable!("the fixture makes listens")
        };
        let mut became = recorded(3, 1, payload);
        became.event.event_id = Scrobble::resolved_event_id(scrobble);
        let deleted = ScrobbleDeleted {
            scrobble,
            listen: Some(play),
        };
        let mut gone = recorded(3, 1, EventPayload::ScrobbleDeleted(deleted));
        gone.offset += 1;
        let mut state = ListeningState::default();
        state.apply(&became);
        state.apply(&gone);
        let profile = state.listener(ListenerId::from_u128(1)).unwrap();
        assert!(profile.is_empty());
        assert_eq!(profile.recent().count(), 0);
        let total = state.track(TrackId::from_u128(5)).unwrap().total();
        assert_eq!((total.plays, total.completions), (0, 0));
    }

    #[test]
    fn a_private_play_leaves_no_trace_in_the_taste() {
        let mut state = ListeningState::default();
        let EventPayload::Listen(mut private) = listen(5, 200_000, ListenOutcome::Completed) else {
            unreachable!("the fixture makes listens")
        };
        private.private = true;
        state.apply(&recorded(0, 1, EventPayload::Listen(private)));
        assert!(state.listener(ListenerId::from_u128(1)).unwrap().is_empty());
        assert_eq!(state.tracks().count(), 0);
    }

    #[test]
    fn an_inferred_skip_is_nobodys_skip_rate() {
        let mut state = ListeningState::default();
        let EventPayload::Listen(mut skip) = listen(5, 0, ListenOutcome::Skipped) else {
            unreachable!("the fixture makes listens")
        };
        skip.source = Some(leitmotif_domain::event::INFERRED_SKIP_SOURCE.to_owned());
        state.apply(&recorded(0, 1, EventPayload::Listen(skip)));
        assert_eq!(state.tracks().count(), 0);
        let profile = state.listener(ListenerId::from_u128(1)).unwrap();
        let signal = profile.history(TrackId::from_u128(5)).unwrap().signal();
        assert!((signal + 0.25).abs() < 1e-6, "{signal}");
    }

    /// What a listener did in a month: plays, judgements, and plays that were taken back.
    fn month(steps: &[(u128, u128, u32, i64)]) -> Vec<Vec<RecordedEvent>> {
        let one_of = |(index, step): (usize, &(u128, u128, u32, i64))| {
            let (listener, track, played_ms, minute) = *step;
            let outcome = match played_ms % 3 {
                0 => ListenOutcome::Skipped,
                1 => ListenOutcome::Completed,
                _ => ListenOutcome::Partial,
            };
            let id = EventId::from_u128(index as u128);
            let payload = listen(track, played_ms, outcome);
            let mut told = recorded(0, listener, payload.clone());
            told.event.occurred_at = Timestamp::from_ms(1_700_000_000_000 + minute * 60_000);
            told.event.event_id = Scrobble::resolved_event_id(id);
            match (played_ms % 10, payload) {
                (0, EventPayload::Listen(play)) => {
                    let mut gone = told.clone();
                    gone.event.event_id = EventId::from_u128(1_000_000 + index as u128);
                    gone.event.payload = EventPayload::ScrobbleDeleted(ScrobbleDeleted {
                        scrobble: id,
                        listen: Some(play),
                    });
                    // Nothing is taken back before it is there.
                    vec![told, gone]
                }
                (1, _) => {
                    let opinion = [Opinion::Like, Opinion::Dislike, Opinion::Cleared];
                    told.event.payload = EventPayload::Feedback(Feedback {
                        track: TrackId::from_u128(track),
                        opinion: opinion[played_ms as usize / 10 % 3],
                    });
                    vec![told]
                }
                _ => vec![told],
            }
        };
        steps.iter().enumerate().map(one_of).collect()
    }

    fn bytes_of(events: impl Iterator<Item = RecordedEvent>) -> Vec<u8> {
        let mut state = ListeningState::default();
        events.for_each(|event| state.apply(&event));
        postcard::to_allocvec(&state).unwrap()
    }

    proptest::proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(
            plays in proptest::collection::vec((0_u128..4, 0_u128..6, 0_u32..200_000), 1..120),
            rotation in 0_usize..120,
        ) {
            let events: Vec<_> = plays
                .iter()
                .enumerate()
                .map(|(index, (listener, track, played))| {
                    let outcome = match played % 3 {
                        0 => ListenOutcome::Skipped,
                        1 => ListenOutcome::Completed,
                        _ => ListenOutcome::Partial,
                    };
                    recorded(index as u64, *listener, listen(*track, *played, outcome))
                })
                .collect();
            let mut ordered = ListeningState::default();
            events.iter().for_each(|event| ordered.apply(event));
            let mut shuffled = events.clone();
            shuffled.rotate_left(rotation % events.len());
            shuffled.reverse();
            let mut late = ListeningState::default();
            shuffled.iter().for_each(|event| late.apply(event));
            proptest::prop_assert_eq!(
                postcard::to_allocvec(&ordered).unwrap(),
                postcard::to_allocvec(&late).unwrap()
            );
        }

        #[test]
        fn a_month_of_late_events_gives_the_bytes_of_the_ordered_log(
            steps in proptest::collection::vec(
                (0_u128..2, 0_u128..5, 0_u32..200_000, 0_i64..43_200), 1..200),
            places in proptest::collection::vec(0_u32..1_000_000, 200),
        ) {
            let mut groups = month(&steps);
            // As they happened, each retraction right behind its play.
            let mut ordered = groups.clone();
            ordered.sort_by_key(|group| group[0].event.occurred_at);
            let ordered = bytes_of(ordered.into_iter().flatten());
            // As they came: shuffled, and retractions wherever they fall behind their play.
            let mut late: Vec<(u32, RecordedEvent)> = Vec::new();
            for (place, group) in places.iter().zip(&mut groups) {
                for (step, event) in group.drain(..).enumerate() {
                    late.push((place + step as u32 * (place % 400_000), event));
                }
            }
            late.sort_by_key(|(place, _)| *place);
            let late = bytes_of(late.into_iter().map(|(_, event)| event));
            proptest::prop_assert_eq!(ordered, late);
        }
    }
}
