//! A network of one hidden layer, as it scores the readings of a track.

/// Standard deviations beyond which an input counts no further: what was never heard when the
/// network was fitted must not decide alone.
const STANDARD_MAX: f32 = 4.0;

/// Weights of a network; networks that were fitted apart and averaged are one with more hidden units.
pub(crate) struct Network<const INPUT_COUNT: usize, const HIDDEN_COUNT: usize> {
    /// Mean of each input.
    pub centres: [f32; INPUT_COUNT],
    /// One over the standard deviation of each input.
    pub scales: [f32; INPUT_COUNT],
    /// Weights of each input in the hidden units: side by side, so that sums of all units grow together.
    pub input_weights: [[f32; HIDDEN_COUNT]; INPUT_COUNT],
    pub hidden_biases: [f32; HIDDEN_COUNT],
    /// Weights of the hidden units in the score.
    pub output_weights: [f32; HIDDEN_COUNT],
}

impl<const INPUT_COUNT: usize, const HIDDEN_COUNT: usize> Network<INPUT_COUNT, HIDDEN_COUNT> {
    /// Log-odds score of a reading; only differences between readings of one track mean something.
    ///
    /// - Cost: inputs × hidden units.
    pub(crate) fn score(&self, inputs: &[f64; INPUT_COUNT]) -> f64 {
        let mut sums = self.hidden_biases;
        let standards = self.centres.iter().zip(&self.scales);
        for ((input, (centre, scale)), weights) in
            inputs.iter().zip(standards).zip(&self.input_weights)
        {
            let standard = (*input as f32 - centre) * scale;
            let standard = standard.clamp(-STANDARD_MAX, STANDARD_MAX);
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += weight * standard;
            }
        }
        sums.iter()
            .zip(&self.output_weights)
            .map(|(sum, output)| f64::from(*sum).tanh() * f64::from(*output))
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
            input_weights: [[1.0, 0.0], [0.0, 1.0]],
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
