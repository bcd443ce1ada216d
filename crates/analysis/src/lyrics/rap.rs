//! Rhyme between syllables of rap, where most rhymes are imperfect: a learned pair scorer.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::logistic::fit_logistic;

/// One syllable as a rhyme scorer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RapSyllable {
    /// Vowel in IPA-like notation, any consistent alphabet.
    pub nucleus: String,
    /// Consonants after the vowel; empty or `-` for none.
    pub coda: String,
    /// Whether the syllable is stressed.
    pub is_stressed: bool,
}

/// Two syllables at most a few bars apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RapPair {
    /// The one that comes first in the data.
    pub first: RapSyllable,
    /// The other one.
    pub second: RapSyllable,
    /// Bars between the two, 0 for the same bar.
    pub bars_apart: u32,
}

/// Scores syllable pairs by logistic regression over crossed sound, stress and distance features.
///
/// - Cost: about twenty hash look-ups per pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RapPairModel {
    weights: BTreeMap<u32, f32>,
    /// Slope and offset from the log odds of the weights to those of rhyming.
    scaling: [f32; 2],
    threshold: f32,
}

/// Passes over the rows; the out-of-fold F1 is flat from eight on.
const EPOCH_COUNT: usize = 12;
/// Shrinkage of each weight per visit, chosen by cross-validation.
const SHRINKAGE: f32 = 2e-4;
/// Folds for the threshold, which must not be chosen on fitted scores. Pairs of the same sounds share
/// a fold: a song repeats its rhymes, and the repeats would make the scores look better than they are.
const FOLD_COUNT: usize = 5;

impl RapPairModel {
    /// Learns from labelled pairs; the scaling of the scores and the threshold are learned out of fold,
    /// the threshold to maximise F1.
    ///
    /// - Cost: linear in rows, about a second for 35,000; deterministic.
    pub fn fit(rows: &[(RapPair, bool)]) -> Self {
        let features: Vec<(Vec<u32>, bool)> = rows
            .iter()
            .map(|(pair, rhymes)| (pair_features(pair), *rhymes))
            .collect();
        let folds: Vec<usize> = rows.iter().map(|(pair, _)| fold_of(pair)).collect();
        let mut judged: Vec<(f32, bool)> = Vec::with_capacity(rows.len());
        for fold in 0..FOLD_COUNT {
            let taught: Vec<&(Vec<u32>, bool)> = kept(&features, &folds, |own| own != fold);
            let weights = fit_weights(&taught);
            for (places, rhymes) in kept(&features, &folds, |own| own == fold) {
                judged.push((log_odds(&weights, places), *rhymes));
            }
        }
        let weights = fit_weights(&features.iter().collect::<Vec<_>>());
        let scaling = fit_scaling(&judged);
        for (score, _) in &mut judged {
            *score = scaled(*score, scaling);
        }
        Self {
            weights,
            scaling,
            threshold: best_threshold(judged),
        }
    }

    /// Returns the probability that the two syllables rhyme.
    pub fn score(&self, pair: &RapPair) -> f32 {
        scaled(log_odds(&self.weights, &pair_features(pair)), self.scaling)
    }

    /// Tells whether the score passes the threshold learned with the weights.
    pub fn is_rhyme(&self, pair: &RapPair) -> bool {
        self.score(pair) >= self.threshold
    }
}

fn kept<'a, T>(items: &'a [T], folds: &[usize], is_kept: impl Fn(usize) -> bool) -> Vec<&'a T> {
    items
        .iter()
        .zip(folds)
        .filter(|(_, fold)| is_kept(**fold))
        .map(|(item, _)| item)
        .collect()
}

fn fold_of(pair: &RapPair) -> usize {
    let (a, b) = (&pair.first, &pair.second);
    hashed(&format!(
        "{} {} {} {}",
        a.nucleus, b.nucleus, a.coda, b.coda
    )) as usize
        % FOLD_COUNT
}

fn log_odds(weights: &BTreeMap<u32, f32>, places: &[u32]) -> f32 {
    places.iter().filter_map(|place| weights.get(place)).sum()
}

/// Slope and offset by which held-out scores are probabilities: weights learned to the end are too sure
/// of pairs that they have not seen.
fn fit_scaling(judged: &[(f32, bool)]) -> [f32; 2] {
    let rows: Vec<(Vec<f64>, bool)> = judged
        .iter()
        .map(|(score, rhymes)| (vec![f64::from(*score)], *rhymes))
        .collect();
    match fit_logistic(&rows).as_slice() {
        // A falling map would turn the order of the scores around: nothing was learned.
        [slope, offset] if *slope > 0.0 => [*slope as f32, *offset as f32],
        _ => [1.0, 0.0],
    }
}

fn scaled(log_odds: f32, [slope, offset]: [f32; 2]) -> f32 {
    1.0 / (1.0 + (-(slope * log_odds + offset)).exp())
}

