//! What it costs the ear when one track follows another.

use serde::{Deserialize, Serialize};

use super::sound::{Mode, TrackSound};

/// Cost of a pair of which nothing is known that counts: neither good nor bad.
const UNKNOWN: f32 = 0.5;
/// Tempo ratio, after halves and doubles, from which two tempi are as far apart as can be: in
/// octaves, a quarter is 84 against 100 beats a minute.
const TEMPO_OCTAVES_MAX: f32 = 0.25;
/// Steps on the circle of fifths from which two keys clash in full.
const KEY_STEPS_MAX: f32 = 4.0;

/// How many parts a step has.
pub const STEP_PARTS: usize = 5;

/// The parts of a step from one track to the next, each from 0 for none to hear to 1 for the worst; one
/// that is unknown on either side is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepParts {
    /// Distance in octaves, halves and doubles counting as equal.
    pub tempo: Option<f32>,
    /// Steps on the circle of fifths, with relative keys one place apart from nothing, as on the wheel
    /// that disc jockeys use.
    pub key: Option<f32>,
    /// By how much energy rises.
    pub energy_rise: Option<f32>,
    /// By how much energy falls.
    pub energy_fall: Option<f32>,
    /// Half the cosine distance.
    pub timbre: Option<f32>,
}

impl StepParts {
    /// Takes a step apart.
    ///
    /// - Cost: O(dimension of the embedding).
    pub fn of(from: &TrackSound, to: &TrackSound) -> Self {
        let rise = (from.energy.zip(to.energy)).map(|(a, b)| (b - a).clamp(-1.0, 1.0));
        Self {
            tempo: (from.tempo_bpm.zip(to.tempo_bpm)).map(|(a, b)| tempo_cost(a, b)),
            key: (from.key.zip(to.key)).map(|(a, b)| key_cost(a, b)),
            energy_rise: rise.map(|rise| rise.max(0.0)),
            energy_fall: rise.map(|rise| (-rise).max(0.0)),
            timbre: (from.timbre.as_deref().zip(to.timbre.as_deref())).and_then(timbre_cost),
        }
    }

    /// The mean of each part over the steps in which it is known.
    pub fn mean(steps: impl IntoIterator<Item = Self>) -> Self {
        let mut sums = [(0.0_f32, 0.0_f32); STEP_PARTS];
        for step in steps {
            for (sum, part) in sums.iter_mut().zip(step.values()) {
                if let Some(part) = part {
                    *sum = (sum.0 + part, sum.1 + 1.0);
                }
            }
        }
        let [tempo, key, energy_rise, energy_fall, timbre] =
            sums.map(|(sum, count)| (count > 0.0).then(|| sum / count));
        Self {
            tempo,
            key,
            energy_rise,
            energy_fall,
            timbre,
        }
    }

    /// The parts in the order of the fields.
    pub fn values(&self) -> [Option<f32>; STEP_PARTS] {
        [
            self.tempo,
            self.key,
            self.energy_rise,
            self.energy_fall,
            self.timbre,
        ]
    }
}

/// What each part of a step counts in its cost, at least 0. Only their ratios matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TransitionWeights {
    /// Of another tempo.
    pub tempo: f32,
    /// Of another key.
    pub key: f32,
    /// Of a rise in energy.
    pub energy_rise: f32,
    /// Of a fall in energy.
    pub energy_fall: f32,
    /// Of another timbre.
    pub timbre: f32,
}

impl Default for TransitionWeights {
    fn default() -> Self {
        Self::CONVENTION
    }
}

impl TransitionWeights {
    /// What counts where nothing was learnt. Tempo and key are what a mix is heard to break first; the
    /// values are a convention of mixing, not a measurement.
    pub const CONVENTION: Self = Self {
        tempo: 0.35,
        key: 0.25,
        energy_rise: 0.2,
        energy_fall: 0.2,
        timbre: 0.2,
    };

