//! Choosing a set that is relevant and spans much: determinantal point processes.

/// What is left of a candidate's own direction below which it adds nothing to the set.
const RESIDUE_MIN: f32 = 1e-6;

/// Picks `count` candidates by greedy maximum-a-posteriori inference in a determinantal point process;
/// returns their positions in order.
///
/// Each pick maximises `trade_off · relevance + (1 − trade_off) · log(residue)`, where the residue is the
/// part of the candidate's similarity to itself that the picks before do not explain: unlike in
/// [`super::mmr`], two picks together can make a third one redundant. Candidates without residue follow
/// by relevance. At a `trade_off` of 1 the order is by relevance; ties go to the earlier candidate.
///
/// - Shape: `similarity(i, j)` is the kernel; it must be positive semidefinite with ones on the
///   diagonal, such as `(1 + cosine) / 2`.
/// - Units: relevance in about 0.0..=1.0; `trade_off` is clamped to 0.0..=1.0. A NaN counts as the
///   lowest relevance and as no similarity.
/// - Cost: O(count² × candidates) time, O(count × candidates) memory, count × candidates calls of
///   `similarity`.
/// - Source: Chen, Zhang and Zhou 2018, "Fast Greedy MAP Inference for Determinantal Point Process",
///   algorithm 1, with the trade-off of its equation 13.
pub fn greedy_dpp(
    relevance: &[f32],
    similarity: impl Fn(usize, usize) -> f32,
    trade_off: f32,
    count: usize,
) -> Vec<usize> {
    let trade_off = trade_off.clamp(0.0, 1.0);
    let wanted = count.min(relevance.len());
    let mut residue = vec![1.0_f32; relevance.len()];
    // Row of each candidate in the Cholesky factor that grows by one entry a pick.
    let mut factors: Vec<Vec<f32>> = vec![Vec::with_capacity(wanted); relevance.len()];
    let mut left: Vec<usize> = (0..relevance.len()).collect();
    let mut picks = Vec::with_capacity(wanted);
    while picks.len() < wanted {
        let value = |candidate: usize| -> (bool, f32) {
            let (own, rest) = (relevance[candidate], residue[candidate]);
            let adds = rest > RESIDUE_MIN || trade_off == 1.0;
            let spread = (1.0 - trade_off) * rest.max(RESIDUE_MIN).ln();
            let value = if adds { trade_off * own + spread } else { own };
            (
                adds,
                if value.is_nan() {
                    f32::NEG_INFINITY
                } else {
                    value
                },
            )
        };
        let mut best = 0;
        for at in 1..left.len() {
            let (new, old) = (value(left[at]), value(left[best]));
            if (new.0 && !old.0) || (new.0 == old.0 && new.1 > old.1) {
                best = at;
            }
        }
        let pick = left.remove(best);
        picks.push(pick);
        let root = residue[pick].max(RESIDUE_MIN).sqrt();
        let factor = factors[pick].clone();
        for &candidate in &left {
            let alike = similarity(candidate, pick);
            let alike = if alike.is_nan() { 0.0 } else { alike };
            let told: f32 = (factor.iter().zip(&factors[candidate]))
                .map(|(one, other)| one * other)
                .sum();
            let entry = (alike - told) / root;
            factors[candidate].push(entry);
            residue[candidate] -= entry * entry;
        }
    }
    picks
}

#[cfg(test)]
mod tests {
    use std::f32::consts::FRAC_1_SQRT_2;

    use proptest::prelude::*;

    use super::*;

    /// Determinant by elimination, for checking small sets.
    fn determinant(mut rows: Vec<Vec<f64>>) -> f64 {
        let mut product = 1.0;
        while let Some(pivot) = rows.pop() {
            let Some(lead) = pivot.last().copied().filter(|lead| *lead != 0.0) else {
                return 0.0;
            };
            product *= lead;
            for row in &mut rows {
                let factor = row.pop().unwrap_or(0.0) / lead;
                row.iter_mut()
                    .zip(&pivot)
                    .for_each(|(value, other)| *value -= factor * other);
            }
        }
        product
    }

    #[test]
    fn two_picks_make_a_third_redundant() {
        // The third direction lies between the first two, the fourth stands apart but is less relevant.
        let directions = [
            [1.0_f32, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [FRAC_1_SQRT_2, FRAC_1_SQRT_2, 0.0],
            [0.0, 0.0, 1.0],
        ];
        let dot = |a: usize, b: usize| -> f32 {
            directions[a]
                .iter()
                .zip(&directions[b])
                .map(|(x, y)| x * y)
                .sum()
        };
        let relevance = [1.0, 0.9, 0.95, 0.3];
        assert_eq!(greedy_dpp(&relevance, dot, 1.0, 4), [0, 2, 1, 3]);
        assert_eq!(greedy_dpp(&relevance, dot, 0.5, 3), [0, 1, 3]);
        assert_eq!(greedy_dpp(&relevance, dot, 0.5, 9), [0, 1, 3, 2]);
        assert_eq!(
            greedy_dpp(&[f32::NAN, 0.1], |_, _| f32::NAN, 0.5, 9),
            [1, 0]
        );
        assert_eq!(greedy_dpp(&[], dot, 0.5, 3), []);
    }

    proptest! {
        /// Every pick is the best next one by the definition, the determinant itself.
        #[test]
        fn picks_maximise_the_determinant_greedily(
            vectors in prop::collection::vec(prop::array::uniform6(-1.0f64..1.0), 2..9),
            seed in 0u32..1000, trade_off in 0.1f32..0.9,
        ) {
            let unit: Vec<Vec<f64>> = vectors.iter().map(|vector| {
                let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-3);
                vector.iter().map(|v| v / length).collect()
            }).collect();
            let kernel = |a: usize, b: usize| -> f64 {
                if a == b { return 1.0; }
                let cosine: f64 = unit[a].iter().zip(&unit[b]).map(|(x, y)| x * y).sum();
                (1.0 + cosine) / 2.0 * 0.95
            };
            let relevance: Vec<f32> = (0..unit.len())
                .map(|at| ((seed + at as u32 * 37) % 101) as f32 / 101.0).collect();
            let picks = greedy_dpp(&relevance, |a, b| kernel(a, b) as f32, trade_off, 3);
            let value = |set: &[usize]| -> f64 {
                let rows = set.iter().map(|a| set.iter().map(|b| kernel(*a, *b)).collect()).collect();
                let told: f64 = set.iter().map(|at| f64::from(relevance[*at])).sum();
                f64::from(trade_off) * told + f64::from(1.0 - trade_off) * determinant(rows).ln()
            };
            for length in 1..=picks.len() {
                let chosen = value(&picks[..length]);
                for other in 0..unit.len() {
                    if !picks[..length].contains(&other) {
                        let mut swapped = picks[..length].to_vec();
                        swapped[length - 1] = other;
                        prop_assert!(chosen >= value(&swapped) - 1e-4);
                    }
                }
            }
        }
    }
}
