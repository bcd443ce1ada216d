//! The best items of a list of scores.

/// Returns the indices of the `k` highest scores, best first, ties by lower index.
///
/// Scores of −∞ and NaN are left out: mask what must not be recommended with −∞.
///
/// - Cost: O(n + k log k).
pub fn top_k(scores: &[f32], k: usize) -> Vec<usize> {
    // Adding 0.0 makes one score of the zeros of both signs.
    let score = |item: usize| scores[item] + 0.0;
    let order = |a: &usize, b: &usize| score(*b).total_cmp(&score(*a)).then(a.cmp(b));
    let mut best: Vec<usize> = (0..scores.len())
        .filter(|&item| scores[item] > f32::NEG_INFINITY)
        .collect();
    if k == 0 {
        return Vec::new();
    }
    if best.len() > k {
        best.select_nth_unstable_by(k - 1, order);
        best.truncate(k);
    }
    best.sort_unstable_by(order);
    best
}

#[cfg(test)]
mod tests {
    use super::top_k;

    #[test]
    fn ties_go_to_the_lower_index() {
        let scores = [1.0, 3.0, f32::NEG_INFINITY, 3.0, 2.0, f32::NAN];
        assert_eq!(top_k(&scores, 2), [1, 3]);
        assert_eq!(top_k(&scores, 9), [1, 3, 4, 0]);
        assert_eq!(top_k(&scores, 0), []);
        assert_eq!(top_k(&[0.0, -0.0, 0.0], 3), [0, 1, 2]);
    }
}
