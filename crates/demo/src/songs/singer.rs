//! A voice: a buzzing source through formants, with consonants, glides and vibrato.
//!
//! Not meant to please. It has what distinguishes voices in sound: pitch that never stands still,
//! formants that move between vowels, hisses between them, and pauses for breath.

use std::f32::consts::TAU;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::arrange::PlacedNote;

/// Frequencies of the first three formants in hertz, men's vowels after Peterson & Barney, "Control
/// methods used in a study of the vowels", JASA 1952: i, ɛ, ɑ, ɔ, u.
const VOWELS: [[f32; 3]; 5] = [
    [270.0, 2_290.0, 3_010.0],
    [530.0, 1_840.0, 2_480.0],
    [730.0, 1_090.0, 2_440.0],
    [570.0, 840.0, 2_410.0],
    [300.0, 870.0, 2_240.0],
];
/// Bandwidths of the formants in hertz, and their levels.
const BANDWIDTHS_HZ: [f32; 3] = [80.0, 110.0, 160.0];
const LEVELS: [f32; 3] = [1.0, 0.7, 0.4];
/// Level of the voice in the mix; leads of the styles lie about here.
const LEVEL: f32 = 0.42;
/// Time constant of a singer's glide from note to note, in seconds.
const GLIDE_S: f32 = 0.045;
/// A pause longer than this makes a singer start from below, in seconds.
const BREATH_S: f64 = 0.25;

/// One syllable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syllable {
    pub start_s: f64,
    seconds: f32,
    from_hz: f32,
    to_hz: f32,
    /// Time constant of the way from one to the other, in seconds.
    glide_s: f32,
    vibrato_hz: f32,
    /// Half the width of the vibrato in cents.
    vibrato_cents: f32,
    vowels: [usize; 2],
    /// Length of the consonant before the vowel in seconds, and its sharpness 0..=1.
    consonant: (f32, f32),
    velocity: f32,
    seed: u32,
}

/// Sings the notes of a melody, one syllable a note.
pub(super) fn sing(notes: &[&PlacedNote], seed: u64) -> Vec<Syllable> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x51_a6e4);
    let (depth, rate_hz) = (rng.random_range(25.0..60.0), rng.random_range(4.8..6.4));
    // Above a tenor's reach the octave is left to instruments.
    let highest = notes
        .iter()
        .map(|placed| placed.note.pitch_hz)
        .fold(0.0, f32::max);
    let octave = if highest > 620.0 { 0.5 } else { 1.0 };
    let mut last: Option<(f64, f32)> = None;
    notes
        .iter()
        .map(|placed| {
            let pitch_hz = placed.note.pitch_hz * octave;
            let linked = last.filter(|(end_s, _)| placed.start_s - end_s < BREATH_S);
            let scoop = rng.random_range(0.93f32..0.98);
            let from_hz = linked.map_or(pitch_hz * scoop, |(_, before)| before);
            last = Some((placed.start_s + f64::from(placed.note.seconds), pitch_hz));
            Syllable {
                start_s: placed.start_s,
                seconds: placed.note.seconds.max(0.14),
                from_hz,
                to_hz: pitch_hz,
                glide_s: GLIDE_S,
                vibrato_hz: rate_hz,
                vibrato_cents: depth,
                vowels: [rng.random_range(0..5), rng.random_range(0..5)],
                consonant: (rng.random_range(0.03..0.09), rng.random_range(0.0..1.0)),
                velocity: placed.note.velocity.max(0.5),
                seed: rng.random(),
            }
        })
        .collect()
}

/// Raps: a syllable on most sixteenths of the stretch of every bar that the melody fills, in phrases
/// with a breath after them; the pitch falls over the phrase and glides in every syllable.
pub(super) fn rap(notes: &[&PlacedNote], step_s: f64, seed: u64) -> Vec<Syllable> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x7a_9ba6);
    let (Some(first), Some(last)) = (notes.first(), notes.last()) else {
        return Vec::new();
    };
    let base_hz: f32 = rng.random_range(95.0..150.0);
    // Rappers speak four to six syllables a second, whatever the grid of the style is.
    let stride = (0.16 / step_s).ceil().max(1.0);
    let end_s = last.start_s + f64::from(last.note.seconds);
    let mut syllables = Vec::new();
    let (mut at_s, mut left, mut phrase) = (first.start_s, 0usize, 1usize);
    while at_s < end_s {
        if left == 0 {
            phrase = rng.random_range(9..20);
            left = phrase;
            at_s += step_s * stride * f64::from(rng.random_range(1..4));
        }
        let fall = left as f32 / phrase as f32 * 0.25;
        let from_hz = base_hz * (1.0 + fall) * rng.random_range(0.92..1.25);
        syllables.push(Syllable {
            start_s: at_s + rng.random_range(-0.012..0.012),
            seconds: (step_s * stride * rng.random_range(0.65..0.95)) as f32,
            from_hz,
            to_hz: from_hz * rng.random_range(0.72..1.08),
            glide_s: 0.08,
            vibrato_hz: 0.0,
            vibrato_cents: 0.0,
            vowels: [rng.random_range(0..5), rng.random_range(0..5)],
            consonant: (rng.random_range(0.02..0.07), rng.random_range(0.0..1.0)),
            velocity: rng.random_range(0.6..1.0),
            seed: rng.random(),
        });
        left -= 1;
        at_s += step_s * stride * if rng.random::<f64>() < 0.15 { 2.0 } else { 1.0 };
    }
    syllables
}

