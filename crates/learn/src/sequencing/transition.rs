//! What it costs the ear when one track follows another.

use super::sound::{Mode, TrackSound};

/// What each part counts when all are known. Tempo and key are what a mix is heard to break first;
/// the values are a convention of mixing, not a measurement.
const TEMPO: f32 = 0.35;
/// See [`TEMPO`].
const KEY: f32 = 0.25;
/// See [`TEMPO`].
const ENERGY: f32 = 0.2;
/// See [`TEMPO`].
const TIMBRE: f32 = 0.2;
/// Cost of a pair of which nothing is known: neither good nor bad.
const UNKNOWN: f32 = 0.5;
/// Tempo ratio, after halves and doubles, from which two tempi are as far apart as can be: in
/// octaves, a quarter is 84 against 100 beats a minute.
const TEMPO_OCTAVES_MAX: f32 = 0.25;
/// Steps on the circle of fifths from which two keys clash in full.
const KEY_STEPS_MAX: f32 = 4.0;

/// Measures a transition, 0 for none to hear and 1 for the worst; parts that are unknown on either
/// side are left out and the others count for them.
///
/// - Tempo: distance in octaves, halves and doubles counting as equal.
/// - Key: steps on the circle of fifths, with relative keys one place apart from nothing, as on the
///   wheel that disc jockeys use.
/// - Energy: absolute difference. Timbre: half the cosine distance.
/// - Cost: O(dimension of the embedding).
pub fn transition_cost(from: &TrackSound, to: &TrackSound) -> f32 {
    let tempo = (from.tempo_bpm.zip(to.tempo_bpm)).map(|(a, b)| tempo_cost(a, b));
    let key = (from.key.zip(to.key)).map(|(a, b)| key_cost(a, b));
    let energy = (from.energy.zip(to.energy)).map(|(a, b)| (a - b).abs().min(1.0));
    let timbre = (from.timbre.as_deref().zip(to.timbre.as_deref())).and_then(timbre_cost);
    let parts = [
        (TEMPO, tempo),
        (KEY, key),
        (ENERGY, energy),
        (TIMBRE, timbre),
    ];
    let (mut sum, mut weights) = (0.0, 0.0);
    for (weight, part) in parts {
        if let Some(part) = part {
            sum += weight * part;
            weights += weight;
        }
    }
    if weights > 0.0 {
        sum / weights
    } else {
        UNKNOWN
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
        let only_tempo = |bpm| TrackSound {
            tempo_bpm: Some(bpm),
            ..TrackSound::default()
        };
        close(transition_cost(&only_tempo(80.0), &only_tempo(80.0)), 0.0);
        close(
            transition_cost(&only_tempo(80.0), &TrackSound::default()),
            UNKNOWN,
        );
        let timbre = |vector: &[f32]| TrackSound {
            timbre: Some(vector.to_vec()),
            ..TrackSound::default()
        };
        close(
            transition_cost(&timbre(&[1.0, 0.0]), &timbre(&[-2.0, 0.0])),
            1.0,
        );
        close(
            transition_cost(&timbre(&[1.0, 0.0]), &timbre(&[0.0, 0.0])),
            UNKNOWN,
        );
        close(
            transition_cost(&timbre(&[1.0]), &timbre(&[0.0, 1.0])),
            UNKNOWN,
        );
    }
}
