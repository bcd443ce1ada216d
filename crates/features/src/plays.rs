//! The newest plays of a listener.

use std::collections::VecDeque;

use leitmotif_domain::event::{Listen, ListenOutcome};
use leitmotif_domain::zone::{DayPart, LocalHour};
use leitmotif_domain::{EventId, Timestamp, TrackId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Plays kept one by one; a session rarely holds more, and most listeners have few more in a year.
pub const RECENT_MAX: usize = 64;
/// Least places that the ring grows by. Doubling would leave a third of all places empty.
const STEP_MIN: usize = 2;
/// What is written of a play.
const PLAY_BYTES: usize = 32;

const TAKEN_BACK: u64 = 1;
const SKIPPED: u64 = 1 << 1;
/// Where the signal begins, of 11 bits.
const SIGNAL_SHIFT: u32 = 2;
const SIGNAL_MASK: u64 = (1 << 11) - 1;
/// Added to a signal in thousandths, so that it is not negative.
const SIGNAL_ZERO: i32 = 1_000;
/// Where the part of the day begins, of 3 bits: 0 where it is not known, else one more than its number.
const PART_SHIFT: u32 = 13;
const PART_MASK: u64 = (1 << 3) - 1;
/// Where the event begins, of the other 48 bits.
const EVENT_SHIFT: u32 = 16;

/// One play, in half a cache line. One that was taken back keeps its place, or the place would go to an
/// older play only when that one happened to come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Play {
    /// When.
    pub at: Timestamp,
    /// The low 48 bits of the event's id, which are as good as random and tell it apart from the others
    /// of its moment, then the part of the listener's day, the signal, whether it was skipped and whether
    /// it was taken back.
    packed: u64,
    /// What.
    pub track: TrackId,
}

impl Play {
    /// Keeps of a listen what taste is read from.
    pub fn new(event: EventId, listen: &Listen, at: Timestamp) -> Self {
        let signal = (signal_milli(listen) + SIGNAL_ZERO) as u64;
        let is_skip = listen.outcome == ListenOutcome::Skipped;
        let local = (listen.zone.as_deref()).map(|zone| LocalHour::at(at, Some(zone)));
        let part = local.map_or(0, |local| local.part() as u64 + 1);
        Self {
            at,
            packed: (event.as_u128() as u64) << EVENT_SHIFT
                | part << PART_SHIFT
                | signal << SIGNAL_SHIFT
                | if is_skip { SKIPPED } else { 0 },
            track: listen.track,
        }
    }

    /// What it says, in thousandths of a completed play.
    pub fn signal_milli(&self) -> i32 {
        (self.packed >> SIGNAL_SHIFT & SIGNAL_MASK) as i32 - SIGNAL_ZERO
    }

    /// The part of the listener's day, where their zone is known.
    pub fn part(&self) -> Option<DayPart> {
        let number = (self.packed >> PART_SHIFT & PART_MASK) as usize;
        DayPart::ALL.get(number.checked_sub(1)?).copied()
    }

    /// Whether it was skipped.
    pub fn is_skip(&self) -> bool {
        self.packed & SKIPPED != 0
    }

    /// Whether it was taken back.
    pub fn is_taken_back(&self) -> bool {
        self.packed & TAKEN_BACK != 0
    }

    fn key(&self) -> (Timestamp, u64) {
        (self.at, self.packed >> EVENT_SHIFT)
    }

    fn to_bytes(self) -> [u8; PLAY_BYTES] {
        let mut bytes = [0; PLAY_BYTES];
        bytes[..8].copy_from_slice(&self.at.as_ms().to_le_bytes());
        bytes[8..16].copy_from_slice(&self.packed.to_le_bytes());
        bytes[16..].copy_from_slice(&self.track.as_u128().to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; PLAY_BYTES]) -> Self {
        let (head, track) = bytes.as_chunks::<16>().0.split_at(1);
        let words = head[0].as_chunks::<8>().0;
        Self {
            at: Timestamp::from_ms(i64::from_le_bytes(words[0])),
            packed: u64::from_le_bytes(words[1]),
            track: TrackId::from_u128(u128::from_le_bytes(track[0])),
        }
    }
}

