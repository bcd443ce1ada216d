//! The log as a table of plays in order of time.

use std::collections::{HashMap, HashSet};

use leitmotif_domain::event::{EventPayload, Moment, Opinion, Scrobble};
use leitmotif_domain::{EventId, ListenerId, TenantScope, Timestamp, TrackId};
use leitmotif_features::IdMap;
use leitmotif_features::projection::READ_BATCH;
use leitmotif_features::track::{POPULARITY_HALF_LIFE_DAYS, TILE_MS};
use leitmotif_learn::InteractionMatrix;
use leitmotif_learn::matrix::Triplet;
use leitmotif_learn::neighbours::ItemNeighbours;
use leitmotif_storage::ports::current_spaces;

use crate::audiences::{AudiencePlay, AudiencePopularity, leading_genre};
use crate::candidates::{TREND_HALF_LIFE_DAYS, trends};
use crate::catalogue::CatalogueView;
use crate::error::{Error, Result};
use crate::moments::{ItemGroups, MomentLifts, MomentTable, UNKNOWN};
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
    /// The number of its moment.
    pub moment: u16,
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
    /// The moments of the plays.
    pub moments: MomentTable,
    /// Artists and genres of the items.
    pub groups: ItemGroups,
}

/// A cut in time: plays before `at` are known, plays up to `until` are asked for.
pub struct Split<'d> {
    plays: &'d [Play],
    known: usize,
    asked: usize,
    /// The moment of the cut.
    pub at: Timestamp,
}

impl<'d> Split<'d> {
    /// Plays that are all known, as of a moment; nothing is asked for.
    pub fn known(plays: &'d [Play], at: Timestamp) -> Self {
        Self {
            plays,
            known: plays.len(),
            asked: plays.len(),
            at,
        }
    }

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
        let cards = catalogue.cards();
        let groups = ItemGroups::new(cards.map(|(_, card)| (card.artist_key, card.genre_key())));
        let mut moments = MomentTable::default();
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
                    moment: moment_of(&event.payload, event.occurred_at, &mut moments),
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
            moments,
            groups,
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
        let triplets: Vec<Triplet> = sums(plays.iter(), |play| (play.listener, play.item))
            .into_iter()
            .filter_map(|((listener, item), signal)| {
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

    /// What was taken to at which moments more than else.
    pub fn lifts(&self, plays: &[Play]) -> Option<MomentLifts> {
        let liked = plays.iter().filter(|play| play.signal > 0.0);
        let at_moments = liked.map(|play| (play.item, play.moment));
        MomentLifts::fit(at_moments, &self.moments, &self.groups)
    }

    /// The leading genre of each listener, by its key.
    pub fn leading_genres(&self, plays: &[Play]) -> Vec<Option<u64>> {
        let mut leading = vec![None; self.listeners.len()];
        let sums = sums(plays.iter(), |play| (play.listener, play.item));
        for own in sums.chunk_by(|a, b| a.0.0 == b.0.0) {
            let genre = |((_, item), signal): &((u32, u32), f32)| {
                Some((self.groups.genre_key(*item)?, *signal))
            };
            if let Some(((listener, _), _)) = own.first() {
                leading[*listener as usize] = leading_genre(own.iter().filter_map(genre));
            }
        }
        leading
    }

    /// What is popular with whom at a moment.
    pub fn audiences(
        &self,
        plays: &[Play],
        now: Timestamp,
        leading_genres: &[Option<u64>],
    ) -> Option<AudiencePopularity> {
        let liked = || {
            let liked = plays.iter().filter(|play| play.signal > 0.0);
            liked.map(|play| AudiencePlay {
                listener: play.listener,
                item: play.item,
                moment: play.moment,
                weight: decay(play, now, POPULARITY_HALF_LIFE_DAYS),
            })
        };
        AudiencePopularity::fit(liked, &self.moments, leading_genres, self.items.len())
    }

    fn decayed(&self, plays: &[Play], now: Timestamp, half_life_days: f64) -> Vec<f64> {
        let mut decayed = vec![0.0; self.items.len()];
        for play in plays.iter().filter(|play| play.signal > 0.0) {
            decayed[play.item as usize] += decay(play, now, half_life_days);
        }
        decayed
    }
}

/// What a play still weighs at a moment.
fn decay(play: &Play, now: Timestamp, half_life_days: f64) -> f64 {
    let age_days = now.since_ms(play.at).max(0) as f64 / TILE_MS as f64;
    (-age_days / half_life_days).exp2()
}

/// What plays of one key, such as a listener and a track, say together, each key once and in order.
///
/// - Cost: O(n log n) time, key and signal of each play.
pub(super) fn sums<'p, K: Ord + Copy>(
    plays: impl Iterator<Item = &'p Play>,
    key: impl Fn(&Play) -> K,
) -> Vec<(K, f32)> {
    let mut sums: Vec<(K, f32)> = plays.map(|play| (key(play), play.signal)).collect();
    // Stable: the sum of floats is taken in order of time.
    sums.sort_by_key(|(key, _)| *key);
    sums.dedup_by(|one, kept| {
        let is_same = one.0 == kept.0;
        if is_same {
            kept.1 += one.1;
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

/// The number of the moment of a listen; a judgement has none.
fn moment_of(payload: &EventPayload, at: Timestamp, moments: &mut MomentTable) -> u16 {
    match payload {
        EventPayload::Listen(listen) => moments.number(&Moment::of_listen(listen, at)),
        _ => UNKNOWN,
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
pub(super) mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Plays of six listeners and twelve items, each with the number of its moment.
    pub fn dataset(plays: &[(u32, u32, f32, u16)]) -> Dataset {
        let play =
            |(number, (listener, item, signal, moment)): (usize, &(u32, u32, f32, u16))| Play {
                listener: *listener,
                item: *item,
                at: Timestamp::from_ms(number as i64),
                signal: *signal,
                offset: number as u64,
                listened_share: None,
                moment: *moment,
            };
        Dataset {
            listeners: (0..6).map(ListenerId::from_u128).collect(),
            items: (0..12).map(TrackId::from_u128).collect(),
            listens: plays.iter().enumerate().map(play).collect(),
            unknown_tracks: 0,
            without_listener: 0,
            moments: MomentTable::default(),
            groups: ItemGroups::default(),
        }
    }

    #[test]
    fn a_play_stays_small() {
        assert_eq!(size_of::<Play>(), 40);
        assert_eq!(size_of::<([u64; 2], Play)>(), 56);
    }

    proptest! {
        #[test]
        fn weights_are_those_of_plain_maps(
            plays in prop::collection::vec((0_u32..6, 0_u32..12, -1.0_f32..1.0, 0_u16..3), 1..200),
            known in 0.0_f64..1.0,
        ) {
            let dataset = dataset(&plays);
            let split = dataset.split(known, 1.0);
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
