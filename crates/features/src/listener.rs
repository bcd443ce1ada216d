//! What a listener did.

use std::collections::{BTreeMap, VecDeque};

use leitmotif_domain::event::{Feedback, Listen, ListenOutcome, Opinion};
use leitmotif_domain::{EventId, Timestamp, TrackId};
use serde::{Deserialize, Serialize};

/// Plays remembered in order; a session rarely holds more.
pub const RECENT_MAX: usize = 64;
/// What a like adds and a dislike takes, in thousandths of a completed play.
const OPINION_MILLI: i32 = 3_000;

/// What a listener did, as far as taste can be read from it. Private plays are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerProfile {
    /// A track whose plays were all taken back stays here unseen, so that it does not matter
    /// whether another play of it came before or after.
    tracks: BTreeMap<TrackId, TrackHistory>,
    /// When and by which event the standing judgements were given. Few tracks are judged: kept beside
    /// the histories it costs those without one nothing.
    judged: BTreeMap<TrackId, (Timestamp, EventId)>,
    /// The newest plays by (moment, event), so that late events find their place. A ring: most come
    /// in order, and then one end grows while the other shrinks.
    recent: VecDeque<RecentPlay>,
}

/// Places that the ring of newest plays grows by; most listeners have few plays, and doubling would
/// leave a third of all of them empty.
const RECENT_STEP: usize = 4;

/// One of the newest plays, in half a cache line. One that was taken back keeps its place, or the
/// place would go to an older play only when that one happened to come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct RecentPlay {
    at: Timestamp,
    /// The low 63 bits of the event's id, which are as good as random, and whether it was taken back
    /// in the lowest.
    event: u64,
    track: TrackId,
}

impl RecentPlay {
    fn key(&self) -> (Timestamp, u64) {
        (self.at, self.event >> 1)
    }

    fn is_taken_back(&self) -> bool {
        self.event & 1 == 1
    }
}

/// What tells an event apart from the others of its moment.
fn short_id(event: EventId) -> u64 {
    event.as_u128() as u64 & (u64::MAX >> 1)
}

/// One listener's history with one track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackHistory {
    /// Sum of the plays' signals in thousandths; integer, so order does not matter. Room for two
    /// million whole plays.
    signal_milli: i32,
    /// Plays begun.
    pub plays: u32,
    /// Plays skipped.
    pub skips: u32,
    /// The newest play or judgement, those that were taken back included.
    pub last_played: Timestamp,
    /// The standing judgement; none where there never was one.
    judgement: Option<Judgement>,
}

/// A standing judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Judgement {
    /// Liked.
    Liked,
    /// Disliked.
    Disliked,
    /// Taken back.
    None,
}

impl TrackHistory {
    fn new(at: Timestamp) -> Self {
        Self {
            signal_milli: 0,
            plays: 0,
            skips: 0,
            last_played: at,
            judgement: None,
        }
    }

    /// Whether there is anything in it: a play that stands, or a judgement.
    fn is_seen(&self) -> bool {
        self.plays > 0 || self.judgement.is_some()
    }

    /// What the listener said, if it stands.
    pub fn judgement(&self) -> Judgement {
        self.judgement.unwrap_or(Judgement::None)
    }

    /// How much the listener is drawn to the track: plays and judgement together, 1 for each
    /// completed play, negative when skips prevail.
    pub fn signal(&self) -> f32 {
        let said = match self.judgement() {
            Judgement::Liked => OPINION_MILLI,
            Judgement::Disliked => -OPINION_MILLI,
            Judgement::None => 0,
        };
        self.signal_milli.saturating_add(said) as f32 / 1_000.0
    }
}

impl ListenerProfile {
    /// Adds a play.
    pub fn add_listen(&mut self, event: EventId, listen: &Listen, at: Timestamp) {
        if listen.private {
            return;
        }
        let history = self
            .tracks
            .entry(listen.track)
            .or_insert_with(|| TrackHistory::new(at));
        history.signal_milli = history.signal_milli.saturating_add(signal_milli(listen));
        history.plays = history.plays.saturating_add(1);
        history.skips = history
            .skips
            .saturating_add(u32::from(listen.outcome == ListenOutcome::Skipped));
        history.last_played = history.last_played.max(at);
        self.remember((at, event), listen.track);
    }

