//! Tries a plugin on its own examples, on the author's machine, as the platform does when it is added.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Host, Plugin};

/// The parts of a manifest that a trial needs.
#[derive(Debug, Deserialize)]
struct Manifest {
    needs: Needs,
    examples: Vec<Example>,
}

#[derive(Debug, Deserialize)]
struct Needs {
    audio: Option<Audio>,
    #[serde(default)]
    descriptors: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Audio {
    sample_rate_hz: u32,
}

#[derive(Debug, Deserialize)]
struct Example {
    audio: Option<Sound>,
    lyrics: Option<String>,
    #[serde(default)]
    descriptors: BTreeMap<String, Value>,
    expect: BTreeMap<String, Expected>,
}

#[derive(Debug, Deserialize)]
struct Sound {
    seconds: f64,
    #[serde(default)]
    tones: Vec<Tone>,
}

#[derive(Debug, Deserialize)]
struct Tone {
    hertz: f64,
    amplitude: f64,
    #[serde(default)]
    from_seconds: f64,
    to_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    value: Value,
    #[serde(default)]
    tolerance: f64,
}

/// Runs every example of a manifest.
///
/// - Errors: a sentence for the first that is told otherwise, and for a manifest that does not read. The rest of
///   the manifest is checked by the platform alone.
pub fn check_examples<P: Plugin>(manifest: &str) -> Result<(), String> {
    let manifest: Manifest = serde_json::from_str(manifest).map_err(|error| error.to_string())?;
    for (number, example) in (1..).zip(&manifest.examples) {
        let told = told_of::<P>(&manifest.needs, example)?;
        for (name, expected) in &example.expect {
            let value = told.get(name).unwrap_or(&Value::Null);
            let is_near = match (value.as_f64(), expected.value.as_f64()) {
                (Some(value), Some(wanted)) => (value - wanted).abs() <= expected.tolerance,
                _ => *value == expected.value,
            };
            if !is_near {
                let wanted = &expected.value;
                return Err(format!(
                    "example {number}: `{name}` is {value}, must be {wanted}"
                ));
            }
        }
    }
    Ok(())
}

/// What a plugin tells of an example, through the same bytes as on the platform.
fn told_of<P: Plugin>(needs: &Needs, example: &Example) -> Result<BTreeMap<String, Value>, String> {
    let mut host = Host::<P>::default();
    let known = needs.descriptors.iter();
    let known: BTreeMap<&String, &Value> = known
        .map(|name| (name, example.descriptors.get(name).unwrap_or(&Value::Null)))
        .collect();
    let rate_hz = needs.audio.as_ref().map(|audio| audio.sample_rate_hz);
    let mut track = json!({ "descriptors": known });
    if let Some(rate_hz) = rate_hz {
        track["sample_rate_hz"] = rate_hz.into();
    }
    if let Some(lyrics) = &example.lyrics {
        track["lyrics"] = lyrics.as_str().into();
    }
    let track = track.to_string();
    host.buffer(track.len()).copy_from_slice(track.as_bytes());
    host.begin();
    if let (Some(sound), Some(rate_hz)) = (&example.audio, rate_hz) {
        for part in samples_of(sound, rate_hz).chunks(rate_hz as usize) {
            let bytes: Vec<u8> = part.iter().flat_map(|one| one.to_le_bytes()).collect();
            host.buffer(bytes.len()).copy_from_slice(&bytes);
            host.hear();
        }
    }
    let answer: Value = serde_json::from_str(host.finish()).map_err(|error| error.to_string())?;
    let told = answer["descriptors"].as_array().cloned();
    let pairs = told.unwrap_or_default().into_iter().filter_map(|one| {
        let name = one["name"].as_str()?.to_owned();
        Some((name, one["value"].clone()))
    });
    Ok(pairs.collect())
}

/// The sum of the tones of an example.
fn samples_of(sound: &Sound, rate_hz: u32) -> Vec<f32> {
    let count = (sound.seconds * f64::from(rate_hz)).round() as usize;
    let at = |index: usize| {
        let second = index as f64 / f64::from(rate_hz);
        let sounding = sound.tones.iter().filter(|tone| {
            (tone.from_seconds..tone.to_seconds.unwrap_or(sound.seconds)).contains(&second)
        });
        let wave =
            |tone: &Tone| tone.amplitude * (std::f64::consts::TAU * tone.hertz * second).sin();
        sounding.map(wave).sum::<f64>() as f32
    };
    (0..count).map(at).collect()
}
