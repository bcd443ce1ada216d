//! The session that runs, and what a candidate is to the tracks before it.

use leitmotif_domain::Timestamp;

use crate::item_sounds::ItemSounds;
use crate::keyed::{KeyedMap, map_for};
use crate::known::KnownTracks;
use crate::model::RecommenderModel;
use crate::recent_sessions::SESSION_GAP_MS;

/// Tracks before a candidate that it is compared with.
const TRACKS_BEFORE: usize = 3;
/// Columns that are told of a candidate and the tracks before it.
pub(super) const SOUND_COLUMNS: usize = 7;

/// What a listener did last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunningSession {
    plays: u16,
    skips: u16,
    /// Columns of the last tracks that were not skipped, newest first.
    last: [Option<u32>; TRACKS_BEFORE],
}

impl RunningSession {
    /// Reads plays with their signals and columns, newest first. The session goes back from `now` to a long pause; the tracks
    /// before are the last ones whatever the pause. What a clock that is ahead dates later than `now` is not looked at.
    ///
    /// - Cost: O(plays of the session).
    pub fn of(plays: impl Iterator<Item = (Timestamp, f32, Option<u32>)>, now: Timestamp) -> Self {
        let (mut session, mut known) = (Self::default(), 0);
        let (mut later, mut is_running) = (now, true);
        for (at, signal, column) in plays.filter(|(at, ..)| *at <= now) {
            is_running &= later.since_ms(at) <= SESSION_GAP_MS;
            later = at;
            if is_running {
                session.plays = session.plays.saturating_add(1);
                session.skips = session.skips.saturating_add(u16::from(signal < 0.0));
            }
            if let Some(slot) = session.last.get_mut(known).filter(|_| signal >= 0.0) {
                *slot = column;
                known += 1;
            }
            if !is_running && known == TRACKS_BEFORE {
                break;
            }
        }
        session
    }

    /// That of a listener at a moment.
    pub(super) fn of_known(known: &KnownTracks<'_>, now: Timestamp) -> Self {
        let plays = known.recent_signals();
        let plays = plays.map(|(at, one, signal)| (at, signal, one.column.map(|at| at as u32)));
        Self::of(plays, now)
    }

    /// Its plays and its skips, as columns have counts.
    pub(super) fn columns(&self) -> [f32; 2] {
        [self.plays, self.skips].map(|count| f32::from(count).ln_1p())
    }
}

/// The tracks before a candidate.
#[derive(Default)]
pub(super) struct TracksBefore<'m> {
    sounds: Option<&'m ItemSounds>,
    last: [Option<u32>; TRACKS_BEFORE],
    /// How alike in sound and words tracks are to the last one, by column, as far as they are among its neighbours.
    likeness: KeyedMap<usize, f32>,
}

impl<'m> TracksBefore<'m> {
    /// Reads the neighbours of the last track.
    ///
    /// - Cost: O(neighbours of a track).
    pub(super) fn of(model: &'m RecommenderModel, session: &RunningSession) -> Self {
        let last = session.last[0].map(|column| column as usize);
        let mut likeness = KeyedMap::default();
        if let Some(last) = last {
            let neighbours = model.content.of(last);
            likeness = map_for(neighbours.len());
            likeness.extend(neighbours.map(|(column, likeness)| (column as usize, likeness)));
        }
        Self {
            sounds: model.sounds.as_ref(),
            last: session.last,
            likeness,
        }
    }

    /// What a candidate is to the last track (steps of tempo, key and energy, likeness), and what it is to the last three in the
    /// mean (steps of tempo, key and energy). NaN where it is unknown.
    ///
    /// - Source: for the steps [`ItemSounds::step`].
    pub(super) fn columns(&self, column: Option<usize>) -> [f32; SOUND_COLUMNS] {
        let mut told = [f32::NAN; SOUND_COLUMNS];
        let Some(column) = column else {
            return told;
        };
        told[3] = self.likeness.get(&column).copied().unwrap_or(f32::NAN);
        let Some(sounds) = self.sounds else {
            return told;
        };
        let (mut sums, mut counts) = ([0.0; 3], [0.0_f32; 3]);
        for (place, before) in self.last.iter().enumerate() {
            let Some(before) = before else { continue };
            let step = sounds.step(*before as usize, column);
            if place == 0 {
                told[..3].copy_from_slice(&step);
            }
            for ((sum, count), part) in sums.iter_mut().zip(&mut counts).zip(step) {
                if !part.is_nan() {
                    *sum += part;
                    *count += 1.0;
                }
            }
        }
        for ((told, sum), count) in told[4..].iter_mut().zip(sums).zip(counts) {
            // Nothing over nothing is NaN, as it has to be.
            *told = sum / count;
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_learn::sequencing::{Mode, TrackSound};

    use super::*;

    fn session(plays: &[(i64, f32, u32)]) -> RunningSession {
        let plays = plays.iter().rev();
        let plays = plays.map(|(minute, signal, column)| {
            (Timestamp::from_ms(minute * 60_000), *signal, Some(*column))
        });
        RunningSession::of(plays, Timestamp::from_ms(100 * 60_000))
    }

    #[test]
    fn a_session_goes_back_to_a_long_pause_and_knows_nothing_of_later() {
        let check = |plays: &[(i64, f32, u32)], counts: (u16, u16), last: [Option<u32>; 3]| {
            let found = session(plays);
            assert_eq!(
                ((found.plays, found.skips), found.last),
                (counts, last),
                "{plays:?}"
            );
        };
        check(&[], (0, 0), [None; 3]);
        let two = [(50, 1.0, 7), (81, -1.0, 8), (95, 1.0, 9)];
        check(&two, (2, 1), [Some(9), Some(7), None]);
        let three = [(65, 1.0, 7), (81, -0.5, 8), (95, 1.0, 9)];
        check(&three, (3, 1), [Some(9), Some(7), None]);
        check(&[(69, 1.0, 7)], (0, 0), [Some(7), None, None]);
        // What was played after the moment, above all what says the opposite, is not seen.
        let later = [(95, 1.0, 7), (101, -1.0, 8), (110, 1.0, 9)];
        check(&later, (1, 0), [Some(7), None, None]);
        let many = [(10, 1.0, 1), (20, 1.0, 2), (30, 0.0, 3), (40, 1.0, 4)];
        check(&many, (0, 0), [Some(4), Some(3), Some(2)]);
    }

    #[test]
    fn a_candidate_is_told_by_the_last_track_and_the_last_three() {
        let sound = |energy: Option<f32>| TrackSound {
            tempo_bpm: Some(100.0),
            key: Some((0, Mode::Major)),
            energy,
            timbre: None,
        };
        let energies = [Some(0.5), Some(0.1), None, Some(0.9)];
        let sounds = ItemSounds::of(energies.map(sound).iter());
        let before = |last| TracksBefore {
            sounds: sounds.as_ref(),
            last,
            likeness: std::iter::once((3, 0.75)).collect(),
        };
        // To the third item: 0.4 above the first, 0.8 above the second, nothing known of the other.
        let told = before([Some(0), Some(1), Some(2)]).columns(Some(3));
        let expected = [0.0, 0.0, 0.4, 0.75, 0.0, 0.0, 0.6];
        for (told, expected) in told.into_iter().zip(expected) {
            assert!((told - expected).abs() < 1e-6, "{told} {expected}");
        }
        let unknown = before([Some(0), Some(1), Some(2)]).columns(None);
        assert!(unknown.iter().all(|value| value.is_nan()));
        let first = before([None; 3]).columns(Some(0));
        assert!(first.iter().all(|value| value.is_nan()));
    }
}
