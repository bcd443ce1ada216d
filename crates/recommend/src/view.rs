//! What the recommender knows of one tenant, in memory: listening state, catalogue, model.

use std::collections::BTreeMap;
use std::sync::Arc;

use leitmotif_domain::asked::AnswerBasis;
use leitmotif_domain::definition::DefinitionKind;
use leitmotif_domain::event::{EventPayload, Moment, RecordedEvent};
use leitmotif_domain::{ListenerId, Timestamp, TrackId, limits};
use leitmotif_features::{ListenerProfile, Projection};
use leitmotif_storage::duplicates::DUPLICATES;
use leitmotif_storage::ports::EventSlice;

use crate::candidates::Votes;
use crate::catalogue::CatalogueView;
use crate::counts::{Counts, MOST_POPULAR};
use crate::error::Result;
use crate::model::RecommenderModel;
use crate::moments::MomentShift;
use crate::placements::Placements;
use crate::recent_sessions::RecentSessions;
use crate::scratch::{Numbering, ScratchPool};

/// Popularity is counted anew, and sessions are read anew, when the plays grew by one in so many. Counting
/// costs at most the number of plays, so a play pays for 50 tracks at most; few plays are counted on every
/// one, so that the first of a new catalogue are seen, however long its log of other events is.
const POPULARITY_SHARE: u64 = 50;
/// Strongest pull or push of one track; a track played a hundred times is not a hundred tastes.
const SIGNAL_MAX: f32 = 20.0;
/// Stands for no column.
const NO_COLUMN: u32 = u32::MAX;

/// What the recommender knows of one tenant.
#[derive(Default)]
pub struct TenantView {
    /// What listeners did.
    pub projection: Projection,
    /// The tracks.
    pub catalogue: CatalogueView,
    /// The production model.
    pub model: Option<Arc<RecommenderModel>>,
    /// The pipelines in service.
    pub placements: Placements,
    /// How much tracks are played, as it was counted last.
    pub counts: Arc<Counts>,
    /// The last event that they count, or after which nothing happened that they would.
    counted_offset: u64,
    /// Where neighbours are added up.
    pub votes: ScratchPool<Votes>,
    /// Where what sources offer is brought together.
    pub numbers: ScratchPool<Numbering>,
    /// The newest sessions, as they were when they were read last.
    pub sessions: Arc<RecentSessions>,
    /// The last event that is in them, or after which nothing happened that would be.
    sessions_offset: u64,
    /// Plays that came since the sessions were read; none before they were.
    plays_unread: Option<u64>,
    /// Plays that came since the last count.
    plays_since: u64,
    /// Catalogue index of each column of the model.
    index_of_column: Vec<Option<u32>>,
    /// The way back: the column of each catalogue index, [`NO_COLUMN`] for none.
    column_of_index: Vec<u32>,
    has_cold_tracks: bool,
    /// Factors of tracks that the model does not know, by catalogue index.
    mapped: BTreeMap<u32, Vec<f32>>,
}

/// What a batch of events asks to be read from the stores.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FollowUp {
    /// Tracks that changed.
    pub tracks: Vec<TrackId>,
    /// Tracks whose vectors may be new.
    pub analysed: Vec<TrackId>,
    /// Whether an alias moved.
    pub has_new_model: bool,
    /// Whether other pipelines answer.
    pub has_new_pipelines: bool,
    /// Whether other tracks are one recording.
    pub has_new_recordings: bool,
}

impl TenantView {
    /// Takes events in and says what must be read besides.
    pub(crate) fn take(&mut self, events: &[RecordedEvent]) -> FollowUp {
        self.projection.take(events);
        let mut follow_up = FollowUp::default();
        for event in events {
            match &event.event.payload {
                EventPayload::Listen(listen) if !listen.private => self.note_play(),
                EventPayload::ScrobbleDeleted(_) => self.note_play(),
                EventPayload::CatalogueChanged(changed) => follow_up.tracks.push(changed.track),
                EventPayload::AnalysisCompleted(done) => follow_up.analysed.push(done.track),
                EventPayload::ModelChanged(_) => follow_up.has_new_model = true,
                EventPayload::DefinitionChanged(changed) => {
                    follow_up.has_new_pipelines |= changed.definition == DefinitionKind::Pipeline;
                }
                EventPayload::Verdict(verdict) => {
                    follow_up.has_new_recordings |= verdict.subject == DUPLICATES;
                }
                _ => {}
            }
        }
        follow_up
    }

