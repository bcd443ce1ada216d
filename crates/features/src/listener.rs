//! What a listener did.

use std::collections::{BTreeMap, BTreeSet};

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
    tracks: BTreeMap<TrackId, TrackHistory>,
    /// The newest plays by (moment, event); a set, so that late events find their place.
    recent: BTreeSet<(Timestamp, EventId, TrackId)>,
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
    /// The newest play.
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
        self.recent.insert((at, event, listen.track));
        while self.recent.len() > RECENT_MAX {
            self.recent.pop_first();
        }
    }

    /// Takes a play out again that was added before; a track without plays and judgement is
    /// forgotten.
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
        if history.plays == 0 && history.opinion.is_none() {
            self.tracks.remove(&listen.track);
        }
        self.recent.remove(&(at, event, listen.track));
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
        let newer = Some((at, event, judgement));
        if history.opinion < newer {
            history.opinion = newer;
        }
    }

    /// Every track with its history, by id.
    pub fn tracks(&self) -> impl Iterator<Item = (TrackId, &TrackHistory)> {
        self.tracks.iter().map(|(id, history)| (*id, history))
    }

    /// The history with one track.
    pub fn history(&self, track: TrackId) -> Option<&TrackHistory> {
        self.tracks.get(&track)
    }

    /// The newest plays, newest first.
    pub fn recent(&self) -> impl Iterator<Item = (Timestamp, TrackId)> + '_ {
        self.recent.iter().rev().map(|(at, _, track)| (*at, *track))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }
}

/// What a play adds, in thousandths of a completed one.
fn signal_milli(listen: &Listen) -> i64 {
    (f64::from(listen.signal()) * 1_000.0).round() as i64
}
