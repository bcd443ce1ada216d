//! From a spec to notes and strokes, with the truth about them.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::styles::{StyleProfile, profile};
use super::voices::{Drum, Instrument, Note};
use super::{Mode, SongSection, SongSpec, SongTruth};

/// Chords per progression, one a bar.
const PROGRESSION_LEN: usize = 4;
/// Progressions as scale degrees from zero; all begin on the tonic, so the key is never in doubt.
const MAJOR_PROGRESSIONS: [[usize; PROGRESSION_LEN]; 5] = [
    [0, 4, 5, 3],
    [0, 5, 3, 4],
    [0, 3, 4, 0],
    [0, 3, 0, 4],
    [0, 1, 4, 0],
];
const MINOR_PROGRESSIONS: [[usize; PROGRESSION_LEN]; 5] = [
    [0, 5, 2, 6],
    [0, 3, 4, 0],
    [0, 5, 3, 4],
    [0, 3, 0, 4],
    [0, 6, 5, 4],
];
const MAJOR_SCALE: [i32; 7] = [0, 2, 4, 5, 7, 9, 11];
const MINOR_SCALE: [i32; 7] = [0, 2, 3, 5, 7, 8, 10];

/// Spread of strokes around the grid in seconds; players are this steady.
const LOOSENESS_S: f64 = 0.004;

/// A note with its time and place.
pub(super) struct PlacedNote {
    pub start_s: f64,
    pub note: Note,
    pub pan: f32,
    pub is_wet: bool,
}

/// A stroke with its time.
pub(super) struct PlacedStroke {
    pub start_s: f64,
    pub drum: Drum,
    pub velocity: f32,
}

/// All that is played.
pub(super) struct Score {
    pub notes: Vec<PlacedNote>,
    pub strokes: Vec<PlacedStroke>,
    pub truth: SongTruth,
    pub drum_color: f32,
    pub reverb: f32,
    pub drive: f32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Intro,
    Verse,
    Chorus,
}

impl Part {
    fn of_bar(bar: usize) -> Self {
        match bar {
            0 | 1 => Self::Intro,
            _ if (bar - 2) % 8 < 4 => Self::Verse,
            _ => Self::Chorus,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Intro => "intro",
            Self::Verse => "verse",
            Self::Chorus => "chorus",
        }
    }
}

/// Composes a song.
pub(super) fn arrange(spec: &SongSpec) -> Score {
    let mut rng = ChaCha8Rng::seed_from_u64(spec.seed.wrapping_mul(0x9e37_79b9).wrapping_add(11));
    let lead_in_s = rng.random_range(0.0..0.25);
    let beat_s = 60.0 / spec.tempo_bpm;
    let bar_s = beat_s * f64::from(spec.beats_per_bar);
    let bar_count = ((spec.seconds - lead_in_s) / bar_s).ceil().max(0.0) as usize;
    let mut composer = Composer {
        spec,
        profile: profile(spec.style),
        step_count: if spec.beats_per_bar == 4 { 16 } else { 12 },
        bar_s,
        melody: [Vec::new(), Vec::new()],
        verse: pick_progression(&mut rng, spec.mode),
        chorus: pick_progression(&mut rng, spec.mode),
        notes: Vec::new(),
        strokes: Vec::new(),
        octave: rng.random_range(0..2),
        rng,
    };
    composer.melody = [composer.draw_melody(), composer.draw_melody()];
    for bar in 0..bar_count {
        composer.play_bar(bar, lead_in_s + bar as f64 * bar_s);
    }
    let beats_s: Vec<f64> = (0..)
        .map(|beat| lead_in_s + f64::from(beat) * beat_s)
        .take_while(|beat| *beat < spec.seconds)
        .collect();
    Score {
        truth: SongTruth {
            tempo_bpm: spec.tempo_bpm,
            downbeats_s: beats_s
                .iter()
                .copied()
                .step_by(spec.beats_per_bar as usize)
                .collect(),
            beats_s,
            key: spec.key,
            mode: spec.mode,
            beats_per_bar: spec.beats_per_bar,
            style: spec.style,
            sections: sections(bar_count, lead_in_s, bar_s, spec.seconds),
            energy: composer.profile.energy,
        },
        drum_color: composer.rng.random(),
        reverb: composer.profile.reverb,
        drive: composer.profile.drive,
        notes: composer.notes,
        strokes: composer.strokes,
    }
}

