//! Rhythm of the words: syllables per line and how regular the stresses are.

use super::syllables::SungWord;

/// Syllable statistics of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Syllables of each line.
    pub syllable_counts: Vec<usize>,
    /// All syllables.
    pub syllable_count: usize,
    /// Mean per line; `None` without lines.
    pub mean: Option<f64>,
    /// Population variance per line.
    pub variance: Option<f64>,
}

impl Flow {
    /// Measures counted lines.
    ///
    /// - Cost: O(lines).
    pub fn measure(syllable_counts: Vec<usize>) -> Self {
        let syllable_count: usize = syllable_counts.iter().sum();
        let line_count = syllable_counts.len() as f64;
        let mean = (!syllable_counts.is_empty()).then(|| syllable_count as f64 / line_count);
        let variance = mean.map(|mean| {
            let square = |count: &usize| (*count as f64 - mean).powi(2);
            syllable_counts.iter().map(square).sum::<f64>() / line_count
        });
        Self {
            syllable_counts,
            syllable_count,
            mean,
            variance,
        }
    }
}

/// Measures how strictly strong and weak syllables alternate.
///
/// - Shape: `lines` are sung lines; function words of one syllable count as weak, and syllables
///   beside no stress may be either, as in verse.
/// - Units: share of syllables that fit the better of the two alternations of their line, 0.5..=1;
///   `None` without a line of four syllables.
/// - Cost: O(syllables).
pub fn stress_regularity(lines: &[Vec<SungWord>]) -> Option<f64> {
    let (mut fitting, mut total) = (0usize, 0usize);
    for line in lines {
        let stresses: Vec<bool> = line
            .iter()
            .flat_map(|word| {
                word.syllables
                    .iter()
                    .map(move |s| s.stress > 0 && !word.is_small)
            })
            .collect();
        if stresses.len() < 4 {
            continue;
        }
        let even = stresses
            .iter()
            .enumerate()
            .filter(|(p, strong)| (p % 2 == 0) == **strong);
        let even_count = even.count();
        fitting += even_count.max(stresses.len() - even_count);
        total += stresses.len();
    }
    (total > 0).then(|| fitting as f64 / total as f64)
}

/// Measures alliteration: the share of content words that open with the same consonants as one of
/// the two content words before them in the line, by sound and not by letter.
///
/// - Shape: as [`stress_regularity`]; the onset is that of the stressed syllable.
/// - Cost: O(words).
pub fn alliteration(lines: &[Vec<SungWord>]) -> Option<f64> {
    let (mut hits, mut total) = (0usize, 0usize);
    for line in lines {
        let mut recent: [(u32, &str); 2] = [(0, ""); 2];
        for word in line.iter().filter(|word| !word.is_small) {
            let stressed = word.syllables.iter().find(|s| s.stress == 1);
            let Some(onset) = stressed.or(word.syllables.first()).map(|s| s.before) else {
                continue;
            };
            // Repeating the whole word is another figure.
            let repeats = |(other, text): &(u32, &str)| *other == onset && *text != word.folded;
            hits += usize::from(onset != 0 && recent.iter().any(repeats));
            total += 1;
            recent = [recent[1], (onset, &word.folded)];
        }
    }
    (total > 0).then(|| hits as f64 / total as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lyrics::syllables::Singer;

    fn sung(lines: &[&str]) -> Vec<Vec<SungWord>> {
        let mut singer = Singer::default();
        lines.iter().map(|line| singer.sing(line)).collect()
    }

    #[test]
    fn hand_worked_flow() {
        let flow = Flow::measure(vec![8, 6, 10]);
        assert_eq!((flow.syllable_count, flow.mean), (24, Some(8.0)));
        assert_eq!(flow.variance, Some(8.0 / 3.0));
        assert_eq!(Flow::measure(Vec::new()).mean, None);
    }

    #[test]
    fn alliteration_goes_by_sound() {
        assert_eq!(alliteration(&sung(&["phone fast"])), Some(0.5));
        assert_eq!(alliteration(&sung(&["know kick"])), Some(0.0));
        assert_eq!(alliteration(&sung(&["the of"])), None);
    }

    #[test]
    fn regular_verse_is_more_regular() {
        let iambs = stress_regularity(&sung(&["the river runs below the quiet town"]));
        let prose = stress_regularity(&sung(&["big red cold dark night falls on us and we"]));
        assert!(iambs > prose, "{iambs:?} {prose:?}");
        assert_eq!(stress_regularity(&sung(&["one"])), None);
    }
}
