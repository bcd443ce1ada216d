//! Sections of a track and which of them repeat.

mod boundaries;
mod labels;
mod similarity;
mod units;

use similarity::Similarity;
use units::Units;

use super::confidence::boundary_confidence;
use super::frames::Spectra;
use super::rhythm::Rhythm;

/// Bars that a track must have for sections: two of the shortest.
const BARS_MIN: usize = 8;

/// A section of a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Section {
    pub start_s: f64,
    pub end_s: f64,
    /// Sections of one label repeat each other; 0 is that of the first.
    pub label: usize,
    /// Probability that a section begins here; `None` for the start of the track.
    pub confidence: Option<f64>,
}

/// Finds the sections.
///
/// - Returns sections in order without gaps from 0 to `end_s`; one section when nothing changes, none
///   when the track is silent or has fewer than eight bars (16 s where there are no beats).
/// - `chroma` are the tuned pitch-class profiles of the harmony frames.
/// - Boundaries lie on beats, and on downbeats unless the evidence outweighs the confidence in the metre.
/// - Cost: O(beats²), at most 1,600 beats; about a millisecond for a song of two minutes.
/// - Source: beat-synchronous chroma and cepstrum; novelty after Foote 2000 and Serrà et al. 2012,
///   chosen as in Sargent et al. 2011 (`boundaries.rs`), labels by average linkage (`labels.rs`).
pub(crate) fn find_sections(
    spectra: &Spectra,
    chroma: &[[f32; 12]],
    rhythm: &Rhythm,
    end_s: f64,
) -> Vec<Section> {
    if spectra.is_silent {
        return Vec::new();
    }
    let units = Units::gather(spectra, chroma, rhythm);
    if units.count() < BARS_MIN * units.units_per_bar {
        return Vec::new();
    }
    let similarity = Similarity::compute(&units);
    let gains = boundaries::gains(&units, &similarity);
    let starts = boundaries::choose(&units, &gains);
    let labels = labels::label(&units, &starts);
    let start_of = |index: usize| match starts.get(index) {
        Some(0) => 0.0,
        Some(&start) => units.bounds_s[start].min(end_s),
        None => end_s,
    };
    labels
        .iter()
        .enumerate()
        .map(|(index, &label)| Section {
            start_s: start_of(index),
            end_s: start_of(index + 1),
            label,
            confidence: (index > 0).then(|| boundary_confidence(gains[starts[index]])),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::frames::Parts;
    use super::super::rhythm::measure_rhythm;
    use super::*;

    /// Triads struck every half second; the letters are sections of eight seconds with their own chords
    /// and brightness.
    fn song(form: &str) -> Vec<f32> {
        let mut signal = Vec::new();
        for letter in form.chars() {
            let (chords, overtones): ([i32; 4], i32) = match letter {
                'A' => ([48, 53, 55, 48], 3),
                'B' => ([57, 52, 50, 55], 12),
                _ => ([51, 56, 58, 49], 1),
            };
            for stroke in 0..16 {
                let root = chords[stroke / 4];
                for index in 0..11_025 {
                    let time = index as f32 / 22_050.0;
                    let mut sample = 0.0;
                    for note in [root, root + 4, root + 7] {
                        let frequency = 440.0 * 2f32.powf((note - 69) as f32 / 12.0);
                        for overtone in 1..=overtones {
                            let phase = std::f32::consts::TAU * frequency * overtone as f32 * time;
                            sample += phase.sin() / overtone as f32;
                        }
                    }
                    signal.push(sample * 0.1 * (-4.0 * time).exp());
                }
            }
        }
        signal
    }

    fn sections(signal: &[f32]) -> Vec<Section> {
        let spectra = Spectra::compute(signal, Parts::ALL);
        let chroma = spectra.harmony.tuned_chroma();
        let rhythm = measure_rhythm(&spectra, &chroma);
        find_sections(&spectra, &chroma, &rhythm, signal.len() as f64 / 22_050.0)
    }

    #[test]
    fn hears_a_form_and_its_repeats() {
        let found = sections(&song("AABABCB"));
        let spelt: String = found
            .iter()
            .map(|section| (b'A' + section.label as u8) as char)
            .collect();
        // Neighbours that are the same may be heard as one.
        assert!(["AABABCB", "ABABCB"].contains(&spelt.as_str()), "{spelt}");
        for section in &found {
            let place = section.start_s / 8.0;
            assert!(
                (place - place.round()).abs() * 8.0 < 0.5,
                "{}",
                section.start_s
            );
        }
    }

    #[test]
    fn sections_have_no_gaps() {
        let signal = song("ABAB");
        let found = sections(&signal);
        assert_eq!(
            found
                .first()
                .map(|section| (section.start_s, section.confidence)),
            Some((0.0, None))
        );
        assert!(
            found
                .windows(2)
                .all(|pair| pair[0].end_s == pair[1].start_s)
        );
        assert_eq!(found.last().map(|section| section.end_s), Some(32.0));
        let confidences = found.iter().filter_map(|section| section.confidence);
        assert!(
            confidences
                .into_iter()
                .all(|confidence| (0.0..=1.0).contains(&confidence))
        );
    }

    #[test]
    fn what_does_not_change_is_one_section() {
        assert_eq!(sections(&song("AAAA")[..22_050 * 8 * 3]).len(), 1);
        let mut state = 3u32;
        let noise: Vec<f32> = (0..22_050 * 40)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect();
        // Harmony in noise is an accident, so a boundary may be told there, but never a sure one.
        let told = sections(&noise);
        assert!(
            told.iter()
                .filter_map(|section| section.confidence)
                .all(|sure| sure < 0.7),
            "{told:?}"
        );
    }

    #[test]
    fn the_short_and_the_silent_have_none() {
        assert!(sections(&[]).is_empty());
        assert!(sections(&[0.5]).is_empty());
        assert!(sections(&vec![0.0; 22_050 * 60]).is_empty());
        assert!(sections(&song("A")[..22_050 * 4]).is_empty());
    }
}