fn pick_progression(rng: &mut ChaCha8Rng, mode: Mode) -> [usize; PROGRESSION_LEN] {
    let place = rng.random_range(0..MAJOR_PROGRESSIONS.len());
    match mode {
        Mode::Major => MAJOR_PROGRESSIONS[place],
        Mode::Minor => MINOR_PROGRESSIONS[place],
    }
}

fn sections(bar_count: usize, lead_in_s: f64, bar_s: f64, seconds: f64) -> Vec<SongSection> {
    let mut sections: Vec<SongSection> = Vec::new();
    for bar in 0..bar_count {
        let name = Part::of_bar(bar).name();
        let end_s = (lead_in_s + (bar + 1) as f64 * bar_s).min(seconds);
        match sections.last_mut() {
            Some(last) if last.name == name => last.end_s = end_s,
            _ => {
                let start_s = sections.last().map_or(0.0, |last| last.end_s);
                sections.push(SongSection {
                    name: name.to_owned(),
                    start_s,
                    end_s,
                });
            }
        }
    }
    sections
}

struct Composer<'a> {
    spec: &'a SongSpec,
    profile: &'static StyleProfile,
    step_count: usize,
    bar_s: f64,
    /// Melodies of verse and chorus over four bars: step, scale degree, length in steps.
    melody: [Vec<(usize, i32, usize)>; 2],
    verse: [usize; PROGRESSION_LEN],
    chorus: [usize; PROGRESSION_LEN],
    notes: Vec<PlacedNote>,
    strokes: Vec<PlacedStroke>,
    octave: i32,
    rng: ChaCha8Rng,
}

