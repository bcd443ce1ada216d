//! What a listener did.

use std::collections::BTreeMap;

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
    /// The newest plays by (moment, event), so that late events find their place.
    recent: BTreeMap<(Timestamp, EventId), RecentPlay>,
}

/// One of the newest plays. One that was taken back keeps its place, or the place would go to an
/// older play only when that one happened to come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct RecentPlay {
    track: TrackId,
    is_taken_back: bool,
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
    opinion: Option<(Timestamp, EventId, Judgement)>,
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
        self.opinion
            .map_or(Judgement::None, |(_, _, judgement)| judgement)
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

    fn remember(&mut self, key: (Timestamp, EventId), track: TrackId) {
        if self.recent.len() >= RECENT_MAX {
            match self.recent.first_entry() {
                // Older than all that are kept: the most common case of an import.
                Some(oldest) if *oldest.key() > key => return,
                Some(oldest) => drop(oldest.remove()),
                None => {}
            }
        }
        let is_taken_back = false;
        self.recent.insert(
            key,
            RecentPlay {
                track,
                is_taken_back,
            },
        );
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
        if let Some(play) = self.recent.get_mut(&(at, event)) {
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
        let newer = Some((at, event, judgement));
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
        let standing = self.recent.iter().filter(|(_, play)| !play.is_taken_back);
        standing.rev().map(|((at, _), play)| (*at, play.track))
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
