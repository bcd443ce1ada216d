//! What was shown, and what became of it: lists of the log with the listens that name them.

use std::collections::{BTreeMap, HashMap};

use leitmotif_domain::event::{EventPayload, Exposure, Listen, Moment, ShownExploration};
use leitmotif_domain::{ListenerId, RequestId, TenantScope, Timestamp, TrackId};
use leitmotif_features::projection::READ_BATCH;
use leitmotif_learn::exposure::{Examination, ShownPair, SwapCounts};
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, LOVED_SIGNAL, Play};
use crate::error::Result;
use crate::rank::RunningSession;
use crate::service::Stores;

/// Newest lists that are learnt from; each keeps some tens of bytes a track.
const LISTS_MAX: usize = 100_000;
/// Newest attributed listens that are read.
const LISTENS_MAX: usize = 1_000_000;
/// How long after a list what a listener thinks of its tracks counts as an answer to it.
const REPLAY_MS: i64 = 7 * 24 * 3_600 * 1_000;
/// Labels from worst to best.
const SKIPPED: f32 = 0.0;
const NOT_PLAYED: f32 = 1.0;
const PARTIAL: f32 = 2.0;
const COMPLETED: f32 = 3.0;
const LOVED: f32 = 4.0;

/// One track of a list, at the position of its index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShownTrack {
    /// Its column; none when it left the catalogue.
    pub item: Option<usize>,
    /// What became of it: 0 skipped, 1 not played, 2 in part, 3 completed, 4 liked or played again.
    pub label: f32,
}

impl ShownTrack {
    /// Whether the listener took to it at least for a part.
    pub fn is_positive(&self) -> bool {
        self.label >= PARTIAL
    }
}

/// A list that was shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownList {
    /// Index of the listener.
    pub listener: usize,
    /// When.
    pub at: Timestamp,
    /// What the player said of the moment.
    pub moment: Moment,
    /// The session that the listener was in.
    pub session: RunningSession,
    /// Its tracks in order.
    pub tracks: Vec<ShownTrack>,
    exploration: Option<ShownExploration>,
}

/// Lists as the log has them, before anything is known of their tracks.
#[derive(Default)]
pub struct Exposures {
    lists: Vec<(Timestamp, ListenerId, Exposure)>,
    listens: Vec<(Timestamp, RequestId, TrackId, f32)>,
}

impl Exposures {
    /// Reads the lists up to an offset that were shown before a moment, with the listens before it
    /// that name them: the newest, where there are very many.
    ///
    /// - Cost: one read of the log.
    pub async fn read(
        stores: &Stores,
        scope: &TenantScope,
        until: u64,
        before: Timestamp,
    ) -> Result<Self> {
        let mut exposures = Self::default();
        let mut offset = 0;
        while offset < until {
            let events = stores.log.read(scope, offset, READ_BATCH).await?;
            let Some(last) = events.last() else { break };
            offset = last.offset;
            for recorded in events.into_iter().filter(|one| one.offset <= until) {
                let event = recorded.event;
                if event.occurred_at < before {
                    exposures.take(event.occurred_at, event.listener, event.payload);
                }
            }
        }
        exposures.forget_oldest(LISTS_MAX, LISTENS_MAX);
        Ok(exposures)
    }

    fn take(&mut self, at: Timestamp, listener: Option<ListenerId>, payload: EventPayload) {
        match (payload, listener) {
            // Where tracks stand for their flow, a place says nothing of how likely it was looked at.
            (EventPayload::Exposure(exposure), Some(listener)) if !exposure.is_sequenced => {
                self.lists.push((at, listener, exposure));
            }
            (EventPayload::Listen(listen), Some(_)) => {
                if let Some(request_id) = listen.request_id.filter(|_| !listen.private) {
                    let Listen { track, .. } = listen;
                    self.listens.push((at, request_id, track, listen.signal()));
                }
            }
            _ => {}
        }
        if self.lists.len() >= 2 * LISTS_MAX || self.listens.len() >= 2 * LISTENS_MAX {
            self.forget_oldest(LISTS_MAX, LISTENS_MAX);
        }
    }

    fn forget_oldest(&mut self, lists_max: usize, listens_max: usize) {
        self.lists.sort_by_key(|(at, _, one)| (*at, one.request_id));
        self.lists
            .drain(..self.lists.len().saturating_sub(lists_max));
        (self.listens).sort_by_key(|(at, request, track, _)| (*at, *request, *track));
        (self.listens).drain(..self.listens.len().saturating_sub(listens_max));
    }

