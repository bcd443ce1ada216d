//! Aligns letters to sounds by hard expectation maximisation.

use leitmotif_analysis::lyrics::phonemes::{Phoneme, letter_symbol};

use crate::Entry;

/// Sounds one letter may take: none, one or two.
const SOUND_COUNT_MAX: usize = 2;
const CLASS_COUNT: usize = 39;
/// Codes of one letter's sound: silent, each class, each pair of classes.
const CHUNK_COUNT: usize = 1 + CLASS_COUNT + CLASS_COUNT * CLASS_COUNT;
const SYMBOL_COUNT: usize = 28;
/// Rounds after which the alignment no longer changes visibly.
const ROUND_COUNT: usize = 8;

/// A word as symbols, each with the phonemes it stands for.
pub struct Aligned {
    pub symbols: Vec<u8>,
    pub sounds: Vec<Vec<Phoneme>>,
}

pub fn align(entries: &[&Entry]) -> Vec<Aligned> {
    let items: Vec<(Vec<u8>, &[Phoneme])> = entries
        .iter()
        .filter_map(|entry| {
            let symbols: Option<Vec<u8>> = entry.word.chars().map(letter_symbol).collect();
            let symbols = symbols.filter(|symbols| symbols.len() * 2 >= entry.reading.len())?;
            Some((symbols, entry.reading.as_slice()))
        })
        .collect();
    let mut costs = starting_costs(&items);
    for _ in 0..ROUND_COUNT {
        let mut counts = vec![0.05f64; SYMBOL_COUNT * CHUNK_COUNT];
        for (symbols, reading) in &items {
            let mut start = 0;
            for (symbol, length) in symbols.iter().zip(best_lengths(symbols, reading, &costs)) {
                counts[usize::from(*symbol) * CHUNK_COUNT
                    + chunk(&reading[start..start + length])] += 1.0;
                start += length;
            }
        }
        costs = costs_of(&counts);
    }
    items
        .iter()
        .map(|(symbols, reading)| {
            let mut start = 0;
            let sounds = best_lengths(symbols, reading, &costs)
                .into_iter()
                .map(|length| {
                    start += length;
                    reading[start - length..start].to_vec()
                })
                .collect();
            Aligned {
                symbols: symbols.clone(),
                sounds,
            }
        })
        .collect()
}

/// First guess: sounds belong to the letters at the same relative place.
fn starting_costs(items: &[(Vec<u8>, &[Phoneme])]) -> Vec<f64> {
    let mut counts = vec![0.05f64; SYMBOL_COUNT * CHUNK_COUNT];
    for (symbols, reading) in items {
        for (i, symbol) in symbols.iter().enumerate() {
            for (j, phoneme) in reading.iter().enumerate() {
                let gap = i as f64 / symbols.len() as f64 - j as f64 / reading.len() as f64;
                let weight = (-(gap * symbols.len() as f64).powi(2)).exp();
                let base = usize::from(*symbol) * CHUNK_COUNT;
                counts[base + chunk(std::slice::from_ref(phoneme))] += weight;
                counts[base] += 0.15 * weight;
            }
        }
    }
    costs_of(&counts)
}

fn costs_of(counts: &[f64]) -> Vec<f64> {
    counts
        .chunks(CHUNK_COUNT)
        .flat_map(|row| {
            let total: f64 = row.iter().sum();
            row.iter()
                .map(move |count| (total / count).ln())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn chunk(sounds: &[Phoneme]) -> usize {
    match sounds {
        [one] => 1 + usize::from(one.class()),
        [one, two] => {
            1 + CLASS_COUNT + usize::from(one.class()) * CLASS_COUNT + usize::from(two.class())
        }
        _ => 0,
    }
}

/// Viterbi search for the sound count of each letter.
fn best_lengths(symbols: &[u8], reading: &[Phoneme], costs: &[f64]) -> Vec<usize> {
    let width = reading.len() + 1;
    let mut best = vec![f64::INFINITY; (symbols.len() + 1) * width];
    let mut back = vec![0usize; (symbols.len() + 1) * width];
    best[0] = 0.0;
    for (i, symbol) in symbols.iter().enumerate() {
        for j in 0..width {
            let here = best[i * width + j];
            if here.is_finite() {
                for length in 0..=SOUND_COUNT_MAX.min(reading.len() - j) {
                    let code = usize::from(*symbol) * CHUNK_COUNT + chunk(&reading[j..j + length]);
                    let cost = here + costs[code];
                    let place = (i + 1) * width + j + length;
                    if cost < best[place] {
                        best[place] = cost;
                        back[place] = length;
                    }
                }
            }
        }
    }
    let mut lengths = vec![0; symbols.len()];
    let mut j = reading.len();
    for i in (0..symbols.len()).rev() {
        lengths[i] = back[(i + 1) * width + j];
        j -= lengths[i];
    }
    lengths
}
