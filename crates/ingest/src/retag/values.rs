//! From measurements to the texts that stand in tags.

use std::collections::BTreeMap;

use super::names::TagName;

/// What may be asked to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagField {
    /// Beats per minute.
    Bpm,
    /// Initial key.
    Key,
    /// Track gain and track peak.
    ReplayGain,
    /// Genre as the catalogue calls it.
    Genre,
}

impl TagField {
    /// Every field.
    pub const ALL: [Self; 4] = [Self::Bpm, Self::Key, Self::ReplayGain, Self::Genre];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bpm => "bpm",
            Self::Key => "key",
            Self::ReplayGain => "replaygain",
            Self::Genre => "genre",
        }
    }
}

/// What is known of a track; a probability stands beside what may be wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Tempo in beats per minute.
    pub tempo_bpm: Option<(f64, f64)>,
    /// Tonic (`F#`) and mode (`major`, `minor`).
    pub key: Option<((String, String), f64)>,
    /// Gain to the ReplayGain 2.0 reference of −18 LUFS, in dB.
    pub replaygain_db: Option<f64>,
    /// Highest sample in dBFS.
    pub sample_peak_dbfs: Option<f64>,
    /// Genre of the catalogue, an opinion of its sender.
    pub genre: Option<String>,
}

/// Texts by tag.
pub type TagValues = BTreeMap<TagName, String>;

/// Says what a file should hold: of the wanted fields those that are known, and known well enough.
///
/// - Units: tempo as a whole number, halves upwards, because ID3 and MP4 know no other; gain in dB
///   with two decimals, peak as a linear amplitude with six, where 1.0 is full scale.
/// - Source: ID3v2.4 §4.2.3 (`TBPM`, `TKEY`: `Am`, `F#m`, `Eb`), ReplayGain 2.0 metadata format.
///   Sharps are written as they were measured, with `#`.
pub fn values_of(measured: &Measured, fields: &[TagField], confidence_min: f64) -> TagValues {
    let mut values = TagValues::new();
    for field in fields {
        match field {
            TagField::Bpm => {
                let tempo = measured.tempo_bpm.filter(|(bpm, confidence)| {
                    *confidence >= confidence_min && (1.0..1_000.0).contains(bpm)
                });
                values.extend(tempo.map(|(bpm, _)| (TagName::Bpm, format!("{:.0}", bpm.round()))));
            }
            TagField::Key => {
                let key = measured.key.as_ref();
                let key = key.filter(|(_, confidence)| *confidence >= confidence_min);
                values.extend(
                    key.and_then(|((tonic, mode), _)| Some((TagName::Key, key_text(tonic, mode)?))),
                );
            }
            TagField::ReplayGain => {
                let (gain, peak) = (measured.replaygain_db, measured.sample_peak_dbfs);
                // A gain without its peak would let players clip, so they come together.
                if let (Some(gain), Some(peak)) = (gain, peak)
                    && gain.is_finite()
                    && peak.is_finite()
                {
                    // Adding zero turns the −0.00 of a rounded tiny loss into 0.00.
                    let gain = (gain * 100.0).round() / 100.0 + 0.0;
                    values.insert(TagName::TrackGain, format!("{gain:.2} dB"));
                    let amplitude = 10f64.powf(peak / 20.0);
                    values.insert(TagName::TrackPeak, format!("{amplitude:.6}"));
                }
            }
            TagField::Genre => {
                let genre = measured.genre.clone().filter(|genre| !genre.is_empty());
                values.extend(genre.map(|genre| (TagName::Genre, genre)));
            }
        }
    }
    values
}

fn key_text(tonic: &str, mode: &str) -> Option<String> {
    let mut letters = tonic.chars();
    let is_note = letters.next().is_some_and(|c| ('A'..='G').contains(&c))
        && matches!(letters.as_str(), "" | "#" | "b");
    match mode {
        "minor" if is_note => Some(format!("{tonic}m")),
        "major" if is_note => Some(tonic.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        Measured {
            tempo_bpm: Some((127.5, 0.9)),
            key: Some((("F#".to_owned(), "minor".to_owned()), 0.6)),
            replaygain_db: Some(-6.544),
            sample_peak_dbfs: Some(-0.11),
            genre: Some("Neo-Soul".to_owned()),
        }
    }

    #[test]
    fn values_are_written_as_the_formats_have_them() {
        let texts: Vec<_> = values_of(&measured(), &TagField::ALL, 0.5)
            .into_values()
            .collect();
        assert_eq!(texts, ["128", "F#m", "-6.54 dB", "0.987416", "Neo-Soul"]);
        let silent_gain = Measured {
            replaygain_db: Some(-0.001),
            sample_peak_dbfs: Some(0.0),
            ..Measured::default()
        };
        let texts: Vec<_> = values_of(&silent_gain, &TagField::ALL, 0.5)
            .into_values()
            .collect();
        assert_eq!(texts, ["0.00 dB", "1.000000"]);
    }

    #[test]
    fn what_is_unsure_unknown_or_unwanted_is_left_out() {
        let names = |measured: &Measured, fields: &[TagField], confidence_min| {
            let values = values_of(measured, fields, confidence_min);
            values.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(names(&measured(), &TagField::ALL[..2], 0.7), [TagName::Bpm]);
        assert_eq!(
            names(&measured(), &[TagField::Genre], 1.0),
            [TagName::Genre]
        );
        assert_eq!(names(&Measured::default(), &TagField::ALL, 0.0), []);
        let odd = Measured {
            tempo_bpm: Some((0.0, 1.0)),
            key: Some((("H".to_owned(), "minor".to_owned()), 1.0)),
            replaygain_db: Some(f64::NAN),
            sample_peak_dbfs: Some(1.0),
            genre: Some(String::new()),
        };
        assert_eq!(names(&odd, &TagField::ALL, 0.0), []);
    }
}
