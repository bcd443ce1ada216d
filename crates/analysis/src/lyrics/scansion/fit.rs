//! Learning to scan from scanned lines.

use std::collections::BTreeMap;

use super::chain::{Chain, FormFactors, odds, shares};
use super::features::{WORDS, each_feature, is_bare};
use super::form::{FORM_COUNT, Metre};
use super::model::{ENDS, FormWeights, LENGTHS, ScansionModel};
use crate::lyrics::syllables::SungWord;

/// A line whose stresses are known.
#[derive(Debug, Clone)]
pub struct ScannedLine {
    /// Its words, divided into as many syllables as it has stresses.
    pub words: Vec<SungWord>,
    /// Whether each syllable is stressed.
    pub stresses: Vec<bool>,
    /// The metre of the line.
    pub metre: Metre,
}

/// Rarer words have no weights of their own.
const WORD_COUNT_MIN: usize = 3;
/// Steps of the ascent; the likelihood is flat from a hundred on.
const STEP_COUNT: usize = 150;
/// Length of the first step, in log odds.
const STEP: f64 = 0.1;
/// Shrinkage of the weights of features, and of those of forms; by cross-validation over the lines.
const FEATURE_SHRINKAGE: f64 = 2.0;
const FORM_SHRINKAGE: f64 = 0.5;

/// What is fitted on.
struct Row<'a> {
    features: Vec<Vec<usize>>,
    line: &'a ScannedLine,
}

/// Learns the weights.
pub(super) fn fit(lines: &[ScannedLine]) -> ScansionModel {
    let is_whole = |line: &&ScannedLine| {
        let count: usize = line.words.iter().map(|word| word.syllables.len()).sum();
        count > 0 && count == line.stresses.len()
    };
    let lines: Vec<&ScannedLine> = lines.iter().filter(is_whole).collect();
    let words = listed_words(&lines);
    let rows: Vec<Row<'_>> = lines
        .into_iter()
        .map(|line| {
            let mut features = vec![Vec::new(); line.stresses.len()];
            each_feature(&line.words, &words, |at, feature| {
                features[at].push(feature)
            });
            Row { features, line }
        })
        .collect();
    let feature_count = WORDS + 2 * words.len();
    let mut ascent = Ascent::new(feature_count + FORM_COUNT * FORM_WIDTH);
    let truth = true_counts(&rows, feature_count);
    for step in 0..STEP_COUNT {
        let expected = expected_counts(&rows, &ascent.weights, feature_count);
        let slopes: Vec<f64> = truth
            .iter()
            .zip(&expected)
            .zip(&ascent.weights)
            .enumerate()
            .map(|(at, ((truth, expected), weight))| {
                let shrinkage = if at < feature_count {
                    FEATURE_SHRINKAGE
                } else {
                    FORM_SHRINKAGE
                };
                truth - expected - shrinkage * weight
            })
            .collect();
        ascent.step(step, &slopes);
    }
    let rounded: Vec<f64> = ascent
        .weights
        .iter()
        .map(|weight| (weight * 1e3).round() / 1e3)
        .collect();
    let (features, forms) = rounded.split_at(feature_count);
    let mut forms = unpacked(forms);
    for row in &rows {
        forms[row.line.metre.form_of(&row.line.stresses)].share += 1.0;
    }
    for form in &mut forms {
        form.share = (form.share / rows.len().max(1) as f64 * 1e4).round() / 1e4;
    }
    ScansionModel {
        words,
        features: features.to_vec(),
        forms,
    }
}

fn listed_words(lines: &[&ScannedLine]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in lines
        .iter()
        .flat_map(|line| &line.words)
        .filter(|word| is_bare(word))
    {
        *counts.entry(&word.folded).or_default() += 1;
    }
    let common = counts
        .into_iter()
        .filter(|(_, count)| *count >= WORD_COUNT_MIN);
    common.map(|(word, _)| word.to_owned()).collect()
}

/// Weights of one form in a row.
const FORM_WIDTH: usize = 8 + 4 + 4 + 2 * ENDS + LENGTHS;

fn packed(form: &FormWeights) -> impl Iterator<Item = f64> {
    let parts = form.triples.iter().chain(&form.opening).chain(&form.close);
    parts
        .chain(&form.from_start)
        .chain(&form.from_end)
        .chain(&form.lengths)
        .copied()
}

fn unpacked(weights: &[f64]) -> [FormWeights; FORM_COUNT] {
    let mut forms: [FormWeights; FORM_COUNT] = Default::default();
    for (form, weights) in forms.iter_mut().zip(weights.chunks(FORM_WIDTH)) {
        let mut weights = weights.iter().copied();
        let parts = form
            .triples
            .iter_mut()
            .chain(&mut form.opening)
            .chain(&mut form.close);
        let parts = parts
            .chain(&mut form.from_start)
            .chain(&mut form.from_end)
            .chain(&mut form.lengths);
        parts.for_each(|part| *part = weights.next().unwrap_or(0.0));
    }
    forms
}

