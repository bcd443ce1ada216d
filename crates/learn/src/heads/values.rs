//! A number between 0 and 1 told from numbers about a track, and what that is worth.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::descent::{Objective, dot, minimise};
use super::examples::Examples;
use super::folds::{FOLDS, deal};
use super::measure::{DRAWS, Interval, bounded};
use super::train::{GROUPS_MIN, POSITIVES_MIN, Shortage, labels_factor};
use crate::random::SplitMix;

/// Fewest tracks with a value: as many as a label asks with it and without it.
pub const VALUES_MIN: usize = 2 * POSITIVES_MIN;
/// Fewest artists with a value: as many as a label asks with it and without it.
pub const VALUE_GROUPS_MIN: usize = 2 * GROUPS_MIN;
/// What the lower bound of skill must reach: a correlation of one half, half of the way from a guess to
/// perfection. Fixed before anything was measured.
pub const VALUE_BAR: f64 = 0.25;
/// A told value this far from the label at most is near it.
pub const NEAR: f64 = 0.15;

/// How values are learnt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueOptions {
    /// Weight of the penalty `|w|² / 2` beside half of the mean squared miss, in deviations of the values.
    pub penalty: f64,
    /// Seed of the draws for the intervals.
    pub seed: u64,
}

impl Default for ValueOptions {
    /// The penalty of the heads of labels, which also has to hold some 250 columns.
    fn default() -> Self {
        Self {
            penalty: 0.03,
            seed: 1,
        }
    }
}

/// What tells of a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueHead {
    /// Weight of each column.
    pub weights: Vec<f64>,
    /// Added.
    pub bias: f64,
}

/// What a head of a value is worth on artists it did not learn from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueMeasure {
    /// Share of the variance that it tells, `R²`: 0 is telling the mean of the known labels everywhere, 1
    /// is perfect, below 0 is worse than the mean.
    pub skill: Interval,
    /// Mean absolute distance from the labels.
    pub mean_error: Interval,
    /// That distance when the mean is told everywhere.
    pub mean_error_of_mean: f64,
    /// Share of tracks that are told a value within [`NEAR`] of their label: how sure a told value is.
    pub near: Interval,
}

/// A head of a value with what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedValue {
    /// The head, fitted on all rows.
    pub head: ValueHead,
    /// What heads fitted like it are worth on artists they did not see.
    pub measure: ValueMeasure,
}

impl ValueMeasure {
    /// Whether the head may speak: the lower bound of skill reaches [`VALUE_BAR`].
    pub fn is_above_bar(&self) -> bool {
        self.skill.low >= VALUE_BAR
    }

    /// How many times as many labels there should be before it is worth trying again, as
    /// [`super::HeadMeasure::labels_factor`] has it.
    pub fn labels_factor(&self) -> f64 {
        labels_factor(self.skill, VALUE_BAR).max(1.0)
    }
}

impl ValueHead {
    /// Fits a linear regression to some rows; the same rows in the same order give the same bits.
    ///
    /// - Shape: `values` has one entry a row of `rows`, which are indexes into `examples`.
    /// - Rows that all have one value give a head that tells it everywhere.
    /// - Cost: O(rows × columns) a step, at most 100 steps.
    /// - Source: ridge regression (Hoerl and Kennard, 1970) on values in deviations from their mean.
    fn fit(examples: &Examples, rows: &[usize], values: &[f64], penalty: f64) -> Self {
        let mean = mean_of(values.iter().copied());
        let variance = mean_of(values.iter().map(|value| (value - mean).powi(2)));
        let deviation = variance.sqrt();
        let width = examples.width();
        if deviation <= f64::EPSILON {
            return Self {
                weights: vec![0.0; width],
                bias: mean,
            };
        }
        let targets = values.iter().map(|value| (value - mean) / deviation);
        let problem = Squares {
            examples,
            rows,
            targets: targets.collect(),
            penalty,
        };
        let mut point = minimise(&problem, vec![0.0; width + 1]);
        point.iter_mut().for_each(|part| *part *= deviation);
        let bias = mean + point.pop().unwrap_or_default();
        Self {
            weights: point,
            bias,
        }
    }

