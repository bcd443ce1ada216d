//! From a spec to notes and strokes, with the truth about them.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::form::{BarPlan, Part, short_form, whole_form};
use super::singer::{Syllable, rap, sing};
use super::styles::{StyleProfile, profile};
use super::voices::{Drum, Instrument, Note};
use super::{Form, Lead, Mode, PITCH_NAMES, SongChord, SongSection, SongSpec, SongTruth};

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

/// Share of melody notes that a repeat of a section changes.
const REPEAT_CHANGE: f64 = 0.15;
/// Spread of strokes around the grid in seconds; players are this steady.
const LOOSENESS_S: f64 = 0.004;

/// A note with its time and place.
pub(super) struct PlacedNote {
    pub role: Role,
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
    pub syllables: Vec<Syllable>,
    pub truth: SongTruth,
    pub drum_color: f32,
    pub reverb: f32,
    pub drive: f32,
}

/// Who plays a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Bass,
    Chords,
    Lead,
}

/// Bars of the song's form; `None` where the form goes on for as long as the song does.
pub(super) fn form_bar_count(spec: &SongSpec) -> Option<usize> {
    match spec.form {
        Form::Short => None,
        Form::Whole => Some(whole_form(spec, profile(spec.style).drums.len()).len()),
    }
}

/// Composes a song.
pub(super) fn arrange(spec: &SongSpec) -> Score {
    let mut rng = ChaCha8Rng::seed_from_u64(spec.seed.wrapping_mul(0x9e37_79b9).wrapping_add(11));
    let lead_in_s = rng.random_range(0.0..0.25);
    let beat_s = 60.0 / spec.tempo_bpm;
    let bar_s = beat_s * f64::from(spec.beats_per_bar);
    let bar_count = ((spec.seconds - lead_in_s) / bar_s).ceil().max(0.0) as usize;
    let profile = profile(spec.style);
    let mut plans = match spec.form {
        Form::Short => short_form(bar_count),
        Form::Whole => whole_form(spec, profile.drums.len()),
    };
    plans.truncate(bar_count);
    let mut composer = Composer {
        spec,
        profile,
        step_count: if spec.beats_per_bar == 4 { 16 } else { 12 },
        bar_s,
        melodies: Vec::new(),
        progressions: vec![
            pick_progression(&mut rng, spec.mode),
            pick_progression(&mut rng, spec.mode),
        ],
        notes: Vec::new(),
        strokes: Vec::new(),
        chords: Vec::new(),
        octave: rng.random_range(0..2),
        rng,
    };
    composer.draw_material();
    for (bar, plan) in plans.iter().enumerate() {
        composer.play_bar(plan, lead_in_s + bar as f64 * bar_s);
    }
    let beats_s: Vec<f64> = (0..)
        .map(|beat| lead_in_s + f64::from(beat) * beat_s)
        .take_while(|beat| *beat < spec.seconds)
        .collect();
    let truth = SongTruth {
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
        sections: sections(&plans, lead_in_s, bar_s, spec.seconds),
        chords: std::mem::take(&mut composer.chords),
        energy: composer.profile.energy,
    };
    composer.into_score(truth)
}

fn pick_progression(rng: &mut ChaCha8Rng, mode: Mode) -> [usize; PROGRESSION_LEN] {
    let place = rng.random_range(0..MAJOR_PROGRESSIONS.len());
    match mode {
        Mode::Major => MAJOR_PROGRESSIONS[place],
        Mode::Minor => MINOR_PROGRESSIONS[place],
    }
}

