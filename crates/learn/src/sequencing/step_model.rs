//! Learning what a step costs from where listeners played on.

use serde::{Deserialize, Serialize};

use super::play_rates::RATE_COLUMNS;
use super::transition::{STEP_PARTS, StepParts, TransitionWeights};

/// Precision of the prior of a step's weight: before anything is seen, a part at its worst takes about one
/// logit off, which is as much as a step can do to a mood. With thousands of steps it hardly counts.
const STEP_PRECISION: f64 = 1.0;
/// Precision of everything else, so that a column of zeros has a weight of 0.
const OTHER_PRECISION: f64 = 1e-3;
/// Steps of Newton's method at most; it settles after five to eight.
const NEWTON_STEPS: usize = 40;
/// Rounds over the columns for one step of Newton's; a dozen columns settle after some tens.
const ROUNDS: usize = 200;
/// Halvings of a step before it is given up: the next would be lost in rounding.
const HALVINGS_MAX: usize = 30;
/// Fall of the loss of a row below which a fit has ended.
const FALL_MIN: f64 = 1e-12;
/// Columns before those of the step: a constant and what is expected without it.
const BEFORE: usize = 1 + RATE_COLUMNS + STEP_PARTS;

/// A step with what is expected of its second track without it, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRow {
    /// The parts of the step.
    pub parts: StepParts,
    /// See [`super::PlayRates::columns`].
    pub rates: [f32; RATE_COLUMNS],
    /// Mean parts of steps to the second track from what the listener played in other sessions *and* from the
    /// first track. Who likes a style plays on in it after anything, and has mostly played it last: the
    /// track just played tells of taste as each of the others does. Only what it tells beyond them is flow.
    pub habit: StepParts,
    /// Whether the second track was played to the end.
    pub is_played: bool,
}

/// What of a step a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum StepColumns {
    /// Each part for itself.
    Parts,
    /// The cost by given weights as one number: what is left to learn is how much it matters.
    Cost(TransitionWeights),
}

impl StepColumns {
    fn count(self) -> usize {
        match self {
            Self::Parts => STEP_PARTS,
            Self::Cost(_) => 1,
        }
    }

    /// The columns of a step; one that is not there is `None`.
    fn of(self, parts: &StepParts) -> [Option<f32>; STEP_PARTS] {
        match self {
            Self::Parts => parts.values(),
            Self::Cost(weights) => {
                let mut columns = [None; STEP_PARTS];
                columns[0] = Some(weights.of_parts(parts));
                columns
            }
        }
    }
}

/// Tells whether a track will be played to the end after another: what is expected without the step, less
/// what the step costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepModel {
    columns: StepColumns,
    /// Mean of each column of the steps it was fitted to: one that is not there counts as usual.
    usual: [f64; STEP_PARTS],
    usual_habit: [f64; STEP_PARTS],
    /// The constant, and what each column of what is expected counts.
    before: Vec<f64>,
    /// What each column of the step takes off, in logits, at least 0.
    costs: Vec<f64>,
}

impl StepModel {
    /// Fits a logistic regression with a quadratic penalty, in which no part of a step may please; the
    /// same rows in the same order give the same bits. None where all rows ended alike.
    ///
    /// - Cost: O(rows × columns²) a step of Newton's method, of which there are five to eight; memory for
    ///   nothing but the rows given.
    /// - Source: Newton's method on a quadratic approximation that coordinate descent minimises under bounds
    ///   (Friedman, Hastie and Tibshirani 2010, section 3), with Armijo backtracking.
    pub fn fit(rows: &[StepRow], columns: StepColumns) -> Option<Self> {
        let played = rows.iter().filter(|row| row.is_played).count();
        if played == 0 || played == rows.len() {
            return None;
        }
        let mut model = Self {
            columns,
            usual: means(rows.iter().map(|row| columns.of(&row.parts))),
            usual_habit: means(rows.iter().map(|row| row.habit.values())),
            before: vec![0.0; BEFORE],
            costs: vec![0.0; columns.count()],
        };
        for _ in 0..NEWTON_STEPS {
            let (slope, curvature) = model.slopes(rows);
            let step = model.bounded_step(&slope, &curvature);
            let fall: f64 = step.iter().zip(&slope).map(|(a, b)| a * b).sum();
            if fall > -FALL_MIN * rows.len() as f64 {
                break;
            }
            let Some(next) = model.gone(rows, &step, fall) else {
                break;
            };
            model = next;
        }
        Some(model)
    }