fn true_counts(rows: &[Row<'_>], feature_count: usize) -> Vec<f64> {
    let mut counts = vec![0.0; feature_count];
    let mut forms: [FormWeights; FORM_COUNT] = Default::default();
    for row in rows {
        let stresses = &row.line.stresses;
        for (features, _) in row
            .features
            .iter()
            .zip(stresses)
            .filter(|(_, is_strong)| **is_strong)
        {
            features.iter().for_each(|feature| counts[*feature] += 1.0);
        }
        let form = &mut forms[row.line.metre.form_of(stresses)];
        let count = stresses.len();
        let bit = |at: usize| usize::from(stresses[at]);
        let pair = |at: usize| {
            if at == 0 {
                bit(0)
            } else {
                bit(at - 1) * 2 + bit(at)
            }
        };
        form.lengths[count.min(LENGTHS - 1)] += 1.0;
        for at in 0..count.min(ENDS) {
            form.from_start[at] += bit(at) as f64;
            form.from_end[at] += bit(count - 1 - at) as f64;
        }
        if count > 1 {
            form.opening[pair(1)] += 1.0;
        }
        form.close[pair(count - 1)] += 1.0;
        for at in 2..count {
            form.triples[bit(at - 2) * 4 + pair(at)] += 1.0;
        }
    }
    counts.extend(forms.iter().flat_map(packed));
    counts
}

fn expected_counts(rows: &[Row<'_>], weights: &[f64], feature_count: usize) -> Vec<f64> {
    let (features, forms) = weights.split_at(feature_count);
    let factors = unpacked(forms).each_ref().map(FormFactors::new);
    let mut counts = vec![0.0; feature_count];
    let mut forms: [FormWeights; FORM_COUNT] = Default::default();
    let mut chain = Chain::default();
    for row in rows {
        let odds: Vec<f64> = row
            .features
            .iter()
            .map(|own| odds(own.iter().map(|feature| features[*feature]).sum()))
            .collect();
        let sums = factors.each_ref().map(|form| chain.sum(form, &odds));
        let shares = shares(&sums);
        let mut strong = vec![0.0; odds.len()];
        for ((form, share), counts) in factors.iter().zip(shares).zip(&mut forms) {
            chain.sum(form, &odds);
            chain.add_counts(form, share, counts, &mut strong);
        }
        for (own, strong) in row.features.iter().zip(strong) {
            own.iter().for_each(|feature| counts[*feature] += strong);
        }
    }
    counts.extend(forms.iter().flat_map(packed));
    counts
}

/// Steps uphill, each weight at its own pace.
///
/// - Source: Kingma and Ba, "Adam", ICLR 2015, on the whole set, with falling steps.
struct Ascent {
    weights: Vec<f64>,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Ascent {
    fn new(count: usize) -> Self {
        Self {
            weights: vec![0.0; count],
            means: vec![0.0; count],
            squares: vec![0.0; count],
        }
    }

    fn step(&mut self, step: usize, slopes: &[f64]) {
        const MEAN: f64 = 0.9;
        const SQUARE: f64 = 0.99;
        let nth = step as i32 + 1;
        let pace = STEP * (1.0 - 0.9 * step as f64 / STEP_COUNT as f64);
        for (at, slope) in slopes.iter().enumerate() {
            self.means[at] = MEAN * self.means[at] + (1.0 - MEAN) * slope;
            self.squares[at] = SQUARE * self.squares[at] + (1.0 - SQUARE) * slope * slope;
            let mean = self.means[at] / (1.0 - MEAN.powi(nth));
            let square = self.squares[at] / (1.0 - SQUARE.powi(nth));
            self.weights[at] += pace * mean / (square.sqrt() + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lyrics::scansion::Scanner;
    use crate::lyrics::syllables::Singer;

    #[test]
    fn learns_from_few_lines_and_survives_none() {
        let mut singer = Singer::default();
        let mut line = |text: &str, marks: &str, metre| ScannedLine {
            words: singer.sing(text),
            stresses: marks.chars().map(|mark| mark == '+').collect(),
            metre,
        };
        let lines = [
            line("the river and the quiet town", "-+-+-+-+", Metre::Iambic),
            line("the morning and the garden wall", "-+-+-+-+", Metre::Iambic),
            line("never after any summer", "+-+-+-+-", Metre::Trochaic),
            line("left out, for its marks are too few", "-+", Metre::Mixed),
        ];
        let model = ScansionModel::fit(&lines);
        for line in &lines[..3] {
            let scan = Scanner::new(&model).scan(&line.words);
            assert_eq!(
                (scan.stresses().collect::<Vec<_>>(), scan.metre()),
                (line.stresses.clone(), line.metre)
            );
        }
        let empty = ScansionModel::fit(&[]);
        let scan = Scanner::new(&empty).scan(&lines[0].words);
        assert!(scan.strong.iter().all(|strong| strong.is_finite()));
    }
}
