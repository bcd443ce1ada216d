//! The three built-in audio analyzers and the function that runs them together.

use serde::{Deserialize, Serialize};

use super::AudioBuffer;
use super::character::Character;
use super::character_agreement;
use super::character_evidence::measure_evidence;
use super::chords::{ChordSpan, find_chords};
use super::describe::{
    AUDIO_ANALYZER_VERSION, HARMONY_NAMES, RHYTHM_NAMES, SOUND_NAMES, describe_harmony,
    describe_rhythm, describe_sound,
};
use super::embedding::project;
use super::embedding_statistics::measure_statistics;
use super::evidence::has_notes;
use super::fingerprint::{Fingerprint, take_fingerprint};
use super::frames::{Parts, Spectra, working_gain_db};
use super::key::{KeyEstimate, estimate_key, mean_chroma};
use super::key_changes::{KeySpan, find_keys};
use super::key_features::KeyFrames;
use super::loudness::{Loudness, LoudnessCurve, measure_loudness};
use super::resample::{ANALYSIS_RATE_HZ, resample_to_mono};
use super::rhythm::{Rhythm, measure_rhythm};
use super::segments::{Segments, find_segments};
use super::structure::{Section, find_sections};
use super::survey::{Survey, Surveyor};
use super::timbre::TimbreFrames;
use super::waveform::Waveform;
use crate::analyzer::{AnalysisError, Analyzer, AnalyzerManifest, TrackInput};
use crate::descriptor::Descriptor;

/// Everything that is measured of one track's audio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioAnalysis {
    /// Rhythm, harmony and sound descriptors, in that order.
    pub descriptors: Vec<Descriptor>,
    /// Beat times from the start in milliseconds, rising; empty when the tempo is unknown.
    pub beats_ms: Vec<u32>,
    /// Downbeats, a part of `beats_ms`; empty when the metre is unknown.
    pub downbeats_ms: Vec<u32>,
    /// Picture of the waveform.
    pub waveform: Waveform,
    /// How loud the track is over time.
    #[serde(default)]
    pub loudness_curve: LoudnessCurve,
    /// Vector in [`super::AUDIO_EMBEDDING_SPACE`], unit length; empty when the track is silent.
    pub embedding: Vec<f32>,
    /// Tells copies of one recording; empty when the track is silent.
    #[serde(default)]
    pub fingerprint: Fingerprint,
    /// Pieces between onsets; empty when the track is silent.
    #[serde(default)]
    pub segments: Segments,
    /// How much was heard, in milliseconds.
    #[serde(default)]
    pub heard_ms: u64,
    /// What of the file was not heard, in sentences; whoever decoded it tells.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// Measures rhythm, harmony and sound of a track and embeds it.
///
/// - Errors: [`AnalysisError::Unsuitable`] for no frames, no channels or a rate outside 1..=768 kHz.
///   Silence, noise and snippets are no errors: what cannot be known of them is `null`.
/// - Cost: O(frames); the spectra are computed once and shared; about 35 kB per second of music
///   beside the mono copy.
pub fn analyze_audio(audio: &AudioBuffer) -> Result<AudioAnalysis, AnalysisError> {
    let seconds = audio.duration_ms() / 1_000 + 1;
    let room = Vec::with_capacity(seconds as usize * ANALYSIS_RATE_HZ as usize);
    let mut surveyor = Surveyor::new(audio.channel_count, audio.sample_rate_hz, room)?;
    for part in audio.parts() {
        surveyor.push(&part)?;
    }
    let mut survey = surveyor.finish()?;
    let mono = survey.mono.take().unwrap_or_default();
    let spectra = Spectra::compute(&mono, Parts::ALL);
    drop(mono);
    Ok(conclude(survey, &spectra))
}

/// Puts an analysis together from what both passes over a programme left.
pub(crate) fn conclude(survey: Survey, spectra: &Spectra) -> AudioAnalysis {
    let chroma = spectra.harmony.tuned_chroma();
    let rhythm = measure_rhythm(spectra, &chroma);
    let harmony = measure_harmony(spectra, &chroma, &rhythm);
    let mut descriptors = describe_rhythm(&rhythm);
    descriptors.extend(describe_harmony(&harmony));
    let sound = measure_sound(
        survey.loudness,
        survey.duration_ms,
        spectra,
        &chroma,
        &rhythm,
    );
    descriptors.extend(describe_sound(&sound));
    let to_ms = |times: &[f64]| {
        times
            .iter()
            .map(|time| (time * 1000.0).round() as u32)
            .collect()
    };
    AudioAnalysis {
        descriptors,
        beats_ms: to_ms(&rhythm.beats_s),
        downbeats_ms: to_ms(&rhythm.downbeats_s),
        waveform: survey.waveform,
        loudness_curve: survey.loudness_curve,
        embedding: measure_statistics(&spectra.rhythm, &spectra.timbre, &chroma, &rhythm)
            .and_then(|statistics| project(&statistics))
            .unwrap_or_default(),
        fingerprint: take_fingerprint(&spectra.rhythm),
        segments: find_segments(
            spectra,
            &chroma,
            &rhythm.envelope,
            working_gain_db(&survey.power),
        ),
        heard_ms: survey.duration_ms,
        remarks: Vec::new(),
    }
}

