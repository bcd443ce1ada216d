//! What a listener did.

use std::collections::BTreeMap;

use leitmotif_domain::event::{Feedback, Listen, ListenOutcome, Opinion};
use leitmotif_domain::zone::DayPart;
use leitmotif_domain::{EventId, Timestamp, TrackId};
use serde::{Deserialize, Serialize};

use crate::plays::{Play, RecentPlays, signal_milli};

/// What a like adds and a dislike takes, in thousandths of a completed play.
const OPINION_MILLI: i32 = 3_000;

/// What a listener did, as far as taste can be read from it. Private plays are not in it.
///
/// The newest plays are kept one by one, and what they say of a track is summed when it is asked for.
/// Only what is older than these is kept as sums: so a play is held once, and the many listeners with
/// few plays pay for nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerProfile {
    recent: RecentPlays,
    /// None as long as nothing is older and nothing was judged.
    rest: Option<Box<Rest>>,
}

/// What few listeners have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rest {
    /// Sums of the plays before the newest. A track whose plays were all taken back stays here unseen, so
    /// that it does not matter whether another play of it came before or after.
    older: BTreeMap<TrackId, OlderPlays>,
    /// The standing judgements, with when and by which event they were given.
    judged: BTreeMap<TrackId, (Timestamp, EventId, Judgement)>,
}

/// The plays of one track that are older than the newest of all. Integers, so order does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct OlderPlays {
    /// Sum of the signals in thousandths. Room for two million whole plays.
    signal_milli: i32,
    plays: u32,
    skips: u32,
    /// The newest, those that were taken back included.
    last_played: Timestamp,
}

