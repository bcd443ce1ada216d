//! Energy, danceability, acousticness, instrumentalness and speechiness, each 0 to 1.
//!
//! Every value is a definition of ours over published measurements; none imitates the numbers of
//! another service. The ranges that map a measurement to 0..=1 are about the 2nd and 98th percentile of
//! songs of our own synthesiser with and without voices; outside them the value stops at 0 or 1.

use super::character_evidence::CharacterEvidence;

/// Flux, onset rate and density from rest to the busiest music.
const FLUX: (f64, f64) = (0.14, 0.38);
const ONSET_RATE_HZ: (f64, f64) = (1.0, 6.0);
const DENSITY: (f64, f64) = (0.3, 0.85);
/// Percussive share and flatness span orders of magnitude: their logarithms are mapped.
const PERCUSSIVE: (f64, f64) = (0.02, 0.3);
const FLATNESS: (f64, f64) = (5e-4, 0.15);
/// From a double bass alone to cymbals alone.
const CENTROID_HZ: (f64, f64) = (500.0, 4_500.0);
const BRIGHTNESS: (f64, f64) = (0.03, 0.25);
/// From a quiet chamber recording to a loud master.
const LOUDNESS_LUFS: (f64, f64) = (-35.0, -6.0);
/// From a random level to one that drifts, see [`super::fluctuation::scaling_exponent`].
const EXPONENT: (f64, f64) = (0.2, 1.2);
const PULSE: (f64, f64) = (0.1, 0.9);
/// Shares of low-energy frames, of syllable modulation, and variation of the zero crossings, from music
/// to speech.
const LOW_ENERGY: (f64, f64) = (0.02, 0.35);
const SYLLABLES: (f64, f64) = (0.15, 0.40);
const CROSSINGS: (f64, f64) = (0.5, 1.1);
const SPEECH_PULSE: (f64, f64) = (0.3, 0.9);
/// Log odds of a voice over the logarithm of the gliding movement. Fitted by logistic regression on 210
/// synthesised songs (sung and rapped against played and without lead), then the slope halved: real
/// strings, organs and jazz horns vibrate too, which the synthesiser does not have.
const GLIDE_CENTRE: f64 = 0.005;
const VOICE_ODDS: (f64, f64) = (5.75, 0.375);

/// What a track is like.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Character {
    pub energy: Option<f64>,
    pub danceability: Option<f64>,
    pub acousticness: Option<f64>,
    pub instrumentalness: Option<f64>,
    /// Probability that the side of one half on which instrumentalness lies is right.
    pub voice_confidence: Option<f64>,
    pub speechiness: Option<f64>,
}

impl Character {
    /// Reads the values from the evidence.
    ///
    /// - `loudness_lufs` is the integrated loudness, `None` when the track never reaches the gate.
    /// - All values are `None` without evidence (silence, or too short); danceability also when no
    ///   tempo is found (noise, a steady tone) or the track is too short for its exponent.
    pub(crate) fn read(evidence: Option<&CharacterEvidence>, loudness_lufs: Option<f64>) -> Self {
        let Some(evidence) = evidence else {
            return Self::default();
        };
        let voice = voice(evidence);
        Self {
            energy: Some(energy(evidence, loudness_lufs)),
            danceability: danceability(evidence),
            acousticness: Some(acousticness(evidence)),
            instrumentalness: Some(1.0 - voice),
            voice_confidence: Some(voice.max(1.0 - voice)),
            speechiness: Some(speechiness(evidence, voice)),
        }
    }
}

/// Place of a value in a range, 0..=1.
fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

/// Place of the logarithm of a value in a range, 0..=1.
fn log_share(value: f64, (low, high): (f64, f64)) -> f64 {
    share(value.max(1e-12).ln(), (low.ln(), high.ln()))
}

fn percussion(evidence: &CharacterEvidence) -> f64 {
    log_share(evidence.percussive, PERCUSSIVE)
}

/// Activity: how much happens, how densely, how brightly, and how loud.
///
/// - Six parts with fixed weights: new magnitude per frame (flux) 0.25, onset rate 0.2, percussion 0.15,
///   brightness 0.15, loudness 0.15, density 0.1. All but loudness do not depend on the level, so songs
///   of the same loudness still spread.
/// - Source: what makes music sound active in Gabrielsson & Lindström, "The influence of musical
///   structure on emotional expression", 2001 (loud, fast, bright, sharp attacks), and in the regression
///   of Eerola, Lartillot & Toiviainen, "Prediction of multidimensional emotional ratings in music from
///   audio using multivariate regression models", ISMIR 2009. The weights are ours.
fn energy(evidence: &CharacterEvidence, loudness_lufs: Option<f64>) -> f64 {
    let loudness = loudness_lufs.map_or(0.0, |lufs| share(lufs, LOUDNESS_LUFS));
    0.25 * share(evidence.flux, FLUX)
        + 0.2 * share(evidence.onset_rate_hz, ONSET_RATE_HZ)
        + 0.15 * percussion(evidence)
        + 0.15 * log_share(evidence.centroid_hz, CENTROID_HZ)
        + 0.15 * loudness
        + 0.1 * share(evidence.density, DENSITY)
}