    /// Scales weights in the order of the fields so that the costliest step that there can be costs 1;
    /// none where a weight is negative or not finite, or all are 0.
    pub fn scaled(weights: [f64; STEP_PARTS]) -> Option<Self> {
        let [tempo, key, rise, fall, timbre] = weights;
        let most = tempo + key + rise.max(fall) + timbre;
        let is_sound = weights.iter().all(|weight| *weight >= 0.0) && most.is_finite();
        (is_sound && most > 0.0).then(|| Self {
            tempo: (tempo / most) as f32,
            key: (key / most) as f32,
            energy_rise: (rise / most) as f32,
            energy_fall: (fall / most) as f32,
            timbre: (timbre / most) as f32,
        })
    }

    /// The weights in the order of the fields.
    pub fn values(&self) -> [f32; STEP_PARTS] {
        [
            self.tempo,
            self.key,
            self.energy_rise,
            self.energy_fall,
            self.timbre,
        ]
    }

    /// Measures the step from one track to the next, 0 for none to hear and 1 for the worst.
    ///
    /// - Cost: O(dimension of the embedding).
    pub fn cost(&self, from: &TrackSound, to: &TrackSound) -> f32 {
        self.of_parts(&StepParts::of(from, to))
    }

    /// Measures a step by its parts. Those that are unknown are left out and the others count for them.
    /// Of rise and fall only one can happen, so the larger of their weights is what energy counts at most.
    pub fn of_parts(&self, parts: &StepParts) -> f32 {
        let energy = (parts.energy_rise.zip(parts.energy_fall))
            .map(|(rise, fall)| self.energy_rise * rise + self.energy_fall * fall);
        let known = [
            (self.tempo, parts.tempo.map(|part| self.tempo * part)),
            (self.key, parts.key.map(|part| self.key * part)),
            (self.energy_rise.max(self.energy_fall), energy),
            (self.timbre, parts.timbre.map(|part| self.timbre * part)),
        ];
        let (mut sum, mut weights) = (0.0, 0.0);
        for (weight, part) in known {
            if let Some(part) = part {
                sum += part;
                weights += weight;
            }
        }
        if weights > 0.0 {
            (sum / weights).min(1.0)
        } else {
            UNKNOWN
        }
    }
}

fn tempo_cost(from_bpm: f32, to_bpm: f32) -> f32 {
    let octaves = (to_bpm / from_bpm).log2();
    let folded = (octaves - octaves.round()).abs();
    (folded / TEMPO_OCTAVES_MAX).min(1.0)
}

fn key_cost(from: (u8, Mode), to: (u8, Mode)) -> f32 {
    let (from_place, to_place) = (fifths(from), fifths(to));
    let apart = (from_place + 12 - to_place) % 12;
    let steps = apart.min(12 - apart) as f32 + if from.1 == to.1 { 0.0 } else { 0.5 };
    (steps / KEY_STEPS_MAX).min(1.0)
}

/// Place of a key on the circle of fifths; a minor key stands with its relative major.
fn fifths((tonic, mode): (u8, Mode)) -> u32 {
    let major = match mode {
        Mode::Major => u32::from(tonic),
        Mode::Minor => u32::from(tonic) + 3,
    };
    major * 7 % 12
}

