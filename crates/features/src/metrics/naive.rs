//! A recount without any cleverness: every outcome is held against every exposure of the raw log. It shares nothing with
//! what it is held against but how a file is read.

use std::collections::{BTreeMap, BTreeSet};

use leitmotif_domain::event::{EventPayload, Exposure, Feedback, Listen, RecordedEvent};
use leitmotif_domain::{ListenerId, Timestamp, TrackId};

use super::definition::{Measure, MetricDefinition, Observation, Term};
use super::evaluation::Query;
use super::tally::GroupKey;
use crate::definition::{Field, Filter, Scalar, text_id};
use crate::engine::occurrence::occurrences;

/// Listeners, observations, sum above, sum below.
pub type Counts = (u64, u64, i128, i128);

struct Naive<'n> {
    definition: &'n MetricDefinition,
    query: &'n Query,
    events: Vec<&'n RecordedEvent>,
    artists: BTreeMap<TrackId, u128>,
}

/// Counts the groups of days, or everything as one where the query asks for no days.
pub fn recount(
    definition: &MetricDefinition,
    events: &[RecordedEvent],
    query: &Query,
) -> BTreeMap<GroupKey, Counts> {
    let listeners: BTreeSet<ListenerId> =
        events.iter().filter_map(|one| one.event.listener).collect();
    let mut counts: BTreeMap<GroupKey, Counts> = BTreeMap::new();
    let mut artists = BTreeMap::new();
    for one in events {
        if let EventPayload::CatalogueChanged(changed) = &one.event.payload
            && let Some(artist) = &changed.artist
        {
            artists.insert(changed.track, text_id(artist));
        }
    }
    for listener in listeners {
        let own = events
            .iter()
            .filter(|one| one.event.listener == Some(listener));
        let naive = Naive {
            definition,
            query,
            events: own.collect(),
            artists: artists.clone(),
        };
        let mut groups: BTreeMap<GroupKey, (u64, i128, i128)> = BTreeMap::new();
        for (at, x, y) in naive.observations() {
            let day = (!query.by.is_empty()).then(|| query.calendar.day(at));
            let key = GroupKey {
                day,
                labels: Vec::new(),
            };
            let group = groups.entry(key).or_default();
            *group = (group.0 + 1, group.1 + x, group.2 + y);
        }
        for (key, (observations, x, y)) in groups {
            let all = counts.entry(key).or_default();
            *all = (all.0 + 1, all.1 + observations, all.2 + x, all.3 + y);
        }
    }
    counts
}

