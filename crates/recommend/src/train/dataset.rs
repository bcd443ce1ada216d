//! The log as a table of plays in order of time.

use std::collections::{HashMap, HashSet};

use leitmotif_domain::event::{EventPayload, Opinion, Scrobble};
use leitmotif_domain::{EventId, ListenerId, TenantScope, Timestamp, TrackId};
use leitmotif_features::IdMap;
use leitmotif_features::projection::READ_BATCH;
use leitmotif_features::track::{POPULARITY_HALF_LIFE_DAYS, TILE_MS};
use leitmotif_learn::InteractionMatrix;
use leitmotif_learn::matrix::Triplet;
use leitmotif_learn::neighbours::ItemNeighbours;
use leitmotif_storage::ports::current_spaces;

use crate::candidates::{TREND_HALF_LIFE_DAYS, trends};
use crate::catalogue::CatalogueView;
use crate::error::{Error, Result};
use crate::recent_sessions::RUNNING_TRACKS;
use crate::service::Stores;
use crate::view::taste_weight;

/// Signal of a play from which a held-out track counts as relevant: heard for the most part.
pub const RELEVANT_SIGNAL: f32 = 0.5;
/// Signal from which a held-out track counts as loved: a like, or more than one whole play.
pub const LOVED_SIGNAL: f32 = 1.5;
/// What a judgement counts, in completed plays.
const OPINION_SIGNAL: f32 = 3.0;
/// Events that room is set aside for at once: growing would hold a table twice. The system lends memory
/// only where it is written, so that a log of other events costs nothing.
const ROOM_MAX: usize = 1 << 24;

/// One play or judgement, in 40 bytes: training holds the whole log of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Play {
    /// Index of the listener.
    pub listener: u32,
    /// Column of the track.
    pub item: u32,
    /// When.
    pub at: Timestamp,
    /// What it says of taste, −1..=1 for a play.
    pub signal: f32,
    /// Where it stands in the log.
    pub offset: u64,
    /// Share of the track that was heard, 0 to 1, where it is known.
    pub listened_share: Option<f32>,
}

/// Plays in order of time, over the tracks of the catalogue.
pub struct Dataset {
    /// The listeners.
    pub listeners: Vec<ListenerId>,
    /// The tracks, by id; also those never played.
    pub items: Vec<TrackId>,
    /// The plays, by time, ties by event.
    pub listens: Vec<Play>,
    /// Listens of tracks that are not in the catalogue, left out.
    pub unknown_tracks: u64,
    /// Listens of nobody, left out.
    pub without_listener: u64,
}

/// A cut in time: plays before `at` are known, plays up to `until` are asked for.
pub struct Split<'d> {
    plays: &'d [Play],
    known: usize,
    asked: usize,
    /// The moment of the cut.
    pub at: Timestamp,
}

impl Split<'_> {
    /// The known plays.
    pub fn train(&self) -> &[Play] {
        &self.plays[..self.known]
    }

    /// The plays asked for.
    pub fn test(&self) -> &[Play] {
        &self.plays[self.known..self.asked]
    }
}

impl Dataset {
    /// Reads the log up to an offset over the tracks of the catalogue.
    pub async fn read(
        stores: &Stores,
        scope: &TenantScope,
        catalogue: &CatalogueView,
        until: u64,
    ) -> Result<Self> {
        let items: Vec<TrackId> = catalogue.cards().map(|(_, card)| card.id).collect();
        let mut columns = IdMap::default();
        for item in &items {
            columns.number_or_insert_with(*item, || ());
        }
        let mut rows = IdMap::default();
        // With the bits of the event's id, which would widen a play by a third as one number.
        let room = usize::try_from(until).unwrap_or(ROOM_MAX).min(ROOM_MAX);
        let mut keyed: Vec<([u64; 2], Play)> = Vec::with_capacity(room);
        let mut taken_back: HashSet<[u64; 2]> = HashSet::new();
        let (mut unknown_tracks, mut without_listener) = (0, 0);
        let mut offset = 0;
        while offset < until {
            let events = stores.log.read(scope, offset, READ_BATCH).await?;
            let Some(last) = events.last() else { break };
            offset = last.offset;
            for recorded in events.iter().filter(|recorded| recorded.offset <= until) {
                let event = &recorded.event;
                if let EventPayload::ScrobbleDeleted(deleted) = &event.payload {
                    taken_back.insert(halves(Scrobble::resolved_event_id(deleted.scrobble)));
                }
                let Some((track, signal)) = signal_of(&event.payload) else {
                    continue;
                };
                let Some(id) = event.listener else {
                    without_listener += 1;
                    continue;
                };
                let Some(item) = columns.number(track) else {
                    unknown_tracks += 1;
                    continue;
                };
                let listener = rows.number_or_insert_with(id, || ());
                let play = Play {
                    listener,
                    item,
                    at: event.occurred_at,
                    signal,
                    offset: recorded.offset,
                    listened_share: listened_share(&event.payload),
                };
                keyed.push((halves(event.event_id), play));
            }
        }
        keyed.retain(|(event, _)| !taken_back.contains(event));
        keyed.sort_unstable_by_key(|(event, play)| (play.at, *event));
        let mut listens = Vec::with_capacity(keyed.len());
        listens.extend(keyed.iter().map(|(_, play)| *play));
        let listeners = rows.iter().map(|(id, ())| id).collect();
        Ok(Self {
            listeners,
            items,
            listens,
            unknown_tracks,
            without_listener,
        })
    }

