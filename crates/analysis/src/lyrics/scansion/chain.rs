//! Sums over all ways to stress a line in one form.

use super::model::{ENDS, FormWeights, LENGTHS};

/// Log odds of one syllable are kept within this, so that no product leaves the numbers.
const LOG_ODDS_MAX: f64 = 25.0;

/// Sums are kept within these; a product of two, and of one more syllable, cannot leave the numbers.
const SUM_MIN: f64 = 1e-60;
const SUM_MAX: f64 = 1e60;

/// The weights of one form as factors.
#[derive(Debug, Clone)]
pub(super) struct FormFactors {
    triples: [f64; 8],
    /// As the triples, whatever was before the first.
    opening: [f64; 8],
    close: [f64; 4],
    from_start: [f64; ENDS],
    from_end: [f64; ENDS],
    lengths: [f64; LENGTHS],
}

impl FormFactors {
    pub(super) fn new(weights: &FormWeights) -> Self {
        Self {
            triples: weights.triples.map(f64::exp),
            opening: std::array::from_fn(|triple| weights.opening[triple % 4].exp()),
            close: weights.close.map(f64::exp),
            from_start: weights.from_start.map(f64::exp),
            from_end: weights.from_end.map(f64::exp),
            lengths: weights.lengths,
        }
    }
}

/// Odds of stress of a syllable whose features sum up to these log odds.
pub(super) fn odds(log_odds: f64) -> f64 {
    log_odds.clamp(-LOG_ODDS_MAX, LOG_ODDS_MAX).exp()
}

/// Forward and backward sums of a line, used again for the next.
///
/// Each syllable has four states, the stress before it and its own: `before * 2 + own`; the first
/// counts as after a weak one.
#[derive(Debug, Default)]
pub(super) struct Chain {
    factors: Vec<f64>,
    forward: Vec<[f64; 4]>,
    backward: Vec<[f64; 4]>,
}

impl Chain {
    /// Sums over all stresses of a line and returns the logarithm.
    ///
    /// - Shape: `odds` has the odds of stress of each syllable.
    /// - Cost: O(syllables).
    pub(super) fn sum(&mut self, form: &FormFactors, odds: &[f64]) -> f64 {
        let count = odds.len();
        let mut log_sum = form
            .lengths
            .get(count.min(LENGTHS - 1))
            .copied()
            .unwrap_or(0.0);
        if count == 0 {
            return log_sum;
        }
        self.factors.clear();
        self.factors.extend(odds);
        let ends = self.factors.iter_mut().zip(&form.from_start);
        ends.for_each(|(factor, end)| *factor *= end);
        let ends = self.factors.iter_mut().rev().zip(&form.from_end);
        ends.for_each(|(factor, end)| *factor *= end);
        self.forward.clear();
        let mut state = [0.0; 4];
        for (at, strong) in self.factors.iter().enumerate() {
            state = match at {
                0 => [1.0, *strong, 0.0, 0.0],
                1 => step(&state, &form.opening, *strong),
                _ => step(&state, &form.triples, *strong),
            };
            log_sum += rescale(&mut state);
            self.forward.push(state);
        }
        let last = state.iter().zip(&form.close);
        let total: f64 = last.map(|(state, close)| state * close).sum();
        log_sum + total.ln()
    }

    /// Sums backward; after it the marginals are known.
    fn sum_backward(&mut self, form: &FormFactors) {
        self.backward.clear();
        let mut after = form.close;
        self.backward.push(after);
        for (at, strong) in self.factors.iter().enumerate().skip(1).rev() {
            let joint = if at == 1 {
                &form.opening
            } else {
                &form.triples
            };
            let mut state = step_back(&after, joint, *strong);
            rescale(&mut state);
            after = state;
            self.backward.push(after);
        }
        self.backward.reverse();
    }