    /// Takes in a part of the log, read beyond an offset, that leaves out what changes nothing.
    pub fn take_slice(&mut self, from: u64, slice: &EventSlice) -> FollowUp {
        let first = slice.events.first().map(|event| event.offset);
        self.pass_over(from, first.map_or(slice.reached, |first| first - 1));
        let follow_up = self.take(&slice.events);
        self.pass_over(self.projection.offset, slice.reached);
        follow_up
    }

    /// Passes over events that change nothing; who knows that of them says so.
    pub fn pass_over(&mut self, from: u64, through: u64) {
        let before = self.projection.offset;
        self.projection.pass_over(from, through);
        if before == from {
            self.carry_counts(from, through);
        }
    }

    /// What counted everything up to one offset counts everything up to the other.
    fn carry_counts(&mut self, from: u64, through: u64) {
        for offset in [&mut self.counted_offset, &mut self.sessions_offset] {
            if *offset == from {
                *offset = through;
            }
        }
    }

    /// Where an answer from it stands.
    pub fn basis(&self) -> AnswerBasis {
        let log_offset = self.projection.offset;
        let behind = |offset: u64| (offset != log_offset).then_some(offset);
        AnswerBasis {
            log_offset,
            counted_offset: behind(self.counted_offset),
            sessions_offset: behind(self.sessions_offset),
            ..AnswerBasis::default()
        }
    }

    fn note_play(&mut self) {
        self.plays_since += 1;
        self.plays_unread = self.plays_unread.map(|plays| plays + 1);
    }

    /// Whether enough happened for the sessions to be read anew. Popularity is counted before.
    pub fn wants_sessions(&self) -> bool {
        let wanted = (self.counts.plays / POPULARITY_SHARE).max(1);
        self.plays_unread.is_none_or(|plays| plays >= wanted)
    }

    /// Reads the newest sessions of what listeners did.
    pub fn read_sessions(&self) -> Result<RecentSessions> {
        RecentSessions::of(&self.projection.state, &self.catalogue)
    }

    /// Puts sessions that were read into service.
    pub fn set_sessions(&mut self, sessions: RecentSessions) {
        self.sessions = Arc::new(sessions);
        self.sessions_offset = self.projection.offset;
        self.plays_unread = Some(0);
    }

    /// Puts another model into service.
    pub fn set_model(&mut self, model: Option<Arc<RecommenderModel>>) {
        self.model = model;
        self.mapped.clear();
        self.map_columns();
    }

