//! Scanning lines, alone or as parts of one poem.

use super::chain::{Chain, FormFactors, SideBySide, odds, shares};
use super::features::each_feature;
use super::form::{FORM_COUNT, Metre};
use super::model::ScansionModel;
use crate::lyrics::syllables::SungWord;

/// Forms less likely than this do not show in the stresses and are not summed.
const FORM_SHARE_MIN: f64 = 1e-3;
/// Lines that the usual shares of the forms count for beside those of a poem.
const USUAL_LINES: f64 = 8.0;
/// Turns of guessing the poem's forms from its lines and theirs from the poem; three settle it.
const TURN_COUNT: usize = 3;

/// A line as it scans.
#[derive(Debug, Clone, PartialEq)]
pub struct LineScan {
    /// Probability of stress of each syllable, words in order.
    pub strong: Vec<f64>,
    forms: [f64; FORM_COUNT],
}

impl LineScan {
    /// Tells of each syllable whether it is stressed.
    pub fn stresses(&self) -> impl Iterator<Item = bool> + '_ {
        self.strong.iter().map(|strong| *strong > 0.5)
    }

    /// Returns the probability of a metre.
    pub fn probability(&self, metre: Metre) -> f64 {
        let forms = self.forms.iter().enumerate();
        forms
            .filter(|(form, _)| Metre::of_form(*form) == metre)
            .map(|(_, share)| share)
            .sum()
    }

    /// Returns the likeliest metre.
    pub fn metre(&self) -> Metre {
        let likelier = |best: Metre, other: Metre| {
            if self.probability(other) > self.probability(best) {
                other
            } else {
                best
            }
        };
        Metre::ALL.into_iter().fold(Metre::Iambic, likelier)
    }
}

/// Scans lines by a model.
#[derive(Debug)]
pub struct Scanner<'m> {
    model: &'m ScansionModel,
    factors: [FormFactors; FORM_COUNT],
    side_by_side: SideBySide,
    chain: Chain,
}

impl<'m> Scanner<'m> {
    /// Makes ready to scan.
    pub fn new(model: &'m ScansionModel) -> Self {
        let factors = model.forms.each_ref().map(FormFactors::new);
        Self {
            model,
            side_by_side: SideBySide::new(&factors),
            factors,
            chain: Chain::default(),
        }
    }

    /// Scans a line by itself.
    ///
    /// - Cost: O(syllables), about a third of a microsecond for each.
    pub fn scan(&mut self, line: &[SungWord]) -> LineScan {
        let odds = self.odds(line);
        let forms = shares(&self.side_by_side.sums(&odds));
        self.mixed(&odds, forms)
    }

    /// Scans the lines of one poem: what most lines are decides between readings of the others.
    ///
    /// - Shape: one scan per line; a line without syllables has an empty one.
    /// - Cost: hardly more than line by line.
    pub fn scan_poem(&mut self, lines: &[Vec<SungWord>]) -> Vec<LineScan> {
        let odds: Vec<Vec<f64>> = lines.iter().map(|line| self.odds(line)).collect();
        let sums: Vec<[f64; FORM_COUNT]> = odds
            .iter()
            .map(|odds| self.side_by_side.sums(odds))
            .collect();
        let leaning = self.leaning(&sums);
        let scans = odds.iter().zip(sums);
        scans
            .map(|(odds, sums)| self.mixed(odds, shares(&leaned(&sums, &leaning))))
            .collect()
    }

    /// How much more usual each form is in a poem than elsewhere, as a logarithm.
    fn leaning(&self, sums: &[[f64; FORM_COUNT]]) -> [f64; FORM_COUNT] {
        let usual = self
            .model
            .forms
            .each_ref()
            .map(|form| form.share.max(f64::MIN_POSITIVE));
        let mut leaning = [0.0; FORM_COUNT];
        for _ in 0..TURN_COUNT {
            let mut counts = usual.map(|share| share * USUAL_LINES);
            for sums in sums {
                let own = shares(&leaned(sums, &leaning));
                counts
                    .iter_mut()
                    .zip(own)
                    .for_each(|(count, own)| *count += own);
            }
            let total: f64 = counts.iter().sum();
            for ((leaning, count), usual) in leaning.iter_mut().zip(counts).zip(usual) {
                *leaning = (count / total / usual).ln();
            }
        }
        leaning
    }