    /// The log-odds that the second track of a step is played to the end.
    pub fn log_odds(&self, row: &StepRow) -> f64 {
        let values = self.values(row);
        let weights = self.before.iter().chain(&self.costs);
        weights
            .zip(values)
            .map(|(weight, value)| weight * value)
            .sum()
    }

    /// The negative logarithm of the probability of what happened, in nats.
    pub fn log_loss(&self, row: &StepRow) -> f64 {
        let odds = self.log_odds(row);
        let margin = if row.is_played { -odds } else { odds };
        margin.max(0.0) + (-margin.abs()).exp().ln_1p()
    }

    /// What each column of a step takes off at its worst, in logits.
    pub fn costs(&self) -> &[f64] {
        &self.costs
    }

    /// What the costliest step takes off, in logits: energy cannot rise and fall at once.
    pub fn worst(&self) -> f64 {
        match self.costs.as_slice() {
            [tempo, key, rise, fall, timbre] => tempo + key + rise.max(*fall) + timbre,
            costs => costs.iter().sum(),
        }
    }

    /// The weights by which tracks can be ordered; none where steps were found not to matter, or were
    /// not read part by part.
    pub fn weights(&self) -> Option<TransitionWeights> {
        let costs: [f64; STEP_PARTS] = self.costs.as_slice().try_into().ok()?;
        TransitionWeights::scaled(costs)
    }

    /// The columns of a row in the order of `before` and `costs`; those of the step with their sign.
    fn values(&self, row: &StepRow) -> [f64; BEFORE + STEP_PARTS] {
        let mut values = [0.0; BEFORE + STEP_PARTS];
        values[0] = 1.0;
        for (value, rate) in values[1..].iter_mut().zip(row.rates) {
            *value = f64::from(rate);
        }
        let habit = row.habit.values().into_iter().zip(self.usual_habit);
        let step = self.columns.of(&row.parts).into_iter().zip(self.usual);
        let both = values[1 + RATE_COLUMNS..].iter_mut().zip(habit.chain(step));
        for (value, (column, usual)) in both {
            *value = column.map_or(0.0, |column| usual - f64::from(column));
        }
        values
    }

    fn precision(at: usize) -> f64 {
        match at {
            0 => 0.0,
            _ if at < BEFORE => OTHER_PRECISION,
            _ => STEP_PRECISION,
        }
    }

    fn loss(&self, rows: &[StepRow]) -> f64 {
        let weights = self.before.iter().chain(&self.costs).enumerate();
        let penalty: f64 = weights
            .map(|(at, weight)| 0.5 * Self::precision(at) * weight * weight)
            .sum();
        penalty + rows.iter().map(|row| self.log_loss(row)).sum::<f64>()
    }

    /// The slope of the loss and its curvature, `[columns × columns]`.
    fn slopes(&self, rows: &[StepRow]) -> (Vec<f64>, Vec<f64>) {
        let count = BEFORE + self.costs.len();
        let (mut slope, mut curvature) = (vec![0.0; count], vec![0.0; count * count]);
        for row in rows {
            let values = self.values(row);
            let share = 1.0 / (1.0 + (-self.log_odds(row)).exp());
            let pull = share - f64::from(u8::from(row.is_played));
            let weight = share * (1.0 - share);
            for (a, value) in values.iter().enumerate().take(count) {
                slope[a] += pull * value;
                for (b, other) in values.iter().enumerate().take(count) {
                    curvature[a * count + b] += weight * value * other;
                }
            }
        }
        let weights = self.before.iter().chain(&self.costs);
        for (at, weight) in weights.enumerate() {
            slope[at] += Self::precision(at) * weight;
            curvature[at * count + at] += Self::precision(at);
        }
        (slope, curvature)
    }

