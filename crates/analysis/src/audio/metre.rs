//! Beats per bar and downbeats: where accents and harmony changes recur among the beats.

use super::division_features::{DIVISION_FEATURE_COUNT, compound_probability};
use super::evidence::Evidence;

/// Bar lengths considered, with the log odds each starts from: most music is in four.
const SIMPLE_METRES: [(usize, f64); 2] = [(4, 0.8), (3, 0.0)];
/// The same in compound time, where a bar of four is often written as two of two.
const COMPOUND_METRES: [(usize, f64); 3] = [(2, 0.8), (4, 0.0), (3, 0.0)];
/// Parts of a beat in compound time: quavers of a dotted crotchet.
const COMPOUND_DIVISION: usize = 3;
/// Weight of harmony changes against low-band accents.
const HARMONY_WEIGHT: f64 = 1.5;
/// Weight of the autocorrelation at the bar length, and of the contrast of the best downbeat.
const REPEAT_WEIGHT: f64 = 4.0;
const CONTRAST_WEIGHT: f64 = 0.6;
/// Least confidence with which a metre is told.
const CONFIDENCE_MIN: f64 = 0.6;
/// Bars needed for an estimate.
const BAR_COUNT_MIN: usize = 4;

/// Metre of tracked beats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Metre {
    pub beats_per_bar: usize,
    /// Index of the first downbeat among the beats.
    pub first_downbeat: usize,
    /// Whether beats divide into three.
    pub is_compound: bool,
    pub confidence: f64,
}

impl Metre {
    /// Upper number of the time signature: beats per bar, in compound time the quavers of them, so that
    /// two dotted beats are the 6 of 6/8.
    pub(crate) fn signature(&self) -> usize {
        let parts = if self.is_compound {
            COMPOUND_DIVISION
        } else {
            1
        };
        self.beats_per_bar * parts
    }
}

/// Finds the metre; `None` when the accents do not tell. `division` is how the beats divide.
pub(crate) fn estimate_metre(
    evidence: &Evidence<'_>,
    beats: &[f64],
    division: &[f64; DIVISION_FEATURE_COUNT],
) -> Option<Metre> {
    let low: Vec<f64> = beats.iter().map(|&beat| evidence.read_low(beat)).collect();
    let harmony: Vec<f64> = beats
        .iter()
        .map(|&beat| evidence.read_novelty(beat))
        .collect();
    let accents: Vec<f64> = standardised(&low)
        .into_iter()
        .zip(standardised(&harmony))
        .map(|(low, harmony)| low + HARMONY_WEIGHT * harmony)
        .collect();
    metre_of_accents(&standardised(&accents), compound_probability(division))
}

fn metre_of_accents(accents: &[f64], compound_probability: f64) -> Option<Metre> {
    let is_compound = compound_probability > 0.5;
    let metres = if is_compound {
        COMPOUND_METRES.as_slice()
    } else {
        SIMPLE_METRES.as_slice()
    };
    let mut scored: Vec<(f64, usize, usize)> = metres
        .iter()
        .filter(|(beats_per_bar, _)| accents.len() >= beats_per_bar * BAR_COUNT_MIN)
        .map(|&(beats_per_bar, prior)| {
            let (first_downbeat, contrast) = best_downbeat(accents, beats_per_bar);
            let repeat = autocorrelation(accents, beats_per_bar);
            let score = prior + REPEAT_WEIGHT * repeat + CONTRAST_WEIGHT * contrast;
            (score, beats_per_bar, first_downbeat)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let &[(best, beats_per_bar, first_downbeat), _, ..] = scored.as_slice() else {
        return None;
    };
    let odds = scored.iter().map(|(score, ..)| (score - best).exp());
    let confidence = 1.0 / odds.sum::<f64>();
    let of_division = compound_probability.max(1.0 - compound_probability);
    (confidence >= CONFIDENCE_MIN).then_some(Metre {
        beats_per_bar,
        first_downbeat,
        is_compound,
        confidence: confidence * of_division,
    })
}

/// Offset whose beats are the most accented, and by how many standard errors.
fn best_downbeat(accents: &[f64], beats_per_bar: usize) -> (usize, f64) {
    let bars = accents.len() as f64 / beats_per_bar as f64;
    (0..beats_per_bar)
        .map(|offset| {
            let on_beat = accents.iter().skip(offset).step_by(beats_per_bar);
            let count = on_beat.len().max(1) as f64;
            (offset, on_beat.sum::<f64>() / count * bars.sqrt())
        })
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
        .unwrap_or((0, 0.0))
}

fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let products = values
        .iter()
        .zip(values.iter().skip(lag))
        .map(|(a, b)| a * b);
    products.sum::<f64>() / values.len().saturating_sub(lag).max(1) as f64
}

/// Values less their mean over their standard deviation; zeros when they are all the same.
fn standardised(values: &[f64]) -> Vec<f64> {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    let scale = if variance > 1e-12 {
        variance.sqrt().recip()
    } else {
        0.0
    };
    values.iter().map(|value| (value - mean) * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_bars_of_three_and_four() {
        for beats_per_bar in [3, 4] {
            for first in 0..beats_per_bar {
                let accents: Vec<f64> = (0..48)
                    .map(|beat| f64::from(u8::from(beat % beats_per_bar == first)))
                    .collect();
                let metre = metre_of_accents(&standardised(&accents), 0.1).expect("is accented");
                assert_eq!(
                    (metre.signature(), metre.first_downbeat),
                    (beats_per_bar, first)
                );
            }
        }
    }

    #[test]
    fn compound_time_is_told_in_quavers() {
        for beats_per_bar in [2, 3, 4] {
            let accents: Vec<f64> = (0..48)
                .map(|beat| f64::from(u8::from(beat % beats_per_bar == 1)))
                .collect();
            let metre = metre_of_accents(&standardised(&accents), 0.9).expect("is accented");
            assert_eq!(
                (metre.beats_per_bar, metre.signature(), metre.first_downbeat),
                (beats_per_bar, 3 * beats_per_bar, 1)
            );
        }
    }

    #[test]
    fn too_few_beats_have_no_metre() {
        assert_eq!(metre_of_accents(&[1.0, 0.0, 0.0, 1.0], 0.1), None);
        assert_eq!(metre_of_accents(&[], 0.9), None);
    }
}