/// Takes the fingerprint alone.
///
/// - Errors: as [`analyze_audio`].
pub fn fingerprint_audio(audio: &AudioBuffer) -> Result<Fingerprint, AnalysisError> {
    let parts = Parts {
        rhythm: true,
        harmony: false,
        timbre: false,
    };
    Ok(take_fingerprint(&spectra_of(audio, parts)?.rhythm))
}

/// Measures the statistics under the embedding before they are projected, to fit the projection on;
/// empty when the track is silent.
///
/// - Errors: as [`analyze_audio`].
pub fn embedding_statistics(audio: &AudioBuffer) -> Result<Vec<f64>, AnalysisError> {
    let spectra = spectra_of(audio, Parts::ALL)?;
    let chroma = spectra.harmony.tuned_chroma();
    let rhythm = measure_rhythm(&spectra, &chroma);
    let statistics = measure_statistics(&spectra.rhythm, &spectra.timbre, &chroma, &rhythm);
    Ok(statistics.unwrap_or_default())
}

/// Lists the measurements under energy, danceability, acousticness and the evidence of a voice, to
/// explain the values and to fit their ranges; empty when the track is silent.
///
/// - Errors: as [`analyze_audio`].
pub fn character_evidence(audio: &AudioBuffer) -> Result<Vec<(&'static str, f64)>, AnalysisError> {
    let spectra = spectra_of(audio, Parts::ALL)?;
    let rhythm = measure_rhythm(&spectra, &spectra.harmony.tuned_chroma());
    let Some(evidence) = measure_evidence(&spectra, &rhythm) else {
        return Ok(Vec::new());
    };
    Ok(evidence.named())
}

/// What is known of a track's harmony.
pub(crate) struct Harmony {
    pub key: Option<KeyEstimate>,
    /// Deviation from A = 440 Hz in semitones.
    pub tuning: Option<f32>,
    /// Starts at C and sums to 1, all zero when nothing tonal sounds.
    pub chroma: [f64; 12],
    /// Keys over time; empty without a key.
    pub keys: Vec<KeySpan>,
    pub chords: Vec<ChordSpan>,
    pub frame_count: usize,
    pub beat_count: usize,
}

/// Whether there is a beat or there are notes: what is neither has no key, and no voice to be without.
fn is_music(rhythm: &Rhythm, chroma: &[[f32; 12]]) -> bool {
    rhythm.tempo.is_some() || has_notes(&rhythm.envelope, chroma)
}

fn measure_harmony(spectra: &Spectra, chroma: &[[f32; 12]], rhythm: &Rhythm) -> Harmony {
    let bass = spectra.harmony.tuned_bass();
    let frames = KeyFrames {
        chroma,
        bass: &bass,
    };
    let key = estimate_key(&frames).filter(|_| is_music(rhythm, chroma));
    Harmony {
        key,
        tuning: spectra.harmony.tuning(),
        chroma: mean_chroma(chroma),
        keys: key.map_or_else(Vec::new, |key| find_keys(chroma, key)),
        chords: key.map_or_else(Vec::new, |_| find_chords(chroma, &rhythm.beats_s)),
        frame_count: chroma.len(),
        beat_count: rhythm.beats_s.len(),
    }
}

/// What is known of a track's sound.
pub(crate) struct Sound<'a> {
    pub loudness: Loudness,
    pub timbre: &'a TimbreFrames,
    pub character: Character,
    /// Confidences in energy, danceability, acousticness and speechiness.
    pub agreement: [Option<f64>; 4],
    /// Empty when the track is silent or too short.
    pub sections: Vec<Section>,
    pub duration_ms: u64,
}

/// Shortest track that energy and its like are told of, in seconds.
const CHARACTER_S_MIN: f64 = 3.0;

