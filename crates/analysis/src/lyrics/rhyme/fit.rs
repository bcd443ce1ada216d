//! Learns a rhyme model from annotated verse.

use std::collections::{BTreeMap, HashMap};

use super::end_word::{EndWord, NO_FEATURE, PAIR_FEATURE_COUNT, pair_features};
use super::model::{DecoderSettings, RhymeModel, SchemePrior};
use super::scheme::{letters, renumbered};

/// Lines farther apart teach nothing about rhyme.
const LINE_GAP_MAX: usize = 12;
/// Longest stanza whose scheme is counted.
const SCHEME_LINES_MAX: usize = 18;
/// Passes over the pairs; the held-out F1 is flat from ten on.
const EPOCH_COUNT: usize = 12;

/// A poem whose rhymes are known.
#[derive(Debug, Clone)]
pub struct AnnotatedPoem {
    /// Who wrote it; held-out judgements hold out whole authors.
    pub author: String,
    /// End words of each stanza, and the label of each line; equal labels rhyme.
    pub stanzas: Vec<(Vec<EndWord>, Vec<usize>)>,
}

impl AnnotatedPoem {
    /// Stanzas with a label for every line.
    fn whole_stanzas(&self) -> impl Iterator<Item = &(Vec<EndWord>, Vec<usize>)> {
        self.stanzas
            .iter()
            .filter(|(words, labels)| words.len() == labels.len())
    }
}

struct Row {
    features: Vec<u16>,
    gap: usize,
    rhymes: bool,
    weight: f64,
}

fn rows(poems: &[&AnnotatedPoem]) -> Vec<Row> {
    let mut by_author: HashMap<&str, usize> = HashMap::new();
    for poem in poems {
        *by_author.entry(&poem.author).or_default() += poem.stanzas.len();
    }
    let mut rows = Vec::new();
    for poem in poems {
        // Prolific authors must not drown the others: weight falls with the root of their output.
        let weight = 1.0
            / (by_author[poem.author.as_str()] as f64 / 100.0)
                .max(1.0)
                .sqrt();
        for (words, labels) in poem.whole_stanzas() {
            for second in 0..words.len() {
                for first in second.saturating_sub(LINE_GAP_MAX)..second {
                    rows.push(Row {
                        features: pair_features(&words[first], &words[second])
                            .into_iter()
                            .filter(|feature| *feature != NO_FEATURE)
                            .collect(),
                        gap: second - first,
                        rhymes: labels[first] == labels[second],
                        weight,
                    });
                }
            }
        }
    }
    rows
}

/// Learns pair weights and scheme shares; the decoder's settings are as given.
///
/// - Shape: stanzas whose words and labels differ in number are left out.
/// - Cost: linear in pairs of lines; about ten seconds for 1,900 poems; deterministic.
pub(super) fn fit(poems: &[&AnnotatedPoem], settings: DecoderSettings) -> RhymeModel {
    RhymeModel {
        pair_weights: pair_weights(&rows(poems)),
        schemes: scheme_priors(poems),
        settings,
    }
}

/// Logistic regression by AdaGrad; gap intercepts take up the prior and are then dropped.
fn pair_weights(rows: &[Row]) -> Vec<f32> {
    let gap_at = PAIR_FEATURE_COUNT;
    let mut weights = vec![0.0f64; gap_at + LINE_GAP_MAX + 1];
    let mut squares = vec![1e-6f64; weights.len()];
    for epoch in 0..EPOCH_COUNT {
        let stride = 7919 + 2 * epoch;
        for step in 0..rows.len() {
            let row = &rows[(step * stride) % rows.len()];
            let places = row
                .features
                .iter()
                .map(|f| usize::from(*f))
                .chain([gap_at + row.gap]);
            let score: f64 = places.clone().map(|place| weights[place]).sum();
            let error =
                row.weight * (f64::from(u8::from(row.rhymes)) - 1.0 / (1.0 + (-score).exp()));
            for place in places {
                let slope = error - 2e-5 * weights[place];
                squares[place] += slope * slope;
                weights[place] += 0.1 * slope / squares[place].sqrt();
            }
        }
    }
    let mut shift = 0.0;
    for gap in 1..=4 {
        let count = rows
            .iter()
            .filter(|row| row.gap == gap)
            .map(|row| row.weight)
            .sum::<f64>();
        let hits = rows
            .iter()
            .filter(|row| row.gap == gap && row.rhymes)
            .map(|row| row.weight)
            .sum::<f64>();
        // Without rhymes, or without anything else, a distance tells no prior.
        if hits > 0.0 && hits < count {
            shift += (weights[gap_at + gap] - (hits / (count - hits)).ln()) / 4.0;
        }
    }
    let mut pair_weights: Vec<f32> = weights[..PAIR_FEATURE_COUNT]
        .iter()
        .map(|w| (*w * 1e3).round() as f32 / 1e3)
        .collect();
    if let Some(bias) = pair_weights.first_mut() {
        *bias += (shift * 1e3).round() as f32 / 1e3;
    }
    pair_weights
}

fn scheme_priors(poems: &[&AnnotatedPoem]) -> Vec<SchemePrior> {
    let mut counts: BTreeMap<(usize, String), f64> = BTreeMap::new();
    let mut totals: HashMap<usize, f64> = HashMap::new();
    for poem in poems {
        // One poem in forty stanzas of one form is one choice of form, not forty.
        let weight = 1.0 / (poem.stanzas.len() as f64).sqrt();
        for (_, labels) in poem.whole_stanzas() {
            if labels.len() <= SCHEME_LINES_MAX {
                *counts
                    .entry((labels.len(), letters(&renumbered(labels))))
                    .or_default() += weight;
                *totals.entry(labels.len()).or_default() += weight;
            }
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count >= 1.0)
        .map(|((length, scheme), count)| SchemePrior {
            scheme,
            log_share: ((count / (totals[&length] + 5.0)).ln() * 1e3).round() as f32 / 1e3,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::scheme::Scheme;
    use super::*;

    #[test]
    fn learns_rhyme_from_few_poems_and_survives_none() {
        let settings = RhymeModel::embedded().settings;
        let words = |line: &str| line.split(' ').map(EndWord::new).collect::<Vec<_>>();
        let poem = |lines: &str| AnnotatedPoem {
            author: "x".to_owned(),
            stanzas: vec![(words(lines), vec![0, 1, 0, 1]), (words(lines), vec![0])],
        };
        let poems = [
            "day night way light",
            "stone sea bone tree",
            "hand moon land soon",
        ]
        .map(poem);
        let model = fit(&poems.iter().collect::<Vec<_>>(), settings);
        let schemes = model.schemes(&[words("cat dog hat fog")]);
        assert_eq!(
            schemes.first().map(Scheme::letters).as_deref(),
            Some("abab")
        );
        let empty = fit(&[], settings);
        assert!(empty.pair_weights.iter().all(|weight| weight.is_finite()));
    }
}