    /// The step that minimises the quadratic approximation with no cost below 0.
    fn bounded_step(&self, slope: &[f64], curvature: &[f64]) -> Vec<f64> {
        let count = slope.len();
        let mut step = vec![0.0; count];
        for _ in 0..ROUNDS {
            for at in 0..count {
                let own = curvature[at * count + at];
                if own <= 0.0 {
                    continue;
                }
                let row = &curvature[at * count..(at + 1) * count];
                let pull: f64 = slope[at] + row.iter().zip(&step).map(|(a, b)| a * b).sum::<f64>();
                let least = match at.checked_sub(BEFORE) {
                    Some(part) => -self.costs[part],
                    None => f64::NEG_INFINITY,
                };
                step[at] = (step[at] - pull / own).max(least);
            }
        }
        step
    }

    /// The model a step further, or a part of it; none where the loss does not fall.
    fn gone(&self, rows: &[StepRow], step: &[f64], fall: f64) -> Option<Self> {
        let loss = self.loss(rows);
        let mut length = 1.0;
        for _ in 0..HALVINGS_MAX {
            let mut next = self.clone();
            let weights = next.before.iter_mut().chain(&mut next.costs);
            for (weight, by) in weights.zip(step) {
                *weight += length * by;
            }
            // What the bound took to 0 may be a rounding below it.
            next.costs.iter_mut().for_each(|cost| *cost = cost.max(0.0));
            if next.loss(rows) <= loss + 1e-4 * length * fall {
                return Some(next);
            }
            length *= 0.5;
        }
        None
    }
}