    /// What a moment adds to the blended scores, as far as the model has learnt it.
    pub fn shift(&self, moment: &Moment) -> MomentShift<'_> {
        let model = self.model.as_deref();
        let known = model.and_then(|model| Some((model.moments.as_ref()?, model.blend.moment)));
        known.map_or_else(MomentShift::default, |(lifts, weight)| {
            MomentShift::new(lifts.at(moment), weight)
        })
    }

    /// Finds the catalogue index of each column anew, after tracks came or went.
    pub fn map_columns(&mut self) {
        let items = self.model.as_ref().map_or(&[][..], |model| &model.items);
        let index = |item: &TrackId| Some(self.catalogue.index(*item)? as u32);
        self.index_of_column = items.iter().map(index).collect();
        let mut columns = vec![NO_COLUMN; self.catalogue.len()];
        for (column, index) in self.columns() {
            columns[index] = column as u32;
        }
        self.column_of_index = columns;
        self.has_cold_tracks = self.catalogue.cards().count() > self.columns().count();
    }

    /// Counts popularity anew when enough happened since the last time, or another day began.
    pub fn refresh_popularity(&mut self, now: Timestamp) {
        let wanted = (self.counts.plays / POPULARITY_SHARE).max(1);
        let is_fresh = self.plays_since < wanted && !self.catalogue.take_new_priors();
        let is_whole = self.counts.popularity.len() == self.catalogue.len();
        if !is_fresh || !is_whole || !self.counts.are_of_day(now) {
            self.count_popularity(now);
        }
    }

    /// Counts popularity, trends and skip rates as they were at `now`.
    pub fn count_popularity(&mut self, now: Timestamp) {
        let counts = Counts::of(&self.projection.state, &self.catalogue, now);
        self.counts = Arc::new(counts);
        self.counted_offset = self.projection.offset;
        self.plays_since = 0;
    }

    /// `ln(1 + x)` of the popularity by catalogue index.
    pub fn popularity_logs(&self) -> &[f32] {
        &self.counts.popularity_logs
    }

    /// The tracks that are played more than usual by catalogue index, best first, some of which may be gone
    /// by now.
    pub fn most_trending(&self) -> &[(u32, f32)] {
        &self.counts.most_trending
    }

    /// The most popular tracks by catalogue index, best first, some of which may be gone by now; and whether
    /// these are all that anybody plays.
    pub fn most_popular(&self) -> (&[u32], bool) {
        let is_all = self.counts.most_popular.len() < MOST_POPULAR;
        (&self.counts.most_popular, is_all)
    }

    /// Columns of the model whose track is in the catalogue, with its index.
    pub fn columns(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.index_of_column
            .iter()
            .enumerate()
            .filter_map(|(column, index)| Some((column, (*index)? as usize)))
    }

    /// The catalogue index of a column of the model; none once the track is gone.
    pub fn index_of_column(&self, column: usize) -> Option<u32> {
        *self.index_of_column.get(column)?
    }

    /// The model's column of a catalogue index; none for a track it does not know.
    pub fn column(&self, index: usize) -> Option<usize> {
        let column = self.column_of_index.get(index).copied();
        column
            .filter(|column| *column != NO_COLUMN)
            .map(|column| column as usize)
    }

    /// The tracks that the model does not know, the newest of them where there are more than are mapped.
    pub fn unknown_tracks(&self) -> Vec<TrackId> {
        let cards = self.catalogue.cards();
        let mut unknown: Vec<_> = cards
            .filter(|(index, _)| self.column(*index).is_none())
            .map(|(_, card)| (card.created_at, card.id))
            .collect();
        if unknown.len() > limits::MAPPED_TRACKS_MAX {
            unknown.select_nth_unstable_by(limits::MAPPED_TRACKS_MAX, |a, b| b.cmp(a));
            unknown.truncate(limits::MAPPED_TRACKS_MAX);
        }
        unknown.into_iter().map(|(_, id)| id).collect()
    }

    /// Takes factors of tracks that the model does not know, as far as there is room.
    pub fn put_mapped(&mut self, factors: Vec<(TrackId, Vec<f32>)>) {
        let width = self.model.as_ref().map_or(0, |model| model.taste.factors());
        for (track, factor) in factors {
            let index = self.catalogue.index(track);
            let unknown = index.filter(|index| self.column(*index).is_none());
            let has_room = self.mapped.len() < limits::MAPPED_TRACKS_MAX;
            if let Some(index) = unknown.filter(|_| has_room && factor.len() == width) {
                self.mapped.insert(index as u32, factor);
            }
        }
    }

    /// Factors of tracks that the model does not know, by catalogue index.
    pub fn mapped(&self) -> impl Iterator<Item = (u32, &[f32])> {
        let living = |index: &u32| self.catalogue.card(*index as usize).is_some();
        let mapped = self.mapped.iter().filter(move |(index, _)| living(index));
        mapped.map(|(index, factor)| (*index, factor.as_slice()))
    }

    /// Whether there are tracks that the model does not know.
    pub fn has_cold_tracks(&self) -> bool {
        self.has_cold_tracks
    }

    /// A listener's profile.
    pub fn profile(&self, listener: Option<ListenerId>) -> Option<&ListenerProfile> {
        self.projection
            .state
            .listener(listener?)
            .filter(|profile| !profile.is_empty())
    }
}

