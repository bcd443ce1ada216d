//! What the recommender knows of one tenant, in memory: listening state, catalogue, model.

use std::collections::BTreeMap;
use std::sync::Arc;

use leitmotif_domain::definition::DefinitionKind;
use leitmotif_domain::event::{EventPayload, Moment, RecordedEvent};
use leitmotif_domain::{ListenerId, Timestamp, TrackId, limits};
use leitmotif_features::{ListenerProfile, Projection};
use leitmotif_storage::duplicates::DUPLICATES;

use crate::candidates::{Best, MOST_TRENDING, TREND_HALF_LIFE_DAYS, Votes, trends};
use crate::catalogue::CatalogueView;
use crate::error::Result;
use crate::model::RecommenderModel;
use crate::moments::MomentShift;
use crate::placements::Placements;
use crate::rank::skip_rate;
use crate::recent_sessions::RecentSessions;
use crate::scratch::{Numbering, ScratchPool};

/// Popularity is counted anew, and sessions are read anew, when the plays grew by one in so many. Counting
/// costs at most the number of plays, so a play pays for 50 tracks at most; few plays are counted on every
/// one, so that the first of a new catalogue are seen, however long its log of other events is.
const POPULARITY_SHARE: u64 = 50;
/// Strongest pull or push of one track; a track played a hundred times is not a hundred tastes.
const SIGNAL_MAX: f32 = 20.0;
/// Most popular tracks that are kept in order: more than a list is made of.
pub(crate) const MOST_POPULAR: usize = 2_000;

/// Decayed plays that the greatest popularity elsewhere is worth: less than a play of the last half year, so that it
/// orders what nobody plays and nothing else.
const PRIOR_PLAYS: f32 = 0.01;

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
    /// Decayed popularity by catalogue index.
    pub popularity: Vec<f32>,
    /// The largest of them.
    pub popularity_max: f32,
    /// `ln(1 + x)` of each, as a ranker is told of it.
    popularity_logs: Vec<f32>,
    /// Skips per play by catalogue index.
    pub skip_rates: Vec<f32>,
    /// How much more than usual a track is played, by catalogue index.
    pub trends: Vec<f32>,
    /// Catalogue indexes of the most popular tracks, best first.
    most_popular: Vec<u32>,
    /// Catalogue indexes of the tracks that are played more than usual, with how much, best first.
    most_trending: Vec<(u32, f32)>,
    /// Where neighbours are added up.
    pub votes: ScratchPool<Votes>,
    /// Where what sources offer is brought together.
    pub numbers: ScratchPool<Numbering>,
    /// The newest sessions, as they were when they were read last.
    pub sessions: RecentSessions,
    /// Plays that came since the sessions were read; none before they were.
    plays_unread: Option<u64>,
    /// Plays in the last count, and those that came since.
    plays_counted: u64,
    plays_since: u64,
    /// Catalogue index of each column of the model.
    index_of_column: Vec<Option<u32>>,
    /// The way back: the column of each catalogue index, [`NO_COLUMN`] for none.
    column_of_index: Vec<u32>,
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
    pub fn take(&mut self, events: &[RecordedEvent]) -> FollowUp {
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

    fn note_play(&mut self) {
        self.plays_since += 1;
        self.plays_unread = self.plays_unread.map(|plays| plays + 1);
    }

    /// Whether enough happened for the sessions to be read anew. Popularity is counted before.
    pub fn wants_sessions(&self) -> bool {
        let wanted = (self.plays_counted / POPULARITY_SHARE).max(1);
        self.plays_unread.is_none_or(|plays| plays >= wanted)
    }

    /// Reads the newest sessions of what listeners did.
    pub fn read_sessions(&self) -> Result<RecentSessions> {
        RecentSessions::of(&self.projection.state, &self.catalogue)
    }

    /// Puts sessions that were read into service.
    pub fn set_sessions(&mut self, sessions: RecentSessions) {
        self.sessions = sessions;
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
    }

    /// Counts popularity anew when enough happened since the last time.
    pub fn refresh_popularity(&mut self, now: Timestamp) {
        let wanted = (self.plays_counted / POPULARITY_SHARE).max(1);
        let is_fresh = self.plays_since < wanted && !self.catalogue.take_new_priors();
        if !is_fresh || self.popularity.len() != self.catalogue.len() {
            self.count_popularity(now);
        }
    }

    /// Counts popularity, trends and skip rates as they were at `now`. A track that nobody plays here counts as
    /// it is said to be played elsewhere, below one that is played.
    pub fn count_popularity(&mut self, now: Timestamp) {
        self.popularity = vec![0.0; self.catalogue.len()];
        for (index, card) in self.catalogue.cards() {
            if let (Some(popularity), Some(prior)) = (self.popularity.get_mut(index), card.prior) {
                *popularity = PRIOR_PLAYS * f32::from(prior) / 100.0;
            }
        }
        self.skip_rates = vec![skip_rate(0, 0); self.catalogue.len()];
        (self.plays_counted, self.plays_since) = (0, 0);
        let mut lately = vec![0.0; self.catalogue.len()];
        let mut usually = vec![0.0; self.catalogue.len()];
        for (track, activity) in self.projection.state.tracks() {
            let total = activity.total();
            self.plays_counted += u64::from(total.plays);
            if let Some(index) = self.catalogue.index(track)
                && let (Some(popularity), Some(rate)) = (
                    self.popularity.get_mut(index),
                    self.skip_rates.get_mut(index),
                )
            {
                let plays = activity.popularity(now);
                *popularity = popularity.max(plays as f32);
                *rate = skip_rate(total.plays, total.skips);
                usually[index] = plays;
                lately[index] = activity.decayed(now, TREND_HALF_LIFE_DAYS);
            }
        }
        let most = most_of(&self.popularity, MOST_POPULAR);
        self.popularity_max = most.first().map_or(0.0, |(_, score)| *score);
        self.popularity_logs = self.popularity.iter().map(|plays| plays.ln_1p()).collect();
        self.most_popular = most.into_iter().map(|(index, _)| index).collect();
        self.trends = trends(&lately, &usually);
        self.most_trending = most_of(&self.trends, MOST_TRENDING);
    }

    /// `ln(1 + x)` of the popularity by catalogue index.
    pub fn popularity_logs(&self) -> &[f32] {
        &self.popularity_logs
    }

    /// The tracks that are played more than usual by catalogue index, best first, some of which may be gone
    /// by now.
    pub fn most_trending(&self) -> &[(u32, f32)] {
        &self.most_trending
    }

    /// The most popular tracks by catalogue index, best first, some of which may be gone by now; and whether
    /// these are all that anybody plays.
    pub fn most_popular(&self) -> (&[u32], bool) {
        let is_all = self.most_popular.len() < MOST_POPULAR;
        (&self.most_popular, is_all)
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

    /// Whether tracks came in that the model does not know.
    pub fn has_cold_tracks(&self) -> bool {
        let known = self.model.as_ref().map_or(0, |model| model.items.len());
        self.catalogue.len() > known
    }

    /// A listener's profile.
    pub fn profile(&self, listener: Option<ListenerId>) -> Option<&ListenerProfile> {
        self.projection
            .state
            .listener(listener?)
            .filter(|profile| !profile.is_empty())
    }
}

/// The places of the largest of some numbers above 0, with these, largest first.
fn most_of(numbers: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut most = Best::new(count);
    for (place, number) in (0..).zip(numbers).filter(|(_, number)| **number > 0.0) {
        most.tell(place, *number);
    }
    most.into_sorted().collect()
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