impl Composer<'_> {
    fn play_bar(&mut self, bar: usize, start_s: f64) {
        let part = Part::of_bar(bar);
        let progression = if part == Part::Chorus {
            self.chorus
        } else {
            self.verse
        };
        // The intro stays on the tonic and its neighbour; the form starts on the tonic after it.
        let place = if part == Part::Intro { bar } else { bar - 2 };
        let degree = progression[place % PROGRESSION_LEN];
        self.play_drums(bar, part, start_s);
        if part != Part::Intro || self.profile.drums.is_empty() || bar > 0 {
            self.play_bass(degree, start_s);
        }
        self.play_chords(degree, part, start_s);
        if part != Part::Intro {
            self.play_lead(part, place % PROGRESSION_LEN, start_s);
        }
    }

    fn step_s(&self, start_s: f64, step: usize) -> f64 {
        let swing = if step % 2 == 1 {
            self.profile.swing
        } else {
            0.0
        };
        start_s + self.bar_s * (step as f64 + swing) / self.step_count as f64
    }

    fn humanised(&mut self, velocity: f32) -> f32 {
        (velocity * self.rng.random_range(0.88..1.08)).clamp(0.05, 1.0)
    }

    fn loose(&mut self, at_s: f64) -> f64 {
        (at_s + self.rng.random_range(-LOOSENESS_S..LOOSENESS_S)).max(0.0)
    }

    fn play_drums(&mut self, bar: usize, part: Part, start_s: f64) {
        let is_last_of_four = bar % 4 == 1 && bar > 1;
        for (place, (drum, pattern)) in self.profile.drums.iter().enumerate() {
            // The intro brings the drums in one by one.
            if part == Part::Intro && place > bar + 1 {
                continue;
            }
            let fill = self
                .profile
                .fill
                .filter(|(filled, _)| is_last_of_four && filled == drum);
            let pattern = fill.map_or(*pattern, |(_, fill)| fill);
            self.play_pattern(*drum, pattern, start_s);
        }
        let extra = self.profile.fill.filter(|(filled, _)| {
            is_last_of_four && self.profile.drums.iter().all(|(drum, _)| drum != filled)
        });
        if let Some((drum, pattern)) = extra {
            self.play_pattern(drum, pattern, start_s);
        }
    }

    fn play_pattern(&mut self, drum: Drum, pattern: &str, start_s: f64) {
        for step in 0..self.step_count {
            let strength = match pattern.as_bytes()[step % pattern.len()] {
                b'X' => 1.0,
                b'x' => 0.75,
                b'o' => 0.35,
                _ => continue,
            };
            let at_s = self.step_s(start_s, step);
            let velocity = self.humanised(strength);
            let start_s = self.loose(at_s);
            self.strokes.push(PlacedStroke {
                start_s,
                drum,
                velocity,
            });
        }
    }

    /// Reads runs `r---` as (step, sign, length).
    fn runs(&self, pattern: &str) -> Vec<(usize, u8, usize)> {
        let signs: Vec<u8> = (0..self.step_count)
            .map(|step| pattern.as_bytes()[step % pattern.len()])
            .collect();
        let mut runs: Vec<(usize, u8, usize)> = Vec::new();
        let mut is_open = false;
        for (step, sign) in signs.into_iter().enumerate() {
            match sign {
                b'-' if is_open => {
                    if let Some(last) = runs.last_mut() {
                        last.2 += 1;
                    }
                }
                b'.' | b'-' => is_open = false,
                _ => {
                    runs.push((step, sign, 1));
                    is_open = true;
                }
            }
        }
        runs
    }

    fn play_bass(&mut self, degree: usize, start_s: f64) {
        let (instrument, pattern) = self.profile.bass;
        for (step, sign, length) in self.runs(pattern) {
            let offset = match sign {
                b'f' => 4,
                b'o' => 7,
                _ => 0,
            };
            let midi = 36 + self.pitch_above(degree as i32 + offset, 28 - 36);
            self.push(instrument, midi, start_s, (step, length), 0.85, 0.0);
        }
    }

    fn play_chords(&mut self, degree: usize, part: Part, start_s: f64) {
        let (instrument, pattern) = self.profile.chords;
        let strength = if part == Part::Chorus { 0.85 } else { 0.65 };
        for (step, _, length) in self.runs(pattern) {
            for (voice, third) in [0, 2, 4].into_iter().enumerate() {
                let mut midi = 60 + self.pitch_above(degree as i32 + third, -7);
                // The dominant of a minor key takes its leading note.
                if self.spec.mode == Mode::Minor && degree == 4 && third == 2 {
                    midi += 1;
                }
                let pan = (voice as f32 - 1.0) * 0.35;
                self.push(instrument, midi, start_s, (step, length), strength, pan);
            }
        }
    }

    fn draw_melody(&mut self) -> Vec<(usize, i32, usize)> {
        let mut melody = Vec::new();
        let mut degree: i32 = [0, 2, 4][self.rng.random_range(0..3)];
        let grid = self.step_count * PROGRESSION_LEN / 2;
        for place in 0..grid {
            let is_strong = place * 2 % self.step_count == 0;
            let chance = self.profile.lead_density + if is_strong { 0.3 } else { 0.0 };
            if self.rng.random::<f64>() > chance {
                continue;
            }
            degree += self.rng.random_range(-2..=2);
            degree = degree.clamp(-3, 9);
            if is_strong {
                // Strong beats rest on the tonic triad.
                degree = [0, 0, 2, 2, 4, 4, 7][degree.rem_euclid(7) as usize];
            }
            let length = self.rng.random_range(1..=4);
            melody.push((place * 2, degree, length));
        }
        if let Some(last) = melody.last_mut() {
            last.1 = 0;
        }
        melody
    }

    fn play_lead(&mut self, part: Part, place: usize, start_s: f64) {
        let strength = if part == Part::Chorus { 0.9 } else { 0.55 };
        let melody = std::mem::take(&mut self.melody);
        let bar = place * self.step_count..(place + 1) * self.step_count;
        for (step, degree, length) in &melody[usize::from(part == Part::Chorus)] {
            if bar.contains(step) {
                let midi = 60 + 12 * self.octave + self.pitch_above(*degree, 5);
                let steps = (step - bar.start, *length);
                self.push(self.profile.lead, midi, start_s, steps, strength, 0.15);
            }
        }
        self.melody = melody;
    }

    /// Pitch of a scale degree in semitones above the reference, the tonic lying at or above `floor`.
    fn pitch_above(&self, degree: i32, floor: i32) -> i32 {
        let scale = match self.spec.mode {
            Mode::Major => MAJOR_SCALE,
            Mode::Minor => MINOR_SCALE,
        };
        let tonic = floor + (i32::from(self.spec.key) - floor).rem_euclid(12);
        tonic + 12 * degree.div_euclid(7) + scale[degree.rem_euclid(7) as usize]
    }

    fn push(
        &mut self,
        instrument: Instrument,
        midi: i32,
        start_s: f64,
        (step, length): (usize, usize),
        strength: f32,
        pan: f32,
    ) {
        let at_s = self.step_s(start_s, step);
        let seconds = (self.bar_s * length as f64 / self.step_count as f64 * 0.94) as f32;
        let note = Note {
            instrument,
            pitch_hz: 440.0 * ((midi - 69) as f32 / 12.0).exp2(),
            seconds,
            velocity: self.humanised(strength),
        };
        let start_s = self.loose(at_s);
        let is_wet = midi >= 48;
        self.notes.push(PlacedNote {
            start_s,
            note,
            pan,
            is_wet,
        });
    }
}