    /// Joins lists and listens; lists of listeners that the table of plays does not know are left out.
    /// `before` is the moment up to which plays count.
    pub fn joined(self, dataset: &Dataset, before: Timestamp) -> ShownLists {
        let rows = dataset.listeners.iter().enumerate();
        let rows: HashMap<ListenerId, usize> = rows.map(|(row, id)| (*id, row)).collect();
        let columns = dataset.items.iter().enumerate();
        let columns: HashMap<TrackId, usize> = columns.map(|(at, id)| (*id, at)).collect();
        // A track may be begun several times from one list; the best of it tells.
        let mut heard: HashMap<(RequestId, TrackId), f32> = HashMap::new();
        for (_, request, track, signal) in &self.listens {
            let best = heard.entry((*request, *track)).or_insert(*signal);
            *best = best.max(*signal);
        }
        // Only of what was shown: the plays of everything would weigh many times their table.
        let shown = self
            .lists
            .iter()
            .filter_map(|(_, listener, exposure)| Some((*rows.get(listener)?, &exposure.tracks)));
        let mut plays: BTreeMap<(usize, usize), Vec<(Timestamp, f32)>> = BTreeMap::new();
        for (listener, tracks) in shown {
            let items = tracks.iter().filter_map(|one| columns.get(&one.track));
            for item in items {
                plays.entry((listener, *item)).or_default();
            }
        }
        for play in dataset.listens.iter().filter(|play| play.at < before) {
            if let Some(later) = plays.get_mut(&(play.listener as usize, play.item as usize)) {
                later.push((play.at, play.signal));
            }
        }
        let mut own: HashMap<usize, Vec<&Play>> = HashMap::new();
        for (_, listener, _) in &self.lists {
            let listener = rows.get(listener).copied();
            listener.map(|listener| own.entry(listener).or_default());
        }
        for play in dataset.listens.iter().filter(|play| play.at < before) {
            if let Some(own) = own.get_mut(&(play.listener as usize)) {
                own.push(play);
            }
        }
        let mut listens = 0;
        let mut lists = Vec::with_capacity(self.lists.len());
        for (at, listener, exposure) in self.lists {
            let Some(listener) = rows.get(&listener).copied() else {
                continue;
            };
            let tracks = exposure.tracks.iter().map(|shown| {
                let item = columns.get(&shown.track).copied();
                let signal = heard.get(&(exposure.request_id, shown.track)).copied();
                listens += u64::from(signal.is_some());
                let later = item.and_then(|item| plays.get(&(listener, item)));
                let thought: f32 = (later.into_iter().flatten())
                    .filter(|(when, _)| (0..REPLAY_MS).contains(&when.since_ms(at)))
                    .map(|(_, signal)| signal)
                    .sum();
                ShownTrack {
                    item,
                    label: label(signal, thought),
                }
            });
            lists.push(ShownList {
                listener,
                at,
                session: session_before(own.get(&listener).map_or(&[], Vec::as_slice), at),
                tracks: tracks.collect(),
                exploration: exposure.exploration,
                moment: exposure.moment,
            });
        }
        ShownLists { lists, listens }
    }
}

/// The session of a listener at a moment, by the plays before it, which come in order of time.
fn session_before(own: &[&Play], at: Timestamp) -> RunningSession {
    let known = own.get(..own.partition_point(|play| play.at < at));
    let newest = known.unwrap_or_default().iter().rev();
    RunningSession::of(
        newest.map(|play| (play.at, play.signal, Some(play.item))),
        at,
    )
}

/// What became of a track: what the listen that names the list says, and all that the listener said of the track
/// in the days after.
fn label(signal: Option<f32>, thought: f32) -> f32 {
    match signal {
        _ if thought <= -LOVED_SIGNAL => SKIPPED,
        None => NOT_PLAYED,
        Some(signal) if signal < 0.0 => SKIPPED,
        Some(_) if thought >= LOVED_SIGNAL => LOVED,
        Some(signal) if signal >= 1.0 => COMPLETED,
        Some(_) => PARTIAL,
    }
}

/// Lists in order of time with what became of them.
pub struct ShownLists {
    /// The lists.
    pub lists: Vec<ShownList>,
    /// Tracks of them that were played from them.
    pub listens: u64,
}