/// How regular and clear the movement is.
///
/// - Half is the scaling exponent of the level (Streich & Herrera 2005), 0.3 the clarity of the pulse
///   (Lartillot et al. 2008), 0.2 percussion. The exponent alone calls noise danceable, hence the others
///   and `None` without a tempo.
fn danceability(evidence: &CharacterEvidence) -> Option<f64> {
    let exponent = evidence.exponent?;
    let regularity = 1.0 - share(exponent, EXPONENT);
    Some(0.5 * regularity + 0.3 * share(evidence.pulse, PULSE) + 0.2 * percussion(evidence))
}

/// How far the sound is that of held or plucked notes, without drum kits, noise and cymbals.
///
/// - Less percussion 0.4 (Ono et al. 2008), less flatness 0.3, less magnitude over 5 kHz 0.3. It is a
///   statement about sound, not about how it was made: a soft synthesiser is as acoustic as a flute.
fn acousticness(evidence: &CharacterEvidence) -> f64 {
    let flatness = log_share(evidence.flatness, FLATNESS);
    let brightness = share(evidence.brightness, BRIGHTNESS);
    1.0 - 0.4 * percussion(evidence) - 0.3 * flatness - 0.3 * brightness
}

/// Probability of a voice: partials that glide together (`voice.rs`).
///
/// Slides, vibrato strings and synthesisers with portamento are mistaken for voices.
fn voice(evidence: &CharacterEvidence) -> f64 {
    let (slope, offset) = VOICE_ODDS;
    let distance = (evidence.glide.max(1e-9) / GLIDE_CENTRE).ln();
    1.0 / (1.0 + (-(slope * distance + offset)).exp())
}

/// How far a voice is heard that speaks rather than sings with a band.
///
/// - The probability of a voice times the mean of four signs of speech: pauses (low-energy frames),
///   syllables at 4 Hz, alternating hisses and vowels (variation of zero crossings), no pulse.
/// - Source: the features of Scheirer & Slaney, "Construction and evaluation of a robust multifeature
///   speech/music discriminator", ICASSP 1997, with our voice evidence in front.
fn speechiness(evidence: &CharacterEvidence, voice: f64) -> f64 {
    let signs = [
        share(evidence.low_energy, LOW_ENERGY),
        share(evidence.syllables, SYLLABLES),
        share(evidence.crossings, CROSSINGS),
        1.0 - share(evidence.pulse, SPEECH_PULSE),
    ];
    voice * signs.iter().sum::<f64>() / signs.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: CharacterEvidence = CharacterEvidence {
        exponent: Some(0.6),
        pulse: 0.5,
        onset_rate_hz: 3.0,
        percussive: 0.1,
        flux: 0.25,
        centroid_hz: 2_000.0,
        flatness: 0.02,
        brightness: 0.15,
        density: 0.6,
        low_energy: 0.1,
        syllables: 0.25,
        crossings: 0.7,
        glide: 0.005,
    };

    #[test]
    fn each_value_rises_with_what_it_means() {
        let read = |evidence: CharacterEvidence| Character::read(Some(&evidence), Some(-14.0));
        let middle = read(MIDDLE);
        let check =
            |name: &str, evidence: CharacterEvidence, value: fn(&Character) -> Option<f64>| {
                assert!(value(&read(evidence)) > value(&middle), "{name}");
            };
        check(
            "flux",
            CharacterEvidence {
                flux: 0.3,
                ..MIDDLE
            },
            |found| found.energy,
        );
        check(
            "onsets",
            CharacterEvidence {
                onset_rate_hz: 4.0,
                ..MIDDLE
            },
            |found| found.energy,
        );
        check(
            "pulse",
            CharacterEvidence {
                pulse: 0.7,
                ..MIDDLE
            },
            |found| found.danceability,
        );
        check(
            "level",
            CharacterEvidence {
                exponent: Some(0.4),
                ..MIDDLE
            },
            |found| found.danceability,
        );
        check(
            "drums",
            CharacterEvidence {
                percussive: 0.05,
                ..MIDDLE
            },
            |found| found.acousticness,
        );
        check(
            "glides",
            CharacterEvidence {
                glide: 0.003,
                ..MIDDLE
            },
            |found| found.instrumentalness,
        );
        check(
            "pauses",
            CharacterEvidence {
                low_energy: 0.2,
                ..MIDDLE
            },
            |found| found.speechiness,
        );
        let quiet = Character::read(Some(&MIDDLE), Some(-20.0));
        assert!(quiet.energy < middle.energy);
    }

    #[test]
    fn the_ends_stay_in_range() {
        let extremes = [0.0, 1e-30, 1e30];
        for value in extremes {
            let evidence = CharacterEvidence {
                exponent: Some(value),
                pulse: value,
                onset_rate_hz: value,
                percussive: value,
                flux: value,
                centroid_hz: value,
                flatness: value,
                brightness: value,
                density: value,
                low_energy: value,
                syllables: value,
                crossings: value,
                glide: value,
            };
            let found = Character::read(Some(&evidence), None);
            let values = [
                found.energy,
                found.danceability,
                found.acousticness,
                found.instrumentalness,
                found.speechiness,
            ];
            for value in values.into_iter().flatten() {
                assert!((-1e-9..=1.0 + 1e-9).contains(&value), "{value}");
            }
        }
        assert_eq!(Character::read(None, Some(-10.0)), Character::default());
    }
}
