//! Measurements as descriptors, under their stable names.

use serde_json::{Value, json};

use super::analyzers::{Harmony, Sound};
use super::character::Character;
use super::chords::ChordSpan;
use super::key::{KeyEstimate, PITCH_CLASS_NAMES};
use super::key_changes::KeySpan;
use super::loudness::Loudness;
use super::rhythm::Rhythm;
use super::structure::Section;
use super::timbre::{CONTRAST_COUNT, MFCC_COUNT, TimbreFrame, TimbreFrames};
use crate::descriptor::Descriptor;

/// Version of the built-in audio analyzers; a changed number bumps it.
pub const AUDIO_ANALYZER_VERSION: &str = "1.9.0";

/// Names that the rhythm analyzer returns, in order.
pub(crate) const RHYTHM_NAMES: [&str; 5] = [
    "tempo_bpm",
    "tempo_alt_bpm",
    "beat_count",
    "onset_rate_hz",
    "time_signature",
];

/// Names that the harmony analyzer returns, in order.
pub(crate) const HARMONY_NAMES: [&str; 9] = [
    "key",
    "mode",
    "key_camelot",
    "key_strength",
    "tuning_cents",
    "chroma",
    "key_changes",
    "chords",
    "key_alternative",
];

/// Names that the sound analyzer returns, in order.
pub(crate) const SOUND_NAMES: [&str; 32] = [
    "duration_ms",
    "integrated_loudness_lufs",
    "loudness_range_lu",
    "true_peak_dbtp",
    "sample_peak_dbfs",
    "replaygain_db",
    "spectral_centroid_hz",
    "spectral_centroid_deviation_hz",
    "spectral_bandwidth_hz",
    "spectral_bandwidth_deviation_hz",
    "spectral_rolloff_hz",
    "spectral_rolloff_deviation_hz",
    "spectral_flatness",
    "spectral_flatness_deviation",
    "spectral_flux",
    "spectral_flux_deviation",
    "zero_crossing_rate_hz",
    "zero_crossing_rate_deviation_hz",
    "level_deviation_db",
    "spectral_contrast_db",
    "spectral_contrast_deviation_db",
    "mfcc",
    "mfcc_deviation",
    "mfcc_delta_deviation",
    "momentary_loudness_max_lufs",
    "short_term_loudness_max_lufs",
    "energy",
    "danceability",
    "acousticness",
    "instrumentalness",
    "speechiness",
    "structure",
];

/// Why nothing of rhythm or of harmony is told.
const NO_BEAT: &str = "nothing repeats more clearly than chance would have it";
const NO_KEY: &str = "no notes are held that make a key";

fn descriptor(name: &str, value: Value, confidence: Option<f64>, method: &str) -> Descriptor {
    // An unknown value has no confidence.
    let confidence = if value.is_null() { None } else { confidence };
    Descriptor {
        name: name.to_owned(),
        value,
        confidence: confidence.map(|confidence| confidence.clamp(0.0, 1.0) as f32),
        method: method.to_owned(),
        version: AUDIO_ANALYZER_VERSION.to_owned(),
        reason: None,
        evidence_count: None,
        evidence_unit: None,
    }
}

/// A number rounded to `digits` decimals, `null` when absent or not finite.
fn number(value: Option<f64>, digits: i32) -> Value {
    let scale = 10f64.powi(digits);
    value
        .filter(|value| value.is_finite())
        .map_or(Value::Null, |value| json!((value * scale).round() / scale))
}

