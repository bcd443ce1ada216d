//! What plays now, and the skips that follow from it.
//!
//! A scrobbler announces a track when it starts and reports it as heard at half its length or
//! after four minutes. A track that another one replaced before that moment, and that is not
//! reported by its end, was skipped: a weak signal, since a report may be late or lost. Such a skip
//! names [`leitmotif_domain::event::INFERRED_SKIP_SOURCE`] as its source and weighs a quarter.

use std::collections::HashMap;

use leitmotif_domain::event::Scrobble;
use leitmotif_domain::{ListenerId, RecordingId, Timestamp, TrackId};

/// After so long a track counts as heard, whatever its length: the rule scrobblers share.
pub(super) const HEARD_MS: i64 = 240_000;
/// How long after the end of a track its report may come before it counts as missing.
const REPORT_GRACE_MS: i64 = 30_000;
/// How long an announcement without a length stands.
const UNKNOWN_LENGTH_MS: i64 = 600_000;
/// Announcements kept for a listener; more than this in the length of one track is no listening.
const ANNOUNCEMENTS_MAX: usize = 16;
/// Listeners of a tenant whose announcements are kept; at the bound, those that ended are dropped.
const LISTENERS_MAX: usize = 10_000;

/// A track that a listener's player has started.
#[derive(Debug, Clone, PartialEq)]
pub struct Announcement {
    /// What the player said of it.
    pub scrobble: Scrobble,
    /// When.
    pub at: Timestamp,
    /// The track, where it is known.
    pub track: Option<TrackId>,
    /// Its length.
    pub length_ms: Option<u32>,
    replaced_at: Option<Timestamp>,
    is_heard: bool,
}

impl Announcement {
    /// A track that starts.
    pub fn new(
        scrobble: Scrobble,
        at: Timestamp,
        track: Option<TrackId>,
        length_ms: Option<u32>,
    ) -> Self {
        Self {
            scrobble,
            at,
            track,
            length_ms,
            replaced_at: None,
            is_heard: false,
        }
    }

    fn ends_at(&self) -> Timestamp {
        let length = self.length_ms.map_or(UNKNOWN_LENGTH_MS, i64::from);
        self.at.plus_ms(length)
    }

    /// The time it played for, when it ended too early to count as heard and nobody reported it.
    fn skipped_after(&self) -> Option<u32> {
        let length = i64::from(self.length_ms?);
        let played = self.replaced_at?.since_ms(self.at);
        let is_skip = !self.is_heard && played < (length / 2).min(HEARD_MS);
        is_skip.then(|| u32::try_from(played).ok()).flatten()
    }
}

/// A skip that follows from announcements.
#[derive(Debug, Clone, PartialEq)]
pub struct InferredSkip {
    /// The recording.
    pub recording: RecordingId,
    /// The track.
    pub track: TrackId,
    /// When it started.
    pub at: Timestamp,
    /// How long it played.
    pub played_ms: u32,
    /// How long it is.
    pub track_ms: u32,
}

/// The announcements of a tenant's listeners. Only memory has them: after a restart a skip may be
/// missed, never invented.
#[derive(Debug, Default)]
pub struct Announcements {
    of: HashMap<ListenerId, Vec<Announcement>>,
}

impl Announcements {
    /// Takes an announcement; the same recording announced again goes on playing.
    pub fn announce(&mut self, listener: ListenerId, announced: Announcement) {
        let now = announced.at;
        if self.of.len() >= LISTENERS_MAX {
            self.of.retain(|_, all| {
                all.iter()
                    .any(|one| now.since_ms(one.ends_at()) < REPORT_GRACE_MS)
            });
        }
        let all = self.of.entry(listener).or_default();
        if let Some(last) = all.last_mut() {
            let is_same = last.scrobble.recording == announced.scrobble.recording;
            if is_same && now < last.ends_at() {
                return;
            }
            last.replaced_at = last.replaced_at.or(Some(now));
        }
        if all.len() >= ANNOUNCEMENTS_MAX {
            all.remove(0);
        }
        all.push(announced);
    }

    /// Notes that a recording was reported as heard.
    pub fn hear(&mut self, listener: ListenerId, recording: RecordingId, at: Timestamp) {
        for one in self.of.get_mut(&listener).into_iter().flatten() {
            let length = one.ends_at().since_ms(one.at) + REPORT_GRACE_MS;
            if one.scrobble.recording == recording && one.at.since_ms(at).abs() <= length {
                one.is_heard = true;
            }
        }
    }

