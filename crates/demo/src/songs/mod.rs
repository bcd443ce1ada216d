//! Whole songs with exact truth: tempo, beats, key, sections, style.

mod arrange;
mod form;
mod render;
mod singer;
mod styles;
mod voices;
mod wav;

pub use wav::{WavError, wav_bytes, write_wav};

use serde::{Deserialize, Serialize};

/// Style of a song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Four on the floor, off-beat hats, stabs.
    House,
    /// Harder and darker, one-note bass.
    Techno,
    /// Half-time snare, rolling hats, long bass.
    Trap,
    /// Swung breaks and a dusty loop.
    BoomBap,
    /// Backbeat and driven chords.
    Rock,
    /// Slow, long chords.
    Ballad,
    /// Three to the bar.
    Waltz,
    /// Off-beat chords, one-drop drums.
    Reggae,
    /// Tumbao bass and syncopated piano.
    Salsa,
    /// Fast broken beat.
    DrumAndBass,
    /// Syncopated sixteenths.
    Funk,
    /// Piano alone.
    Piano,
    /// Octave bass, open hats.
    Disco,
    /// Two dotted beats to the bar.
    Soul,
}

impl Style {
    /// All styles.
    pub const ALL: [Self; 14] = [
        Self::House,
        Self::Techno,
        Self::Trap,
        Self::BoomBap,
        Self::Rock,
        Self::Ballad,
        Self::Waltz,
        Self::Reggae,
        Self::Salsa,
        Self::DrumAndBass,
        Self::Funk,
        Self::Piano,
        Self::Disco,
        Self::Soul,
    ];

    /// Returns the tempi the style is played at, slowest and fastest, in beats a minute.
    pub fn tempo_range_bpm(self) -> (f64, f64) {
        styles::profile(self).tempo_range_bpm
    }

    /// Returns the beats per bar the style is played in.
    pub fn beats_per_bar(self) -> u32 {
        styles::profile(self).beats_per_bar
    }

    /// Returns how forceful the style is, 0..=1.
    pub fn energy(self) -> f32 {
        styles::profile(self).energy
    }
}

/// Mode of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Major.
    Major,
    /// Natural minor, with a raised leading note in dominant chords.
    Minor,
}

/// Who plays; without one the others play the same notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cast {
    /// Whether the drums play.
    pub has_drums: bool,
    /// Whether the bass plays.
    pub has_bass: bool,
    /// Whether the chords are played.
    pub has_chords: bool,
    /// Who has the melody.
    pub lead: Lead,
}

impl Default for Cast {
    fn default() -> Self {
        Self {
            has_drums: true,
            has_bass: true,
            has_chords: true,
            lead: Lead::Instrument,
        }
    }
}

/// Who has the melody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lead {
    /// The instrument of the style.
    #[default]
    Instrument,
    /// A voice that sings: vowels, consonants, glides, vibrato.
    Sung,
    /// A voice that speaks in rhythm: pitches glide and rest nowhere.
    Rapped,
    /// Nobody.
    Silent,
}

/// How a song is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Two bars of intro, then verse and chorus of four bars in turn for as long as the song lasts.
    #[default]
    Short,
    /// Intro, verses, choruses, bridge and outro of 4 to 16 bars, with differences between repeats;
    /// the song ends with its form or where its length cuts it.
    Whole,
}

/// What to play.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SongSpec {
    /// Everything random follows from it.
    pub seed: u64,
    /// Style.
    pub style: Style,
    /// Beats a minute, 40..=240; in compound time the dotted beat.
    pub tempo_bpm: f64,
    /// Tonic pitch class, 0 for C to 11 for B.
    pub key: u8,
    /// Mode.
    pub mode: Mode,
    /// Beats per bar: 4, 3, or 2 for compound time (6/8); others are played as 4.
    pub beats_per_bar: u32,
    /// Length in seconds, cut at 600.
    pub seconds: f64,
    /// Sample rate in hertz, 8,000..=96,000.
    pub sample_rate_hz: u32,
    /// One or two channels.
    pub channel_count: usize,
    /// Who plays.
    #[serde(default)]
    pub cast: Cast,
    /// How it is laid out.
    #[serde(default)]
    pub form: Form,
}

impl SongSpec {
    /// Draws a typical song of a style: tempo, key, mode and metre follow from the seed.
    pub fn typical(style: Style, seed: u64, seconds: f64) -> Self {
        styles::typical(style, seed, seconds)
    }

    /// Draws a typical song of a style in its whole form.
    pub fn whole(style: Style, seed: u64) -> Self {
        Self {
            form: Form::Whole,
            ..Self::typical(style, seed, 600.0)
        }
    }
}

/// A song as sound, with what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Song {
    /// Samples in −1.0..=1.0, channels interleaved.
    pub samples: Vec<f32>,
    /// Channels.
    pub channel_count: usize,
    /// Sample rate in hertz.
    pub sample_rate_hz: u32,
    /// The truth.
    pub truth: SongTruth,
}

/// Names of the pitch classes.
pub const PITCH_NAMES: [&str; 12] = [
    "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B",
];

