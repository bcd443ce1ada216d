//! Plays that a player tells of in two ways, counted once.
//!
//! OpenSubsonic has two calls for the same play: `scrobble`, sent when a track counts as heard, and
//! `reportPlayback`, sent when it stops. A player may use both. Two of them are one play when they
//! name the same listener and track, and
//!
//! - the submission names the moment at which the playback started, give or take
//!   [`TOLERANCE_MS`]; or
//! - the submission names the moment at which it was sent, and that lies between the point from
//!   which the track counts as heard and the end of the playback.
//!
//! A playback that ended before the track counts as heard is never the same play as a submission:
//! nobody submits it. Whichever comes first stands. A player that sends both for every play is
//! counted right in any order, repeats included, since each play leaves exactly one of the two.

use leitmotif_domain::event::{Event, EventPayload, Listen, RecordedEvent};
use leitmotif_domain::{ListenerId, RecordingId, TenantScope, Timestamp};
use leitmotif_storage::ports::{Appended, EventWindow};

use super::announcements::HEARD_MS;
use super::scrobbles::ScrobbleLog;
use crate::error::Result;

/// The source of a play that was submitted as heard.
pub const SUBMISSION_SOURCE: &str = "opensubsonic";
/// The source of a play whose playback was reported.
pub const PLAYBACK_SOURCE: &str = "opensubsonic playback";
/// How far two tellings of one moment lie apart: players round to seconds, and calls travel.
const TOLERANCE_MS: i64 = 10_000;
/// Longest look back for the other telling: longer tracks are not looked for further.
const LOOK_BACK_MS: i64 = 4 * 3_600 * 1_000;
/// Plays of one listener looked at; more in four hours is no listening.
const PLAYS_MAX: usize = 2_000;

/// A play as one of the two calls tells it.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// When it started, or for a submission perhaps when it was sent.
    at: Timestamp,
    /// When we learnt of it.
    recorded_at: Timestamp,
    played_ms: Option<u32>,
    track_ms: Option<u32>,
}

impl Told {
    fn of(event: &Event, listen: &Listen, recorded_at: Timestamp) -> Self {
        Self {
            at: event.occurred_at,
            recorded_at,
            played_ms: listen.played_ms,
            track_ms: listen.track_ms,
        }
    }
}

impl ScrobbleLog {
    /// Writes plays that one of the two calls told of; what the other one told already, and what
    /// was told twice, is not written. `None` stands for such a play.
    pub async fn play(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        events: Vec<(Event, RecordingId)>,
    ) -> Result<Vec<Option<Appended>>> {
        let slot = self.slot(scope);
        // One look and one write at a time, or two calls at once would both find nothing.
        let _turn = slot.plays.lock().await;
        let mut outcomes = Vec::with_capacity(events.len());
        for (event, recording) in events {
            let started_at = slot.announcements.lock().started_at(listener, recording);
            if self.is_told(scope, listener, &event, started_at).await? {
                outcomes.push(None);
                continue;
            }
            let appended = self.log.append(scope, vec![event]).await?;
            outcomes.push(appended.first().copied());
        }
        Ok(outcomes)
    }

    async fn is_told(
        &self,
        scope: &TenantScope,
        listener: ListenerId,
        event: &Event,
        announced_at: Option<Timestamp>,
    ) -> Result<bool> {
        let EventPayload::Listen(listen) = &event.payload else {
            return Ok(false);
        };
        let now = self.clock.now();
        let played_ms = i64::from(listen.played_ms.unwrap_or(0));
        let window = EventWindow {
            after: Some(event.occurred_at.plus_ms(-LOOK_BACK_MS)),
            before: Some(event.occurred_at.plus_ms(played_ms + TOLERANCE_MS + 1)),
            ..EventWindow::of_kind("listen")
        };
        let found = self
            .log
            .of_kind(scope, listener, &window, PLAYS_MAX)
            .await?;
        let mut mine = Told::of(event, listen, now);
        let is_playback = is_of(listen, PLAYBACK_SOURCE);
        if is_playback {
            // A pause makes the start that follows from the position late; the announcement knows.
            mine.at = announced_at.map_or(mine.at, |at| at.min(mine.at));
        }
        let is_same = |recorded: &RecordedEvent| {
            let EventPayload::Listen(other) = &recorded.event.payload else {
                return false;
            };
            if other.track != listen.track || recorded.event.event_id == event.event_id {
                return false;
            }
            let theirs = Told::of(&recorded.event, other, recorded.recorded_at);
            match (
                is_playback,
                is_of(other, SUBMISSION_SOURCE),
                is_of(other, PLAYBACK_SOURCE),
            ) {
                (true, true, _) => is_one_play(theirs, mine),
                (false, _, true) => is_one_play(mine, theirs),
                (true, _, true) => is_one_report(theirs, Told::of(event, listen, now)),
                _ => false,
            }
        };
        Ok(found.iter().any(is_same))
    }
}

