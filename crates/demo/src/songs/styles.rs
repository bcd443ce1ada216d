//! What each style plays, as patterns over one bar.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::voices::{Drum, Instrument};
use super::{Cast, Form, Mode, SongSpec, Style};

/// A style's patterns.
///
/// - Shape: one character per step: 16 steps in four-four, 12 in three-four and compound time. Drums:
///   `X` accent, `x` stroke, `o` ghost. Bass: `r` root, `f` fifth, `o` octave, `-` held, `.` silent.
///   Chords: `x` short, `h` start of a held chord, `-` held, `.` silent.
pub(super) struct StyleProfile {
    pub tempo_range_bpm: (f64, f64),
    pub beats_per_bar: u32,
    /// Chance of a minor key.
    pub minor_share: f64,
    /// Delay of every second step, as a share of a step.
    pub swing: f64,
    pub drums: &'static [(Drum, &'static str)],
    /// Played instead in every fourth bar.
    pub fill: Option<(Drum, &'static str)>,
    pub bass: (Instrument, &'static str),
    pub chords: (Instrument, &'static str),
    pub lead: Instrument,
    /// Chance of a melody note on a step of the eighth-note grid.
    pub lead_density: f64,
    pub reverb: f32,
    pub drive: f32,
    pub energy: f32,
}

/// Draws a typical song.
pub(super) fn typical(style: Style, seed: u64, seconds: f64) -> SongSpec {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x51d3_7a11 ^ ((style as u64) << 40));
    let profile = profile(style);
    let (slowest, fastest) = profile.tempo_range_bpm;
    let is_minor = rng.random::<f64>() < profile.minor_share;
    SongSpec {
        seed,
        style,
        tempo_bpm: (rng.random_range(slowest..fastest) * 10.0).round() / 10.0,
        key: rng.random_range(0..12),
        mode: if is_minor { Mode::Minor } else { Mode::Major },
        beats_per_bar: profile.beats_per_bar,
        seconds,
        sample_rate_hz: 22_050,
        channel_count: 1,
        cast: Cast::default(),
        form: Form::Short,
    }
}

/// Returns a style's patterns.
pub(super) fn profile(style: Style) -> &'static StyleProfile {
    match style {
        Style::House => &HOUSE,
        Style::Techno => &TECHNO,
        Style::Trap => &TRAP,
        Style::BoomBap => &BOOM_BAP,
        Style::Rock => &ROCK,
        Style::Ballad => &BALLAD,
        Style::Waltz => &WALTZ,
        Style::Reggae => &REGGAE,
        Style::Salsa => &SALSA,
        Style::DrumAndBass => &DRUM_AND_BASS,
        Style::Funk => &FUNK,
        Style::Piano => &PIANO,
        Style::Disco => &DISCO,
        Style::Soul => &SOUL,
    }
}

static HOUSE: StyleProfile = StyleProfile {
    tempo_range_bpm: (118.0, 128.0),
    beats_per_bar: 4,
    minor_share: 0.6,
    swing: 0.08,
    drums: &[
        (Drum::Kick, "X...X...X...X..."),
        (Drum::Clap, "....x.......x..."),
        (Drum::OpenHat, "..x...x...x...x."),
        (Drum::Hat, "o.o.o.o.o.o.o.oo"),
    ],
    fill: Some((Drum::Clap, "....x.......x.xx")),
    bass: (Instrument::PluckBass, "..r-..r-..r-.ro-"),
    chords: (Instrument::Stab, "x..x..x...x..x.."),
    lead: Instrument::Lead,
    lead_density: 0.35,
    reverb: 0.20,
    drive: 1.2,
    energy: 0.75,
};

static TECHNO: StyleProfile = StyleProfile {
    tempo_range_bpm: (126.0, 142.0),
    beats_per_bar: 4,
    minor_share: 0.9,
    swing: 0.0,
    drums: &[
        (Drum::Kick, "X...X...X...X..."),
        (Drum::Hat, "..x...x...x...x."),
        (Drum::Rim, "...o..o....o..o."),
        (Drum::Clap, "............x..."),
    ],
    fill: Some((Drum::Rim, "..oo.oo.oo.oxxxx")),
    bass: (Instrument::Reese, "..rr..rr..rr..rr"),
    chords: (Instrument::Stab, "......x.......x."),
    lead: Instrument::Stab,
    lead_density: 0.25,
    reverb: 0.28,
    drive: 1.7,
    energy: 0.9,
};

