//! The newest sessions of all listeners, by catalogue index: what is asked what comes next in a session.
//!
//! They are read out of the listening state and nowhere else kept, so that they are the same whatever the
//! order in which plays arrived, and a play is in them once they are read anew.

use leitmotif_domain::{ListenerId, Timestamp, limits};
use leitmotif_features::ListeningState;
use leitmotif_learn::sequence::{ScoreBoard, SessionNeighbours, SessionNeighboursOptions};
use parking_lot::Mutex;

use crate::catalogue::CatalogueView;
use crate::error::Result;

/// Pause after which a listener's next play begins a new session.
pub const SESSION_GAP_MS: i64 = 30 * 60 * 1_000;
/// Last tracks of a listener that are the running session.
pub const RUNNING_TRACKS: usize = 10;
/// How sessions are compared. The paper takes 500 candidates, of which 100 speak. On recorded sessions the next
/// track is among the first 20 for 0.197 of them with 300 and 100, for 0.194 with these, at two thirds of the
/// time.
const OPTIONS: SessionNeighboursOptions = SessionNeighboursOptions {
    candidate_sessions: 100,
    neighbours: 50,
    last_items: RUNNING_TRACKS,
    place_decay: None,
};
/// Boards kept for the next request: as many as answer at once on a small machine.
const BOARDS_MAX: usize = 4;

/// A finished or running session.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Session {
    ended_at: Timestamp,
    listener: ListenerId,
    /// Oldest first.
    tracks: Vec<u32>,
}

/// The newest sessions of all listeners.
///
/// - Cost: memory for at most [`limits::SESSIONS_MAX`] sessions of at most 64 tracks, 12 bytes a track.
/// - Source: VMIS-kNN, Kersbergen, Sprangers and Schelter 2022: similar recent sessions from an index of
///   the newest of each item. They add to it once a day; we read it anew as plays grow.
#[derive(Default)]
pub struct RecentSessions {
    /// None where there are no sessions.
    index: Option<SessionNeighbours>,
    /// The track of each item of the index, ascending: few of a catalogue are in any session.
    tracks: Vec<u32>,
    boards: Mutex<Vec<ScoreBoard>>,
}

impl RecentSessions {
    /// Reads the newest sessions of a state.
    ///
    /// - Cost: O(listeners), and the newest plays of at most [`limits::SESSIONS_MAX`] of them.
    pub fn of(state: &ListeningState, catalogue: &CatalogueView) -> Result<Self> {
        let mut newest: Vec<(Timestamp, ListenerId)> = state
            .listeners()
            .filter_map(|(id, profile)| Some((profile.recent().next()?.0, id)))
            .collect();
        // Nobody else has a session among the newest.
        if newest.len() > limits::SESSIONS_MAX {
            newest.select_nth_unstable_by(limits::SESSIONS_MAX, |a, b| b.cmp(a));
            newest.truncate(limits::SESSIONS_MAX);
        }
        let plays = newest.into_iter().filter_map(|(_, id)| {
            let liked = state.listener(id)?.recent_liked();
            let known = liked.filter_map(|(at, track)| Some((at, catalogue.index(track)? as u32)));
            Some((id, known))
        });
        Self::of_plays(plays)
    }

    /// Cuts the plays of listeners into sessions, newest play first, and keeps the newest sessions.
    ///
    /// - Cost: O(n log n) in the plays.
    pub fn of_plays<P: Iterator<Item = (Timestamp, u32)>>(
        plays: impl Iterator<Item = (ListenerId, P)>,
    ) -> Result<Self> {
        let mut sessions: Vec<Session> = plays
            .flat_map(|(listener, plays)| cut(listener, plays))
            .collect();
        sessions.sort_unstable_by_key(|session| (session.ended_at, session.listener));
        sessions.drain(..sessions.len().saturating_sub(limits::SESSIONS_MAX));
        let mut tracks: Vec<u32> = (sessions.iter())
            .flat_map(|session| session.tracks.iter().copied())
            .collect();
        tracks.sort_unstable();
        tracks.dedup();
        if sessions.is_empty() {
            return Ok(Self::default());
        }
        let mut index = SessionNeighbours::empty(tracks.len(), OPTIONS)?;
        for session in &mut sessions {
            for track in &mut session.tracks {
                *track = item_of(&tracks, *track).unwrap_or_default();
            }
            index.learn(&session.tracks)?;
        }
        Ok(Self {
            index: Some(index),
            tracks,
            boards: Mutex::default(),
        })
    }

    /// The `count` likeliest next tracks after a running session, best first.
    ///
    /// - `last`: the newest tracks, newest first, of which [`RUNNING_TRACKS`] are looked at.
    /// - Cost: O(candidate sessions · log session + neighbours · session), whatever the sessions are in
    ///   number.
    pub fn after(&self, last: &[u32], count: usize) -> Vec<(u32, f32)> {
        let Some(index) = &self.index else {
            return Vec::new();
        };
        let last = last.iter().take(RUNNING_TRACKS).rev();
        let running: Vec<u32> = last
            .filter_map(|track| item_of(&self.tracks, *track))
            .collect();
        let kept = self.boards.lock().pop();
        let mut board = kept.unwrap_or_else(|| ScoreBoard::new(self.tracks.len()));
        let found = index.recommend(&running, count, &mut board);
        let mut boards = self.boards.lock();
        if boards.len() < BOARDS_MAX {
            boards.push(board);
        }
        drop(boards);
        let named = |(item, score): (u32, f32)| Some((*self.tracks.get(item as usize)?, score));
        found.into_iter().filter_map(named).collect()
    }
}