/// What a play says, in thousandths of a completed one.
pub fn signal_milli(listen: &Listen) -> i32 {
    let signal = (f64::from(listen.signal()) * 1_000.0).round() as i32;
    signal.clamp(-SIGNAL_ZERO, SIGNAL_ZERO)
}

/// The newest plays by (moment, event), so that late ones find their place. A ring: most come in order,
/// and then one end grows while the other shrinks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentPlays {
    ring: VecDeque<Play>,
}

impl RecentPlays {
    /// Puts a play in and gives that one out which has no place any more: the oldest of all. A play
    /// that is there already changes nothing.
    pub fn put(&mut self, play: Play) -> Option<Play> {
        let is_full = self.ring.len() >= RECENT_MAX;
        if is_full && (self.ring.front()).is_some_and(|oldest| oldest.key() > play.key()) {
            // The most common case of an import.
            return Some(play);
        }
        let is_newest = (self.ring.back()).is_none_or(|newest| newest.key() < play.key());
        let place = if is_newest {
            self.ring.len()
        } else {
            match self.ring.binary_search_by_key(&play.key(), Play::key) {
                Ok(_) => return None,
                Err(place) => place,
            }
        };
        // Before the other comes in, so that a full ring does not grow.
        let oldest = if is_full { self.ring.pop_front() } else { None };
        if self.ring.len() == self.ring.capacity() {
            self.ring.reserve_exact(STEP_MIN.max(self.ring.len() / 4));
        }
        self.ring.insert(place - usize::from(is_full), play);
        oldest
    }

    /// Marks a play as taken back; tells whether it is among these.
    pub fn take_back(&mut self, event: EventId, at: Timestamp) -> bool {
        let short = (event.as_u128() as u64) << EVENT_SHIFT >> EVENT_SHIFT;
        let place = self.ring.binary_search_by_key(&(at, short), Play::key);
        let play = place.ok().and_then(|place| self.ring.get_mut(place));
        if let Some(play) = play {
            play.packed |= TAKEN_BACK;
            return true;
        }
        false
    }

    /// The plays, oldest first, with those that were taken back.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Play> + ExactSizeIterator {
        self.ring.iter()
    }
}

impl Serialize for RecentPlays {
    /// Writes the plays one behind the other. A state is written down every so many events, and numbers
    /// of variable length would take most of that time.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = [0; RECENT_MAX * PLAY_BYTES];
        let slots = bytes.as_chunks_mut::<PLAY_BYTES>().0;
        for (slot, play) in slots.iter_mut().zip(&self.ring) {
            *slot = play.to_bytes();
        }
        serializer.serialize_bytes(&bytes[..self.ring.len() * PLAY_BYTES])
    }
}

