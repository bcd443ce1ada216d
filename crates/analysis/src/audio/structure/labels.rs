//! Which sections are the same.

use super::units::{TIMBRE_COUNT, Units};

/// Weights of the distance of the mean sound, in typical deviations, and of the logarithm of the ratio of
/// lengths against the correlation of the harmony; and the likeness from which sections are the same.
/// From the same search as the weights of the boundaries.
const SOUND_WEIGHT: f64 = 1.4;
const RATIO_WEIGHT: f64 = 0.35;
const SAME_MIN: f64 = 0.3;

/// Gives sections that repeat each other the same label, in order of first appearance.
///
/// - `starts` are the first units of sections, rising from 0.
/// - Average-linkage clustering of the likeness of sections: mean harmony along the best diagonal, less
///   the distance of their mean sound.
/// - Cost: O(sections² × units of a section + sections³).
pub(crate) fn label(units: &Units, starts: &[usize]) -> Vec<usize> {
    let sections: Vec<(usize, usize)> = starts
        .iter()
        .enumerate()
        .map(|(index, &start)| {
            (
                start,
                starts.get(index + 1).copied().unwrap_or(units.count()),
            )
        })
        .collect();
    let likeness: Vec<Vec<f64>> = sections
        .iter()
        .map(|&a| sections.iter().map(|&b| alike(units, a, b)).collect())
        .collect();
    let mut clusters: Vec<Vec<usize>> = (0..sections.len()).map(|section| vec![section]).collect();
    loop {
        let mut best = (SAME_MIN, None);
        for (index, a) in clusters.iter().enumerate() {
            for (other, b) in clusters.iter().enumerate().skip(index + 1) {
                let pairs = a.iter().flat_map(|&x| b.iter().map(move |&y| (x, y)));
                let sum: f64 = pairs.map(|(x, y)| likeness[x][y]).sum();
                let mean = sum / (a.len() * b.len()) as f64;
                if mean > best.0 {
                    best = (mean, Some((index, other)));
                }
            }
        }
        let Some((index, other)) = best.1 else { break };
        let joined = clusters.remove(other);
        clusters[index].extend(joined);
    }
    let mut labels = vec![usize::MAX; sections.len()];
    let mut next = 0;
    for section in 0..sections.len() {
        if labels[section] != usize::MAX {
            continue;
        }
        let cluster = clusters.iter().find(|cluster| cluster.contains(&section));
        for &member in cluster.into_iter().flatten() {
            labels[member] = next;
        }
        next += 1;
    }
    labels
}

fn alike(units: &Units, a: (usize, usize), b: (usize, usize)) -> f64 {
    let length = (a.1 - a.0).min(b.1 - b.0).max(1);
    // Harmony note for note within the sections; a boundary may be a beat off, and where one section is
    // longer its start or its end may be the repeat.
    let diagonal = |from_a: usize, from_b: usize| {
        let pairs = units
            .chroma
            .iter()
            .skip(from_a)
            .zip(units.chroma.iter().skip(from_b));
        let products = pairs
            .take(length - 1)
            .map(|(a, b)| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>());
        f64::from(products.sum::<f32>()) / (length - 1).max(1) as f64
    };
    let starts = [(a.0, b.0), (a.1 - length, b.1 - length)];
    let harmony = starts
        .into_iter()
        .flat_map(|(a, b)| [(a, b), (a + 1, b), (a, b + 1)])
        .map(|(a, b)| diagonal(a, b))
        .fold(-1.0, f64::max);
    let (sound_a, sound_b) = (mean_sound(units, a), mean_sound(units, b));
    let apart: f64 = sound_a
        .iter()
        .zip(&sound_b)
        .map(|(x, y)| (x - y).powi(2))
        .sum();
    let ratio = (a.1 - a.0) as f64 / (b.1 - b.0).max(1) as f64;
    harmony - SOUND_WEIGHT * (apart / TIMBRE_COUNT as f64).sqrt() - RATIO_WEIGHT * ratio.ln().abs()
}

fn mean_sound(units: &Units, (from, to): (usize, usize)) -> [f64; TIMBRE_COUNT] {
    let rows = units.timbre.get(from..to).unwrap_or_default();
    let count = rows.len().max(1) as f64;
    std::array::from_fn(|index| rows.iter().map(|row| f64::from(row[index])).sum::<f64>() / count)
}