static TRAP: StyleProfile = StyleProfile {
    tempo_range_bpm: (132.0, 148.0),
    beats_per_bar: 4,
    minor_share: 0.9,
    swing: 0.0,
    drums: &[
        (Drum::Kick, "X.....x...X....."),
        (Drum::Clap, "........X......."),
        (Drum::Hat, "x.x.x.x.x.x.xxxx"),
        (Drum::OpenHat, "..............o."),
    ],
    fill: Some((Drum::Hat, "xxx.xxx.xxxxxxxx")),
    bass: (Instrument::Sub, "r-----r---r-----"),
    chords: (Instrument::Pad, "h---------------"),
    lead: Instrument::Flute,
    lead_density: 0.35,
    reverb: 0.25,
    drive: 1.5,
    energy: 0.65,
};

static BOOM_BAP: StyleProfile = StyleProfile {
    tempo_range_bpm: (82.0, 98.0),
    beats_per_bar: 4,
    minor_share: 0.8,
    swing: 0.28,
    drums: &[
        (Drum::Kick, "X.....x..xX....."),
        (Drum::Snare, "....X.......X..o"),
        (Drum::Hat, "x.x.x.x.x.x.x.x."),
    ],
    fill: Some((Drum::Snare, "....X..o.o..X.xx")),
    bass: (Instrument::Sub, "r---..r--.f-r-.."),
    chords: (Instrument::Piano, "h-----x...h---.."),
    lead: Instrument::Flute,
    lead_density: 0.25,
    reverb: 0.12,
    drive: 1.4,
    energy: 0.6,
};

static ROCK: StyleProfile = StyleProfile {
    tempo_range_bpm: (104.0, 152.0),
    beats_per_bar: 4,
    minor_share: 0.4,
    swing: 0.0,
    drums: &[
        (Drum::Kick, "X.....x.X.x....."),
        (Drum::Snare, "....X.......X..."),
        (Drum::Hat, "x.x.x.x.x.x.x.x."),
        (Drum::OpenHat, "o..............."),
    ],
    fill: Some((Drum::Snare, "....X.......XxXx")),
    bass: (Instrument::PluckBass, "r.r.r.r.r.r.r.r."),
    chords: (Instrument::Guitar, "h-.xx-x-h-.xx-x-"),
    lead: Instrument::Lead,
    lead_density: 0.4,
    reverb: 0.10,
    drive: 2.2,
    energy: 0.85,
};

static BALLAD: StyleProfile = StyleProfile {
    tempo_range_bpm: (62.0, 82.0),
    beats_per_bar: 4,
    minor_share: 0.4,
    swing: 0.0,
    drums: &[
        (Drum::Kick, "x.........x....."),
        (Drum::Rim, "....x.......x..."),
        (Drum::Hat, "o.o.o.o.o.o.o.o."),
    ],
    fill: None,
    bass: (Instrument::Sub, "r-------f---r---"),
    chords: (Instrument::Piano, "h---x---h---x---"),
    lead: Instrument::Flute,
    lead_density: 0.45,
    reverb: 0.35,
    drive: 0.9,
    energy: 0.25,
};

static WALTZ: StyleProfile = StyleProfile {
    tempo_range_bpm: (88.0, 168.0),
    beats_per_bar: 3,
    minor_share: 0.35,
    swing: 0.0,
    drums: &[
        (Drum::Kick, "x..........."),
        (Drum::Rim, "....o...o..."),
        (Drum::Hat, "....x...x..."),
    ],
    fill: None,
    bass: (Instrument::PluckBass, "r---........"),
    chords: (Instrument::Piano, "....x...x..."),
    lead: Instrument::Flute,
    lead_density: 0.5,
    reverb: 0.25,
    drive: 0.9,
    energy: 0.35,
};

static REGGAE: StyleProfile = StyleProfile {
    tempo_range_bpm: (68.0, 92.0),
    beats_per_bar: 4,
    minor_share: 0.5,
    swing: 0.12,
    drums: &[
        (Drum::Kick, "........X......."),
        (Drum::Rim, "........x......."),
        (Drum::Hat, "x.x.x.x.x.x.x.xo"),
    ],
    fill: Some((Drum::Conga, "..........x.xxx.")),
    bass: (Instrument::Sub, "r--.r-f-..r-.rf."),
    chords: (Instrument::Organ, "..x...x...x...x."),
    lead: Instrument::Lead,
    lead_density: 0.25,
    reverb: 0.30,
    drive: 1.0,
    energy: 0.45,
};