fn sections(plans: &[BarPlan], lead_in_s: f64, bar_s: f64, seconds: f64) -> Vec<SongSection> {
    let mut sections: Vec<SongSection> = Vec::new();
    let mut last_section = usize::MAX;
    for (bar, plan) in plans.iter().enumerate() {
        let end_s = (lead_in_s + (bar + 1) as f64 * bar_s).min(seconds);
        match sections.last_mut() {
            Some(last) if last_section == plan.section => last.end_s = end_s,
            _ => {
                let start_s = sections.last().map_or(0.0, |last| last.end_s);
                sections.push(SongSection {
                    name: plan.part.name().to_owned(),
                    start_s,
                    end_s,
                });
            }
        }
        last_section = plan.section;
    }
    sections
}

/// A melody over four bars: step, scale degree, length in steps.
type Melody = Vec<(usize, i32, usize)>;

struct Composer<'a> {
    spec: &'a SongSpec,
    profile: &'static StyleProfile,
    step_count: usize,
    bar_s: f64,
    /// Of verse and chorus, then in the whole form of pre-chorus and bridge.
    melodies: Vec<Melody>,
    progressions: Vec<[usize; PROGRESSION_LEN]>,
    notes: Vec<PlacedNote>,
    strokes: Vec<PlacedStroke>,
    chords: Vec<SongChord>,
    octave: i32,
    rng: ChaCha8Rng,
}