    /// Cuts at shares of the plays; plays of the same moment stay together.
    pub fn split(&self, known: f64, asked: f64) -> Split<'_> {
        let place = |share: f64| {
            let wanted = (self.listens.len() as f64 * share).round() as usize;
            let mut place = wanted.min(self.listens.len());
            while place > 0
                && place < self.listens.len()
                && self.listens[place].at == self.listens[place - 1].at
            {
                place += 1;
            }
            place
        };
        let (known, asked) = (place(known), place(asked));
        let at = self
            .listens
            .get(known)
            .or(self.listens.last())
            .map_or(Timestamp::from_ms(0), |play| play.at);
        Split {
            plays: &self.listens,
            known,
            asked,
            at,
        }
    }

    /// The plays from one moment on and before another.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> &[Play] {
        let place = |at: Timestamp| self.listens.partition_point(|play| play.at < at);
        self.listens.get(place(from)..place(to)).unwrap_or_default()
    }

    /// Listeners × items with taste weights, negative ones included.
    pub fn matrix(&self, plays: &[Play]) -> Result<InteractionMatrix> {
        self.matrix_of(plays, |signal| {
            Some(taste_weight(signal)).filter(|weight| *weight != 0.0)
        })
    }

    /// Listeners × items the listener took to.
    pub fn liked_matrix(&self, plays: &[Play]) -> Result<InteractionMatrix> {
        self.matrix_of(plays, |signal| (signal > 0.0).then(|| taste_weight(signal)))
    }

    fn matrix_of(
        &self,
        plays: &[Play],
        weigh: impl Fn(f32) -> Option<f32>,
    ) -> Result<InteractionMatrix> {
        let triplets: Vec<Triplet> = sums(plays.iter())
            .into_iter()
            .filter_map(|(listener, item, signal)| {
                Some(Triplet {
                    row: listener as usize,
                    column: item as usize,
                    weight: weigh(signal)?,
                })
            })
            .collect();
        Ok(InteractionMatrix::from_triplets(
            self.listeners.len(),
            self.items.len(),
            &triplets,
        )?)
    }

    /// Decayed popularity by column, as the live feature counts it.
    pub fn popularity(&self, plays: &[Play], now: Timestamp) -> Vec<f32> {
        let popularity = self.decayed(plays, now, POPULARITY_HALF_LIFE_DAYS);
        popularity.into_iter().map(|plays| plays as f32).collect()
    }

    /// How much more each column is played in the days before a moment than usual.
    pub fn trends(&self, plays: &[Play], now: Timestamp) -> Vec<f32> {
        let lately = self.decayed(plays, now, TREND_HALF_LIFE_DAYS);
        let usually = self.decayed(plays, now, POPULARITY_HALF_LIFE_DAYS);
        trends(&lately, &usually)
    }

    fn decayed(&self, plays: &[Play], now: Timestamp, half_life_days: f64) -> Vec<f64> {
        let mut decayed = vec![0.0; self.items.len()];
        for play in plays.iter().filter(|play| play.signal > 0.0) {
            let age_days = now.since_ms(play.at).max(0) as f64 / TILE_MS as f64;
            decayed[play.item as usize] += (-age_days / half_life_days).exp2();
        }
        decayed
    }

    /// The questions of a split: for each listener the tracks known before and the new ones they
    /// took to afterwards. Listeners without a new one are left out; of more than `most` every n-th is
    /// asked.
    ///
    /// - Cost: O(n log n) in the plays, of which those of the asked listeners are held at 8 bytes.
    pub fn questions(&self, split: &Split<'_>, most: usize) -> Vec<Question> {
        let mut taken_to = sums(split.test().iter());
        taken_to.retain(|(_, _, signal)| *signal >= RELEVANT_SIGNAL);
        let mut is_asked = vec![false; self.listeners.len()];
        for (listener, _, _) in &taken_to {
            is_asked[*listener as usize] = true;
        }
        let known = split.train().iter();
        let known = known.filter(|play| is_asked[play.listener as usize]);
        let mut heard: Vec<(u32, u32)> = known.map(|play| (play.listener, play.item)).collect();
        heard.sort_unstable();
        heard.dedup();
        taken_to.retain(|(listener, item, _)| heard.binary_search(&(*listener, *item)).is_err());
        let chunks = taken_to.chunk_by(|a, b| a.0 == b.0);
        let step = chunks.clone().count().div_ceil(most.max(1)).max(1);
        let mut questions: Vec<Question> =
            chunks.step_by(step).map(|new| ask(new, &heard)).collect();
        last_tracks(split.train(), &mut questions);
        questions
    }
}