    /// Removes the announcements whose report is overdue; answers the skips among them.
    pub fn settle(&mut self, listener: ListenerId, now: Timestamp) -> Vec<InferredSkip> {
        let Some(all) = self.of.get_mut(&listener) else {
            return Vec::new();
        };
        let (due, open): (Vec<_>, Vec<_>) = std::mem::take(all)
            .into_iter()
            .partition(|one| now.since_ms(one.ends_at()) >= REPORT_GRACE_MS);
        if open.is_empty() {
            self.of.remove(&listener);
        } else {
            *all = open;
        }
        let skip = |one: Announcement| {
            Some(InferredSkip {
                recording: one.scrobble.recording,
                track: one.track?,
                at: one.at,
                played_ms: one.skipped_after()?,
                track_ms: one.length_ms?,
            })
        };
        due.into_iter().filter_map(skip).collect()
    }

    /// When the playback of a recording started that nobody reported yet.
    pub fn started_at(&self, listener: ListenerId, recording: RecordingId) -> Option<Timestamp> {
        let last = self.of.get(&listener)?.last()?;
        let is_it = last.scrobble.recording == recording && !last.is_heard;
        is_it.then_some(last.at)
    }

    /// What plays at a moment.
    pub fn playing(&self, listener: ListenerId, now: Timestamp) -> Option<&Announcement> {
        let last = self.of.get(&listener)?.last()?;
        (now < last.ends_at()).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const LISTENER: ListenerId = ListenerId::from_u128(1);

    fn announced(recording: u128, at_ms: i64) -> Announcement {
        let scrobble = Scrobble {
            recording: RecordingId::from_u128(recording),
            title: "t".to_owned(),
            artist: "a".to_owned(),
            album: None,
            duration_ms: None,
            external_ids: BTreeMap::new(),
            outcome: None,
            played_ms: None,
            source: None,
            reason: None,
            private: false,
            metadata: serde_json::Value::Null,
        };
        let track = Some(TrackId::from_u128(recording));
        Announcement::new(scrobble, Timestamp::from_ms(at_ms), track, Some(200_000))
    }

    /// Announces at each moment, hears some, and settles long after.
    fn check(steps: &[(u128, i64)], heard: &[(u128, i64)], expected: &[(u128, u32)]) {
        let mut all = Announcements::default();
        for (recording, at) in steps {
            all.announce(LISTENER, announced(*recording, *at));
        }
        for (recording, at) in heard {
            let at = Timestamp::from_ms(*at);
            all.hear(LISTENER, RecordingId::from_u128(*recording), at);
        }
        let skips = all.settle(LISTENER, Timestamp::from_ms(10_000_000));
        let found: Vec<_> = skips
            .iter()
            .map(|skip| (skip.track.as_u128(), skip.played_ms))
            .collect();
        assert_eq!(found, expected, "{steps:?} {heard:?}");
        assert_eq!(all.playing(LISTENER, Timestamp::from_ms(10_000_000)), None);
    }

    #[test]
    fn a_replaced_track_without_report_was_skipped() {
        check(&[(1, 0), (2, 20_000)], &[], &[(1, 20_000)]);
        // Reported, late or not: heard.
        check(&[(1, 0), (2, 20_000)], &[(1, 0)], &[]);
        // Replaced after half its length: the report may have been lost.
        check(&[(1, 0), (2, 120_000)], &[], &[]);
        // Never replaced: the player may have been closed.
        check(&[(1, 0)], &[], &[]);
        // Announced again while it plays: no skip.
        check(&[(1, 0), (1, 20_000), (2, 150_000)], &[], &[]);
    }

    #[test]
    fn nothing_is_decided_before_the_report_is_overdue() {
        let mut all = Announcements::default();
        all.announce(LISTENER, announced(1, 0));
        all.announce(LISTENER, announced(2, 20_000));
        assert!(all.settle(LISTENER, Timestamp::from_ms(229_999)).is_empty());
        assert_eq!(all.settle(LISTENER, Timestamp::from_ms(230_000)).len(), 1);
        assert!(all.settle(LISTENER, Timestamp::from_ms(230_000)).is_empty());
    }

    #[test]
    fn announcements_are_bounded() {
        let mut all = Announcements::default();
        for place in 0..100 {
            all.announce(LISTENER, announced(place, place as i64));
        }
        assert_eq!(all.of[&LISTENER].len(), ANNOUNCEMENTS_MAX);
    }
}