    fn remember(&mut self, (at, event): (Timestamp, EventId), track: TrackId) {
        let play = RecentPlay {
            at,
            event: short_id(event) << 1,
            track,
        };
        let is_full = self.recent.len() >= RECENT_MAX;
        let is_older = |oldest: &RecentPlay| oldest.key() > play.key();
        if is_full && self.recent.front().is_some_and(is_older) {
            // Older than all that are kept: the most common case of an import.
            return;
        }
        if self.recent.len() == self.recent.capacity() {
            self.recent.reserve_exact(RECENT_STEP);
        }
        let is_newest = self
            .recent
            .back()
            .is_none_or(|newest| newest.key() < play.key());
        if is_newest {
            self.recent.push_back(play);
        } else {
            match self
                .recent
                .binary_search_by_key(&play.key(), RecentPlay::key)
            {
                Ok(_) => return,
                Err(place) => self.recent.insert(place, play),
            }
        }
        if is_full {
            self.recent.pop_front();
        }
    }

    /// Takes a play out again that was added before; a track without plays and judgement is seen
    /// no longer.
    pub fn take_out(&mut self, event: EventId, listen: &Listen, at: Timestamp) {
        let Some(history) = self.tracks.get_mut(&listen.track) else {
            return;
        };
        if listen.private || history.plays == 0 {
            return;
        }
        history.signal_milli = history.signal_milli.saturating_sub(signal_milli(listen));
        history.plays -= 1;
        let is_skip = listen.outcome == ListenOutcome::Skipped;
        history.skips = history.skips.saturating_sub(u32::from(is_skip));
        let place = self
            .recent
            .binary_search_by_key(&(at, short_id(event)), RecentPlay::key);
        if let Some(play) = place.ok().and_then(|place| self.recent.get_mut(place)) {
            play.event |= 1;
        }
    }

    /// Adds a judgement; the newest stands.
    pub fn add_feedback(&mut self, event: EventId, feedback: &Feedback, at: Timestamp) {
        let judgement = match feedback.opinion {
            Opinion::Like => Judgement::Liked,
            Opinion::Dislike => Judgement::Disliked,
            Opinion::Cleared => Judgement::None,
        };
        let history = self
            .tracks
            .entry(feedback.track)
            .or_insert_with(|| TrackHistory::new(at));
        history.last_played = history.last_played.max(at);
        let standing = self.judged.get(&feedback.track).copied();
        if (standing, history.judgement) < (Some((at, event)), Some(judgement)) {
            history.judgement = Some(judgement);
            self.judged.insert(feedback.track, (at, event));
        }
    }

    /// Every track with its history, by id.
    pub fn tracks(&self) -> impl Iterator<Item = (TrackId, &TrackHistory)> {
        let seen = self.tracks.iter().filter(|(_, history)| history.is_seen());
        seen.map(|(id, history)| (*id, history))
    }

    /// The history with one track.
    pub fn history(&self, track: TrackId) -> Option<&TrackHistory> {
        self.tracks.get(&track).filter(|history| history.is_seen())
    }

    /// The newest plays, newest first.
    pub fn recent(&self) -> impl Iterator<Item = (Timestamp, TrackId)> + '_ {
        let standing = self.recent.iter().filter(|play| !play.is_taken_back());
        standing.rev().map(|play| (play.at, play.track))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.tracks().next().is_none()
    }
}

/// What a play adds, in thousandths of a completed one.
fn signal_milli(listen: &Listen) -> i32 {
    (f64::from(listen.signal()) * 1_000.0).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a million listeners cost is these three numbers.
    #[test]
    fn entries_stay_small() {
        assert_eq!(size_of::<RecentPlay>(), 32);
        assert_eq!(size_of::<TrackHistory>(), 24);
        assert_eq!(size_of::<ListenerProfile>(), 80);
    }
}