fn timbre_cost((from, to): (&[f32], &[f32])) -> Option<f32> {
    if from.len() != to.len() {
        return None;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let cosine = dot(from, to) / (dot(from, from) * dot(to, to)).sqrt();
    cosine
        .is_finite()
        .then(|| ((1.0 - cosine) / 2.0).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(cost: f32, expected: f32) {
        assert!((cost - expected).abs() < 1e-4, "{cost} is not {expected}");
    }

    #[test]
    fn halves_and_doubles_are_the_same_tempo() {
        close(tempo_cost(70.0, 140.0), 0.0);
        close(tempo_cost(140.0, 35.0), 0.0);
        close(tempo_cost(100.0, 100.0 * 2f32.powf(0.125)), 0.5);
        close(tempo_cost(100.0, 141.42), 1.0);
    }

    #[test]
    fn keys_are_near_on_the_wheel() {
        let (c, g, a_minor, e_minor) = (
            (0, Mode::Major),
            (7, Mode::Major),
            (9, Mode::Minor),
            (4, Mode::Minor),
        );
        close(key_cost(c, c), 0.0);
        close(key_cost(c, a_minor), 0.125);
        close(key_cost(c, g), 0.25);
        close(key_cost(g, e_minor), 0.125);
        close(key_cost(c, (6, Mode::Major)), 1.0);
        close(key_cost((1, Mode::Minor), c), key_cost(c, (1, Mode::Minor)));
    }

    #[test]
    fn unknown_parts_are_left_out() {
        let cost =
            |from: &TrackSound, to: &TrackSound| TransitionWeights::CONVENTION.cost(from, to);
        let only_tempo = |bpm| TrackSound {
            tempo_bpm: Some(bpm),
            ..TrackSound::default()
        };
        close(cost(&only_tempo(80.0), &only_tempo(80.0)), 0.0);
        close(cost(&only_tempo(80.0), &TrackSound::default()), UNKNOWN);
        let timbre = |vector: &[f32]| TrackSound {
            timbre: Some(vector.to_vec()),
            ..TrackSound::default()
        };
        close(cost(&timbre(&[1.0, 0.0]), &timbre(&[-2.0, 0.0])), 1.0);
        close(cost(&timbre(&[1.0, 0.0]), &timbre(&[0.0, 0.0])), UNKNOWN);
        close(cost(&timbre(&[1.0]), &timbre(&[0.0, 1.0])), UNKNOWN);
    }

    #[test]
    fn energy_may_cost_more_on_the_way_down() {
        let energy = |energy| TrackSound {
            tempo_bpm: Some(100.0),
            energy: Some(energy),
            ..TrackSound::default()
        };
        let (quiet, loud) = (energy(0.1), energy(0.6));
        let convention = TransitionWeights::CONVENTION;
        close(convention.cost(&quiet, &loud), 0.1 / 0.55);
        close(convention.cost(&loud, &quiet), 0.1 / 0.55);
        let learnt = TransitionWeights::scaled([1.0, 0.0, 0.5, 3.0, 0.0]).unwrap();
        assert_eq!(learnt.values(), [0.25, 0.0, 0.125, 0.75, 0.0]);
        close(learnt.cost(&quiet, &loud), 0.0625);
        close(learnt.cost(&loud, &quiet), 0.375);
        // What counts nothing says nothing.
        let only_key = TrackSound {
            key: Some((0, Mode::Major)),
            ..TrackSound::default()
        };
        close(learnt.cost(&only_key, &only_key), UNKNOWN);
    }

    #[test]
    fn means_leave_out_what_is_unknown() {
        let tempo = |tempo| StepParts {
            tempo,
            ..StepParts::default()
        };
        let mean = StepParts::mean([tempo(Some(0.25)), tempo(None), tempo(Some(0.75))]);
        assert_eq!(mean, tempo(Some(0.5)));
        assert_eq!(StepParts::mean([]), StepParts::default());
    }

    #[test]
    fn weights_that_are_none_are_refused() {
        let scaled = TransitionWeights::scaled;
        assert_eq!(scaled([0.0; STEP_PARTS]), None);
        assert_eq!(scaled([1.0, -0.1, 0.0, 0.0, 0.0]), None);
        assert_eq!(scaled([f64::NAN, 1.0, 0.0, 0.0, 0.0]), None);
        assert_eq!(scaled([f64::INFINITY, 1.0, 0.0, 0.0, 0.0]), None);
    }

    proptest! {
        #[test]
        fn costs_stay_between_nothing_and_the_worst(
            weights in prop::array::uniform5(0.0_f64..9.0),
            parts in prop::array::uniform4(prop::option::of(0.0_f32..=1.0)),
            is_fall in any::<bool>(),
        ) {
            let [tempo, key, energy, timbre] = parts;
            let (rise, fall) = if is_fall { (0.0, 1.0) } else { (1.0, 0.0) };
            let parts = StepParts {
                tempo,
                key,
                energy_rise: energy.map(|energy| energy * rise),
                energy_fall: energy.map(|energy| energy * fall),
                timbre,
            };
            if let Some(weights) = TransitionWeights::scaled(weights) {
                prop_assert!((0.0..=1.0).contains(&weights.of_parts(&parts)));
            }
        }
    }
}
