//! Reading what of a track's sound decides how it follows another.

use leitmotif_domain::{TenantScope, TrackId};
use leitmotif_learn::sequencing::{Mode, TrackSound};
use leitmotif_storage::ports::{AnalysisDocument, VectorSpace};
use serde_json::Value;

use crate::error::Result;
use crate::service::Stores;

/// Start of the name of every audio space; words say nothing of how two tracks flow.
const AUDIO_SPACES: &str = "leitmotif-audio";
/// Loudness that counts as no energy and as full energy where energy itself is not measured, LUFS.
const LOUDNESS_RANGE_LUFS: (f32, f32) = (-30.0, -5.0);

/// Reads the sound of tracks, in the order of the ids.
///
/// - Cost: one read of all analyses, one of each vector.
pub async fn sounds_of(
    stores: &Stores,
    scope: &TenantScope,
    ids: &[TrackId],
) -> Result<Vec<TrackSound>> {
    let documents = stores.catalog.analyses(scope, ids).await?;
    let space = audio_space(stores, scope).await?;
    let mut sounds = Vec::with_capacity(ids.len());
    for (id, document) in ids.iter().zip(documents) {
        let mut sound = document.as_ref().map(measured).unwrap_or_default();
        if let Some(space) = &space {
            sound.timbre = stores.vectors.vector(scope, space, *id).await?;
        }
        sounds.push(sound);
    }
    Ok(sounds)
}

/// The audio space that holds most tracks: the one of the present analyzer.
pub(super) async fn audio_space(
    stores: &Stores,
    scope: &TenantScope,
) -> Result<Option<VectorSpace>> {
    let spaces = stores.vectors.spaces(scope).await?;
    let audio = (spaces.into_iter()).filter(|(space, _)| space.as_str().starts_with(AUDIO_SPACES));
    Ok(audio
        .max_by_key(|(_, count)| *count)
        .map(|(space, _)| space))
}

fn measured(analysis: &AnalysisDocument) -> TrackSound {
    measured_of(&analysis.document)
}

/// What an analysis document says of how a track sounds, without its embedding.
pub fn measured_of(document: &Value) -> TrackSound {
    let descriptors = document["audio"]["descriptors"].as_array();
    let value = |name: &str| {
        let found = (descriptors.into_iter().flatten()).find(|one| one["name"] == name);
        found.map_or(&Value::Null, |one| &one["value"])
    };
    let number = |name: &str| value(name).as_f64().map(|number| number as f32);
    let (silent, loud) = LOUDNESS_RANGE_LUFS;
    let by_loudness = number("integrated_loudness_lufs")
        .map(|lufs| ((lufs - silent) / (loud - silent)).clamp(0.0, 1.0));
    TrackSound {
        tempo_bpm: number("tempo_bpm").filter(|bpm| *bpm > 0.0),
        key: value("key")
            .as_str()
            .and_then(tonic)
            .zip(mode(value("mode"))),
        energy: number("energy").or(by_loudness),
        timbre: None,
    }
}

/// The pitch class of a tonic as the harmony analyzer writes it: `C`, `C#`, `Db`.
fn tonic(name: &str) -> Option<u8> {
    let mut characters = name.chars();
    let natural = match characters.next()? {
        'C' => 0,
        'D' => 2,
        'E' => 4,
        'F' => 5,
        'G' => 7,
        'A' => 9,
        'B' => 11,
        _ => return None,
    };
    match characters.next() {
        None => Some(natural),
        Some('#' | '♯') => Some((natural + 1) % 12),
        Some('b' | '♭') => Some((natural + 11) % 12),
        Some(_) => None,
    }
}

fn mode(value: &Value) -> Option<Mode> {
    match value.as_str()? {
        "major" => Some(Mode::Major),
        "minor" => Some(Mode::Minor),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_the_analyzers_write() {
        let descriptor = |name: &str, value: Value| json!({"name": name, "value": value});
        let document = |descriptors: Vec<Value>| AnalysisDocument {
            input_hash: String::new(),
            document: json!({"audio": {"descriptors": descriptors}}),
        };
        let sound = measured(&document(vec![
            descriptor("tempo_bpm", json!(92.5)),
            descriptor("key", json!("Bb")),
            descriptor("mode", json!("minor")),
            descriptor("integrated_loudness_lufs", json!(-17.5)),
        ]));
        assert_eq!(sound.tempo_bpm, Some(92.5));
        assert_eq!(sound.key, Some((10, Mode::Minor)));
        assert_eq!(sound.energy, Some(0.5));
        let energetic = measured(&document(vec![
            descriptor("integrated_loudness_lufs", json!(-17.5)),
            descriptor("energy", json!(0.75)),
        ]));
        assert_eq!(energetic.energy, Some(0.75));
        // An energy that could not be measured leaves loudness to stand for it.
        let unmeasured = measured(&document(vec![
            descriptor("integrated_loudness_lufs", json!(-17.5)),
            descriptor("energy", Value::Null),
        ]));
        assert_eq!(unmeasured.energy, Some(0.5));
        let unknown = measured(&document(vec![descriptor("key", Value::Null)]));
        assert_eq!(unknown, TrackSound::default());
        assert_eq!(tonic("F#"), Some(6));
        assert_eq!(tonic("H"), None);
    }
}