/// The item of a track in the index.
fn item_of(tracks: &[u32], track: u32) -> Option<u32> {
    let place = tracks.binary_search(&track).ok()?;
    u32::try_from(place).ok()
}

/// Cuts the plays of a listener, newest first, where a long pause lies between two. One track is no session:
/// nothing follows.
fn cut(listener: ListenerId, plays: impl Iterator<Item = (Timestamp, u32)>) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let mut before: Option<Timestamp> = None;
    for (at, track) in plays {
        let goes_on = before.is_some_and(|next| next.since_ms(at) <= SESSION_GAP_MS);
        before = Some(at);
        match sessions.last_mut().filter(|_| goes_on) {
            Some(session) => session.tracks.push(track),
            None => sessions.push(Session {
                ended_at: at,
                listener,
                tracks: vec![track],
            }),
        }
    }
    sessions.retain_mut(|session| {
        session.tracks.reverse();
        session.tracks.len() > 1
    });
    sessions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_ms(minute * 60_000)
    }

    fn listener(id: u128) -> ListenerId {
        ListenerId::from_u128(id)
    }

    #[test]
    fn a_long_pause_parts_sessions_and_one_track_is_none() {
        let plays = [(100, 5), (60, 4), (31, 3), (1, 2), (0, 1)];
        let plays = plays.map(|(at, track)| (minute(at), track));
        let sessions = cut(listener(1), plays.into_iter());
        let told: Vec<_> = (sessions.iter())
            .map(|one| (one.ended_at, one.tracks.as_slice()))
            .collect();
        // From 31 to 60 are 29 minutes, from 1 to 31 are 30: a pause is what is longer.
        assert_eq!(told, [(minute(60), &[1, 2, 3, 4][..])]);
    }

    fn of(plays: &[(u128, i64, u32)]) -> RecentSessions {
        let listeners: std::collections::BTreeSet<u128> =
            plays.iter().map(|(listener, ..)| *listener).collect();
        let of_one = |id: u128| {
            let mut own: Vec<(Timestamp, u32)> = plays
                .iter()
                .filter(|(listener, ..)| *listener == id)
                .map(|(_, at, track)| (minute(*at), *track))
                .collect();
            own.reverse();
            (listener(id), own.into_iter())
        };
        RecentSessions::of_plays(listeners.into_iter().map(of_one)).unwrap()
    }

    #[test]
    fn what_similar_sessions_played_is_offered_by_catalogue_index() {
        let sessions = of(&[
            (1, 0, 900),
            (1, 3, 70),
            (1, 6, 5),
            (2, 1, 900),
            (2, 4, 8),
            (3, 2, 41),
            (3, 5, 42),
        ]);
        // 70 and 900 are both of the first session, 900 alone of the second.
        let found: Vec<u32> = (sessions.after(&[70, 900], 9).into_iter())
            .map(|(track, _)| track)
            .filter(|track| ![70, 900].contains(track))
            .collect();
        assert_eq!(found, [5, 8]);
        assert_eq!(sessions.after(&[70, 900], 1).len(), 1);
        assert!(sessions.after(&[7], 9).is_empty(), "in no session");
        assert!(sessions.after(&[], 9).is_empty());
        assert!(RecentSessions::default().after(&[1], 9).is_empty());
        assert_eq!(sessions.boards.lock().len(), 1, "kept for the next request");
    }

    #[test]
    fn at_the_bound_the_oldest_sessions_go() {
        let count = limits::SESSIONS_MAX as u128 + 1;
        let plays = (0..count).map(|id| {
            let (at, own) = (id as i64, 2 * id as u32 + 10);
            let plays = [(minute(at + 1), own + 1), (minute(at), own)];
            (listener(id), plays.into_iter())
        });
        let sessions = RecentSessions::of_plays(plays).unwrap();
        let index = sessions.index.as_ref().unwrap();
        assert_eq!(index.session_count(), limits::SESSIONS_MAX);
        assert!(sessions.after(&[10], 9).is_empty(), "the oldest is gone");
        assert!(!sessions.after(&[12], 9).is_empty());
    }

    proptest! {
        #[test]
        fn the_order_of_listeners_does_not_matter(
            plays in prop::collection::vec((0_u128..5, 0_i64..300, 0_u32..9), 0..80),
        ) {
            let mut plays = plays;
            plays.sort_by_key(|(_, at, _)| *at);
            let by_id = |order: &[u128]| {
                let of_one = |id: &u128| {
                    let own = plays.iter().rev().filter(|(listener, ..)| listener == id);
                    let own: Vec<_> = own.map(|(_, at, track)| (minute(*at), *track)).collect();
                    (listener(*id), own.into_iter())
                };
                RecentSessions::of_plays(order.iter().map(of_one)).unwrap()
            };
            let (one, other) = (by_id(&[0, 1, 2, 3, 4]), by_id(&[3, 0, 4, 2, 1]));
            prop_assert_eq!(&one.tracks, &other.tracks);
            prop_assert_eq!(&one.index, &other.index);
        }
    }
}
