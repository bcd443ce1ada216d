//! How good scores are, and within which bounds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::random::SplitMix;

/// Draws of the bootstrap: the bounds of 95 % then rest on 25 draws each.
pub(super) const DRAWS: usize = 1_000;

/// A value with the bounds of its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The value on all rows.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// What a head is worth on artists it did not learn from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct HeadMeasure {
    /// Share of rows that carry the label: the average precision of a guess.
    pub prevalence: f64,
    /// Area under precision by recall.
    pub average_precision: Interval,
    /// Where average precision lies between a guess (0) and perfection (1).
    pub skill: Interval,
    /// Probability that a row with the label scores above one without.
    pub roc_auc: Interval,
    /// Harmonic mean of precision and recall, each fold by the threshold that was best on the others.
    pub f1: Interval,
    /// F1 of saying yes to everything.
    pub f1_of_yes: f64,
}

/// A value with the bounds that the draws of it give, which hold the value itself.
pub(super) fn bounded(value: f64, mut draws: Vec<f64>) -> Interval {
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * draws.len() as f64) as usize;
        draws.get(place.min(draws.len().saturating_sub(1))).copied()
    };
    Interval {
        value,
        low: at(0.025).unwrap_or(0.0).min(value),
        high: at(0.975).unwrap_or(1.0).max(value),
    }
}

/// A row as the measures see it.
#[derive(Clone, Copy)]
pub(super) struct Scored {
    pub score: f64,
    pub is_positive: bool,
    /// Whether the head said yes.
    pub is_named: bool,
    /// The artist.
    pub group: u64,
}

/// Average precision of scores: Σ (recall step × precision), equal scores as one step.
///
/// - Shape: one score and target a row. 0 without a positive.
pub fn average_precision(scores: &[f64], targets: &[bool]) -> f64 {
    measures(&sorted(scores, targets), |_| 1).average_precision
}

/// Probability that a positive scores above a negative, ties as half. 0.5 without one of both.
pub fn roc_auc(scores: &[f64], targets: &[bool]) -> f64 {
    measures(&sorted(scores, targets), |_| 1).roc_auc
}

fn sorted(scores: &[f64], targets: &[bool]) -> Vec<Scored> {
    let rows = scores.iter().zip(targets);
    let mut rows: Vec<Scored> = rows
        .map(|(score, is_positive)| Scored {
            score: *score,
            is_positive: *is_positive,
            is_named: false,
            group: 0,
        })
        .collect();
    sort(&mut rows);
    rows
}

fn sort(rows: &mut [Scored]) {
    rows.sort_by(|a, b| b.score.total_cmp(&a.score));
}

/// All measures of one draw.
#[derive(Default)]
struct Measures {
    prevalence: f64,
    average_precision: f64,
    skill: f64,
    roc_auc: f64,
    f1: f64,
    has_both: bool,
}

/// Measures rows sorted by falling score, each as often as `times` says.
fn measures(rows: &[Scored], times: impl Fn(usize) -> u32) -> Measures {
    let (mut positives, mut negatives, mut named, mut hits) = (0.0, 0.0, 0.0, 0.0);
    let (mut precision_sum, mut pairs) = (0.0, 0.0);
    let mut at = 0;
    while at < rows.len() {
        let score = rows[at].score;
        let (mut new_positives, mut new_negatives) = (0.0, 0.0);
        while at < rows.len() && rows[at].score == score {
            let (row, count) = (rows[at], f64::from(times(at)));
            let sum = if row.is_positive {
                &mut new_positives
            } else {
                &mut new_negatives
            };
            *sum += count;
            if row.is_named {
                named += count;
                hits += if row.is_positive { count } else { 0.0 };
            }
            at += 1;
        }
        pairs += new_negatives * (positives + 0.5 * new_positives);
        positives += new_positives;
        negatives += new_negatives;
        if new_positives > 0.0 {
            precision_sum += new_positives * positives / (positives + negatives);
        }
    }
    if positives == 0.0 || negatives == 0.0 {
        return Measures {
            roc_auc: 0.5,
            ..Measures::default()
        };
    }
    let prevalence = positives / (positives + negatives);
    let average_precision = precision_sum / positives;
    Measures {
        prevalence,
        average_precision,
        skill: (average_precision - prevalence) / (1.0 - prevalence),
        roc_auc: pairs / (positives * negatives),
        f1: 2.0 * hits / (positives + named),
        has_both: true,
    }
}

/// Measures rows, with bounds from drawing whole artists again: tracks of one artist are no
/// independent witnesses.
///
/// - Cost: O(rows × 1,000).
/// - Source: percentile bootstrap of clusters (Davison and Hinkley, Bootstrap Methods, 3.8).
pub(super) fn measure(mut rows: Vec<Scored>, seed: u64) -> HeadMeasure {
    sort(&mut rows);
    let mut place_of = BTreeMap::new();
    for row in &rows {
        place_of.insert(row.group, 0_usize);
    }
    (place_of.values_mut().enumerate()).for_each(|(place, slot)| *slot = place);
    let places: Vec<usize> = rows.iter().map(|row| place_of[&row.group]).collect();
    let group_count = place_of.len();
    let whole = measures(&rows, |_| 1);
    let mut random = SplitMix::new(seed);
    let mut draws = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let mut times = vec![0_u32; group_count];
        (0..group_count).for_each(|_| times[random.below(group_count)] += 1);
        let drawn = measures(&rows, |row| times[places[row]]);
        // A draw without one kind has nothing to say.
        if drawn.has_both {
            draws.push(drawn);
        }
    }
    let interval = |of: fn(&Measures) -> f64| bounded(of(&whole), draws.iter().map(of).collect());
    HeadMeasure {
        prevalence: whole.prevalence,
        average_precision: interval(|one| one.average_precision),
        skill: interval(|one| one.skill),
        roc_auc: interval(|one| one.roc_auc),
        f1: interval(|one| one.f1),
        f1_of_yes: 2.0 * whole.prevalence / (1.0 + whole.prevalence),
    }
}