/// Means of columns over the steps in which they are there.
fn means(rows: impl Iterator<Item = [Option<f32>; STEP_PARTS]>) -> [f64; STEP_PARTS] {
    let mut sums = [(0.0, 0.0); STEP_PARTS];
    for row in rows {
        for (sum, column) in sums.iter_mut().zip(row) {
            if let Some(column) = column {
                *sum = (sum.0 + f64::from(column), sum.1 + 1.0);
            }
        }
    }
    sums.map(|(sum, count)| sum / f64::max(count, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;

    /// Steps whose costs are known: tempo takes 1.5 off, a fall 2, rates add 1 each, key, rise and timbre
    /// do nothing; half of the tempi are unknown and then count as the usual 0.5.
    fn rows(count: usize, strength: f64) -> Vec<StepRow> {
        let mut random = SplitMix::new(7);
        let row = |_| {
            let mut unit = || random.unit();
            let (tempo, key, rise, timbre) = (unit(), unit(), 2.0 * unit() - 1.0, unit());
            let has_tempo = unit() < 0.5;
            let rates = [unit() - 0.5, unit() - 0.5];
            let fall = (-rise).max(0.0);
            let felt = if has_tempo { tempo } else { 0.5 };
            let cost = strength * (1.5 * f64::from(felt) + 2.0 * f64::from(fall));
            let odds = 1.0 + f64::from(rates[0] + rates[1]) - cost;
            StepRow {
                parts: StepParts {
                    tempo: has_tempo.then_some(tempo),
                    key: Some(key),
                    energy_rise: Some(rise.max(0.0)),
                    energy_fall: Some(fall),
                    timbre: Some(timbre),
                },
                rates,
                habit: StepParts::default(),
                is_played: f64::from(unit()) < 1.0 / (1.0 + (-odds).exp()),
            }
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn known_costs_are_found() {
        let rows = rows(40_000, 1.0);
        let model = StepModel::fit(&rows, StepColumns::Parts).unwrap();
        let expected = [1.5, 0.0, 0.0, 2.0, 0.0];
        for (cost, expected) in model.costs().iter().zip(expected) {
            // Two standard errors are about 0.1.
            assert!((cost - expected).abs() < 0.15 && *cost >= 0.0, "{model:?}");
        }
        let weights = model.weights().unwrap();
        assert!((weights.energy_fall / weights.tempo - 4.0 / 3.0).abs() < 0.2);
        let convention = StepColumns::Cost(TransitionWeights::CONVENTION);
        let scaled = StepModel::fit(&rows, convention).unwrap();
        assert_eq!(scaled.weights(), None, "one number is no weight of parts");
        let loss = |model: &StepModel| rows.iter().map(|row| model.log_loss(row)).sum::<f64>();
        assert!(loss(&model) < loss(&scaled) - 100.0);
        assert_eq!(StepModel::fit(&rows, StepColumns::Parts), Some(model));
    }

    #[test]
    fn a_liked_style_is_not_taken_for_flow() {
        // Tracks of two styles. A listener likes one, plays on in it after anything, and four in five of
        // what they played is of it: the step between styles does nothing.
        let mut random = SplitMix::new(9);
        let mut row = |has_habit: bool| {
            let to_liked = random.unit() < 0.5;
            let odds = if to_liked { 1.5_f32 } else { -0.5 };
            let is_played = random.unit() < 1.0 / (1.0 + (-odds).exp());
            let mut from = || StepParts {
                timbre: Some(if (random.unit() < 0.8) == to_liked {
                    0.0
                } else {
                    0.5
                }),
                ..StepParts::default()
            };
            let played: Vec<StepParts> = (0..6).map(|_| from()).collect();
            StepRow {
                parts: played[0],
                rates: [0.0; RATE_COLUMNS],
                habit: if has_habit {
                    StepParts::mean(played)
                } else {
                    StepParts::default()
                },
                is_played,
            }
        };
        let mut cost = |has_habit| {
            let rows: Vec<StepRow> = (0..20_000).map(|_| row(has_habit)).collect();
            StepModel::fit(&rows, StepColumns::Parts).unwrap().costs()[4]
        };
        let (without, with) = (cost(false), cost(true));
        assert!(without > 1.5, "{without}");
        assert!(with < 0.15, "{with}");
    }

    #[test]
    fn the_fit_is_flat_where_it_may_move_and_pushes_against_the_bound_elsewhere() {
        let rows = rows(3_000, 0.3);
        let model = StepModel::fit(&rows, StepColumns::Parts).unwrap();
        let (slope, _) = model.slopes(&rows);
        for (at, slope) in slope.iter().enumerate() {
            let is_bound = at >= BEFORE && model.costs[at - BEFORE] == 0.0;
            assert!(
                slope.abs() < 1e-3 || (is_bound && *slope > 0.0),
                "{at} {slope}"
            );
        }
    }

    #[test]
    fn steps_that_please_cost_nothing_and_one_outcome_teaches_nothing() {
        let model = StepModel::fit(&rows(20_000, -1.0), StepColumns::Parts).unwrap();
        let costs = model.costs();
        assert_eq!((costs[0], costs[3]), (0.0, 0.0), "{costs:?}");
        let mut alike = rows(100, 1.0);
        alike.iter_mut().for_each(|row| row.is_played = true);
        assert_eq!(StepModel::fit(&alike, StepColumns::Parts), None);
        assert_eq!(StepModel::fit(&[], StepColumns::Parts), None);
    }

    #[test]
    fn unknown_steps_are_usual_ones() {
        let mut rows = rows(1_000, 1.0);
        rows.iter_mut()
            .for_each(|row| row.parts = StepParts::default());
        let model = StepModel::fit(&rows, StepColumns::Parts).unwrap();
        assert_eq!(model.costs(), [0.0; STEP_PARTS]);
        assert_eq!(model.weights(), None);
    }
}