/// Asks for the tracks that a listener newly took to.
fn ask(new: &[(u32, u32, f32)], heard: &[(u32, u32)]) -> Question {
    let listener = new.first().map_or(0, |one| one.0);
    let known = heard.partition_point(|(other, _)| *other < listener);
    let known = heard[known..].iter();
    let known = known.take_while(|(other, _)| *other == listener);
    let loved = new.iter().filter(|(_, _, signal)| *signal >= LOVED_SIGNAL);
    Question {
        listener: listener as usize,
        heard: known.map(|(_, item)| *item as usize).collect(),
        last: Vec::new(),
        relevant: new.iter().map(|(_, item, _)| *item as usize).collect(),
        loved: loved.map(|(_, item, _)| *item as usize).collect(),
    }
}

/// Fills in the last columns that the listeners took to. The questions are in order of listeners.
fn last_tracks(known: &[Play], questions: &mut [Question]) {
    for play in known.iter().rev().filter(|play| play.signal > 0.0) {
        let listener = play.listener as usize;
        let place = questions.binary_search_by_key(&listener, |question| question.listener);
        if let Ok(place) = place
            && questions[place].last.len() < RUNNING_TRACKS
        {
            questions[place].last.push(play.item);
        }
    }
}

/// What the plays of a listener say of a track together, by listener and track, each once.
///
/// - Cost: O(n log n) time, 12 bytes a play.
fn sums<'p>(plays: impl Iterator<Item = &'p Play>) -> Vec<(u32, u32, f32)> {
    let mut sums: Vec<(u32, u32, f32)> = plays
        .map(|play| (play.listener, play.item, play.signal))
        .collect();
    // Stable: the sum of floats is taken in order of time.
    sums.sort_by_key(|(listener, item, _)| (*listener, *item));
    sums.dedup_by(|one, kept| {
        let is_same = (one.0, one.1) == (kept.0, kept.1);
        if is_same {
            kept.2 += one.2;
        }
        is_same
    });
    sums
}

/// The bits of an event's id.
fn halves(event: EventId) -> [u64; 2] {
    let bits = event.as_u128();
    [(bits >> 64) as u64, bits as u64]
}

/// The share of a track that was heard.
fn listened_share(payload: &EventPayload) -> Option<f32> {
    let EventPayload::Listen(listen) = payload else {
        return None;
    };
    match (listen.played_ms, listen.track_ms) {
        (Some(played), Some(length)) if length > 0 => {
            Some((played as f32 / length as f32).min(1.0))
        }
        _ => None,
    }
}

/// The track that an event says something about, and what it says.
fn signal_of(payload: &EventPayload) -> Option<(TrackId, f32)> {
    match payload {
        EventPayload::Listen(listen) if !listen.private => Some((listen.track, listen.signal())),
        EventPayload::Feedback(feedback) => match feedback.opinion {
            Opinion::Like => Some((feedback.track, OPINION_SIGNAL)),
            Opinion::Dislike => Some((feedback.track, -OPINION_SIGNAL)),
            Opinion::Cleared => None,
        },
        _ => None,
    }
}

/// What is asked of a model about one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Index of the listener.
    pub listener: usize,
    /// Columns played before the cut; never an answer.
    pub heard: HashSet<usize>,
    /// The last columns they took to before the cut, newest first.
    pub last: Vec<u32>,
    /// Columns the listener took to after the cut.
    pub relevant: HashSet<usize>,
    /// Those of them that were loved.
    pub loved: HashSet<usize>,
}

