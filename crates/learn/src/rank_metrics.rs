//! How good ranked lists are, measured against held-out items.
//!
//! Relevance is binary, but for [`graded_ndcg_at`]. Lists rank all items; the caller masks what the model was fitted on. All
//! measures of one list are 0 when nothing is relevant; means should leave such listeners out.

use std::collections::HashSet;

/// Share of the relevant items that are among the first `k`: `hits / |relevant|`.
pub fn recall_at(ranked: &[usize], relevant: &HashSet<usize>, k: usize) -> f64 {
    if relevant.is_empty() {
        return 0.0;
    }
    hit_count(ranked, relevant, k) as f64 / relevant.len() as f64
}

/// Normalised discounted cumulative gain of the first `k`.
///
/// - Source: Järvelin and Kekäläinen 2002 with gain 1, discount `1 / log₂(rank + 1)`, and the ideal
///   taken over `min(k, |relevant|)` ranks.
pub fn ndcg_at(ranked: &[usize], relevant: &HashSet<usize>, k: usize) -> f64 {
    let ideal: f64 = (0..relevant.len().min(k)).map(discount).sum();
    if ideal == 0.0 {
        return 0.0;
    }
    let ranks = ranked.iter().take(k).enumerate();
    let gain: f64 = ranks
        .filter(|(_, item)| relevant.contains(item))
        .map(|(rank, _)| discount(rank))
        .sum();
    gain / ideal
}

/// Normalised discounted cumulative gain of the first `k` by graded relevance.
///
/// - Shape: a label and a score for each row of one query; ties go to the earlier row.
/// - Units: 0 to 1; a query without relevant rows counts 1, as in LightGBM.
/// - Source: Burges et al. 2005: gain `2^label − 1`, discount `1 / log₂(rank + 1)`.
pub fn graded_ndcg_at(labels: &[f32], scores: &[f64], k: usize) -> f64 {
    let ideal = ideal_gain(labels, k);
    if ideal <= 0.0 {
        return 1.0;
    }
    let mut order: Vec<usize> = (0..labels.len().min(scores.len())).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let ranks = order.iter().take(k).enumerate();
    let gain: f64 = ranks
        .map(|(rank, &row)| (f64::from(labels[row]).exp2() - 1.0) * discount(rank))
        .sum();
    gain / ideal
}

/// Discounted gain of the first `k` in the best order.
pub(crate) fn ideal_gain(labels: &[f32], k: usize) -> f64 {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let ranks = sorted.iter().take(k).enumerate();
    ranks
        .map(|(rank, &label)| (f64::from(label).exp2() - 1.0) * discount(rank))
        .sum()
}

/// Discount of a rank that counts from 0.
pub(crate) fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

/// One over the rank of the first relevant item, 0 when it is not among the first `k`.
pub fn reciprocal_rank_at(ranked: &[usize], relevant: &HashSet<usize>, k: usize) -> f64 {
    let first = (ranked.iter().take(k)).position(|item| relevant.contains(item));
    first.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0))
}

/// 1 when any of the first `k` is relevant, else 0.
pub fn hit_at(ranked: &[usize], relevant: &HashSet<usize>, k: usize) -> f64 {
    f64::from(u8::from(hit_count(ranked, relevant, k) > 0))
}

fn hit_count(ranked: &[usize], relevant: &HashSet<usize>, k: usize) -> usize {
    (ranked.iter().take(k))
        .filter(|item| relevant.contains(item))
        .count()
}

/// Counts how often each item is among the first `k` of the lists.
pub fn exposure_counts<'l>(
    lists: impl IntoIterator<Item = &'l [usize]>,
    k: usize,
    item_count: usize,
) -> Vec<u64> {
    let mut counts = vec![0; item_count];
    for list in lists {
        for &item in list.iter().take(k) {
            if let Some(count) = counts.get_mut(item) {
                *count += 1;
            }
        }
    }
    counts
}

/// Share of the items that anybody was shown.
pub fn coverage(exposure_counts: &[u64]) -> f64 {
    if exposure_counts.is_empty() {
        return 0.0;
    }
    let shown = exposure_counts.iter().filter(|&&count| count > 0).count();
    shown as f64 / exposure_counts.len() as f64
}

/// Gini coefficient of the exposure: 0 when all items are shown equally, towards 1 for a few.
///
/// - Source: `Σ (2i − n − 1) xᵢ / (n Σ xᵢ)` over ascending `x`, `i` from 1.
pub fn gini(exposure_counts: &[u64]) -> f64 {
    let total: u64 = exposure_counts.iter().sum();
    if total == 0 {
        return 0.0;
    }
    let mut sorted = exposure_counts.to_vec();
    sorted.sort_unstable();
    let count = sorted.len() as f64;
    let weighted: f64 = (sorted.iter().zip(1u64..))
        .map(|(&exposure, rank)| (2.0 * rank as f64 - count - 1.0) * exposure as f64)
        .sum();
    weighted / (count * total as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_worked_list() {
        let relevant = HashSet::from([5, 7, 9]);
        let ranked = [1, 5, 9, 2];
        assert_eq!(recall_at(&ranked, &relevant, 2), 1.0 / 3.0);
        assert_eq!(hit_at(&ranked, &relevant, 1), 0.0);
        assert_eq!(reciprocal_rank_at(&ranked, &relevant, 4), 0.5);
        let gain = 1.0 / 3f64.log2() + 0.5;
        let ideal = 1.0 + 1.0 / 3f64.log2() + 0.5;
        assert!((ndcg_at(&ranked, &relevant, 4) - gain / ideal).abs() < 1e-12);
        let ideal_of_two = 1.0 + 1.0 / 3f64.log2();
        assert!(
            (ndcg_at(&ranked, &relevant, 2) - (1.0 / 3f64.log2()) / ideal_of_two).abs() < 1e-12
        );
        assert_eq!(ndcg_at(&ranked, &HashSet::new(), 4), 0.0);
        assert_eq!(ndcg_at(&[9, 5, 7], &relevant, 10), 1.0);
    }

    #[test]
    fn hand_worked_grades() {
        let scores = [0.1, 0.9, 0.5];
        let gain = 1.0 + 3.0 / 3f64.log2();
        let ideal = 3.0 + 1.0 / 3f64.log2();
        assert!((graded_ndcg_at(&[0.0, 1.0, 2.0], &scores, 2) - gain / ideal).abs() < 1e-12);
        assert_eq!(graded_ndcg_at(&[0.0, 1.0, 0.0], &scores, 1), 1.0);
        assert_eq!(graded_ndcg_at(&[1.0, 0.0], &[0.5, 0.5], 1), 1.0);
        assert_eq!(graded_ndcg_at(&[0.0; 3], &scores, 2), 1.0);
    }

    #[test]
    fn hand_worked_exposure() {
        let lists: [&[usize]; 2] = [&[0, 1, 3], &[0, 2]];
        let counts = exposure_counts(lists, 2, 4);
        assert_eq!(counts, [2, 1, 1, 0]);
        assert_eq!(coverage(&counts), 0.75);
        assert_eq!(gini(&counts), 6.0 / 16.0);
        assert_eq!(gini(&[3, 3, 3]), 0.0);
        assert_eq!(gini(&[0, 0]), 0.0);
    }
}
