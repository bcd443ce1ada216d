//! Instruments: wavetables for pitched sounds, rendered strokes for drums.

use std::f32::consts::TAU;
use std::sync::OnceLock;

/// Samples of one wavetable cycle; a power of two, so the phase wraps with a mask.
const TABLE_LEN: usize = 1_024;
/// Octaves with their own band-limited table; above the last only the fundamental is left.
const OCTAVE_COUNT: usize = 10;
/// Pitch of the lowest octave's top, in hertz.
const LOWEST_HZ: f32 = 60.0;
/// Harmonics above this are left out, so tables serve every sample rate from 16 kHz on.
const HIGHEST_HZ: f32 = 7_500.0;

/// A pitched instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instrument {
    Sub,
    Reese,
    PluckBass,
    Piano,
    Organ,
    Pad,
    Stab,
    Guitar,
    Lead,
    Flute,
}

/// How an instrument behaves over a note.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voicing {
    wave: Wave,
    pub attack_s: f32,
    /// Time constant of the fall while the note is held; long for sustained sounds.
    pub decay_s: f32,
    pub release_s: f32,
    /// Cut-off of the one-pole filter as a multiple of the pitch; follows the envelope.
    pub brightness: f32,
    /// Detuned second oscillator, as a ratio; 1 for none.
    pub detune: f32,
    pub level: f32,
}

impl Instrument {
    pub(super) fn voicing(self) -> Voicing {
        let voicing = |wave, attack_s, decay_s, release_s, brightness, detune, level| Voicing {
            wave,
            attack_s,
            decay_s,
            release_s,
            brightness,
            detune,
            level,
        };
        match self {
            Self::Sub => voicing(Wave::Round, 0.004, 1.6, 0.05, 8.0, 1.0, 0.60),
            Self::Reese => voicing(Wave::Saw, 0.006, 2.5, 0.05, 6.0, 1.008, 0.34),
            Self::PluckBass => voicing(Wave::Saw, 0.003, 0.35, 0.04, 7.0, 1.0, 0.46),
            Self::Piano => voicing(Wave::Struck, 0.003, 0.7, 0.12, 9.0, 1.0006, 0.26),
            Self::Organ => voicing(Wave::Organ, 0.008, 6.0, 0.04, 12.0, 1.0, 0.17),
            Self::Pad => voicing(Wave::Saw, 0.12, 8.0, 0.25, 4.0, 1.006, 0.13),
            Self::Stab => voicing(Wave::Saw, 0.003, 0.16, 0.05, 10.0, 1.005, 0.24),
            Self::Guitar => voicing(Wave::Struck, 0.002, 0.45, 0.05, 14.0, 1.003, 0.26),
            Self::Lead => voicing(Wave::Square, 0.010, 1.2, 0.08, 8.0, 1.003, 0.20),
            Self::Flute => voicing(Wave::Round, 0.040, 3.0, 0.10, 6.0, 1.0, 0.26),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wave {
    Round,
    Saw,
    Square,
    Organ,
    Struck,
}

const WAVES: [Wave; 5] = [
    Wave::Round,
    Wave::Saw,
    Wave::Square,
    Wave::Organ,
    Wave::Struck,
];

impl Wave {
    /// Strength of a harmonic, counted from one.
    fn harmonic(self, number: usize) -> f32 {
        let order = number as f32;
        match self {
            Self::Round => [1.0, 0.18, 0.06].get(number - 1).copied().unwrap_or(0.0),
            Self::Saw => 1.0 / order,
            Self::Square => {
                if number % 2 == 1 {
                    1.0 / order
                } else {
                    0.06 / order
                }
            }
            Self::Organ => match number {
                1 => 1.0,
                2 => 0.7,
                3 => 0.4,
                4 => 0.45,
                6 => 0.2,
                8 => 0.25,
                _ => 0.0,
            },
            Self::Struck => 1.0 / (order * order.sqrt()) * if number == 7 { 0.2 } else { 1.0 },
        }
    }
}

type Table = [f32; TABLE_LEN];

/// All wavetables, built once.
fn tables() -> &'static Vec<Table> {
    static TABLES: OnceLock<Vec<Table>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let sine: Vec<f32> = (0..TABLE_LEN)
            .map(|place| (TAU * place as f32 / TABLE_LEN as f32).sin())
            .collect();
        let mut tables = Vec::with_capacity(WAVES.len() * OCTAVE_COUNT);
        for wave in WAVES {
            for octave in 0..OCTAVE_COUNT {
                tables.push(build_table(&sine, wave, LOWEST_HZ * (1 << octave) as f32));
            }
        }
        tables
    })
}