    /// The value of a standardised row, 0..=1.
    pub fn tell(&self, row: &[f32]) -> f64 {
        (self.bias + dot(&self.weights, row)).clamp(0.0, 1.0)
    }
}

fn mean_of(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

/// Half of the mean squared miss, with the penalty.
struct Squares<'e> {
    examples: &'e Examples,
    rows: &'e [usize],
    targets: Vec<f64>,
    penalty: f64,
}

impl Objective for Squares<'_> {
    fn value(&self, point: &[f64], slope: &mut [f64]) -> f64 {
        let (weights, bias) = point.split_at(point.len() - 1);
        let share = 1.0 / self.rows.len().max(1) as f64;
        let mut value = 0.0;
        slope.fill(0.0);
        let (weight_slopes, bias_slope) = slope.split_at_mut(weights.len());
        for (row, target) in self.rows.iter().zip(&self.targets) {
            let row = self.examples.row(*row);
            let miss = bias[0] + dot(weights, row) - target;
            value += 0.5 * share * miss * miss;
            bias_slope[0] += share * miss;
            for (sum, x) in weight_slopes.iter_mut().zip(row) {
                *sum += share * miss * f64::from(*x);
            }
        }
        for (sum, weight) in weight_slopes.iter_mut().zip(weights) {
            *sum += self.penalty * weight;
            value += 0.5 * self.penalty * weight * weight;
        }
        value
    }
}

/// Fits a head on rows with values and judges it on folds that share no artist.
///
/// - Shape: `rows` are indexes into `examples`, in ascending order for the same bits each time; `values`
///   has one entry a row, 0..=1.
/// - Errors: a [`Shortage`] where there are too few tracks or artists.
/// - Cost: six fits, and 1,000 passes over the artists for the intervals.
pub fn train_value(
    examples: &Examples,
    rows: &[usize],
    values: &[f64],
    options: ValueOptions,
) -> Result<JudgedValue, Shortage> {
    let groups: Vec<u64> = rows.iter().map(|row| examples.group(*row)).collect();
    let folds = deal(&groups, &vec![true; groups.len()]);
    let mut by_group: BTreeMap<u64, Sums> = BTreeMap::new();
    groups.iter().for_each(|group| {
        by_group.entry(*group).or_default();
    });
    let shortage = Shortage {
        tracks: VALUES_MIN.saturating_sub(rows.len()),
        artists: VALUE_GROUPS_MIN.saturating_sub(by_group.len()),
        ..Shortage::default()
    };
    if shortage != Shortage::default() {
        return Err(shortage);
    }
    for (place, told) in unseen(examples, rows, values, &folds, options.penalty)
        .into_iter()
        .enumerate()
    {
        let sums = by_group.entry(groups[place]).or_default();
        sums.add(values[place], told);
    }
    Ok(JudgedValue {
        head: ValueHead::fit(examples, rows, values, options.penalty),
        measure: measure(&by_group.into_values().collect::<Vec<_>>(), options.seed),
    })
}

/// What is told of each row by a head that saw no track of its fold, and the mean it would guess.
fn unseen(
    examples: &Examples,
    rows: &[usize],
    values: &[f64],
    folds: &[usize],
    penalty: f64,
) -> Vec<[f64; 2]> {
    let fits = (0..FOLDS).into_par_iter().map(|fold| {
        let known = (0..rows.len()).filter(|place| folds[*place] != fold);
        let (rows, values): (Vec<usize>, Vec<f64>) =
            known.map(|place| (rows[place], values[place])).unzip();
        let head = ValueHead::fit(examples, &rows, &values, penalty);
        (head, mean_of(values.into_iter()))
    });
    let fits: Vec<(ValueHead, f64)> = fits.collect();
    let told = rows.iter().zip(folds).map(|(row, fold)| {
        let (head, mean) = &fits[*fold];
        [head.tell(examples.row(*row)), *mean]
    });
    told.collect()
}