fn is_of(listen: &Listen, source: &str) -> bool {
    listen.source.as_deref() == Some(source)
}

/// Whether a submission and a playback are the same play.
fn is_one_play(submission: Told, playback: Told) -> bool {
    let played = i64::from(playback.played_ms.unwrap_or(0));
    let half = playback
        .track_ms
        .map_or(HEARD_MS, |length| i64::from(length / 2));
    let heard_after = half.min(HEARD_MS);
    if played + TOLERANCE_MS < heard_after {
        return false;
    }
    let into_playback = submission.at.since_ms(playback.at);
    let sent_after = submission.recorded_at.since_ms(submission.at).abs();
    let ends_after = played.max(playback.recorded_at.since_ms(playback.at));
    let is_start = into_playback.abs() <= TOLERANCE_MS;
    let is_sending = sent_after <= TOLERANCE_MS
        && (heard_after - TOLERANCE_MS..=ends_after + TOLERANCE_MS).contains(&into_playback);
    is_start || is_sending
}

/// Whether two reports of a playback are one that was sent again: the start follows from the
/// position, so that it moves with the delay, but nobody stops twice at the same millisecond.
fn is_one_report(one: Told, other: Told) -> bool {
    let apart = one.at.since_ms(other.at).abs();
    let played = i64::from(one.played_ms.unwrap_or(0));
    one.played_ms == other.played_ms && apart < played.min(60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH_MS: u32 = 200_000;

    fn submitted(at_s: i64, recorded_s: i64) -> Told {
        Told {
            at: Timestamp::from_ms(at_s * 1_000),
            recorded_at: Timestamp::from_ms(recorded_s * 1_000),
            played_ms: None,
            track_ms: Some(LENGTH_MS),
        }
    }

    fn played(from_s: i64, position_s: i64) -> Told {
        Told {
            at: Timestamp::from_ms(from_s * 1_000),
            recorded_at: Timestamp::from_ms((from_s + position_s) * 1_000),
            played_ms: Some(position_s as u32 * 1_000),
            track_ms: Some(LENGTH_MS),
        }
    }

    #[test]
    fn two_tellings_of_a_play_are_one() {
        let check = |submission, playback, expected| {
            let found = is_one_play(submission, playback);
            assert_eq!(found, expected, "{submission:?} {playback:?}");
        };
        // The start, sent at half; also when it is told a little differently.
        check(submitted(1_000, 1_100), played(1_000, 200), true);
        check(submitted(1_010, 1_100), played(1_000, 200), true);
        check(submitted(1_011, 1_150), played(1_000, 200), false);
        // The moment of sending: at half, at the end, a little behind it.
        check(submitted(1_100, 1_100), played(1_000, 200), true);
        check(submitted(1_200, 1_200), played(1_000, 200), true);
        check(submitted(1_210, 1_210), played(1_000, 200), true);
        check(submitted(1_211, 1_211), played(1_000, 200), false);
        // The start of the next round is not the end of this one.
        check(submitted(1_200, 1_300), played(1_000, 200), false);
        // What was skipped was not submitted.
        check(submitted(1_000, 1_100), played(1_000, 20), false);
        // Another play of the day before.
        check(submitted(1_000, 1_100), played(90_000, 200), false);
    }

    #[test]
    fn a_report_that_is_sent_again_is_the_same() {
        assert!(is_one_report(played(1_000, 150), played(1_005, 150)));
        assert!(!is_one_report(played(1_000, 150), played(1_005, 151)));
        assert!(!is_one_report(played(1_000, 200), played(1_200, 200)));
    }
}