impl<'n> Naive<'n> {
    fn plays(&self) -> Vec<(&'n RecordedEvent, &'n Listen)> {
        let is_taken_back = |play: &RecordedEvent, track: TrackId| {
            self.events.iter().any(|one| match &one.event.payload {
                EventPayload::ScrobbleDeleted(deleted) => {
                    let named = deleted.listen.as_ref().map(|listen| listen.track);
                    named == Some(track) && one.event.occurred_at == play.event.occurred_at
                }
                _ => false,
            })
        };
        let play = |one: &&'n RecordedEvent| match &one.event.payload {
            EventPayload::Listen(listen)
                if !listen.private
                    && !listen.is_inferred_skip()
                    && !is_taken_back(one, listen.track) =>
            {
                Some((*one, listen))
            }
            _ => None,
        };
        self.events.iter().filter_map(play).collect()
    }

    /// The judgements that no later one replaced.
    fn judged(&self) -> Vec<(&'n RecordedEvent, &'n Feedback)> {
        let feedback = |one: &&'n RecordedEvent| match &one.event.payload {
            EventPayload::Feedback(feedback) => Some((*one, feedback)),
            _ => None,
        };
        let all: Vec<_> = self.events.iter().filter_map(feedback).collect();
        let when = |one: &RecordedEvent| (one.event.occurred_at, one.offset);
        let is_last = |(one, feedback): &(&'n RecordedEvent, &'n Feedback)| {
            !(all.iter())
                .any(|(other, later)| later.track == feedback.track && when(other) > when(one))
        };
        all.iter().copied().filter(is_last).collect()
    }

    fn exposures(&self) -> Vec<(&'n RecordedEvent, &'n Exposure)> {
        let exposure = |one: &&'n RecordedEvent| match &one.event.payload {
            EventPayload::Exposure(exposure) => Some((*one, exposure)),
            _ => None,
        };
        self.events.iter().filter_map(exposure).collect()
    }

    /// The answer and the place that an outcome follows from.
    fn cause(
        &self,
        at: Timestamp,
        track: TrackId,
        listen: Option<&Listen>,
    ) -> Option<(u128, usize)> {
        let place = |shown: &Exposure| shown.tracks.iter().position(|one| one.track == track);
        let exposures = self.exposures();
        let request = listen.and_then(|listen| listen.request_id);
        let named = exposures
            .iter()
            .find(|(_, shown)| Some(shown.request_id) == request);
        if let Some((shown, place)) = named.and_then(|(_, shown)| Some((shown, place(shown)?))) {
            return Some((shown.request_id.as_u128(), place));
        }
        let since = |one: &RecordedEvent| at.since_ms(one.event.occurred_at);
        (exposures.iter())
            .filter(|(one, _)| (0..=self.definition.window_ms).contains(&since(one)))
            .filter_map(|(one, shown)| {
                Some((one.event.occurred_at, shown.request_id, place(shown)?))
            })
            .max()
            .map(|(_, request, place)| (request.as_u128(), place))
    }

    fn passes(&self, one: &RecordedEvent, place: Option<usize>, filter: &Filter) -> bool {
        let read = |field: Field| read(one, place.unwrap_or(0), field);
        filter.holds(read)
    }

    /// When each observation was, and what stands above and below for it.
    fn observations(&self) -> Vec<(Timestamp, i128, i128)> {
        let mut found = Vec::new();
        let filter = &self.definition.filter;
        let day = |at: Timestamp| self.query.calendar.day(at);
        match self.definition.observation {
            Observation::ExposedTrack => {
                for (one, shown) in self.exposures() {
                    for place in 0..shown.tracks.len() {
                        if self.passes(one, Some(place), filter) {
                            let is_of = |cause| cause == (shown.request_id.as_u128(), place);
                            found.push(self.observation(one.event.occurred_at, is_of, |_| false));
                        }
                    }
                }
            }
            Observation::Answer => {
                for (one, shown) in self.exposures() {
                    if self.passes(one, None, filter) {
                        let is_of = |cause: (u128, usize)| cause.0 == shown.request_id.as_u128();
                        found.push(self.observation(one.event.occurred_at, is_of, |_| false));
                    }
                }
            }
            Observation::ListenerDay => {
                let plays = self
                    .plays()
                    .into_iter()
                    .map(|(one, _)| one.event.occurred_at);
                let judged = self
                    .judged()
                    .into_iter()
                    .map(|(one, _)| one.event.occurred_at);
                let days: BTreeMap<i32, Timestamp> = plays
                    .chain(judged)
                    .filter(|at| self.is_within(*at))
                    .map(|at| (day(at), at))
                    .collect();
                for (of, at) in days {
                    let is_that = |one: &RecordedEvent| {
                        self.is_within(one.event.occurred_at) && day(one.event.occurred_at) == of
                    };
                    found.push(self.observation(at, |_| false, is_that));
                }
            }
            Observation::Play => {
                for (one, _) in self.plays() {
                    if self.passes(one, None, filter) {
                        let is_that = |other: &RecordedEvent| other.offset == one.offset;
                        found.push(self.observation(one.event.occurred_at, |_| false, is_that));
                    }
                }
            }
            Observation::CatalogueTrack => {}
        }
        found.retain(|(at, _, _)| self.is_within(*at));
        found
    }

    fn is_within(&self, at: Timestamp) -> bool {
        self.query.from.is_none_or(|from| at >= from) && self.query.to.is_none_or(|to| at < to)
    }

    /// Adds up the outcomes that follow from something shown, or that are of something themselves.
    fn observation(
        &self,
        at: Timestamp,
        follows: impl Fn((u128, usize)) -> bool,
        is_itself: impl Fn(&RecordedEvent) -> bool,
    ) -> (Timestamp, i128, i128) {
        let mut outcomes: Vec<(&RecordedEvent, Option<&Listen>)> = Vec::new();
        for (one, listen) in self.plays() {
            let cause = || self.cause(one.event.occurred_at, listen.track, Some(listen));
            if is_itself(one) || cause().is_some_and(&follows) {
                outcomes.push((one, Some(listen)));
            }
        }
        for (one, feedback) in self.judged() {
            let cause = || self.cause(one.event.occurred_at, feedback.track, None);
            if is_itself(one) || cause().is_some_and(&follows) {
                outcomes.push((one, None));
            }
        }
        let sum =
            |terms: &[Term]| -> i128 { terms.iter().map(|term| self.term(term, &outcomes)).sum() };
        let below = match self.definition.denominator.as_slice() {
            [] => 1_000_000,
            terms => sum(terms),
        };
        (at, sum(&self.definition.numerator), below)
    }

    fn term(&self, term: &Term, outcomes: &[(&RecordedEvent, Option<&Listen>)]) -> i128 {
        let of_kind = outcomes.iter().filter(|(one, _)| {
            one.event.payload.kind() == term.event.name() && self.passes(one, None, &term.filter)
        });
        let count = |counted: usize| counted as i128 * 1_000;
        let value = match term.measure {
            Measure::Each => count(of_kind.count()),
            Measure::Any => count(of_kind.count().min(1)),
            Measure::Sum(field) => of_kind
                .filter_map(|(one, _)| match read(one, 0, field)? {
                    Scalar::Number(value) => {
                        Some(i128::from(value) * 1_000 / i128::from(field.scale()))
                    }
                    Scalar::Id(_) => None,
                })
                .sum(),
            Measure::NewArtist => count(
                of_kind
                    .filter(|(one, listen)| self.is_new(one, *listen))
                    .count(),
            ),
            Measure::KnownArtist => {
                let is_known = |listen: Option<&Listen>| {
                    listen.is_some_and(|listen| self.artists.contains_key(&listen.track))
                };
                count(of_kind.filter(|(_, listen)| is_known(*listen)).count())
            }
        };
        i128::from(term.weight_milli) * value
    }

    /// Whether no earlier play of the listener is of that artist.
    fn is_new(&self, one: &RecordedEvent, listen: Option<&Listen>) -> bool {
        let artist = |listen: &Listen| self.artists.get(&listen.track);
        let Some(own) = listen.and_then(artist) else {
            return false;
        };
        !self.plays().iter().any(|(other, heard)| {
            artist(heard) == Some(own) && other.event.occurred_at < one.event.occurred_at
        })
    }
}

fn read(one: &RecordedEvent, place: usize, field: Field) -> Option<Scalar> {
    let mut found = None;
    occurrences(
        one,
        one.event.occurred_at,
        |_| None,
        |occurrence| {
            if occurrence.place as usize == place {
                found = occurrence.read(field);
            }
        },
    );
    found
}
