//! How sure energy and its like are: how far the halves of a track agree, and what that says of another excerpt.
//!
//! None of them has a truth to be held to, so a confidence in them is no chance of being right. It is the chance
//! that an excerpt of the same track, as long and elsewhere, measures the same within [`SAME_WITHIN`].

use serde::{Deserialize, Serialize};

use super::AudioBuffer;
use super::analyzers::{character_of, spectra_of};
use super::character::Character;
use super::character_evidence::measure_evidence;
use super::confidence_weights::{ACOUSTICNESS, DANCEABILITY, ENERGY, SPEECHINESS};
use super::frames::{Parts, Spectra};
use super::loudness::measure_loudness;
use super::onset::OnsetEnvelope;
use super::rhythm::{Rhythm, measure_rhythm};
use super::tempo::Autocorrelation;
use crate::analyzer::AnalysisError;
use crate::logistic::probability;

/// How near another excerpt's value counts as the same: a tenth of the range, which people who pick music by such
/// a value can set.
pub const SAME_WITHIN: f64 = 0.1;
/// Least distance of the halves that counts: under it the logarithm says nothing more.
const DISTANCE_MIN: f64 = 0.01;

/// A value with what its confidence goes by, to fit the confidences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CharacterValue {
    /// Name of the descriptor.
    pub name: String,
    /// The value, 0..=1; `None` when it could not be measured.
    pub value: Option<f64>,
    /// Logarithms of the distance of the halves and of the seconds; `None` when a half is too short to tell.
    pub evidence: Option<[f64; 2]>,
    /// The confidence that is told.
    pub confidence: Option<f64>,
}

/// Measures energy, danceability, acousticness and speechiness with what their confidences go by.
///
/// - Errors: as [`super::analyze_audio`].
/// - Cost: as [`super::analyze_audio`].
pub fn character_values(audio: &AudioBuffer) -> Result<Vec<CharacterValue>, AnalysisError> {
    let spectra = spectra_of(audio, Parts::ALL)?;
    let rhythm = measure_rhythm(&spectra, &spectra.harmony.tuned_chroma());
    let loudness_lufs = measure_loudness(audio).integrated_lufs;
    let seconds = audio.duration_ms() as f64 / 1_000.0;
    let character = character_of(&spectra, &rhythm, loudness_lufs, seconds);
    let evidence = agreement(&spectra, &rhythm, loudness_lufs, seconds);
    let values = values_of(&character).into_iter().zip(evidence);
    Ok(values
        .zip(WEIGHTS)
        .map(|((value, evidence), (name, weights))| CharacterValue {
            name: name.to_owned(),
            value,
            evidence,
            confidence: evidence.map(|evidence| probability(&evidence, weights)),
        })
        .collect())
}

/// Descriptors that have such a confidence, and its weights.
const WEIGHTS: [(&str, &[f64; 3]); 4] = [
    ("energy", &ENERGY),
    ("danceability", &DANCEABILITY),
    ("acousticness", &ACOUSTICNESS),
    ("speechiness", &SPEECHINESS),
];

/// Confidences in energy, danceability, acousticness and speechiness; `None` where a half of the track is too
/// short for a value.
pub(crate) fn confidences(
    spectra: &Spectra,
    rhythm: &Rhythm,
    loudness_lufs: Option<f64>,
    seconds: f64,
) -> [Option<f64>; 4] {
    let evidence = agreement(spectra, rhythm, loudness_lufs, seconds);
    std::array::from_fn(|index| {
        let (_, weights) = WEIGHTS[index];
        evidence[index].map(|evidence| probability(&evidence, weights))
    })
}

fn values_of(character: &Character) -> [Option<f64>; 4] {
    [
        character.energy,
        character.danceability,
        character.acousticness,
        character.speechiness,
    ]
}

/// Measures both halves like tracks of their own, at the loudness of the whole.
fn agreement(
    spectra: &Spectra,
    rhythm: &Rhythm,
    loudness_lufs: Option<f64>,
    seconds: f64,
) -> [Option<[f64; 2]>; 4] {
    let [first, second] = [0, 1].map(|half| {
        let spectra = spectra.half(half);
        let envelope = OnsetEnvelope::compute(&spectra.rhythm);
        let rhythm = Rhythm {
            repeats: Autocorrelation::compute(&envelope.total),
            envelope,
            tempo: rhythm.tempo,
            ..Rhythm::default()
        };
        let evidence = measure_evidence(&spectra, &rhythm);
        values_of(&Character::read(evidence.as_ref(), loudness_lufs))
    });
    std::array::from_fn(|index| {
        let distance = (first[index]? - second[index]?).abs();
        Some([distance.max(DISTANCE_MIN).ln(), seconds.max(1.0).ln()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beats of noise every half second; in the second half as loud and dense as told.
    fn beats(second_half: f32) -> AudioBuffer {
        let mut state = 5_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let samples = (0..22_050 * 24).map(|index| {
            let step = if index < 22_050 * 12 {
                11_025
            } else {
                (11_025.0 / second_half) as usize
            };
            let since = (index % step) as f32 / 22_050.0;
            let tone = (index as f32 * 0.0627).sin() * 0.1;
            noise() * 0.5 * (-since * 30.0).exp() + tone
        });
        AudioBuffer {
            samples: samples.collect(),
            channel_count: 1,
            sample_rate_hz: 22_050,
        }
    }

    #[test]
    fn what_changes_in_the_middle_is_less_sure() {
        let (steady, changing) = (beats(1.0), beats(8.0));
        let of = |audio| character_values(audio).expect("is measured");
        let (steady, changing) = (of(&steady), of(&changing));
        for name in ["energy", "acousticness"] {
            let find = |values: &[CharacterValue]| {
                let found = values.iter().find(|value| value.name == name);
                found.expect("is one of them").confidence.expect("is told")
            };
            assert!(find(&steady) > find(&changing), "{name}");
        }
    }

    #[test]
    fn silence_and_snippets_have_none() {
        let silence = AudioBuffer {
            samples: vec![0.0; 22_050 * 5],
            channel_count: 1,
            sample_rate_hz: 22_050,
        };
        let values = character_values(&silence).expect("is measured");
        assert!(values.iter().all(|value| value.confidence.is_none()));
    }
}