    /// Adds `share` times the probability of stress of each syllable of the line summed last.
    pub(super) fn add_strong(&mut self, form: &FormFactors, share: f64, strong: &mut [f64]) {
        self.sum_backward(form);
        for ((forward, backward), strong) in self.forward.iter().zip(&self.backward).zip(strong) {
            let joint = product(forward, backward);
            *strong += share * (joint[1] + joint[3]) / joint.iter().sum::<f64>();
        }
    }

    /// Adds `share` times the expected count of everything that has a weight, to `counts` and, of stress
    /// by syllable, to `strong`.
    pub(super) fn add_counts(
        &mut self,
        form: &FormFactors,
        share: f64,
        counts: &mut FormWeights,
        strong: &mut [f64],
    ) {
        self.sum_backward(form);
        let count = self.forward.len();
        counts.lengths[count.min(LENGTHS - 1)] += share;
        for (at, strong) in strong.iter_mut().enumerate().take(count) {
            let joint = normalised(product(&self.forward[at], &self.backward[at]), share);
            let is_strong = joint[1] + joint[3];
            *strong += is_strong;
            if at < ENDS {
                counts.from_start[at] += is_strong;
            }
            if count - 1 - at < ENDS {
                counts.from_end[count - 1 - at] += is_strong;
            }
            if at == 1 {
                add(&mut counts.opening, &joint);
            }
            if at + 1 == count {
                add(&mut counts.close, &joint);
            }
            if at >= 2 {
                let mut triples = form.triples;
                for (index, triple) in triples.iter_mut().enumerate() {
                    let factor = if index % 2 == 1 {
                        self.factors[at]
                    } else {
                        1.0
                    };
                    *triple *=
                        self.forward[at - 1][index / 2] * factor * self.backward[at][index % 4];
                }
                add(&mut counts.triples, &normalised(triples, share));
            }
        }
    }
}

/// Probabilities of which these are the logarithms, up to a factor.
pub(super) fn shares<const N: usize>(logarithms: &[f64; N]) -> [f64; N] {
    let most = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    normalised(logarithms.map(|logarithm| (logarithm - most).exp()), 1.0)
}

/// Brings sums back to about 1 when they go far from it, and returns the logarithm of what was divided by:
/// to do so at each syllable would cost as much as the sums.
fn rescale(state: &mut [f64; 4]) -> f64 {
    let total: f64 = state.iter().sum();
    if (SUM_MIN..SUM_MAX).contains(&total) {
        return 0.0;
    }
    *state = state.map(|part| part / total);
    total.ln()
}

/// The next sums, by factors of `before * 4 + own * 2 + next`.
fn step(state: &[f64; 4], joint: &[f64; 8], strong: f64) -> [f64; 4] {
    [
        state[0] * joint[0] + state[2] * joint[4],
        (state[0] * joint[1] + state[2] * joint[5]) * strong,
        state[1] * joint[2] + state[3] * joint[6],
        (state[1] * joint[3] + state[3] * joint[7]) * strong,
    ]
}

/// The sums before these.
fn step_back(after: &[f64; 4], joint: &[f64; 8], strong: f64) -> [f64; 4] {
    let after = [after[0], after[1] * strong, after[2], after[3] * strong];
    [0, 1, 2, 3].map(|state| {
        let own = state % 2 * 2;
        joint[state * 2] * after[own] + joint[state * 2 + 1] * after[own + 1]
    })
}

fn product(one: &[f64; 4], other: &[f64; 4]) -> [f64; 4] {
    [0, 1, 2, 3].map(|at| one[at] * other[at])
}

fn normalised<const N: usize>(parts: [f64; N], share: f64) -> [f64; N] {
    let total: f64 = parts.iter().sum();
    parts.map(|part| share * part / total)
}

fn add<const N: usize>(sums: &mut [f64; N], parts: &[f64; N]) {
    sums.iter_mut()
        .zip(parts)
        .for_each(|(sum, part)| *sum += part);
}