fn build_table(sine: &[f32], wave: Wave, pitch_hz: f32) -> Table {
    let harmonic_count = ((HIGHEST_HZ / pitch_hz) as usize).clamp(1, 100);
    let mut table = [0.0f32; TABLE_LEN];
    let mut power = 0.0;
    for number in 1..=harmonic_count {
        let strength = wave.harmonic(number);
        if strength > 0.0 {
            power += strength * strength / 2.0;
            for (place, cell) in table.iter_mut().enumerate() {
                *cell += strength * sine[(place * number) % TABLE_LEN];
            }
        }
    }
    let scale = 0.5 / power.sqrt();
    table.iter_mut().for_each(|cell| *cell *= scale);
    table
}

fn table_for(wave: Wave, pitch_hz: f32) -> &'static Table {
    let octave = (pitch_hz / LOWEST_HZ).max(1.0).log2().ceil() as usize;
    let place = wave as usize * OCTAVE_COUNT + octave.min(OCTAVE_COUNT - 1);
    &tables()[place]
}

/// A note to be played.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    pub instrument: Instrument,
    pub pitch_hz: f32,
    pub seconds: f32,
    pub velocity: f32,
}

/// Renders a note into `out`, which is cleared first.
pub(super) fn render_note(note: &Note, rate_hz: f32, out: &mut Vec<f32>) {
    let voicing = note.instrument.voicing();
    let held = (note.seconds * rate_hz) as usize;
    let released = (voicing.release_s * rate_hz * 3.0) as usize;
    let table = table_for(voicing.wave, note.pitch_hz);
    let step = note.pitch_hz / rate_hz * TABLE_LEN as f32;
    let second_step = step * voicing.detune;
    let is_double = voicing.detune != 1.0;
    let attack = 1.0 / (voicing.attack_s * rate_hz).max(1.0);
    let decay = (-1.0 / (voicing.decay_s * rate_hz)).exp();
    let release = (-1.0 / (voicing.release_s * rate_hz)).exp();
    let level = note.velocity * voicing.level;
    let cutoff = (note.pitch_hz * voicing.brightness * (0.4 + 0.6 * note.velocity)) / rate_hz;
    let smooth = 1.0 - (-TAU * cutoff.min(0.45)).exp();
    let (mut phase, mut second_phase) = (0.0f32, 0.37 * TABLE_LEN as f32);
    let (mut rise, mut fall, mut filtered) = (0.0f32, 1.0f32, 0.0f32);
    out.clear();
    out.reserve(held + released);
    for index in 0..held + released {
        let mut sample = table[phase as usize & (TABLE_LEN - 1)];
        if is_double {
            sample = 0.5 * (sample + table[second_phase as usize & (TABLE_LEN - 1)]);
            second_phase += second_step;
            if second_phase >= TABLE_LEN as f32 {
                second_phase -= TABLE_LEN as f32;
            }
        }
        phase += step;
        if phase >= TABLE_LEN as f32 {
            phase -= TABLE_LEN as f32;
        }
        rise = (rise + attack).min(1.0);
        fall *= if index < held { decay } else { release };
        filtered += smooth * (sample - filtered);
        out.push(filtered * rise * fall * level);
    }
}

