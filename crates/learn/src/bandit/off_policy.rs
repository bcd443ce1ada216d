//! What another rule would have reached, by what was logged under this one.

/// Fewest trials, counted by how evenly they weigh, that an estimate speaks from.
pub const EFFECTIVE_MIN: f64 = 100.0;
/// Standard errors on either side of an estimate: 95 % of a normal distribution.
const STANDARD_ERRORS: f64 = 1.96;

/// A choice that was made and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logged {
    /// Probability with which it was chosen, above 0.
    pub propensity: f64,
    /// Probability with which the other rule chooses the same.
    pub target: f64,
    /// What came of it.
    pub reward: f64,
}

/// What a rule would have reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Mean reward.
    pub value: f64,
    /// Least and greatest that are likely, 95 %.
    pub interval: (f64, f64),
    /// As how many trials of the rule itself the logged ones count.
    pub effective: f64,
    /// Logged choices.
    pub trials: u64,
}

/// Estimates the mean reward of a rule by weighing each logged choice with how much likelier the rule makes it; none where too few
/// choices carry the weight. A choice without a propensity, or with numbers that are none, says nothing and is left out.
///
/// - Cost: O(choices).
/// - Source: the self-normalised estimator, Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning",
///   2015, with the delta method's variance; effective sample size by Kong 1992.
pub fn estimate(logged: impl Iterator<Item = Logged>) -> Option<Estimate> {
    let is_told = |one: &Logged| {
        one.propensity > 0.0
            && one.target >= 0.0
            && one.target.is_finite()
            && one.reward.is_finite()
    };
    let weighed: Vec<(f64, f64)> = logged
        .filter(is_told)
        .map(|one| (one.target / one.propensity, one.reward))
        .collect();
    let sum: f64 = weighed.iter().map(|(weight, _)| weight).sum();
    let squares: f64 = weighed.iter().map(|(weight, _)| weight * weight).sum();
    let effective = sum * sum / squares.max(f64::MIN_POSITIVE);
    if effective < EFFECTIVE_MIN {
        return None;
    }
    let value = weighed
        .iter()
        .map(|(weight, reward)| weight * reward)
        .sum::<f64>()
        / sum;
    let spread = weighed
        .iter()
        .map(|(weight, reward)| (weight * (reward - value)).powi(2));
    let error = spread.sum::<f64>().sqrt() / sum * STANDARD_ERRORS;
    Some(Estimate {
        value,
        interval: (value - error, value + error),
        effective,
        trials: weighed.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;

    #[test]
    fn a_rule_that_is_the_logged_one_reaches_what_was_logged() {
        let logged = (0..400).map(|at| Logged {
            propensity: 0.25,
            target: 0.25,
            reward: f64::from(u8::from(at % 4 == 0)),
        });
        let told = estimate(logged).unwrap();
        assert!((told.value - 0.25).abs() < 1e-12 && (told.effective - 400.0).abs() < 1e-9);
        // The binomial standard error, sqrt(p (1 - p) / n).
        let error = (0.25_f64 * 0.75 / 400.0).sqrt() * STANDARD_ERRORS;
        assert!((told.interval.1 - told.value - error).abs() < 1e-9);
        assert_eq!(told.trials, 400);
    }

    #[test]
    fn an_estimate_speaks_from_the_fewest_effective_trials_on() {
        let even = |count: usize| {
            estimate((0..count).map(|_| Logged {
                propensity: 0.5,
                target: 0.5,
                reward: 1.0,
            }))
        };
        assert_eq!(
            even(EFFECTIVE_MIN as usize).map(|told| told.trials),
            Some(100)
        );
        assert_eq!(even(EFFECTIVE_MIN as usize - 1), None);
    }

    #[test]
    fn few_effective_trials_say_nothing() {
        let one_heavy = (0..5_000).map(|at| Logged {
            propensity: if at == 0 { 0.001 } else { 0.999 },
            target: if at == 0 { 1.0 } else { 0.0 },
            reward: 1.0,
        });
        assert_eq!(estimate(one_heavy), None);
        assert_eq!(estimate(std::iter::empty()), None);
        let unsound = (0..1_000).map(|_| Logged {
            propensity: 0.0,
            target: 0.5,
            reward: 1.0,
        });
        assert_eq!(estimate(unsound), None);
    }

    #[test]
    fn intervals_hold_the_truth_about_as_often_as_they_say() {
        // Two arms of rates 0.2 and 0.5, logged 80 : 20; the other rule takes the second nine times of ten.
        let (rates, logging, target) = ([0.2, 0.5], [0.8, 0.2], [0.1, 0.9]);
        let truth = rates[0] * target[0] + rates[1] * target[1];
        let mut random = SplitMix::new(11);
        let held = (0..300).filter(|_| {
            let logged: Vec<Logged> = (0..2_000)
                .map(|_| {
                    let arm = usize::from(f64::from(random.unit()) >= logging[0]);
                    let went = f64::from(random.unit()) < rates[arm];
                    Logged {
                        propensity: logging[arm],
                        target: target[arm],
                        reward: f64::from(u8::from(went)),
                    }
                })
                .collect();
            let (low, high) = estimate(logged.into_iter()).unwrap().interval;
            (low..=high).contains(&truth)
        });
        let held = held.count();
        assert!((275..=296).contains(&held), "{held} of 300");
    }
}
