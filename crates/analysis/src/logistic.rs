//! Logistic regression with few parameters: turns evidence into a probability.

/// Steps of Newton's method; it settles in less than ten.
const STEP_COUNT: usize = 40;
/// Shrinkage of the slopes per row: keeps them finite where the evidence divides all rows.
const SHRINKAGE: f64 = 1e-3;

/// Fits the weights of evidence in the log odds of being right.
///
/// - Shape: every row has as many values as the first; rows of another length are left out. The result
///   has one weight a value and the offset last; empty without rows.
/// - Cost: O(rows × values²); deterministic.
/// - Source: maximum likelihood by Newton's method with a small ridge on the slopes; on one value this
///   is the scaling of Platt, "Probabilistic outputs for support vector machines", 1999.
pub fn fit_logistic(rows: &[(Vec<f64>, bool)]) -> Vec<f64> {
    let Some((first, _)) = rows.first() else {
        return Vec::new();
    };
    let width = first.len();
    let rows: Vec<(Vec<f64>, f64)> = rows
        .iter()
        .filter(|(values, _)| values.len() == width)
        .map(|(values, is_right)| {
            let with_offset = values.iter().copied().chain([1.0]).collect();
            (with_offset, f64::from(u8::from(*is_right)))
        })
        .collect();
    let ridge = SHRINKAGE * rows.len() as f64;
    let mut weights = vec![0.0; width + 1];
    for _ in 0..STEP_COUNT {
        let mut slope = vec![0.0; width + 1];
        let mut curvature = vec![vec![0.0; width + 1]; width + 1];
        for (values, truth) in &rows {
            let probability = logistic(dot(values, &weights));
            let spread = probability * (1.0 - probability);
            for (one, value) in values.iter().enumerate() {
                slope[one] += (truth - probability) * value;
                for (other, second) in values.iter().enumerate() {
                    curvature[one][other] += spread * value * second;
                }
            }
        }
        for at in 0..=width {
            let shrinkage = if at < width { ridge } else { 0.0 };
            slope[at] -= shrinkage * weights[at];
            curvature[at][at] += shrinkage + 1e-9;
        }
        for (weight, step) in weights.iter_mut().zip(solve(curvature, slope)) {
            *weight += step;
        }
    }
    weights
}

/// Probability by weights of [`fit_logistic`]; one half without weights.
pub fn probability(values: &[f64], weights: &[f64]) -> f64 {
    let (offset, slopes) = weights
        .split_last()
        .map_or((0.0, weights), |(last, rest)| (*last, rest));
    logistic(dot(values, slopes) + offset)
}

pub(crate) fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

fn dot(values: &[f64], weights: &[f64]) -> f64 {
    values
        .iter()
        .zip(weights)
        .map(|(value, weight)| value * weight)
        .sum()
}

/// Solves a symmetric positive system by elimination with pivots.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let count = right.len();
    for column in 0..count {
        let pivot = (column..count)
            .max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))
            .unwrap_or(column);
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let pivot_row = matrix[column].clone();
        for row in column + 1..count {
            let factor = matrix[row][column] / pivot_row[column];
            for (value, pivot_value) in matrix[row].iter_mut().zip(&pivot_row).skip(column) {
                *value -= factor * pivot_value;
            }
            right[row] -= factor * right[column];
        }
    }
    for column in (0..count).rev() {
        let known: f64 = (column + 1..count)
            .map(|at| matrix[column][at] * right[at])
            .sum();
        right[column] = (right[column] - known) / matrix[column][column];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_the_log_odds_of_the_share() {
        let rows: Vec<(Vec<f64>, bool)> = (0..8).map(|at| (vec![], at < 6)).collect();
        let weights = fit_logistic(&rows);
        assert!((weights[0] - 3f64.ln()).abs() < 1e-6, "{weights:?}");
        assert!((probability(&[], &weights) - 0.75).abs() < 1e-6);
    }

    #[test]
    fn shares_by_group_come_back() {
        // Value 0: 1 of 4 right; value 1: 3 of 4 right: slope 2 ln 3, offset −ln 3, slightly shrunk.
        let row = |value: f64, is_right: bool| (vec![value], is_right);
        let mut rows = Vec::new();
        for _ in 0..50 {
            rows.extend([row(0.0, true), row(1.0, false)]);
            rows.extend((0..3).flat_map(|_| [row(0.0, false), row(1.0, true)]));
        }
        let weights = fit_logistic(&rows);
        assert!(
            (probability(&[1.0], &weights) - 0.75).abs() < 0.01,
            "{weights:?}"
        );
        assert!(
            (probability(&[0.0], &weights) - 0.25).abs() < 0.01,
            "{weights:?}"
        );
    }

    #[test]
    fn divided_rows_stay_finite_and_none_is_nothing() {
        let rows: Vec<(Vec<f64>, bool)> = (0..20).map(|at| (vec![f64::from(at)], at > 9)).collect();
        assert!(fit_logistic(&rows).iter().all(|weight| weight.is_finite()));
        assert!(fit_logistic(&[]).is_empty());
    }
}