/// What lists that were shown brought to a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExposureReport {
    /// Lists before the listens that judge, at most the newest 100,000.
    pub lists: u64,
    /// Tracks of them that were played from them.
    pub listens: u64,
    /// Pairs of neighbours whose order was left to chance.
    pub pairs: u64,
    /// Those of them that changed places.
    pub swapped_pairs: u64,
    /// How likely each position is looked at; none where there are too few swapped pairs, see `refused`.
    pub examination: Option<Vec<ExaminedPosition>>,
    /// Why no list was learnt from, where none was.
    pub refused: Option<String>,
    /// Lists that the ranker learnt from.
    pub lists_used: u64,
    /// Their tracks.
    pub rows_used: u64,
}

/// How likely a position is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExaminedPosition {
    /// The position, from 1.
    pub position: u32,
    /// As a share of the first, 0 to 1.
    pub share: f64,
    /// Standard error of its natural logarithm.
    pub log_error: f64,
}

impl ShownLists {
    fn swaps(&self) -> SwapCounts {
        let mut counts = SwapCounts::default();
        for list in &self.lists {
            let Some(exploration) = &list.exploration else {
                continue;
            };
            for pair in &exploration.pairs {
                let first = pair.first as usize;
                let [Some(upper), Some(lower)] =
                    [first, first.saturating_add(1)].map(|place| list.tracks.get(place))
                else {
                    continue;
                };
                counts.add(ShownPair {
                    first,
                    swap: exploration.swap,
                    is_swapped: pair.is_swapped,
                    is_played: [upper.is_positive(), lower.is_positive()],
                });
            }
        }
        counts
    }

    /// Estimates what positions do, and begins the report; no report where nothing was shown.
    pub fn examine(&self) -> Option<(Option<Examination>, ExposureReport)> {
        if self.lists.is_empty() {
            return None;
        }
        let swaps = self.swaps();
        let (pairs, swapped_pairs) = swaps.pair_counts();
        let found = swaps.estimate();
        let rows = |found: &Examination| {
            let both = found.shares.iter().zip(&found.log_errors);
            let rows = (1..)
                .zip(both)
                .map(|(position, (share, log_error))| ExaminedPosition {
                    position,
                    share: *share,
                    log_error: *log_error,
                });
            rows.collect()
        };
        let report = ExposureReport {
            lists: self.lists.len() as u64,
            listens: self.listens,
            pairs,
            swapped_pairs,
            examination: found.as_ref().ok().map(rows),
            refused: found.as_ref().err().map(|refused| {
                format!("what a position does cannot be told: {refused}; set `exploration.swap` in a pipeline")
            }),
            lists_used: 0,
            rows_used: 0,
        };
        Some((found.ok(), report))
    }

    /// The lists shown from one moment on and before the next.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Vec<&ShownList> {
        let is_within = |list: &&ShownList| list.at >= from && list.at < to;
        self.lists.iter().filter(is_within).collect()
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::event::{ExposedTrack, ListenOutcome};
    use leitmotif_domain::{Rung, TenantId};

    use super::*;
    use crate::moments::{ItemGroups, MomentTable, UNKNOWN};