/// A drum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drum {
    Kick,
    Snare,
    Clap,
    Hat,
    OpenHat,
    Rim,
    Conga,
}

impl Drum {
    pub(super) const ALL: [Self; 7] = [
        Self::Kick,
        Self::Snare,
        Self::Clap,
        Self::Hat,
        Self::OpenHat,
        Self::Rim,
        Self::Conga,
    ];

    /// Renders one stroke; `color` in 0..=1 varies tuning and length from song to song.
    pub(super) fn stroke(self, rate_hz: f32, color: f32) -> Vec<f32> {
        match self {
            Self::Kick => swept(
                rate_hz,
                48.0 + 14.0 * color,
                140.0,
                0.035,
                0.13 + 0.12 * color,
                0.95,
            ),
            Self::Snare => mixed(
                swept(rate_hz, 170.0 + 40.0 * color, 60.0, 0.02, 0.06, 0.45),
                &hiss(rate_hz, 0.25, 0.08 + 0.05 * color, 0.42, 0xa511),
            ),
            Self::Clap => {
                let mut clap = hiss(rate_hz, 0.35, 0.09 + 0.04 * color, 0.4, 0xb722);
                let early = hiss(rate_hz, 0.35, 0.008, 0.35, 0xb723);
                let shift = (0.012 * rate_hz) as usize;
                for (place, sample) in early.iter().enumerate() {
                    if let Some(cell) = clap.get_mut(place + shift) {
                        *cell += sample;
                    }
                }
                clap
            }
            Self::Hat => hiss(rate_hz, 0.85, 0.022 + 0.015 * color, 0.30, 0xc833),
            Self::OpenHat => hiss(rate_hz, 0.85, 0.12 + 0.06 * color, 0.26, 0xd944),
            Self::Rim => swept(rate_hz, 820.0 + 200.0 * color, 300.0, 0.004, 0.018, 0.5),
            Self::Conga => swept(rate_hz, 210.0 + 90.0 * color, 40.0, 0.02, 0.09, 0.5),
        }
    }
}

/// A sine that falls by `sweep_hz` to `pitch_hz`, by a rotating phasor.
fn swept(
    rate_hz: f32,
    pitch_hz: f32,
    sweep_hz: f32,
    sweep_s: f32,
    decay_s: f32,
    level: f32,
) -> Vec<f32> {
    let count = (decay_s * 6.0 * rate_hz) as usize;
    let sweep_fall = (-1.0 / (sweep_s * rate_hz)).exp();
    let fall = (-1.0 / (decay_s * rate_hz)).exp();
    let (mut phase, mut sweep, mut gain) = (0.0f32, sweep_hz, level);
    (0..count)
        .map(|index| {
            phase += TAU * (pitch_hz + sweep) / rate_hz;
            sweep *= sweep_fall;
            gain *= fall;
            let attack = (index as f32 / (0.0008 * rate_hz)).min(1.0);
            phase.sin() * gain * attack
        })
        .collect()
}

/// Noise, high-passed by `sharpness`.
fn hiss(rate_hz: f32, sharpness: f32, decay_s: f32, level: f32, seed: u32) -> Vec<f32> {
    let count = (decay_s * 6.0 * rate_hz) as usize;
    let fall = (-1.0 / (decay_s * rate_hz)).exp();
    let (mut state, mut gain, mut last) = (seed, level, 0.0f32);
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let noise = state as f32 / (u32::MAX as f32 / 2.0) - 1.0;
            let sharp = noise - sharpness * last;
            last = noise;
            gain *= fall;
            sharp * gain
        })
        .collect()
}

fn mixed(mut body: Vec<f32>, other: &[f32]) -> Vec<f32> {
    if body.len() < other.len() {
        body.resize(other.len(), 0.0);
    }
    body.iter_mut()
        .zip(other)
        .for_each(|(cell, sample)| *cell += sample);
    body
}