/// What is known about a song.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SongTruth {
    /// Beats a minute, constant.
    pub tempo_bpm: f64,
    /// Times of all beats in seconds.
    pub beats_s: Vec<f64>,
    /// Times of the first beat of each bar in seconds.
    pub downbeats_s: Vec<f64>,
    /// Tonic pitch class, 0 for C.
    pub key: u8,
    /// Mode.
    pub mode: Mode,
    /// Beats per bar.
    pub beats_per_bar: u32,
    /// Style.
    pub style: Style,
    /// Sections in order, without gaps.
    pub sections: Vec<SongSection>,
    /// Chords in order, one a bar.
    pub chords: Vec<SongChord>,
    /// How forceful the style is, 0..=1.
    pub energy: f32,
}

/// The chord of a stretch of a song.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SongChord {
    /// `C:maj`, `C#:min` and so on; `None` where the triad is neither major nor minor.
    pub name: Option<String>,
    /// Start in seconds.
    pub start_s: f64,
    /// End in seconds.
    pub end_s: f64,
}

/// A stretch of a song.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SongSection {
    /// `intro`, `verse`, `pre-chorus`, `chorus`, `bridge` or `outro`.
    pub name: String,
    /// Start in seconds.
    pub start_s: f64,
    /// End in seconds.
    pub end_s: f64,
}

/// Plays a song.
///
/// - Units: the level is about −14 dB RMS, peaks below 1.0.
/// - Errors: none; values outside the ranges of [`SongSpec`] are brought into them.
/// - Cost: linear in seconds; hundreds of times faster than real time on one core; deterministic.
pub fn render_song(spec: &SongSpec) -> Song {
    let spec = bounded(spec);
    let score = arrange::arrange(&spec);
    let samples = render::render(&spec, &score);
    Song {
        samples,
        channel_count: spec.channel_count,
        sample_rate_hz: spec.sample_rate_hz,
        truth: score.truth,
    }
}

fn bounded(spec: &SongSpec) -> SongSpec {
    let finite = |value: f64, fallback: f64| if value.is_finite() { value } else { fallback };
    let mut bounded = SongSpec {
        tempo_bpm: finite(spec.tempo_bpm, 120.0).clamp(40.0, 240.0),
        key: spec.key % 12,
        beats_per_bar: if matches!(spec.beats_per_bar, 2 | 3) {
            spec.beats_per_bar
        } else {
            4
        },
        seconds: finite(spec.seconds, 20.0).clamp(0.0, 600.0),
        sample_rate_hz: spec.sample_rate_hz.clamp(8_000, 96_000),
        channel_count: spec.channel_count.clamp(1, 2),
        ..spec.clone()
    };
    if let Some(bar_count) = arrange::form_bar_count(&bounded) {
        let bar_s = 60.0 / bounded.tempo_bpm * f64::from(bounded.beats_per_bar);
        bounded.seconds = bounded.seconds.min(bar_count as f64 * bar_s + TAIL_S);
    }
    bounded
}

/// Seconds after the last bar of a whole form, in which the lead-in and the last notes end.
const TAIL_S: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_sounds_and_tells_the_truth() {
        for style in Style::ALL {
            let spec = SongSpec::typical(style, 7, 12.0);
            let song = render_song(&spec);
            assert_eq!(song.samples.len(), 12 * 22_050);
            let peak = song
                .samples
                .iter()
                .fold(0.0f32, |peak, s| peak.max(s.abs()));
            let power = song.samples.iter().map(|s| s * s).sum::<f32>() / song.samples.len() as f32;
            let level_db = 10.0 * power.log10();
            assert!(peak <= 1.0 && song.samples.iter().all(|s| s.is_finite()));
            assert!(
                (-26.0..-8.0).contains(&level_db),
                "{style:?}: {level_db} dB"
            );
            let gaps = song.truth.beats_s.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(
                gaps.into_iter()
                    .all(|gap| (gap - 60.0 / spec.tempo_bpm).abs() < 1e-9)
            );
            let expected = song
                .truth
                .beats_s
                .len()
                .div_ceil(spec.beats_per_bar as usize);
            assert_eq!(song.truth.downbeats_s.len(), expected);
            assert!(song.truth.sections.len() >= 2);
        }
    }

    #[test]
    fn same_spec_same_samples() {
        let spec = SongSpec {
            channel_count: 2,
            ..SongSpec::typical(Style::Funk, 3, 3.0)
        };
        assert_eq!(render_song(&spec), render_song(&spec));
        assert_ne!(
            render_song(&spec).samples,
            render_song(&SongSpec { seed: 4, ..spec }).samples
        );
    }

    #[test]
    fn odd_specs_are_brought_into_range() {
        let spec = SongSpec {
            tempo_bpm: f64::NAN,
            key: 200,
            beats_per_bar: 0,
            seconds: -1.0,
            sample_rate_hz: 0,
            channel_count: 9,
            ..SongSpec::typical(Style::House, 1, 1.0)
        };
        assert!(render_song(&spec).samples.is_empty());
        assert_eq!(
            render_song(&SongSpec {
                seconds: 0.2,
                ..spec
            })
            .samples
            .len(),
            1_600 * 2
        );
    }

    /// Prints the speed; run with `--release -- --nocapture speed` for a number worth quoting.
    #[test]
    fn speed() {
        render_song(&SongSpec::typical(Style::House, 1, 1.0));
        let started = std::time::Instant::now();
        let mut seconds = 0.0;
        for (seed, style) in Style::ALL.into_iter().enumerate() {
            seconds += 20.0;
            render_song(&SongSpec::typical(style, seed as u64, 20.0));
        }
        let rate = seconds / started.elapsed().as_secs_f64();
        println!("{rate:.0} times real time");
        assert!(rate > 20.0, "{rate}");
    }
}
