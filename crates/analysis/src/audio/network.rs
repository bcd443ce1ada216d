//! A network of one hidden layer, as it scores the readings of a track.

/// Standard deviations beyond which a feature counts no further: what was never heard when the
/// network was fitted must not decide alone.
const STANDARD_MAX: f64 = 4.0;

/// Weights of a network; networks that were fitted apart and averaged are one with more hidden units.
pub(crate) struct Network<const FEATURE_COUNT: usize, const HIDDEN_COUNT: usize> {
    /// Mean of each feature.
    pub centres: [f32; FEATURE_COUNT],
    /// One over the standard deviation of each feature.
    pub scales: [f32; FEATURE_COUNT],
    /// Weights of the features in the hidden units.
    pub hidden_weights: [[f32; FEATURE_COUNT]; HIDDEN_COUNT],
    pub hidden_biases: [f32; HIDDEN_COUNT],
    /// Weights of the hidden units in the score.
    pub output_weights: [f32; HIDDEN_COUNT],
}

impl<const FEATURE_COUNT: usize, const HIDDEN_COUNT: usize> Network<FEATURE_COUNT, HIDDEN_COUNT> {
    /// Log-odds score of a reading; only differences between readings of one track mean something.
    pub(crate) fn score(&self, features: &[f64; FEATURE_COUNT]) -> f64 {
        let standard: [f64; FEATURE_COUNT] = std::array::from_fn(|index| {
            let centred = features[index] - f64::from(self.centres[index]);
            (centred * f64::from(self.scales[index])).clamp(-STANDARD_MAX, STANDARD_MAX)
        });
        self.hidden_weights
            .iter()
            .zip(&self.hidden_biases)
            .zip(&self.output_weights)
            .map(|((weights, bias), output)| {
                let sum: f64 = weights
                    .iter()
                    .zip(&standard)
                    .map(|(weight, value)| f64::from(*weight) * value)
                    .sum();
                (sum + f64::from(*bias)).tanh() * f64::from(*output)
            })
            .sum()
    }
}

/// Shares of a softmax over scores; empty without scores.
pub(crate) fn softmax(scores: &[f64]) -> Vec<f64> {
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let odds: Vec<f64> = scores.iter().map(|score| (score - best).exp()).collect();
    let total: f64 = odds.iter().sum();
    odds.into_iter().map(|odds| odds / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_by_hand() {
        let network = Network {
            centres: [1.0, 0.0],
            scales: [2.0, 1.0],
            hidden_weights: [[1.0, 0.0], [0.0, 1.0]],
            hidden_biases: [0.0, 1.0],
            output_weights: [1.0, 0.5],
        };
        let expected = 1f64.tanh() + 0.5 * 1f64.tanh();
        assert!((network.score(&[1.5, 0.0]) - expected).abs() < 1e-12);
        let clamped = 4f64.tanh() + 0.5 * 1f64.tanh();
        assert!((network.score(&[100.0, 0.0]) - clamped).abs() < 1e-12);
    }

    #[test]
    fn shares_sum_to_one() {
        assert!(softmax(&[]).is_empty());
        let shares = softmax(&[1000.0, 1000.0 + 3f64.ln()]);
        assert!((shares[0] - 0.25).abs() < 1e-9 && (shares[1] - 0.75).abs() < 1e-9);
    }
}