fn measure_sound<'a>(
    loudness: Loudness,
    duration_ms: u64,
    spectra: &'a Spectra,
    chroma: &[[f32; 12]],
    rhythm: &Rhythm,
) -> Sound<'a> {
    let seconds = duration_ms as f64 / 1000.0;
    let lufs = loudness.integrated_lufs;
    let mut character = character_of(spectra, rhythm, lufs, seconds);
    // Whether music is without a voice is no question where no music is.
    if !is_music(rhythm, chroma) {
        character.instrumentalness = None;
    }
    Sound {
        timbre: &spectra.timbre,
        character,
        agreement: character_agreement::confidences(spectra, rhythm, lufs, seconds),
        sections: find_sections(spectra, chroma, rhythm, seconds),
        loudness,
        duration_ms,
    }
}

/// Reads energy and its like of a track that is long enough for them.
pub(crate) fn character_of(
    spectra: &Spectra,
    rhythm: &Rhythm,
    loudness_lufs: Option<f64>,
    seconds: f64,
) -> Character {
    let evidence = (seconds >= CHARACTER_S_MIN)
        .then(|| measure_evidence(spectra, rhythm))
        .flatten();
    Character::read(evidence.as_ref(), loudness_lufs)
}

pub(crate) fn spectra_of(audio: &AudioBuffer, parts: Parts) -> Result<Spectra, AnalysisError> {
    let mono = resample_to_mono(audio)?;
    if mono.is_empty() {
        return Err(AnalysisError::Unsuitable {
            reason: "the audio has no frames".to_owned(),
        });
    }
    Ok(Spectra::compute(&mono, parts))
}

fn audio_of<'a>(input: &TrackInput<'a>) -> Result<&'a AudioBuffer, AnalysisError> {
    input
        .audio
        .ok_or(AnalysisError::MissingInput { needed: "audio" })
}

fn manifest(name: &str, descriptors: &[&str]) -> AnalyzerManifest {
    AnalyzerManifest {
        name: name.to_owned(),
        version: AUDIO_ANALYZER_VERSION.to_owned(),
        needs_audio: true,
        needs_lyrics: false,
        descriptors: descriptors.iter().map(|&name| name.to_owned()).collect(),
    }
}

/// Measures tempo, beats, onsets and metre.
#[derive(Debug, Clone, Copy, Default)]
pub struct RhythmAnalyzer;

impl Analyzer for RhythmAnalyzer {
    fn describe(&self) -> AnalyzerManifest {
        manifest("rhythm", &RHYTHM_NAMES)
    }

    fn analyze(&self, input: &TrackInput<'_>) -> Result<Vec<Descriptor>, AnalysisError> {
        // Chord changes help to find the beat, so the harmony frames are needed too.
        let parts = Parts {
            rhythm: true,
            harmony: true,
            timbre: false,
        };
        let spectra = spectra_of(audio_of(input)?, parts)?;
        Ok(describe_rhythm(&measure_rhythm(
            &spectra,
            &spectra.harmony.tuned_chroma(),
        )))
    }
}

/// Measures key, its changes, mode, tuning, pitch-class profile and chords.
#[derive(Debug, Clone, Copy, Default)]
pub struct HarmonyAnalyzer;

impl Analyzer for HarmonyAnalyzer {
    fn describe(&self) -> AnalyzerManifest {
        manifest("harmony", &HARMONY_NAMES)
    }

    fn analyze(&self, input: &TrackInput<'_>) -> Result<Vec<Descriptor>, AnalysisError> {
        // Chords change on beats, so the rhythm frames are needed too.
        let parts = Parts {
            rhythm: true,
            harmony: true,
            timbre: false,
        };
        let spectra = spectra_of(audio_of(input)?, parts)?;
        let chroma = spectra.harmony.tuned_chroma();
        let rhythm = measure_rhythm(&spectra, &chroma);
        Ok(describe_harmony(&measure_harmony(
            &spectra, &chroma, &rhythm,
        )))
    }
}

/// Measures loudness, peaks, duration, timbre, energy and its like, and sections.
#[derive(Debug, Clone, Copy, Default)]
pub struct SoundAnalyzer;

impl Analyzer for SoundAnalyzer {
    fn describe(&self) -> AnalyzerManifest {
        manifest("sound", &SOUND_NAMES)
    }

    fn analyze(&self, input: &TrackInput<'_>) -> Result<Vec<Descriptor>, AnalysisError> {
        let audio = audio_of(input)?;
        // Sections lie on beats and repeat by their harmony, so everything is needed.
        let spectra = spectra_of(audio, Parts::ALL)?;
        let chroma = spectra.harmony.tuned_chroma();
        let rhythm = measure_rhythm(&spectra, &chroma);
        let loudness = measure_loudness(audio);
        let sound = measure_sound(loudness, audio.duration_ms(), &spectra, &chroma, &rhythm);
        Ok(describe_sound(&sound))
    }
}