impl<'de> Deserialize<'de> for RecentPlays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        let (plays, rest) = bytes.as_chunks::<PLAY_BYTES>();
        let ring: VecDeque<Play> = plays.iter().map(Play::from_bytes).collect();
        let is_sorted = ring.iter().is_sorted_by(|a, b| a.key() < b.key());
        if !rest.is_empty() || ring.len() > RECENT_MAX || !is_sorted {
            return Err(D::Error::custom("these are no plays in order"));
        }
        Ok(Self { ring })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(event: u128, at_ms: i64, track: u128) -> Play {
        let listen = Listen::of(TrackId::from_u128(track), ListenOutcome::Completed);
        Play::new(
            EventId::from_u128(event),
            &listen,
            Timestamp::from_ms(at_ms),
        )
    }

    #[test]
    fn a_play_keeps_what_it_was() {
        let check = |outcome, played_ms, signal: i32| {
            let listen = Listen {
                played_ms: Some(played_ms),
                track_ms: Some(200_000),
                ..Listen::of(TrackId::from_u128(u128::MAX), outcome)
            };
            let play = Play::new(
                EventId::from_u128(u128::MAX),
                &listen,
                Timestamp::from_ms(-5),
            );
            assert_eq!((play.signal_milli(), play.is_taken_back()), (signal, false));
            assert_eq!(play.is_skip(), outcome == ListenOutcome::Skipped);
            assert_eq!(Play::from_bytes(&play.to_bytes()), play);
        };
        check(ListenOutcome::Completed, 0, 1_000);
        check(ListenOutcome::Skipped, 0, -1_000);
        check(ListenOutcome::Skipped, 199_999, 0);
        check(ListenOutcome::Partial, 50_200, 251);
        check(ListenOutcome::Partial, u32::MAX, 1_000);
    }

    #[test]
    fn a_play_keeps_the_part_of_the_day_where_a_zone_tells_it() {
        let part = |zone: Option<&str>, hour: i64| {
            let listen = Listen {
                zone: zone.map(str::to_owned),
                ..Listen::of(TrackId::from_u128(1), ListenOutcome::Completed)
            };
            let at = Timestamp::from_ms(hour * 3_600_000);
            Play::new(EventId::from_u128(u128::MAX), &listen, at).part()
        };
        assert_eq!(part(None, 9), None);
        assert_eq!(part(Some("+00:00"), 0), Some(DayPart::Night));
        assert_eq!(part(Some("+00:00"), 11), Some(DayPart::Morning));
        assert_eq!(part(Some("+02:00"), 11), Some(DayPart::Afternoon));
        assert_eq!(part(Some("-05:00"), 0), Some(DayPart::Evening));
    }

    #[test]
    fn at_the_bound_the_oldest_goes_whoever_comes() {
        let mut recent = RecentPlays::default();
        for at in 0..RECENT_MAX as i64 {
            assert_eq!(recent.put(play(1, at * 10, 1)), None);
        }
        assert_eq!(recent.put(play(1, 70, 1)), None, "it is there already");
        assert_eq!(
            recent.put(play(2, -1, 1)),
            Some(play(2, -1, 1)),
            "older than all"
        );
        assert_eq!(
            recent.put(play(2, 75, 2)),
            Some(play(1, 0, 1)),
            "from the middle"
        );
        assert_eq!(
            recent.put(play(2, 9_000, 2)),
            Some(play(1, 10, 1)),
            "the newest"
        );
        assert!(recent.take_back(EventId::from_u128(2), Timestamp::from_ms(75)));
        assert!(!recent.take_back(EventId::from_u128(2), Timestamp::from_ms(0)));
        assert_eq!(recent.iter().filter(|play| play.is_taken_back()).count(), 1);
        let keys: Vec<_> = recent.iter().map(Play::key).collect();
        assert!(keys.len() == RECENT_MAX && keys.is_sorted());
        let bytes = postcard::to_allocvec(&recent).unwrap();
        assert_eq!(postcard::from_bytes::<RecentPlays>(&bytes).unwrap(), recent);
    }

    #[test]
    fn bytes_of_no_ring_are_refused() {
        let read = |plays: &[Play], rest: usize| {
            let mut bytes: Vec<u8> = plays.iter().flat_map(|play| play.to_bytes()).collect();
            bytes.extend(vec![0; rest]);
            let mut written = postcard::to_allocvec(&bytes.len()).unwrap();
            written.extend(bytes);
            postcard::from_bytes::<RecentPlays>(&written)
        };
        let many: Vec<Play> = (0..65).map(|at| play(1, at, 1)).collect();
        assert!(read(&many[..64], 0).is_ok());
        assert!(read(&many, 0).is_err());
        assert!(read(&many[..2], 5).is_err());
        assert!(read(&[many[1], many[0]], 0).is_err());
        assert!(read(&[many[1], many[1]], 0).is_err());
    }
}