pub(crate) fn describe_rhythm(rhythm: &Rhythm) -> Vec<Descriptor> {
    let tempo = rhythm.tempo;
    let confidence = tempo.map(|tempo| tempo.confidence);
    let beat_count = tempo.map_or(Value::Null, |_| json!(rhythm.beats_s.len()));
    let metre = rhythm.metre;
    let [
        tempo_name,
        alternative_name,
        beat_name,
        onset_name,
        metre_name,
    ] = RHYTHM_NAMES;
    let method = "flux+metrical-levels";
    let beats = (rhythm.beats_s.len(), "beats");
    let frames = (rhythm.envelope.total.len(), "frames");
    let described = vec![
        descriptor(
            tempo_name,
            number(tempo.map(|tempo| tempo.bpm), 2),
            confidence,
            method,
        ),
        descriptor(
            alternative_name,
            number(tempo.and_then(|tempo| tempo.alternative_bpm), 2),
            confidence.map(|confidence| 1.0 - confidence),
            method,
        ),
        descriptor(beat_name, beat_count, None, "flux+viterbi"),
        descriptor(
            onset_name,
            number(Some(rhythm.envelope.onset_rate_hz), 3),
            None,
            "flux+peaks",
        ),
        descriptor(
            metre_name,
            metre.map_or(Value::Null, |metre| json!(metre.signature())),
            metre.map(|metre| metre.confidence),
            "beat-synchronous-accents",
        ),
    ];
    let why = rhythm.tempo.is_none().then(|| NO_BEAT.to_owned());
    let counted = described.into_iter().map(|descriptor| {
        let is_of_frames = descriptor.name == onset_name;
        let told = descriptor.because(why.clone());
        told.computed_from(if is_of_frames { frames } else { beats })
    });
    counted.collect()
}

/// Describes harmony.
pub(crate) fn describe_harmony(harmony: &Harmony) -> Vec<Descriptor> {
    let (key, chroma) = (harmony.key, &harmony.chroma);
    let confidence = key.map(|key| key.confidence);
    let text = |value: Option<String>| value.map_or(Value::Null, Value::String);
    let tonic = key.and_then(|key| PITCH_CLASS_NAMES.get(key.tonic));
    let is_heard = chroma.iter().sum::<f64>() > 0.0;
    let chroma_value = is_heard.then(|| rounded(chroma.iter().copied()));
    let cents = harmony.tuning.map(|tuning| f64::from(tuning) * 100.0);
    let [
        key_name,
        mode_name,
        camelot_name,
        strength_name,
        tuning_name,
        chroma_name,
        changes_name,
        chords_name,
        alternative_name,
    ] = HARMONY_NAMES;
    let method = "peak-chroma+profiles";
    let described = vec![
        descriptor(key_name, json!(tonic), confidence, method),
        descriptor(
            mode_name,
            text(key.map(|key| key.mode_name().to_owned())),
            confidence,
            method,
        ),
        descriptor(
            camelot_name,
            text(key.map(|key| key.camelot())),
            confidence,
            method,
        ),
        descriptor(
            strength_name,
            number(key.map(|key| key.strength), 4),
            None,
            method,
        ),
        descriptor(tuning_name, number(cents, 1), None, "peak-circular-mean"),
        descriptor(chroma_name, json!(chroma_value), None, "peak-chroma"),
        descriptor(
            changes_name,
            key_changes(&harmony.keys),
            None,
            "peak-chroma+profiles+viterbi",
        ),
        descriptor(
            chords_name,
            chords(&harmony.chords),
            None,
            "beat-chroma+triads+viterbi",
        ),
        next_best(alternative_name, key, method),
    ];
    let why = key.is_none().then(|| NO_KEY.to_owned());
    let counted = described.into_iter().map(|descriptor| {
        let evidence = match descriptor.name == chords_name {
            true => (harmony.beat_count, "beats"),
            false => (harmony.frame_count, "frames"),
        };
        descriptor.because(why.clone()).computed_from(evidence)
    });
    counted.collect()
}

/// The next best key. That the best one is wrong says how likely all others are together, not this one:
/// so it has no confidence.
fn next_best(name: &str, key: Option<KeyEstimate>, method: &str) -> Descriptor {
    let spelled = key.and_then(|key| spelled_key(key.runner_up));
    descriptor(
        name,
        spelled.map_or(Value::Null, Value::String),
        None,
        method,
    )
}

