//! How well a heard form agrees with the true one.

use crate::songs::SongSection;

/// A section as it was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardSection {
    /// Start in seconds.
    pub start_s: f64,
    /// Label; equal ones repeat each other.
    pub label: String,
    /// Confidence in its start.
    pub confidence: Option<f64>,
}

/// Frames in which labels are compared, in seconds (the usual 0.1 s).
const FRAME_S: f64 = 0.1;

/// F-measure of boundaries.
///
/// - The start and the end of the song, which everybody knows, are left out (`trim` of mir_eval).
/// - Each true boundary is hit by at most one heard one within `tolerance_s`, bound included.
/// - 1 when neither form has boundaries, 0 when only one has.
pub fn boundary_f(truth: &[SongSection], heard: &[HeardSection], tolerance_s: f64) -> f64 {
    let truth: Vec<f64> = truth
        .iter()
        .skip(1)
        .map(|section| section.start_s)
        .collect();
    let hits = hits(&truth, heard, tolerance_s);
    let hit_count = hits.iter().filter(|is_hit| **is_hit).count();
    match (truth.len(), hits.len()) {
        (0, 0) => 1.0,
        (true_count, heard_count) => 2.0 * hit_count as f64 / (true_count + heard_count) as f64,
    }
}

/// Whether each heard boundary after the first section's start hits a true one.
pub fn hits(truth: &[f64], heard: &[HeardSection], tolerance_s: f64) -> Vec<bool> {
    // In order of time the earliest true boundary still free is the best to take.
    let mut is_taken = vec![false; truth.len()];
    heard
        .iter()
        .skip(1)
        .map(|section| {
            let free = truth
                .iter()
                .zip(&mut is_taken)
                .find(|(at, is_taken)| !**is_taken && (*at - section.start_s).abs() <= tolerance_s);
            free.map(|(_, is_taken)| *is_taken = true).is_some()
        })
        .collect()
}

/// F-measure of pairs of moments that have the same label.
///
/// - Source: Levy & Sandler, "Structural segmentation of musical audio by constrained clustering",
///   TASLP 2008. Truth are the names of the parts.
/// - Cost: O(moments × labels).
pub fn pairwise_f(truth: &[SongSection], heard: &[HeardSection]) -> f64 {
    let end_s = truth.last().map_or(0.0, |section| section.end_s);
    let frame_count = (end_s / FRAME_S) as usize;
    let mut counts: Vec<((&str, &str), u64)> = Vec::new();
    for frame in 0..frame_count {
        let at = frame as f64 * FRAME_S;
        let named = truth.iter().rev().find(|section| section.start_s <= at);
        let labelled = heard.iter().rev().find(|section| section.start_s <= at);
        let (Some(named), Some(labelled)) = (named, labelled) else {
            continue;
        };
        let pair = (named.name.as_str(), labelled.label.as_str());
        match counts.iter_mut().find(|(known, _)| *known == pair) {
            Some((_, count)) => *count += 1,
            None => counts.push((pair, 1)),
        }
    }
    let pairs = |count: u64| (count * count.saturating_sub(1) / 2) as f64;
    let both: f64 = counts.iter().map(|(_, count)| pairs(*count)).sum();
    let side = |read: &dyn Fn(&(&str, &str)) -> String| -> f64 {
        let mut totals = std::collections::BTreeMap::<String, u64>::new();
        for (pair, count) in &counts {
            *totals.entry(read(pair)).or_default() += count;
        }
        totals.values().map(|count| pairs(*count)).sum()
    };
    let named = side(&|pair| pair.0.to_owned());
    let labelled = side(&|pair| pair.1.to_owned());
    if named + labelled > 0.0 {
        2.0 * both / (named + labelled)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth() -> Vec<SongSection> {
        [
            ("verse", 0.0, 10.0),
            ("chorus", 10.0, 20.0),
            ("verse", 20.0, 30.0),
        ]
        .map(|(name, start_s, end_s)| SongSection {
            name: name.to_owned(),
            start_s,
            end_s,
        })
        .to_vec()
    }

    fn heard(sections: &[(f64, &str)]) -> Vec<HeardSection> {
        let section = |&(start_s, label): &(f64, &str)| HeardSection {
            start_s,
            label: label.to_owned(),
            confidence: None,
        };
        sections.iter().map(section).collect()
    }

    #[test]
    fn boundaries_are_hit_once_each() {
        let check = |sections: &[(f64, &str)], expected: f64| {
            let found = boundary_f(&truth(), &heard(sections), 0.5);
            assert!((found - expected).abs() < 1e-9, "{sections:?}: {found}");
        };
        check(&[(0.0, "A"), (10.4, "B"), (19.5, "A")], 1.0);
        check(&[(0.0, "A"), (10.0, "B"), (10.2, "C")], 0.5);
        check(&[(0.0, "A")], 0.0);
        check(&[(0.0, "A"), (13.0, "B")], 0.0);
    }

    #[test]
    fn labels_count_by_pairs() {
        let right = heard(&[(0.0, "X"), (10.0, "Y"), (20.0, "X")]);
        assert!((pairwise_f(&truth(), &right) - 1.0).abs() < 1e-9);
        // One label for all: every true pair is found, and 300 · 299 / 2 pairs are told.
        let one = pairwise_f(&truth(), &heard(&[(0.0, "X")]));
        let (both, told) = ((200 * 199 + 100 * 99) as f64, (300 * 299) as f64);
        assert!((one - 2.0 * both / (both + told)).abs() < 1e-9, "{one}");
        assert_eq!(pairwise_f(&[], &right), 0.0);
    }
}