fn fit_weights(rows: &[&(Vec<u32>, bool)]) -> BTreeMap<u32, f32> {
    let mut state: HashMap<u32, (f32, f32)> = HashMap::new();
    for epoch in 0..EPOCH_COUNT {
        // A stride prime to most lengths visits the rows in another order each time.
        let stride = 7919 + 2 * epoch;
        for step in 0..rows.len() {
            let Some((places, rhymes)) = rows.get(step * stride % rows.len()) else {
                continue;
            };
            let score: f32 = places
                .iter()
                .filter_map(|place| state.get(place))
                .map(|(weight, _)| weight)
                .sum();
            let error = f32::from(u8::from(*rhymes)) - 1.0 / (1.0 + (-score).exp());
            for place in places {
                let (weight, squares) = state.entry(*place).or_insert((0.0, 0.1));
                let slope = error - SHRINKAGE * *weight;
                *squares += slope * slope;
                *weight += 0.15 * slope / squares.sqrt();
            }
        }
    }
    state
        .into_iter()
        .map(|(place, (weight, _))| (place, weight))
        .collect()
}

/// Finds the score at which calling everything above it a rhyme gives the best F1.
fn best_threshold(mut judged: Vec<(f32, bool)>) -> f32 {
    judged.sort_by(|left, right| right.0.total_cmp(&left.0));
    let wanted = judged.iter().filter(|(_, rhymes)| *rhymes).count();
    let (mut hits, mut best) = (0usize, (0.0f64, 0.5f32));
    for (place, (score, rhymes)) in judged.iter().enumerate() {
        hits += usize::from(*rhymes);
        let f1 = 2.0 * hits as f64 / (place + 1 + wanted) as f64;
        if f1 > best.0 {
            best = (f1, *score);
        }
    }
    best.1
}

/// Crosses the sounds of a pair with each other, with stress and with distance.
fn pair_features(pair: &RapPair) -> Vec<u32> {
    let (a, b) = (&pair.first, &pair.second);
    let coda = |syllable: &RapSyllable| syllable.coda.trim_matches('-').to_owned();
    let (coda_a, coda_b) = (coda(a), coda(b));
    let same_vowel = a.nucleus == b.nucleus;
    let relation = coda_relation(&coda_a, &coda_b);
    let stress = format!("{}{}", u8::from(a.is_stressed), u8::from(b.is_stressed));
    let gap = pair.bars_apart.min(8);
    let nuclei = format!("{}|{}", a.nucleus, b.nucleus);
    let last = |text: &str| text.chars().last().map_or(String::new(), String::from);
    let first = |text: &str| text.chars().next().map_or(String::new(), String::from);
    let texts = [
        "bias".to_owned(),
        format!("n {nuclei}"),
        format!("na {} {stress}", a.nucleus),
        format!("nb {} {stress}", b.nucleus),
        format!("ca {coda_a}"),
        format!("cb {coda_b}"),
        format!("c {coda_a}|{coda_b}"),
        format!("cr {relation} {same_vowel}"),
        format!("cr {relation} {nuclei}"),
        format!("cf {}|{} {same_vowel}", first(&coda_a), first(&coda_b)),
        format!("cl {}|{} {same_vowel}", last(&coda_a), last(&coda_b)),
        format!("s {stress} {gap}"),
        format!("s {stress} {same_vowel} {relation}"),
        format!("s {stress} {same_vowel} {gap}"),
        format!("g {gap} {same_vowel} {relation}"),
        format!("sn {stress} {nuclei}"),
        format!("gn {gap} {nuclei}"),
        format!("sg {stress} {gap} {same_vowel} {relation}"),
    ];
    texts.iter().map(|text| hashed(text)).collect()
}

fn coda_relation(one: &str, other: &str) -> u8 {
    let shares = |left: &str, right: &str| left.chars().any(|sound| right.contains(sound));
    match (one, other) {
        ("", "") => 0,
        _ if one == other => 1,
        ("", _) | (_, "") => 2,
        _ if one.starts_with(other) || other.starts_with(one) => 3,
        _ if one.ends_with(other) || other.ends_with(one) => 4,
        _ if shares(one, other) => 5,
        _ => 6,
    }
}

/// FNV-1a: stable across platforms and releases, unlike the standard hasher.
fn hashed(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(nuclei: (&str, &str), codas: (&str, &str), bars_apart: u32) -> RapPair {
        let syllable = |nucleus: &str, coda: &str| RapSyllable {
            nucleus: nucleus.to_owned(),
            coda: coda.to_owned(),
            is_stressed: true,
        };
        RapPair {
            first: syllable(nuclei.0, codas.0),
            second: syllable(nuclei.1, codas.1),
            bars_apart,
        }
    }

    #[test]
    fn learns_that_vowels_rhyme_and_is_deterministic() {
        let vowels = ["a", "e", "i", "o"];
        let rows: Vec<(RapPair, bool)> = (0..400usize)
            .map(|index| {
                let (one, other) = (vowels[index % 4], vowels[index / 4 % 4]);
                let codas = (["t", "n"][index % 2], ["t", "k"][index / 3 % 2]);
                (pair((one, other), codas, index as u32 % 4), one == other)
            })
            .collect();
        let model = RapPairModel::fit(&rows);
        assert!(model.is_rhyme(&pair(("a", "a"), ("t", "k"), 1)));
        assert!(!model.is_rhyme(&pair(("a", "o"), ("t", "t"), 1)));
        assert_eq!(model, RapPairModel::fit(&rows));
    }

    #[test]
    fn survives_no_rows() {
        let score = RapPairModel::fit(&[]).score(&pair(("", ""), ("", "-"), 0));
        assert!((0.0..=1.0).contains(&score));
    }
}