impl Composer<'_> {
    fn draw_material(&mut self) {
        self.melodies = vec![self.draw_melody(), self.draw_melody()];
        if self.spec.form == Form::Whole {
            for _ in 0..2 {
                let progression = pick_progression(&mut self.rng, self.spec.mode);
                self.progressions.push(progression);
                let melody = self.draw_melody();
                self.melodies.push(melody);
            }
            // A bridge leaves the tonic: its progression starts in the middle.
            self.progressions[3].rotate_left(2);
        }
    }

    fn play_bar(&mut self, plan: &BarPlan, start_s: f64) {
        let material = match plan.part {
            Part::Intro | Part::Verse | Part::Outro => 0,
            Part::Chorus => 1,
            Part::PreChorus => 2,
            Part::Bridge => 3,
        };
        // The intro stays on the tonic and its neighbour; the form starts on the tonic after it.
        let degree = self.progressions[material][plan.place % PROGRESSION_LEN];
        self.play_drums(plan, start_s);
        if plan.part != Part::Intro || self.profile.drums.is_empty() || plan.place > 0 {
            self.play_bass(degree, start_s);
        }
        self.play_chords(degree, plan, start_s);
        self.note_chord(degree, start_s);
        if plan.has_lead {
            self.play_lead(material, plan, start_s);
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

    fn play_drums(&mut self, plan: &BarPlan, start_s: f64) {
        let drums = self.profile.drums;
        for (drum, pattern) in drums.iter().take(plan.drum_count) {
            let fill = self
                .profile
                .fill
                .filter(|(filled, _)| plan.has_fill && filled == drum);
            let pattern = fill.map_or(*pattern, |(_, fill)| fill);
            self.play_pattern(*drum, pattern, start_s);
        }
        let extra = self
            .profile
            .fill
            .filter(|(filled, _)| plan.has_fill && drums.iter().all(|(drum, _)| drum != filled));
        if let Some((drum, pattern)) = extra {
            self.play_pattern(drum, pattern, start_s);
        }
        if plan.has_extra {
            self.play_pattern(Drum::Hat, "o.oxo.oxo.oxo.ox", start_s);
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
            let sound = (Role::Bass, instrument);
            self.push(sound, midi, start_s, (step, length), 0.85, 0.0);
        }
    }

    fn play_chords(&mut self, degree: usize, plan: &BarPlan, start_s: f64) {
        let (instrument, pattern) = self.profile.chords;
        let is_chorus = plan.part == Part::Chorus;
        let strength = if is_chorus { 0.85 } else { 0.65 };
        let runs = if plan.is_held {
            vec![(0, b'h', self.step_count)]
        } else {
            self.runs(pattern)
        };
        for (step, _, length) in runs {
            self.play_triad(instrument, degree, start_s, (step, length), strength);
        }
        if plan.has_pad {
            let whole = (0, self.step_count);
            self.play_triad(Instrument::Pad, degree, start_s, whole, 0.6);
        }
    }

    fn note_chord(&mut self, degree: usize, start_s: f64) {
        let [root, third, fifth] = self.triad(degree);
        let quality = match (third - root, fifth - root) {
            (4, 7) => Some("maj"),
            (3, 7) => Some("min"),
            _ => None,
        };
        let root = PITCH_NAMES[root.rem_euclid(12) as usize];
        let name = quality.map(|quality| format!("{root}:{quality}"));
        let end_s = (start_s + self.bar_s).min(self.spec.seconds);
        if start_s < end_s {
            self.chords.push(SongChord {
                name,
                start_s,
                end_s,
            });
        }
    }

    /// Root, third and fifth of the triad on a degree, in its octave for chords.
    fn triad(&self, degree: usize) -> [i32; 3] {
        [0, 2, 4].map(|third| {
            let midi = 60 + self.pitch_above(degree as i32 + third, -7);
            // The dominant of a minor key takes its leading note.
            let is_leading = self.spec.mode == Mode::Minor && degree == 4 && third == 2;
            midi + i32::from(is_leading)
        })
    }

    fn play_triad(
        &mut self,
        instrument: Instrument,
        degree: usize,
        start_s: f64,
        steps: (usize, usize),
        strength: f32,
    ) {
        for (voice, midi) in self.triad(degree).into_iter().enumerate() {
            let pan = (voice as f32 - 1.0) * 0.35;
            self.push(
                (Role::Chords, instrument),
                midi,
                start_s,
                steps,
                strength,
                pan,
            );
        }
    }

    fn draw_melody(&mut self) -> Melody {
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

    fn play_lead(&mut self, material: usize, plan: &BarPlan, start_s: f64) {
        let strength = if plan.part == Part::Chorus { 0.9 } else { 0.55 };
        let melodies = std::mem::take(&mut self.melodies);
        let place = plan.place % PROGRESSION_LEN;
        let bar = place * self.step_count..(place + 1) * self.step_count;
        for (step, degree, length) in &melodies[material] {
            if bar.contains(step) {
                // A repeat is never note for note the same.
                let is_changed = plan.repeat > 0 && self.rng.random::<f64>() < REPEAT_CHANGE;
                let degree = degree + if is_changed { 1 } else { 0 };
                let midi = 60 + 12 * self.octave + self.pitch_above(degree, 5);
                let steps = (step - bar.start, *length);
                let sound = (Role::Lead, self.profile.lead);
                self.push(sound, midi, start_s, steps, strength, 0.15);
            }
        }
        self.melodies = melodies;
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
        (role, instrument): (Role, Instrument),
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
            role,
            start_s,
            note,
            pan,
            is_wet,
        });
    }

    /// Leaves out who does not play. All have drawn their chances before, so that the others play
    /// the same notes with or without them.
    fn into_score(mut self, truth: SongTruth) -> Score {
        let cast = self.spec.cast;
        let drum_color = self.rng.random();
        let lead: Vec<&PlacedNote> = (self.notes.iter())
            .filter(|placed| placed.role == Role::Lead)
            .collect();
        let syllables = match cast.lead {
            Lead::Sung => sing(&lead, self.spec.seed),
            Lead::Rapped => rap(&lead, self.bar_s / self.step_count as f64, self.spec.seed),
            Lead::Instrument | Lead::Silent => Vec::new(),
        };
        self.notes.retain(|placed| match placed.role {
            Role::Bass => cast.has_bass,
            Role::Chords => cast.has_chords,
            Role::Lead => cast.lead == Lead::Instrument,
        });
        if !cast.has_drums {
            self.strokes.clear();
        }
        Score {
            truth,
            drum_color,
            reverb: self.profile.reverb,
            drive: self.profile.drive,
            notes: self.notes,
            strokes: self.strokes,
            syllables,
        }
    }
}