    fn odds(&self, line: &[SungWord]) -> Vec<f64> {
        let count = line.iter().map(|word| word.syllables.len()).sum();
        let mut sums = vec![0.0; count];
        each_feature(line, &self.model.words, |at, feature| {
            let weight = self.model.features.get(feature).copied();
            if let Some(sum) = sums.get_mut(at) {
                *sum += weight.unwrap_or(0.0);
            }
        });
        sums.into_iter().map(odds).collect()
    }

    /// Mixes the stresses of the forms; of most lines few forms are likely.
    fn mixed(&mut self, odds: &[f64], forms: [f64; FORM_COUNT]) -> LineScan {
        let mut strong = vec![0.0; odds.len()];
        let heard: f64 = forms.iter().filter(|share| **share >= FORM_SHARE_MIN).sum();
        for (form, share) in self.factors.iter().zip(forms) {
            if share >= FORM_SHARE_MIN {
                self.chain.sum(form, odds);
                self.chain.add_strong(form, share / heard, &mut strong);
            }
        }
        LineScan { strong, forms }
    }
}

fn leaned(sums: &[f64; FORM_COUNT], leaning: &[f64; FORM_COUNT]) -> [f64; FORM_COUNT] {
    let mut leaned = *sums;
    leaned
        .iter_mut()
        .zip(leaning)
        .for_each(|(sum, leaning)| *sum += leaning);
    leaned
}

/// Scans the lines of one poem by the model built into the program; see [`Scanner::scan_poem`].
pub fn scan_poem(lines: &[Vec<SungWord>]) -> Vec<LineScan> {
    Scanner::new(ScansionModel::embedded()).scan_poem(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lyrics::syllables::Singer;

    fn sung(lines: &[&str]) -> Vec<Vec<SungWord>> {
        let mut singer = Singer::default();
        lines.iter().map(|line| singer.sing(line)).collect()
    }

    fn marks(scan: &LineScan) -> String {
        scan.stresses()
            .map(|is_strong| if is_strong { '+' } else { '-' })
            .collect()
    }

    #[test]
    fn lines_scan_as_they_are_read() {
        for (line, metre, expected) in [
            (
                "the river runs below the quiet town",
                Metre::Iambic,
                "-+-+-+-+-+",
            ),
            (
                "shall i compare thee to a summer's day",
                Metre::Iambic,
                "-+-+-+-+-+",
            ),
            ("tyger tyger burning bright", Metre::Trochaic, "+-+-+-+"),
            (
                "in the gold of the morning we walked to the shore",
                Metre::Anapaestic,
                "--+--+--+--+",
            ),
            (
                "merrily merrily under the mulberry",
                Metre::Dactylic,
                "+--+--+--+--",
            ),
        ] {
            let scans = Scanner::new(ScansionModel::embedded()).scan(&sung(&[line])[0]);
            assert_eq!(
                (marks(&scans).as_str(), scans.metre()),
                (expected, metre),
                "{line}"
            );
        }
    }

    #[test]
    fn a_poem_decides_where_a_line_may_go_either_way() {
        let mut lines = vec!["love and hope and peace and joy"; 9];
        lines.push("down to a sea of sun");
        let scans = scan_poem(&sung(&lines));
        let alone =
            Scanner::new(ScansionModel::embedded()).scan(&sung(&["down to a sea of sun"])[0]);
        let last = scans.last().expect("ten lines");
        assert!(last.probability(Metre::Trochaic) > alone.probability(Metre::Trochaic));
    }

    #[test]
    fn empty_and_endless_lines_are_scanned() {
        let long = "remember the ocean ".repeat(2_000);
        let scans = scan_poem(&sung(&["", "hm", "go", &long]));
        let counts: Vec<usize> = scans.iter().map(|scan| scan.strong.len()).collect();
        assert_eq!((counts[0], counts[2], counts[3]), (0, 1, 14_000 - 2_000));
        let probabilities = scans.iter().flat_map(|scan| &scan.strong);
        assert!(
            probabilities
                .into_iter()
                .all(|strong| (0.0..=1.0 + 1e-9).contains(strong))
        );
    }
}