static SALSA: StyleProfile = StyleProfile {
    tempo_range_bpm: (92.0, 116.0),
    beats_per_bar: 4,
    minor_share: 0.6,
    swing: 0.0,
    drums: &[
        (Drum::Conga, "..x.X.xx..x.X.xx"),
        (Drum::Rim, "x..x..x...x.x..."),
        (Drum::Hat, "x.xxx.xxx.xxx.xx"),
        (Drum::Kick, "x.....x.......x."),
    ],
    fill: Some((Drum::Conga, "x.xxX.xxx.xxXxxx")),
    bass: (Instrument::PluckBass, "......f---..r---"),
    chords: (Instrument::Piano, "x.xx.x.x.x.xx.x."),
    lead: Instrument::Lead,
    lead_density: 0.4,
    reverb: 0.12,
    drive: 1.1,
    energy: 0.7,
};

static DRUM_AND_BASS: StyleProfile = StyleProfile {
    tempo_range_bpm: (166.0, 178.0),
    beats_per_bar: 4,
    minor_share: 0.9,
    swing: 0.04,
    drums: &[
        (Drum::Kick, "X.........X....."),
        (Drum::Snare, "....X..o.o..X..o"),
        (Drum::Hat, "x.x.x.x.x.x.x.x."),
    ],
    fill: Some((Drum::Snare, "....X..x.x..X.xx")),
    bass: (Instrument::Reese, "r-----..r---f-.."),
    chords: (Instrument::Pad, "h---------------"),
    lead: Instrument::Stab,
    lead_density: 0.25,
    reverb: 0.22,
    drive: 1.7,
    energy: 0.95,
};

static FUNK: StyleProfile = StyleProfile {
    tempo_range_bpm: (94.0, 118.0),
    beats_per_bar: 4,
    minor_share: 0.6,
    swing: 0.10,
    drums: &[
        (Drum::Kick, "X..x..x...x..x.."),
        (Drum::Snare, "....X..o.o..X..o"),
        (Drum::Hat, "xoxoxoxoxoxoxoxo"),
    ],
    fill: Some((Drum::OpenHat, "..............x.")),
    bass: (Instrument::PluckBass, "r-.o..r.r.f-.ro."),
    chords: (Instrument::Guitar, "..xx.xx...xx.x.x"),
    lead: Instrument::Organ,
    lead_density: 0.35,
    reverb: 0.08,
    drive: 1.3,
    energy: 0.7,
};

static PIANO: StyleProfile = StyleProfile {
    tempo_range_bpm: (60.0, 96.0),
    beats_per_bar: 4,
    minor_share: 0.5,
    swing: 0.0,
    drums: &[],
    fill: None,
    bass: (Instrument::Piano, "r-------f-------"),
    chords: (Instrument::Piano, "x...x.x.x...x.x."),
    lead: Instrument::Piano,
    lead_density: 0.45,
    reverb: 0.40,
    drive: 0.8,
    energy: 0.12,
};

static DISCO: StyleProfile = StyleProfile {
    tempo_range_bpm: (108.0, 124.0),
    beats_per_bar: 4,
    minor_share: 0.5,
    swing: 0.0,
    drums: &[
        (Drum::Kick, "X...X...X...X..."),
        (Drum::Snare, "....x.......x..."),
        (Drum::OpenHat, "..x...x...x...x."),
        (Drum::Hat, "x.oox.oox.oox.oo"),
    ],
    fill: Some((Drum::Snare, "....x.......xxxx")),
    bass: (Instrument::PluckBass, "r.o.r.o.r.o.r.o."),
    chords: (Instrument::Guitar, "..x.x.xx..x.x.xx"),
    lead: Instrument::Pad,
    lead_density: 0.35,
    reverb: 0.15,
    drive: 1.2,
    energy: 0.78,
};

static SOUL: StyleProfile = StyleProfile {
    tempo_range_bpm: (60.0, 84.0),
    beats_per_bar: 2,
    minor_share: 0.4,
    swing: 0.0,
    drums: &[
        (Drum::Kick, "X.......x..."),
        (Drum::Snare, "......X....."),
        (Drum::Hat, "x.x.x.x.x.x."),
    ],
    fill: Some((Drum::Snare, "......X.x.x.")),
    bass: (Instrument::Sub, "r-----f---r-"),
    chords: (Instrument::Organ, "h-x-x-h-x-x-"),
    lead: Instrument::Lead,
    lead_density: 0.4,
    reverb: 0.22,
    drive: 1.1,
    energy: 0.4,
};
