//! Reading traits from an analysis document.

use serde_json::Value;

use super::{TRAIT_COUNT, trait_index};
use crate::playlists::measured_of;
use leitmotif_learn::sequencing::Mode;

/// The measured traits of a track; what is not known is NaN inside and `None` outside.
#[derive(Debug, Clone, Copy)]
pub struct TraitValues([f32; TRAIT_COUNT]);

impl Default for TraitValues {
    fn default() -> Self {
        Self([f32::NAN; TRAIT_COUNT])
    }
}

impl TraitValues {
    /// Reads a document; `language` numbers language codes.
    pub fn of(document: &Value, mut language: impl FnMut(&str) -> u32) -> Self {
        let mut values = Self::default();
        for part in ["audio", "lyrics"] {
            let descriptors = document[part]["descriptors"].as_array();
            for one in descriptors.into_iter().flatten() {
                let name = one["name"].as_str().unwrap_or_default();
                let value = match (&one["value"], name) {
                    (Value::String(code), "language") => Some(language(code) as f32),
                    (_, "key" | "genre" | "year") => None,
                    (value, _) => value.as_f64().map(|number| number as f32),
                };
                if let (Some(value), Some(index)) = (value, trait_index(name)) {
                    values.set(index, Some(value));
                }
            }
        }
        let sound = measured_of(document);
        if let Some(index) = trait_index("key") {
            let key = sound.key.map(|(tonic, mode)| wheel_place(tonic, mode));
            values.set(index, key.map(f32::from));
        }
        // A tempo has a logarithm.
        if let Some(index) = trait_index("tempo_bpm") {
            values.set(index, sound.tempo_bpm);
        }
        values
    }

    /// Reads a value.
    pub fn get(&self, index: usize) -> Option<f32> {
        let value = self.0.get(index).copied();
        value.filter(|value| !value.is_nan())
    }

    /// Takes a value over; what is not finite is not known.
    pub fn set(&mut self, index: usize, value: Option<f32>) {
        if let Some(place) = self.0.get_mut(index) {
            *place = value.filter(|value| value.is_finite()).unwrap_or(f32::NAN);
        }
    }
}

/// The place of a key: twice its number on the circle of fifths from C major and A minor on, and one
/// more for minor.
fn wheel_place(tonic: u8, mode: Mode) -> u8 {
    let is_minor = mode == Mode::Minor;
    // The relative major of a minor key is three semitones up; a fifth is seven.
    let major = u32::from(tonic) + if is_minor { 3 } else { 0 };
    let fifths = (major * 7 % 12) as u8;
    fifths * 2 + u8::from(is_minor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_the_analyzers_write_and_nothing_else() {
        let one = |name: &str, value: Value| json!({"name": name, "value": value});
        let document = json!({
            "audio": {"descriptors": [one("tempo_bpm", json!(92.5)), one("key", json!("A")),
                one("mode", json!("minor")), one("energy", Value::Null), one("mfcc", json!([1.0])),
                one("spectral_flatness", json!(1e300)), one("year", json!(1999))]},
            "lyrics": {"descriptors": [one("language", json!("en")), one("sentiment", json!("x")),
                one("rhyme_density_ratio", json!(0.25))]},
        });
        let values = TraitValues::of(&document, |code| {
            assert_eq!(code, "en");
            7
        });
        let read = |name: &str| values.get(trait_index(name).unwrap());
        assert_eq!(read("tempo_bpm"), Some(92.5));
        assert_eq!(read("key"), Some(1.0));
        assert_eq!(read("language"), Some(7.0));
        assert_eq!(read("rhyme_density_ratio"), Some(0.25));
        for unknown in ["energy", "sentiment", "spectral_flatness", "year", "genre"] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
        for odd in [
            Value::Null,
            json!([]),
            json!({"audio": 1}),
            json!({"audio": {"descriptors": [3]}}),
        ] {
            let values = TraitValues::of(&odd, |_| 0);
            assert!(
                (0..TRAIT_COUNT).all(|index| values.get(index).is_none()),
                "{odd}"
            );
        }
    }

    #[test]
    fn neighbours_on_the_circle_are_fifths_and_relatives() {
        assert_eq!(wheel_place(0, Mode::Major), 0, "C major");
        assert_eq!(wheel_place(9, Mode::Minor), 1, "A minor");
        assert_eq!(wheel_place(7, Mode::Major), 2, "G major");
        assert_eq!(wheel_place(4, Mode::Minor), 3, "E minor");
        assert_eq!(wheel_place(5, Mode::Major), 22, "F major");
    }
}
