//! How the items of a model sound, as small as columns of a ranker need it.

use leitmotif_learn::sequencing::{Mode, TrackSound};
use serde::{Deserialize, Serialize};

/// Parts of an octave, and of the range of energy, that are told apart: a two hundred and fiftieth is below what analyzers tell.
const PARTS: u8 = 250;
/// Stands for what is unknown.
const UNKNOWN: u8 = 0;

/// Tempo, key and energy of the items of a model, a byte each; what is unknown is 0.
///
/// - Units: tempo as its place between a power of two and the next, for halves and doubles are one; keys as their place on the
///   circle of fifths, a minor key with its relative major.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSounds {
    tempos: Vec<u8>,
    keys: Vec<u8>,
    energies: Vec<u8>,
}

impl ItemSounds {
    /// Takes what was measured of each item; none where nothing was of any.
    pub fn of<'s>(sounds: impl Iterator<Item = &'s TrackSound>) -> Option<Self> {
        let mut found = Self::default();
        for sound in sounds {
            found
                .tempos
                .push(sound.tempo_bpm.map_or(UNKNOWN, tempo_place));
            found.keys.push(sound.key.map_or(UNKNOWN, key_place));
            let energy =
                |energy: f32| 1 + (energy.clamp(0.0, 1.0) * f32::from(PARTS)).round() as u8;
            found.energies.push(sound.energy.map_or(UNKNOWN, energy));
        }
        let all = [&found.tempos, &found.keys, &found.energies];
        let is_known = all
            .iter()
            .any(|list| list.iter().any(|place| *place != UNKNOWN));
        is_known.then_some(found)
    }

    /// Whether it is of so many items.
    pub fn fits(&self, items: usize) -> bool {
        let all = [&self.tempos, &self.keys, &self.energies];
        all.iter().all(|list| list.len() == items)
    }

    /// What a step from one item to another is; NaN where either is unknown.
    ///
    /// - Units: tempo in octaves, 0 to 0.5, halves and doubles counting as equal; key in steps on the circle of fifths, 0 to 6, and
    ///   half a step more from major to minor; energy as how far it rises, −1 to 1.
    pub fn step(&self, from: usize, to: usize) -> [f32; 3] {
        let both = |list: &[u8]| {
            let places = list.get(from).copied().zip(list.get(to).copied());
            places.filter(|(from, to)| *from != UNKNOWN && *to != UNKNOWN)
        };
        let tempo = both(&self.tempos).map(|(from, to)| {
            let apart = from.abs_diff(to);
            f32::from(apart.min(PARTS - apart)) / f32::from(PARTS)
        });
        let key = both(&self.keys).map(|(from, to)| {
            let (from, to) = (from - 1, to - 1);
            let apart = (from / 2).abs_diff(to / 2);
            f32::from(apart.min(12 - apart)) + if from % 2 == to % 2 { 0.0 } else { 0.5 }
        });
        let rise = both(&self.energies)
            .map(|(from, to)| (f32::from(to) - f32::from(from)) / f32::from(PARTS));
        [tempo, key, rise].map(|part| part.unwrap_or(f32::NAN))
    }
}

fn tempo_place(tempo_bpm: f32) -> u8 {
    let octaves = tempo_bpm.log2();
    let place = ((octaves - octaves.floor()) * f32::from(PARTS)).round() as u8;
    1 + place % PARTS
}

fn key_place((tonic, mode): (u8, Mode)) -> u8 {
    let (major, is_minor) = match mode {
        Mode::Major => (tonic, 0),
        Mode::Minor => (tonic.saturating_add(3), 1),
    };
    1 + 2 * ((u16::from(major) * 7 % 12) as u8) + is_minor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(tempo_bpm: f32, key: (u8, Mode), energy: f32) -> TrackSound {
        TrackSound {
            tempo_bpm: Some(tempo_bpm),
            key: Some(key),
            energy: Some(energy),
            timbre: None,
        }
    }

    #[test]
    fn steps_are_those_of_tempo_wheel_and_energy() {
        let sounds = [
            sound(70.0, (0, Mode::Major), 0.25),
            // Double, the relative minor, louder.
            sound(140.0, (9, Mode::Minor), 0.75),
            // A fifth of an octave up, three steps on the wheel.
            sound(70.0 * 2_f32.powf(0.2), (9, Mode::Major), 0.0),
            TrackSound::default(),
            // Beside a power of two, from either side, and the tritone.
            sound(64.1, (6, Mode::Major), 1.0),
            sound(63.9, (0, Mode::Major), 1.0),
        ];
        let items = ItemSounds::of(sounds.iter()).unwrap();
        assert!(items.fits(6) && !items.fits(5));
        let check = |from, to, expected: [f32; 3]| {
            for (part, expected) in items.step(from, to).into_iter().zip(expected) {
                assert!(
                    (part - expected).abs() < 0.006,
                    "{from} {to}: {part} {expected}"
                );
            }
        };
        check(0, 1, [0.0, 0.5, 0.5]);
        check(1, 0, [0.0, 0.5, -0.5]);
        check(0, 2, [0.2, 3.0, -0.25]);
        check(4, 5, [0.0045, 6.0, 0.0]);
        assert!(items.step(0, 3).iter().all(|part| part.is_nan()));
        assert!(
            items.step(0, 9).iter().all(|part| part.is_nan()),
            "of no item"
        );
        assert_eq!(ItemSounds::of([TrackSound::default()].iter()), None);
    }
}