    const MINUTE_MS: i64 = 60_000;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_ms(minute * MINUTE_MS)
    }

    fn listener() -> ListenerId {
        ListenerId::of_name(TenantId::from_u128(1), "somebody")
    }

    fn exposure(request: u128, tracks: &[u128]) -> EventPayload {
        EventPayload::Exposure(Exposure {
            request_id: RequestId::from_u128(request),
            placement: "home".to_owned(),
            rung: Rung::Personalised,
            model: None,
            assignment: None,
            tracks: (tracks.iter())
                .map(|track| ExposedTrack {
                    track: TrackId::from_u128(*track),
                    score: Some(1.0),
                    propensity: Some(1.0),
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

    fn listen(request: u128, track: u128, outcome: ListenOutcome, private: bool) -> EventPayload {
        EventPayload::Listen(Listen {
            played_ms: Some(30_000),
            track_ms: Some(200_000),
            request_id: Some(RequestId::from_u128(request)),
            private,
            ..Listen::of(TrackId::from_u128(track), outcome)
        })
    }

    fn play(item: u32, minute: i64, signal: f32) -> Play {
        Play {
            listener: 0,
            item,
            at: at(minute),
            signal,
            offset: 0,
            listened_share: None,
            moment: UNKNOWN,
        }
    }

    fn dataset(listens: Vec<Play>) -> Dataset {
        Dataset {
            listeners: vec![listener()],
            items: (0..6).map(TrackId::from_u128).collect(),
            listens,
            unknown_tracks: 0,
            without_listener: 0,
            moments: MomentTable::default(),
            groups: ItemGroups::default(),
        }
    }

    #[test]
    fn labels_follow_the_listens_that_name_the_list() {
        use ListenOutcome::{Completed, Partial, Skipped};
        let mut read = Exposures::default();
        let somebody = Some(listener());
        // A listen may reach the log before its list does.
        read.take(at(11), somebody, listen(9, 0, Completed, false));
        read.take(at(10), somebody, exposure(9, &[0, 1, 2, 3, 4, 77]));
        read.take(at(12), somebody, listen(9, 1, Skipped, false));
        read.take(at(13), somebody, listen(9, 2, Partial, false));
        read.take(at(14), somebody, listen(9, 3, Completed, true));
        read.take(at(15), somebody, listen(8, 4, Completed, false));
        read.take(at(16), None, exposure(7, &[0]));
        let EventPayload::Exposure(mut playlist) = exposure(6, &[0, 1]) else {
            unreachable!("it is an exposure")
        };
        playlist.is_sequenced = true;
        read.take(at(17), somebody, EventPayload::Exposure(playlist));
        let plays = vec![play(0, 11, 1.0), play(0, 40, 1.0), play(4, 15, 1.0)];
        let joined = read.joined(&dataset(plays), at(1_000));
        let labels: Vec<f32> = joined.lists[0].tracks.iter().map(|one| one.label).collect();
        let expected = [LOVED, SKIPPED, PARTIAL, NOT_PLAYED, NOT_PLAYED, NOT_PLAYED];
        assert_eq!(labels, expected, "private and foreign listens say nothing");
        assert_eq!((joined.lists.len(), joined.listens), (1, 3));
        assert_eq!(joined.lists[0].tracks[5].item, None, "gone");
    }

    #[test]
    fn what_comes_after_the_moment_of_judging_is_never_seen() {
        let mut read = Exposures::default();
        read.take(at(10), Some(listener()), exposure(9, &[0, 1]));
        read.take(
            at(11),
            Some(listener()),
            listen(9, 0, ListenOutcome::Completed, false),
        );
        // Everything later says the opposite; `take` is not even called for it by `read`.
        let later = vec![play(0, 11, 1.0), play(0, 100, 1.0), play(1, 100, -3.0)];
        let joined = read.joined(&dataset(later), at(100));
        let labels: Vec<f32> = joined.lists[0].tracks.iter().map(|one| one.label).collect();
        assert_eq!(labels, [COMPLETED, NOT_PLAYED]);
        assert_eq!(joined.lists[0].session, RunningSession::default());
        assert_eq!(joined.between(at(0), at(10)).len(), 0);
        assert_eq!(joined.between(at(10), at(11)).len(), 1);
    }

    #[test]
    fn a_session_is_that_of_the_plays_before_the_list() {
        let session = |later: &[Play]| {
            let mut read = Exposures::default();
            read.take(at(100), Some(listener()), exposure(9, &[0, 1]));
            let plays = [play(2, 60, 1.0), play(3, 90, -1.0), play(4, 95, 1.0)];
            let plays = plays.iter().chain(later).copied().collect();
            read.joined(&dataset(plays), at(1_000)).lists[0].session
        };
        let newest = [(at(95), 1.0, 4), (at(90), -1.0, 3), (at(60), 1.0, 2)];
        let newest = newest.map(|(at, signal, item)| (at, signal, Some(item)));
        let expected = RunningSession::of(newest.into_iter(), at(100));
        assert_eq!(session(&[]), expected);
        // Plays at the moment and after it, and those of it that say the most, change nothing.
        let adverse = [play(0, 100, 1.0), play(1, 101, -1.0), play(0, 400, 9.0)];
        assert_eq!(session(&adverse), expected);
    }

    #[test]
    fn the_newest_lists_are_kept() {
        let mut read = Exposures::default();
        for minute in 0..5 {
            read.take(at(minute), Some(listener()), exposure(minute as u128, &[0]));
        }
        read.forget_oldest(2, 1);
        let kept: Vec<_> = read.lists.iter().map(|one| one.0).collect();
        assert_eq!(kept, [at(3), at(4)]);
    }

    #[test]
    fn few_swaps_are_told_and_no_lists_tell_nothing() {
        let none = Exposures::default().joined(&dataset(Vec::new()), at(9));
        assert!(none.examine().is_none());
        let mut read = Exposures::default();
        read.take(at(1), Some(listener()), exposure(9, &[0, 1]));
        let (found, report) = read.joined(&dataset(Vec::new()), at(9)).examine().unwrap();
        assert!(found.is_none() && report.examination.is_none());
        let refused = report.refused.unwrap();
        assert!(refused.contains("500 more are needed"), "{refused}");
    }
}