/// Sums over the tracks of an artist.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    tracks: f64,
    squares: f64,
    squares_of_mean: f64,
    misses: f64,
    misses_of_mean: f64,
    near: f64,
}

impl Sums {
    /// Adds a track with its label, what was told and the mean.
    fn add(&mut self, label: f64, [told, mean]: [f64; 2]) {
        let (miss, miss_of_mean) = ((told - label).abs(), (mean - label).abs());
        self.tracks += 1.0;
        self.squares += miss * miss;
        self.squares_of_mean += miss_of_mean * miss_of_mean;
        self.misses += miss;
        self.misses_of_mean += miss_of_mean;
        self.near += if miss <= NEAR { 1.0 } else { 0.0 };
    }

    fn join(&mut self, other: &Self) {
        self.tracks += other.tracks;
        self.squares += other.squares;
        self.squares_of_mean += other.squares_of_mean;
        self.misses += other.misses;
        self.misses_of_mean += other.misses_of_mean;
        self.near += other.near;
    }

    /// `R²`; 0 where all labels are one number, of which there is nothing to tell.
    fn skill(&self) -> f64 {
        if self.squares_of_mean > 0.0 {
            1.0 - self.squares / self.squares_of_mean
        } else {
            0.0
        }
    }
}

/// Measures with bounds from drawing whole artists again, as for labels.
fn measure(artists: &[Sums], seed: u64) -> ValueMeasure {
    let joined = |drawn: &mut dyn Iterator<Item = &Sums>| {
        let mut sums = Sums::default();
        drawn.for_each(|one| sums.join(one));
        sums
    };
    let whole = joined(&mut artists.iter());
    let mut random = SplitMix::new(seed);
    let draws: Vec<Sums> = (0..DRAWS)
        .map(|_| joined(&mut (0..artists.len()).map(|_| &artists[random.below(artists.len())])))
        .collect();
    let interval = |of: fn(&Sums) -> f64| bounded(of(&whole), draws.iter().map(of).collect());
    ValueMeasure {
        skill: interval(Sums::skill),
        mean_error: interval(|one| one.misses / one.tracks),
        mean_error_of_mean: whole.misses_of_mean / whole.tracks,
        near: interval(|one| one.near / one.tracks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Artists of four tracks with `width` columns of noise; `value` reads the row.
    fn world(
        artists: usize,
        width: usize,
        value: impl Fn(u64, &[f32], &mut SplitMix) -> f64,
    ) -> (Examples, Vec<f64>) {
        let mut random = SplitMix::new(5);
        let (mut rows, mut groups, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for artist in 0..artists as u64 {
            for _ in 0..4 {
                let row: Vec<f32> = (0..width).map(|_| 2.0 * random.unit() - 1.0).collect();
                values.push(value(artist, &row, &mut random));
                rows.extend(row);
                groups.push(artist.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            }
        }
        (Examples::new(rows, width, groups).expect("fits"), values)
    }

    fn train(examples: &Examples, values: &[f64]) -> Result<JudgedValue, Shortage> {
        let rows: Vec<usize> = (0..examples.len()).collect();
        train_value(examples, &rows, values, ValueOptions::default())
    }

    #[test]
    fn a_hand_worked_regression() {
        // Rows at ±1 after scaling, values ±1 deviation: (w − 1)² / 2 + λ w² / 2 is least at 1 / (1 + λ).
        let examples = Examples::new(vec![2.0, 4.0], 1, vec![1, 2]).expect("fits");
        let head = ValueHead::fit(&examples, &[0, 1], &[0.4, 0.8], 0.25);
        assert!((head.weights[0] - 0.2 / 1.25).abs() < 1e-6, "{head:?}");
        assert!((head.bias - 0.6).abs() < 1e-6, "{head:?}");
        assert!((head.tell(&[1.0]) - 0.76).abs() < 1e-6);
        assert_eq!((head.tell(&[9.0]), head.tell(&[-9.0])), (1.0, 0.0));
        let same = ValueHead::fit(&examples, &[0, 1], &[0.3, 0.3], 0.25);
        assert_eq!((same.tell(&[5.0]), same.weights[0]), (0.3, 0.0));
    }

    #[test]
    fn hand_worked_measures() {
        // Labels 0.2 and 0.8 around the mean 0.5, misses 0.1 and 0.2: R² = 1 − 0.05 / 0.18.
        let mut artist = Sums::default();
        artist.add(0.2, [0.3, 0.5]);
        artist.add(0.8, [0.6, 0.5]);
        let judged = measure(&[artist], 1);
        assert!((judged.skill.value - (1.0 - 0.05 / 0.18)).abs() < 1e-12);
        assert!((judged.mean_error.value - 0.15).abs() < 1e-12);
        assert!((judged.mean_error_of_mean - 0.3).abs() < 1e-12);
        assert_eq!(judged.near.value, 0.5);
        // One artist alone is drawn every time.
        assert_eq!(judged.skill.low, judged.skill.high);
        let mut flat = Sums::default();
        flat.add(0.5, [0.5, 0.5]);
        assert_eq!(measure(&[flat], 1).skill.value, 0.0);
    }

    #[test]
    fn what_the_columns_tell_is_above_the_bar_and_noise_is_not() {
        let (examples, values) = world(60, 12, |_, row, random| {
            (0.5 + 0.3 * f64::from(row[3]) + 0.1 * f64::from(random.unit())).clamp(0.0, 1.0)
        });
        let judged = train(&examples, &values).expect("is enough");
        assert!(judged.measure.is_above_bar(), "{:?}", judged.measure);
        assert!(judged.measure.near.value > 0.9 && judged.measure.labels_factor() >= 1.0);
        assert_eq!(train(&examples, &values), Ok(judged), "the same twice");
        let (examples, values) = world(60, 12, |_, _, random| f64::from(random.unit()));
        let judged = train(&examples, &values).expect("is enough");
        assert!(
            judged.measure.skill.high < VALUE_BAR,
            "{:?}",
            judged.measure
        );
        assert_eq!(judged.measure.labels_factor(), 2.0);
    }

    #[test]
    fn knowing_the_artist_is_worth_nothing() {
        // Columns name the artist, and the value is the artist's: none of it helps with others.
        let artist_value = |artist: u64| f64::from((artist * 37 % 19) as u32) / 19.0;
        let (mut rows, mut groups, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for artist in 0..30_u64 {
            for _ in 0..5 {
                rows.extend((0..30).map(|column| f32::from(u8::from(column == artist))));
                groups.push(artist);
                values.push(artist_value(artist));
            }
        }
        let examples = Examples::new(rows, 30, groups).expect("fits");
        let judged = train(&examples, &values).expect("is enough");
        assert!(
            judged.measure.skill.high < VALUE_BAR,
            "{:?}",
            judged.measure
        );
    }

    #[test]
    fn a_shortage_is_told_at_the_bounds() {
        let check = |artists: usize, expected: Option<[usize; 2]>| {
            let (examples, values) = world(artists, 3, |_, row, _| f64::from(row[0].abs()));
            let missing = train(&examples, &values).err();
            let missing = missing.map(|shortage| [shortage.tracks, shortage.artists]);
            assert_eq!(missing, expected);
        };
        check(0, Some([VALUES_MIN, VALUE_GROUPS_MIN]));
        check(9, Some([4, 1]));
        check(10, None);
    }
}