/// `A minor`.
fn spelled_key((tonic, is_minor): (usize, bool)) -> Option<String> {
    let mode = if is_minor { "minor" } else { "major" };
    let tonic = PITCH_CLASS_NAMES.get(tonic)?;
    Some(format!("{tonic} {mode}"))
}

/// Keys as `{start_ms, key, mode}` in order, the first from 0; `null` without a key.
fn key_changes(keys: &[KeySpan]) -> Value {
    if keys.is_empty() {
        return Value::Null;
    }
    let entry = |span: &KeySpan| {
        let mode = if span.is_minor { "minor" } else { "major" };
        json!({
            "start_ms": milliseconds(span.start_s),
            "key": PITCH_CLASS_NAMES.get(span.tonic),
            "mode": mode,
        })
    };
    keys.iter().map(entry).collect()
}

/// Chords as `{start_ms, end_ms, chord}` in order without gaps, in the syntax of Harte et al. 2005:
/// `C:maj`, `A:min`, `N` for none; `null` where no chord sounds at all.
fn chords(spans: &[ChordSpan]) -> Value {
    if spans.iter().all(|span| span.chord.is_none()) {
        return Value::Null;
    }
    let name = |chord: Option<(usize, bool)>| match chord {
        Some((root, is_minor)) => {
            let root = PITCH_CLASS_NAMES.get(root).copied().unwrap_or_default();
            format!("{root}:{}", if is_minor { "min" } else { "maj" })
        }
        None => "N".to_owned(),
    };
    let entry = |span: &ChordSpan| {
        json!({
            "start_ms": milliseconds(span.start_s),
            "end_ms": milliseconds(span.end_s),
            "chord": name(span.chord),
        })
    };
    spans.iter().map(entry).collect()
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

fn rounded(values: impl Iterator<Item = f64>) -> Value {
    Value::Array(values.map(|value| number(Some(value), 5)).collect())
}

/// Reads one measurement of a timbre frame.
type ReadFrame = fn(&TimbreFrame) -> f32;

/// Describes the sound.
pub(crate) fn describe_sound(sound: &Sound<'_>) -> Vec<Descriptor> {
    let mut described = describe_timbre(&sound.loudness, sound.timbre, sound.duration_ms);
    described.extend(describe_character(&sound.character, sound.agreement));
    let [.., structure_name] = SOUND_NAMES;
    let sections = structure(&sound.sections);
    described.push(descriptor(structure_name, sections, None, STRUCTURE_METHOD));
    let frames = (sound.timbre.rows.len(), "frames");
    let heard = (sound.duration_ms as usize, "milliseconds");
    // Levels are measured of every sample, the rest of spectra.
    let is_of_samples = |method: &str| matches!(method, "samples" | "ebu-r128" | "peak");
    let counted = described.into_iter().map(|descriptor| {
        let is_of_samples = is_of_samples(&descriptor.method);
        descriptor.computed_from(if is_of_samples { heard } else { frames })
    });
    counted.collect()
}

const STRUCTURE_METHOD: &str = "beat-chroma+cepstrum+novelty+regularity";

/// Energy, danceability, acousticness, instrumentalness, speechiness. Instrumentalness claims something that can
/// be right or wrong; the confidence in the others is the chance that another excerpt of the track measures the
/// same within a tenth, see `character_agreement.rs`.
fn describe_character(character: &Character, agreement: [Option<f64>; 4]) -> Vec<Descriptor> {
    let [
        ..,
        energy,
        danceability,
        acousticness,
        instrumentalness,
        speechiness,
        _,
    ] = SOUND_NAMES;
    let voice = character.voice_confidence;
    let [of_energy, of_danceability, of_acousticness, of_speechiness] = agreement;
    [
        (
            energy,
            character.energy,
            of_energy,
            "flux+onsets+percussion+brightness+loudness+density",
        ),
        (
            danceability,
            character.danceability,
            of_danceability,
            "dfa+pulse-clarity+percussion",
        ),
        (
            acousticness,
            character.acousticness,
            of_acousticness,
            "percussion+flatness+brightness",
        ),
        (
            instrumentalness,
            character.instrumentalness,
            voice,
            "partial-glides",
        ),
        (
            speechiness,
            character.speechiness,
            of_speechiness,
            "partial-glides+speech-signs",
        ),
    ]
    .map(|(name, value, confidence, method)| descriptor(name, number(value, 3), confidence, method))
    .to_vec()
}

/// Sections as `{start_ms, end_ms, label, confidence}` in order without gaps; equal labels repeat each
/// other, `confidence` is that of the start. `null` when the track is silent or too short.
fn structure(sections: &[Section]) -> Value {
    if sections.is_empty() {
        return Value::Null;
    }
    let entry = |section: &Section| {
        json!({
            "start_ms": milliseconds(section.start_s),
            "end_ms": milliseconds(section.end_s),
            "label": section_letter(section.label),
            "confidence": number(section.confidence, 3),
        })
    };
    sections.iter().map(entry).collect()
}

/// `A` to `Z`, then `A2` and on.
fn section_letter(label: usize) -> String {
    let letter = char::from(b'A' + (label % 26) as u8);
    match label / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{}", round + 1),
    }
}

