//! Sums over all ways to stress a line in one form.

use super::form::FORM_COUNT;
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

/// The factors of all forms side by side, so that a line is summed in all of them at once; each form has
/// the numbers that [`Chain::sum`] gives it, to the bit.
#[derive(Debug)]
pub(super) struct SideBySide {
    triples: [Lanes; 8],
    opening: [Lanes; 8],
    close: [Lanes; 4],
    from_start: [Lanes; ENDS],
    from_end: [Lanes; ENDS],
    lengths: [Lanes; LENGTHS],
}

/// One number of each form.
type Lanes = [f64; FORM_COUNT];

impl SideBySide {
    pub(super) fn new(forms: &[FormFactors; FORM_COUNT]) -> Self {
        Self {
            triples: lanes(forms, |form| form.triples),
            opening: lanes(forms, |form| form.opening),
            close: lanes(forms, |form| form.close),
            from_start: lanes(forms, |form| form.from_start),
            from_end: lanes(forms, |form| form.from_end),
            lengths: lanes(forms, |form| form.lengths),
        }
    }

    /// Sums over all stresses of a line in each form and returns the logarithms.
    ///
    /// - Shape and cost: as [`Chain::sum`], of all forms.
    pub(super) fn sums(&self, odds: &[f64]) -> Lanes {
        let count = odds.len();
        let mut log_sums = self.lengths[count.min(LENGTHS - 1)];
        if count == 0 {
            return log_sums;
        }
        let mut states = [[0.0; FORM_COUNT]; 4];
        for (at, odds) in odds.iter().enumerate() {
            let mut strong = [*odds; FORM_COUNT];
            let ends = [self.from_start.get(at), self.from_end.get(count - 1 - at)];
            for end in ends.into_iter().flatten() {
                strong
                    .iter_mut()
                    .zip(end)
                    .for_each(|(strong, end)| *strong *= end);
            }
            match at {
                0 => {
                    states = [
                        [1.0; FORM_COUNT],
                        strong,
                        [0.0; FORM_COUNT],
                        [0.0; FORM_COUNT],
                    ]
                }
                1 => step_all(&mut states, &self.opening, &strong),
                _ => step_all(&mut states, &self.triples, &strong),
            }
            rescale_all(&mut states, &mut log_sums);
        }
        for (form, log_sum) in log_sums.iter_mut().enumerate() {
            let parts = states.iter().zip(&self.close);
            let total: f64 = parts.map(|(state, close)| state[form] * close[form]).sum();
            *log_sum += total.ln();
        }
        log_sums
    }
}

fn lanes<const N: usize>(
    forms: &[FormFactors; FORM_COUNT],
    factors: impl Fn(&FormFactors) -> [f64; N],
) -> [Lanes; N] {
    let mut lanes = [[0.0; FORM_COUNT]; N];
    for (form, of_form) in forms.iter().enumerate() {
        for (lane, factor) in lanes.iter_mut().zip(factors(of_form)) {
            lane[form] = factor;
        }
    }
    lanes
}

/// As [`step`], of all forms.
fn step_all(states: &mut [Lanes; 4], joint: &[Lanes; 8], strong: &Lanes) {
    for form in 0..FORM_COUNT {
        let [a, b, c, d] = [0, 1, 2, 3].map(|state: usize| states[state][form]);
        let factor = |place: usize| joint[place][form];
        states[0][form] = a * factor(0) + c * factor(4);
        states[1][form] = (a * factor(1) + c * factor(5)) * strong[form];
        states[2][form] = b * factor(2) + d * factor(6);
        states[3][form] = (b * factor(3) + d * factor(7)) * strong[form];
    }
}

/// As [`rescale`], of all forms.
fn rescale_all(states: &mut [Lanes; 4], log_sums: &mut Lanes) {
    let [a, b, c, d] = &*states;
    let mut totals = [0.0; FORM_COUNT];
    for (form, total) in totals.iter_mut().enumerate() {
        *total = a[form] + b[form] + c[form] + d[form];
    }
    if totals
        .iter()
        .all(|total| (SUM_MIN..SUM_MAX).contains(total))
    {
        return;
    }
    for (form, log_sum) in log_sums.iter_mut().enumerate() {
        let mut state = [0, 1, 2, 3].map(|state: usize| states[state][form]);
        *log_sum += rescale(&mut state);
        states
            .iter_mut()
            .zip(state)
            .for_each(|(lane, part)| lane[form] = part);
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

#[cfg(test)]
mod tests {
    use super::super::model::ScansionModel;
    use super::*;

    #[test]
    fn side_by_side_sums_are_those_of_each_form() {
        let forms = ScansionModel::embedded()
            .forms
            .each_ref()
            .map(FormFactors::new);
        let all = SideBySide::new(&forms);
        let mut chain = Chain::default();
        for count in [0, 1, 2, 3, 7, 10, 40, 3_000] {
            let odds: Vec<f64> = (0..count)
                .map(|at| odds(f64::from(at * 37 % 101) - 50.0))
                .collect();
            let each = forms.each_ref().map(|form| chain.sum(form, &odds));
            assert_eq!(all.sums(&odds), each, "{count} syllables");
        }
    }
}