/// One listener's history with one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackHistory {
    /// Sum of the plays' signals in thousandths.
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
    fn of_play(play: &Play) -> Self {
        let stands = u32::from(!play.is_taken_back());
        Self {
            signal_milli: if stands == 1 { play.signal_milli() } else { 0 },
            plays: stands,
            skips: stands & u32::from(play.is_skip()),
            last_played: play.at,
            judgement: None,
        }
    }

    fn of_older(older: &OlderPlays) -> Self {
        Self {
            signal_milli: older.signal_milli,
            plays: older.plays,
            skips: older.skips,
            last_played: older.last_played,
            judgement: None,
        }
    }

    fn of_judgement((at, _, judgement): &(Timestamp, EventId, Judgement)) -> Self {
        Self {
            signal_milli: 0,
            plays: 0,
            skips: 0,
            last_played: *at,
            judgement: Some(*judgement),
        }
    }

    /// Both together.
    fn and(self, other: Self) -> Self {
        Self {
            signal_milli: self.signal_milli.saturating_add(other.signal_milli),
            plays: self.plays.saturating_add(other.plays),
            skips: self.skips.saturating_add(other.skips),
            last_played: self.last_played.max(other.last_played),
            judgement: self.judgement.or(other.judgement),
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

impl Rest {
    /// Adds a play that is among the newest no longer.
    fn add(&mut self, play: &Play) {
        let played = TrackHistory::of_play(play);
        let older = self.older.entry(play.track).or_insert(OlderPlays {
            signal_milli: 0,
            plays: 0,
            skips: 0,
            last_played: play.at,
        });
        older.signal_milli = older.signal_milli.saturating_add(played.signal_milli);
        older.plays = older.plays.saturating_add(played.plays);
        older.skips = older.skips.saturating_add(played.skips);
        older.last_played = older.last_played.max(played.last_played);
    }

    fn take_out(&mut self, listen: &Listen) {
        let older = self.older.get_mut(&listen.track);
        if let Some(older) = older.filter(|older| older.plays > 0) {
            older.signal_milli = older.signal_milli.saturating_sub(signal_milli(listen));
            older.plays -= 1;
            let is_skip = listen.outcome == ListenOutcome::Skipped;
            older.skips = older.skips.saturating_sub(u32::from(is_skip));
        }
    }
}

impl ListenerProfile {
    /// Adds a play.
    ///
    /// - Cost: constant for a play that is among the newest, O(log tracks) for one that goes.
    pub fn add_listen(&mut self, event: EventId, listen: &Listen, at: Timestamp) {
        if listen.private {
            return;
        }
        if let Some(oldest) = self.recent.put(Play::new(event, listen, at)) {
            self.rest.get_or_insert_default().add(&oldest);
        }
    }

    /// Takes a play out again that was added before; a track without plays and judgement is seen
    /// no longer.
    pub fn take_out(&mut self, event: EventId, listen: &Listen, at: Timestamp) {
        if listen.private || self.recent.take_back(event, at) {
            return;
        }
        if let Some(rest) = &mut self.rest {
            rest.take_out(listen);
        }
    }

    /// Adds a judgement; the newest stands.
    pub fn add_feedback(&mut self, event: EventId, feedback: &Feedback, at: Timestamp) {
        let judgement = match feedback.opinion {
            Opinion::Like => Judgement::Liked,
            Opinion::Dislike => Judgement::Disliked,
            Opinion::Cleared => Judgement::None,
        };
        let given = (at, event, judgement);
        let judged = &mut self.rest.get_or_insert_default().judged;
        let standing = judged.entry(feedback.track).or_insert(given);
        *standing = given.max(*standing);
    }

    /// Every track with its history, by id.
    ///
    /// - Cost: O(n log n) in the newest plays, O(n) in the tracks before.
    pub fn tracks(&self) -> impl Iterator<Item = (TrackId, TrackHistory)> + use<> {
        let newest = self.recent.iter();
        let mut all: Vec<(TrackId, TrackHistory)> = newest
            .map(|play| (play.track, TrackHistory::of_play(play)))
            .collect();
        if let Some(rest) = &self.rest {
            let older = rest.older.iter();
            all.extend(older.map(|(track, older)| (*track, TrackHistory::of_older(older))));
            let judged = rest.judged.iter();
            all.extend(judged.map(|(track, given)| (*track, TrackHistory::of_judgement(given))));
        }
        // Of a sort for runs: what is older and what was judged are sorted already.
        all.sort_by_key(|(track, _)| *track);
        all.dedup_by(|one, kept| {
            let is_same = one.0 == kept.0;
            if is_same {
                kept.1 = kept.1.and(one.1);
            }
            is_same
        });
        all.into_iter().filter(|(_, history)| history.is_seen())
    }

    /// The history with one track.
    ///
    /// - Cost: a pass over the newest plays, O(log n) in the tracks before.
    pub fn history(&self, track: TrackId) -> Option<TrackHistory> {
        let newest = self.recent.iter().filter(|play| play.track == track);
        let newest = newest.map(TrackHistory::of_play);
        let rest = self.rest.as_deref();
        let older = rest.and_then(|rest| rest.older.get(&track));
        let judged = rest.and_then(|rest| rest.judged.get(&track));
        let rest = older.map(TrackHistory::of_older).into_iter();
        newest
            .chain(rest)
            .chain(judged.map(TrackHistory::of_judgement))
            .reduce(TrackHistory::and)
            .filter(TrackHistory::is_seen)
    }

    /// The newest plays, newest first.
    pub fn recent(&self) -> impl Iterator<Item = (Timestamp, TrackId)> + '_ {
        let standing = self.recent.iter().filter(|play| !play.is_taken_back());
        standing.rev().map(|play| (play.at, play.track))
    }

    /// The newest plays with what each says of its track, -1 for a skip at once to 1 for a whole play; newest first.
    pub fn recent_signals(&self) -> impl Iterator<Item = (Timestamp, TrackId, f32)> + '_ {
        let standing = self.recent.iter().filter(|play| !play.is_taken_back());
        let signal = |play: &Play| play.signal_milli() as f32 / 1_000.0;
        (standing.rev()).map(move |play| (play.at, play.track, signal(play)))
    }

    /// The tracks of those of the newest plays that lie in a part of the listener's day, newest first.
    pub fn recent_in(&self, part: DayPart) -> impl Iterator<Item = TrackId> + '_ {
        let within = self
            .recent
            .iter()
            .filter(move |play| play.part() == Some(part));
        let standing = within.filter(|play| !play.is_taken_back());
        standing.rev().map(|play| play.track)
    }

    /// Those of the newest plays that speak for their track, newest first.
    pub fn recent_liked(&self) -> impl Iterator<Item = (Timestamp, TrackId)> + '_ {
        let standing = self.recent.iter().filter(|play| !play.is_taken_back());
        let liked = standing.filter(|play| play.signal_milli() > 0);
        liked.rev().map(|play| (play.at, play.track))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        let has_rest = |rest: &Rest| {
            !rest.judged.is_empty() || rest.older.values().any(|older| older.plays > 0)
        };
        self.recent().next().is_none() && !self.rest.as_deref().is_some_and(has_rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a million listeners cost is these two numbers.
    #[test]
    fn entries_stay_small() {
        assert_eq!(size_of::<Play>(), 32);
        assert_eq!(size_of::<ListenerProfile>(), 40);
    }
}