/// What a sum of signals weighs as a taste: many plays count, but ever less.
pub fn taste_weight(signal: f32) -> f32 {
    if signal > 0.0 {
        signal.min(SIGNAL_MAX).ln_1p()
    } else {
        signal.max(-1.0)
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::EventId;
    use leitmotif_domain::event::{EVENT_SCHEMA_VERSION, Event, Listen, ListenOutcome};
    use leitmotif_domain::track::{Track, TrackDetails};

    use super::*;

    fn track(id: u128, prior: Option<u8>) -> Track {
        Track {
            id: TrackId::from_u128(id),
            details: TrackDetails {
                popularity: prior,
                ..TrackDetails::default()
            },
            audio: None,
            has_lyrics: false,
            created_at: Timestamp::from_ms(0),
            updated_at: Timestamp::from_ms(0),
        }
    }

    #[test]
    fn popularity_elsewhere_orders_what_nobody_plays() {
        let mut view = TenantView::default();
        let now = Timestamp::from_ms(0);
        for (id, prior) in [(1, Some(100)), (2, None), (3, Some(40)), (4, None)] {
            view.catalogue.put(&track(id, prior));
        }
        view.refresh_popularity(now);
        let order = |view: &TenantView| view.most_popular().0.to_vec();
        assert_eq!(order(&view), [0, 2]);
        let play = RecordedEvent {
            offset: 1,
            recorded_at: now,
            event: Event {
                event_id: EventId::from_u128(1),
                occurred_at: now,
                listener: None,
                schema_version: EVENT_SCHEMA_VERSION,
                payload: EventPayload::Listen(Listen::of(
                    TrackId::from_u128(4),
                    ListenOutcome::Completed,
                )),
            },
        };
        view.take(&[play]);
        view.refresh_popularity(now);
        assert_eq!(order(&view), [3, 0, 2], "one play goes before");
        view.catalogue.put(&track(3, Some(100)));
        view.catalogue.put(&track(1, Some(7)));
        view.refresh_popularity(now);
        assert_eq!(order(&view), [3, 2, 0], "what is said anew counts at once");
    }

    fn played(offset: u64, listener: u128, track: u128, minute: i64) -> RecordedEvent {
        let at = Timestamp::from_ms(minute * 60_000);
        RecordedEvent {
            offset,
            recorded_at: at,
            event: Event {
                event_id: EventId::from_u128(u128::from(offset)),
                occurred_at: at,
                listener: Some(ListenerId::from_u128(listener)),
                schema_version: EVENT_SCHEMA_VERSION,
                payload: EventPayload::Listen(Listen::of(
                    TrackId::from_u128(track),
                    ListenOutcome::Completed,
                )),
            },
        }
    }

    #[test]
    fn what_was_left_out_is_passed_over_and_counts_stay_level() {
        let mut view = TenantView::default();
        let mut part = |from, events: &[RecordedEvent], reached| {
            let events = events.to_vec();
            view.take_slice(from, &EventSlice { events, reached });
            let basis = view.basis();
            (basis.log_offset, basis.counted_offset)
        };
        assert_eq!(part(0, &[], 3), (3, None));
        // A play at 6 behind two answers, and another answer behind it: all before the play is counted.
        assert_eq!(part(3, &[played(6, 7, 1, 0)], 7), (7, Some(5)));
        assert_eq!(part(3, &[], 5), (7, Some(5)), "it has that already");
        assert_eq!(part(7, &[], 9), (9, Some(5)));
    }

    fn follow(view: &mut TenantView, events: &[RecordedEvent]) {
        view.take(events);
        view.refresh_popularity(Timestamp::from_ms(0));
        if view.wants_sessions() {
            let sessions = view.read_sessions().unwrap();
            view.set_sessions(sessions);
        }
    }

    #[test]
    fn a_session_is_found_once_it_was_played_whatever_the_order_of_arrival() {
        let empty = || {
            let mut view = TenantView::default();
            (1..=4).for_each(|id| view.catalogue.put(&track(id, None)));
            view
        };
        let plays = [played(1, 7, 1, 0), played(2, 7, 2, 4), played(3, 8, 3, 5)];
        let mut view = empty();
        assert!(view.wants_sessions(), "none were read yet");
        follow(&mut view, &plays[..1]);
        assert!(view.sessions.after(&[0], 9).is_empty());
        follow(&mut view, &plays[1..]);
        let next = |view: &TenantView| -> Vec<u32> {
            let found = view.sessions.after(&[0], 9).into_iter();
            found.map(|(index, _)| index).collect()
        };
        assert_eq!(next(&view), [0, 1]);
        assert!(!view.wants_sessions(), "nothing happened since");
        let mut late = empty();
        let reversed = [played(1, 8, 3, 5), played(2, 7, 2, 4), played(3, 7, 1, 0)];
        follow(&mut late, &reversed);
        assert_eq!(late.sessions.after(&[0], 9), view.sessions.after(&[0], 9));
    }
}
