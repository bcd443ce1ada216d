//! What a listener did.

use std::collections::{BTreeMap, VecDeque};

use leitmotif_domain::event::{Feedback, Listen, ListenOutcome, Opinion};
use leitmotif_domain::{EventId, Timestamp, TrackId};
use serde::{Deserialize, Serialize};

/// Plays remembered in order; a session rarely holds more.
pub const RECENT_MAX: usize = 64;
/// What a like adds and a dislike takes, in thousandths of a completed play.
const OPINION_MILLI: i64 = 3_000;

/// What a listener did, as far as taste can be read from it. Private plays are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerProfile {
    /// A track whose plays were all taken back stays here unseen, so that it does not matter
    /// whether another play of it came before or after.
    tracks: BTreeMap<TrackId, TrackHistory>,
    /// The newest plays by (moment, event), so that late events find their place. A ring: most come
    /// in order, and then one end grows while the other shrinks.
    recent: VecDeque<RecentPlay>,
}

/// One of the newest plays. One that was taken back keeps its place, or the place would go to an
/// older play only when that one happened to come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct RecentPlay {
    at: Timestamp,
    event: EventId,
    track: TrackId,
    is_taken_back: bool,
}

impl RecentPlay {
    fn key(&self) -> (Timestamp, EventId) {
        (self.at, self.event)
    }
}

/// One listener's history with one track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackHistory {
    /// Sum of the plays' signals in thousandths; integer, so order does not matter.
    signal_milli: i64,
    /// Plays begun.
    pub plays: u32,
    /// Plays skipped.
    pub skips: u32,
    /// The newest play or judgement, those that were taken back included.
    pub last_played: Timestamp,
    /// Boxed, since few tracks are judged: the history of a track stays half a cache line.
    opinion: Option<Box<(Timestamp, EventId, Judgement)>>,
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
            opinion: None,
        }
    }

    /// Whether there is anything in it: a play that stands, or a judgement.
    fn is_seen(&self) -> bool {
        self.plays > 0 || self.opinion.is_some()
    }

    /// What the listener said, if it stands.
    pub fn judgement(&self) -> Judgement {
        self.opinion.as_ref().map_or(Judgement::None, |said| said.2)
    }

    /// How much the listener is drawn to the track: plays and judgement together, 1 for each
    /// completed play, negative when skips prevail.
    pub fn signal(&self) -> f32 {
        let said = match self.judgement() {
            Judgement::Liked => OPINION_MILLI,
            Judgement::Disliked => -OPINION_MILLI,
            Judgement::None => 0,
        };
        (self.signal_milli + said) as f32 / 1_000.0
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
        history.signal_milli += signal_milli(listen);
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
            event,
            track,
            is_taken_back: false,
        };
        let is_full = self.recent.len() >= RECENT_MAX;
        let is_older = |oldest: &RecentPlay| oldest.key() > play.key();
        if is_full && self.recent.front().is_some_and(is_older) {
            // Older than all that are kept: the most common case of an import.
            return;
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
        history.signal_milli -= signal_milli(listen);
        history.plays -= 1;
        let is_skip = listen.outcome == ListenOutcome::Skipped;
        history.skips = history.skips.saturating_sub(u32::from(is_skip));
        let place = self
            .recent
            .binary_search_by_key(&(at, event), RecentPlay::key);
        if let Some(play) = place.ok().and_then(|place| self.recent.get_mut(place)) {
            play.is_taken_back = true;
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
        let newer = Some(Box::new((at, event, judgement)));
        if history.opinion < newer {
            history.opinion = newer;
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
        let standing = self.recent.iter().filter(|play| !play.is_taken_back);
        standing.rev().map(|play| (play.at, play.track))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.tracks().next().is_none()
    }
}

/// What a play adds, in thousandths of a completed one.
fn signal_milli(listen: &Listen) -> i64 {
    (f64::from(listen.signal()) * 1_000.0).round() as i64
}