/// Renders a syllable into `out`, which is cleared first.
pub(super) fn render_syllable(syllable: &Syllable, rate_hz: f32, out: &mut Vec<f32>) {
    out.clear();
    let mut noise = syllable.seed | 1;
    let mut hiss = || {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        noise as f32 / (u32::MAX as f32 / 2.0) - 1.0
    };
    add_consonant(syllable, rate_hz, &mut hiss, out);
    let count = (syllable.seconds * rate_hz) as usize;
    let mut formants = [Resonator::default(); 3];
    let (mut phase, mut wander, mut before) = (0.0f32, 0.0f32, 0.0f32);
    let (attack_s, release_s) = (0.025, 0.04);
    for index in 0..count {
        let time = index as f32 / rate_hz;
        if index % 32 == 0 {
            let way = (time / syllable.seconds * 1.6 - 0.3).clamp(0.0, 1.0);
            tune(&mut formants, syllable.vowels, way, rate_hz);
            wander = 0.95 * wander + 0.9 * hiss();
        }
        let glide = (-time / syllable.glide_s).exp();
        let pitch = syllable.to_hz * (syllable.from_hz / syllable.to_hz).powf(glide);
        // Vibrato sets in once the note is held.
        let depth = syllable.vibrato_cents * ((time - 0.12) / 0.2).clamp(0.0, 1.0);
        let cents = depth * (TAU * syllable.vibrato_hz * time).sin() + 3.0 * wander;
        phase += pitch * (cents / 1_200.0).exp2() / rate_hz;
        phase -= phase.floor();
        // A sawtooth with its edge rounded, then differenced: pulses of the glottis.
        let saw = 2.0 * phase - 1.0 - edge(phase, pitch / rate_hz);
        let source = 0.55 * saw + 0.9 * (saw - before) + 0.02 * hiss();
        before = saw;
        let voiced: f32 = formants
            .iter_mut()
            .zip(LEVELS)
            .map(|(formant, level)| level * formant.next(source))
            .sum();
        let rise = (time / attack_s).min(1.0);
        let fall = ((syllable.seconds - time) / release_s).clamp(0.0, 1.0);
        out.push(voiced * rise * fall * syllable.velocity * LEVEL);
    }
}

/// Correction of a sawtooth's edge so that it does not fold back (a polynomial step of two samples).
fn edge(phase: f32, step: f32) -> f32 {
    if phase < step {
        let place = phase / step;
        2.0 * place - place * place - 1.0
    } else if phase > 1.0 - step {
        let place = (phase - 1.0) / step;
        place * place + 2.0 * place + 1.0
    } else {
        0.0
    }
}

fn add_consonant(
    syllable: &Syllable,
    rate_hz: f32,
    hiss: &mut impl FnMut() -> f32,
    out: &mut Vec<f32>,
) {
    let (seconds, sharpness) = syllable.consonant;
    let count = (seconds * rate_hz) as usize;
    let mut before = 0.0;
    for index in 0..count {
        let noise = hiss();
        let sharp = noise - sharpness * before;
        before = noise;
        let place = index as f32 / count as f32;
        let shape = (place * 4.0).min(1.0) * (1.0 - place).min(0.5);
        out.push(sharp * shape * syllable.velocity * 0.16);
    }
}

/// A two-pole resonance with unit gain at its peak.
#[derive(Debug, Clone, Copy, Default)]
struct Resonator {
    gain: f32,
    feedback: [f32; 2],
    state: [f32; 2],
}

impl Resonator {
    fn tune(&mut self, centre_hz: f32, width_hz: f32, rate_hz: f32) {
        let radius = (-std::f32::consts::PI * width_hz / rate_hz).exp();
        let angle = TAU * (centre_hz / rate_hz).min(0.45);
        self.feedback = [2.0 * radius * angle.cos(), -radius * radius];
        self.gain =
            (1.0 - radius) * (1.0 - 2.0 * radius * (2.0 * angle).cos() + radius * radius).sqrt();
    }

    fn next(&mut self, input: f32) -> f32 {
        let output =
            self.gain * input + self.feedback[0] * self.state[0] + self.feedback[1] * self.state[1];
        self.state = [output, self.state[0]];
        output
    }
}

fn tune(formants: &mut [Resonator; 3], vowels: [usize; 2], way: f32, rate_hz: f32) {
    let [from, to] = vowels.map(|vowel| VOWELS[vowel % VOWELS.len()]);
    for (index, formant) in formants.iter_mut().enumerate() {
        let centre_hz = from[index] + (to[index] - from[index]) * way;
        formant.tune(centre_hz, BANDWIDTHS_HZ[index], rate_hz);
    }
}