fn describe_timbre(
    loudness: &Loudness,
    timbre: &TimbreFrames,
    duration_ms: u64,
) -> Vec<Descriptor> {
    let meter = "ebu-r128";
    let readings = [
        (loudness.integrated_lufs, meter),
        (loudness.range_lu, meter),
        (loudness.true_peak_dbtp, meter),
        (loudness.sample_peak_dbfs, "peak"),
        (loudness.replaygain_db, meter),
    ];
    let mut values = vec![(json!(duration_ms), "samples")];
    values.extend(readings.map(|(value, method)| (number(value, 2), method)));
    let is_known = !timbre.rows.is_empty();
    let scalars: [(ReadFrame, i32); 6] = [
        (|row| row.centroid_hz, 1),
        (|row| row.bandwidth_hz, 1),
        (|row| row.rolloff_hz, 1),
        (|row| row.flatness, 5),
        (|row| row.flux, 4),
        (|row| row.zero_crossing_hz, 1),
    ];
    for (read, digits) in scalars {
        let moments = timbre.moments(read);
        values.push((number(is_known.then_some(moments.mean), digits), "stft"));
        values.push((
            number(is_known.then_some(moments.deviation), digits),
            "stft",
        ));
    }
    let level = timbre.moments(|row| row.level_db).deviation;
    values.push((number(is_known.then_some(level), 2), "rms"));
    let array = |read: &dyn Fn(usize) -> f64, count: usize| {
        if is_known {
            rounded((0..count).map(read))
        } else {
            Value::Null
        }
    };
    let contrast = |index: usize| timbre.moments(|row| row.contrast_db[index]);
    let mfcc = |index: usize| timbre.moments(|row| row.mfcc[index]);
    let delta = |index: usize| timbre.delta_deviation(|row| row.mfcc[index]);
    values.push((array(&|index| contrast(index).mean, CONTRAST_COUNT), "stft"));
    values.push((
        array(&|index| contrast(index).deviation, CONTRAST_COUNT),
        "stft",
    ));
    values.push((array(&|index| mfcc(index).mean, MFCC_COUNT), "mel40+dct"));
    values.push((
        array(&|index| mfcc(index).deviation, MFCC_COUNT),
        "mel40+dct",
    ));
    values.push((array(&delta, MFCC_COUNT), "mel40+dct"));
    for maximum in [loudness.momentary_max_lufs, loudness.short_term_max_lufs] {
        values.push((number(maximum, 2), meter));
    }
    SOUND_NAMES
        .iter()
        .zip(values)
        .map(|(name, (value, method))| descriptor(name, value, None, method))
        .collect()
}