/// Embedding neighbours of every item over all spaces; similarities of a space are scaled to its
/// own best, since two spaces are never compared.
pub async fn content_lists(
    stores: &Stores,
    scope: &TenantScope,
    items: &[TrackId],
    count: usize,
) -> Result<ItemNeighbours> {
    let columns: HashMap<TrackId, u32> = items
        .iter()
        .enumerate()
        .map(|(column, item)| (*item, column as u32))
        .collect();
    let spaces = current_spaces(stores.vectors.as_ref(), scope).await?;
    let mut lists: Vec<HashMap<u32, f32>> = vec![HashMap::new(); items.len()];
    for (space, _) in &spaces {
        for (item, list) in items.iter().zip(&mut lists) {
            let Some(query) = stores.vectors.vector(scope, space, *item).await? else {
                continue;
            };
            let near = stores
                .vectors
                .nearest(scope, space, &query, count + 1, None)
                .await?;
            let best = near
                .iter()
                .filter(|one| one.track != *item)
                .map(|one| one.distance);
            let Some(best) = best.reduce(f32::min).map(|d| (1.0 - d).max(f32::EPSILON)) else {
                continue;
            };
            for one in near.iter().filter(|one| one.track != *item) {
                if let Some(column) = columns.get(&one.track) {
                    *list.entry(*column).or_default() += (1.0 - one.distance).max(0.0) / best;
                }
            }
        }
    }
    let sorted = lists.into_iter().map(|list| {
        let mut list: Vec<_> = list
            .into_iter()
            .filter(|(_, similarity)| *similarity > 0.0)
            .collect();
        list.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        list.truncate(count);
        list
    });
    ItemNeighbours::from_lists(sorted.collect()).map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn dataset(plays: &[(u32, u32, f32)]) -> Dataset {
        let play = |(number, (listener, item, signal)): (usize, &(u32, u32, f32))| Play {
            listener: *listener,
            item: *item,
            at: Timestamp::from_ms(number as i64),
            signal: *signal,
            offset: number as u64,
            listened_share: None,
        };
        Dataset {
            listeners: (0..6).map(ListenerId::from_u128).collect(),
            items: (0..12).map(TrackId::from_u128).collect(),
            listens: plays.iter().enumerate().map(play).collect(),
            unknown_tracks: 0,
            without_listener: 0,
        }
    }

    /// The questions by maps and sets, one play after the other.
    fn naive(split: &Split<'_>) -> Vec<Question> {
        let mut signals: BTreeMap<(u32, u32), f32> = BTreeMap::new();
        for play in split.test() {
            *signals.entry((play.listener, play.item)).or_default() += play.signal;
        }
        let mut questions: BTreeMap<u32, Question> = BTreeMap::new();
        for ((listener, item), signal) in signals {
            let known = || {
                split
                    .train()
                    .iter()
                    .filter(|play| play.listener == listener)
            };
            let heard: HashSet<usize> = known().map(|play| play.item as usize).collect();
            if signal < RELEVANT_SIGNAL || heard.contains(&(item as usize)) {
                continue;
            }
            let last = known().rev().filter(|play| play.signal > 0.0);
            let question = questions.entry(listener).or_insert_with(|| Question {
                listener: listener as usize,
                heard,
                last: last.take(RUNNING_TRACKS).map(|play| play.item).collect(),
                relevant: HashSet::new(),
                loved: HashSet::new(),
            });
            question.relevant.insert(item as usize);
            if signal >= LOVED_SIGNAL {
                question.loved.insert(item as usize);
            }
        }
        questions.into_values().collect()
    }

    #[test]
    fn a_play_stays_small() {
        assert_eq!(size_of::<Play>(), 40);
        assert_eq!(size_of::<([u64; 2], Play)>(), 56);
    }

    #[test]
    fn of_too_many_questions_every_other_is_asked() {
        let plays: Vec<(u32, u32, f32)> = (0..6).map(|listener| (listener, 1, 1.0)).collect();
        let dataset = dataset(&plays);
        let asked = |most: usize| {
            let questions = dataset.questions(&dataset.split(0.0, 1.0), most);
            questions.iter().map(|one| one.listener).collect::<Vec<_>>()
        };
        assert_eq!(asked(6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(asked(5), [0, 2, 4]);
        assert_eq!(asked(1), [0]);
        assert_eq!(asked(0), [0]);
    }

    proptest! {
        #[test]
        fn questions_and_weights_are_those_of_plain_maps(
            plays in prop::collection::vec((0_u32..6, 0_u32..12, -1.0_f32..1.0), 1..200),
            known in 0.0_f64..1.0,
        ) {
            let dataset = dataset(&plays);
            let split = dataset.split(known, 1.0);
            prop_assert_eq!(dataset.questions(&split, 100), naive(&split));
            let mut sums: BTreeMap<(usize, usize), f32> = BTreeMap::new();
            for play in split.train() {
                let place = (play.listener as usize, play.item as usize);
                *sums.entry(place).or_default() += play.signal;
            }
            sums.retain(|_, signal| taste_weight(*signal) != 0.0);
            let matrix = dataset.matrix(split.train()).unwrap();
            let rows = (0..6).flat_map(|row| matrix.entries(row).map(move |entry| (row, entry)));
            let found: Vec<_> = rows.map(|(row, (column, weight))| ((row, column), weight)).collect();
            let expected: Vec<_> = sums.into_iter().map(|(at, sum)| (at, taste_weight(sum))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
