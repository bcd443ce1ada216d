//! How the values of a column become at most 255 bins.

use super::features::Features;
use crate::error::{Error, Result};
use crate::random::SplitMix;

/// Values this near to 0 are 0, as LightGBM has it in its models.
pub(super) const ZERO: f32 = 1e-35;

/// Thresholds beyond are clamped, as LightGBM does; it keeps infinity out of model files.
pub(super) const THRESHOLD_MAX: f64 = 1e300;

/// Largest category; the bitset of a split then has at most 8 KiB.
pub(super) const CATEGORY_MAX: usize = 65_535;

/// Rows the bins are chosen from, as in LightGBM; more change no bound that matters.
const SAMPLE_ROWS: usize = 200_000;

/// Fewest sampled rows of a bin, as in LightGBM.
const ROWS_IN_BIN_MIN: usize = 3;

/// Share of the rows whose categories get bins of their own; the rest is as good as unseen.
const CATEGORY_SHARE: f64 = 0.99;

/// How values of one column map to bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ColumnBins {
    /// Bin `i` holds values up to `bounds[i]`, the bin after the last one the rest; NaN has a bin
    /// of its own behind them when `has_missing`.
    Numerical { bounds: Vec<f64>, has_missing: bool },
    /// Bin 0 holds missing and rare categories, bin `i` the category `categories[i − 1]`.
    Categorical { categories: Vec<u32> },
}

impl ColumnBins {
    /// Number of bins, at most 255.
    pub(super) fn bin_count(&self) -> usize {
        match self {
            Self::Numerical {
                bounds,
                has_missing,
            } => bounds.len() + 1 + usize::from(*has_missing),
            Self::Categorical { categories } => categories.len() + 1,
        }
    }

    /// Bin of missing numbers.
    pub(super) fn missing_bin(&self) -> Option<usize> {
        match self {
            Self::Numerical {
                bounds,
                has_missing: true,
            } => Some(bounds.len() + 1),
            _ => None,
        }
    }

    /// Chooses bins for a column from a sample of its rows.
    pub(super) fn choose(
        features: Features<'_>,
        column: usize,
        sample: &[u32],
        bins_max: usize,
        has_missing: bool,
    ) -> Self {
        let mut values: Vec<f32> = (sample.iter())
            .map(|&row| features.at(row as usize, column))
            .filter(|value| !value.is_nan())
            .collect();
        values.sort_unstable_by(f32::total_cmp);
        let distinct = count_distinct(&values);
        let bounds = numerical_bounds(&distinct, bins_max - usize::from(has_missing));
        Self::Numerical {
            bounds,
            has_missing,
        }
    }

    /// Gives the most frequent categories of a column their bins.
    pub(super) fn choose_categories(
        features: Features<'_>,
        column: usize,
        bins_max: usize,
    ) -> Result<Self> {
        let mut counts: Vec<(usize, u32)> = Vec::new();
        let mut total = 0usize;
        for row in 0..features.row_count() {
            let Some(category) = category_of(features.at(row, column)) else {
                continue;
            };
            if category as usize > CATEGORY_MAX {
                return Err(Error::OutOfRange {
                    axis: "category",
                    index: category as usize,
                    count: CATEGORY_MAX + 1,
                });
            }
            if category as usize >= counts.len() {
                counts.extend((counts.len()..=category as usize).map(|at| (0, at as u32)));
            }
            counts[category as usize].0 += 1;
            total += 1;
        }
        counts.retain(|&(count, _)| count > 0);
        counts.sort_unstable_by_key(|&(count, category)| (usize::MAX - count, category));
        let enough = (total as f64 * CATEGORY_SHARE).round() as usize;
        let (mut covered, mut categories) = (0, Vec::new());
        for (count, category) in counts.into_iter().take(bins_max - 1) {
            if covered >= enough && categories.len() >= 2 {
                break;
            }
            covered += count;
            categories.push(category);
        }
        Ok(Self::Categorical { categories })
    }

    /// Makes the function from value to bin ready for many values.
    pub(super) fn mapper(&self) -> BinMapper {
        match self {
            Self::Numerical { bounds, .. } => BinMapper::Numerical {
                bounds: bounds.iter().map(|&bound| floor_f32(bound)).collect(),
                missing: self.missing_bin().unwrap_or(0) as u8,
            },
            Self::Categorical { categories } => {
                let length = categories.iter().max().map_or(0, |&most| most as usize + 1);
                let mut bins = vec![0u8; length];
                for (at, &category) in categories.iter().enumerate() {
                    bins[category as usize] = (at + 1) as u8;
                }
                BinMapper::Categorical { bins }
            }
        }
    }
}

/// Maps values to bins.
pub(super) enum BinMapper {
    Numerical { bounds: Vec<f32>, missing: u8 },
    Categorical { bins: Vec<u8> },
}

impl BinMapper {
    /// Returns the bin of a value.
    pub(super) fn bin(&self, value: f32) -> u8 {
        match self {
            Self::Numerical { missing, .. } if value.is_nan() => *missing,
            Self::Numerical { bounds, .. } => bounds.partition_point(|&bound| value > bound) as u8,
            Self::Categorical { bins } => category_of(value)
                .and_then(|category| bins.get(category as usize))
                .map_or(0, |&bin| bin),
        }
    }
}

/// The category a value stands for; missing and negative ones stand for none.
pub(super) fn category_of(value: f32) -> Option<u32> {
    let is_category = value > -1.0 && value < u32::MAX as f32;
    is_category.then_some(value as u32)
}

/// The greatest single-precision number that is not above a threshold: both split singles alike.
pub(super) fn floor_f32(threshold: f64) -> f32 {
    let rounded = threshold as f32;
    if f64::from(rounded) > threshold {
        rounded.next_down()
    } else {
        rounded
    }
}

/// Picks the rows that bins are chosen from, in their order.
pub(super) fn sample_rows(row_count: usize, seed: u64) -> Vec<u32> {
    if row_count <= SAMPLE_ROWS {
        return (0..row_count as u32).collect();
    }
    SplitMix::new(seed).choose(row_count, SAMPLE_ROWS)
}

fn count_distinct(sorted: &[f32]) -> Vec<(f32, usize)> {
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for &value in sorted {
        match distinct.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => distinct.push((value, 1)),
        }
    }
    distinct
}

/// Chooses bounds such that 0 is alone in its bin and the other bins are about equally full.
///
/// - Source: LightGBM's `zero_as_one_bin` rule: negative and positive values share the bins by
///   their number of rows.
fn numerical_bounds(distinct: &[(f32, usize)], bins_max: usize) -> Vec<f64> {
    let negative_end = distinct.partition_point(|&(value, _)| value < -ZERO);
    let positive_start = distinct.partition_point(|&(value, _)| value <= ZERO);
    let (negative, positive) = (&distinct[..negative_end], &distinct[positive_start..]);
    let rows = |part: &[(f32, usize)]| part.iter().map(|&(_, count)| count).sum::<usize>();
    let (negative_rows, positive_rows) = (rows(negative), rows(positive));
    let nonzero = (negative_rows + positive_rows).max(1);
    let has_zero = negative_end < positive_start;
    let mut bounds = Vec::new();
    if !negative.is_empty() {
        let share = (negative_rows as f64 / nonzero as f64 * (bins_max - 1) as f64) as usize;
        bounds = equal_bounds(negative, share.max(1));
        if has_zero || !positive.is_empty() {
            bounds.push(f64::from(-ZERO));
        }
    }
    if !positive.is_empty() {
        if has_zero {
            bounds.push(f64::from(ZERO));
        }
        let left = bins_max.saturating_sub(bounds.len()).max(1);
        bounds.extend(equal_bounds(positive, left));
    }
    bounds
}

/// Cuts distinct values into at most `bins_max` bins of about equally many rows.
///
/// A value with more rows than a mean bin gets one of its own.
fn equal_bounds(distinct: &[(f32, usize)], bins_max: usize) -> Vec<f64> {
    let total: usize = distinct.iter().map(|&(_, count)| count).sum();
    let bins_max = bins_max.min(total / ROWS_IN_BIN_MIN).max(1);
    if distinct.len() <= bins_max {
        return bounds_where(distinct, |at, filled| {
            filled >= ROWS_IN_BIN_MIN && at + 1 < distinct.len()
        });
    }
    let mean = total as f64 / bins_max as f64;
    let is_big = |at: usize| distinct[at].1 as f64 >= mean;
    let big_count = (0..distinct.len()).filter(|&at| is_big(at)).count();
    let big_rows: usize = (distinct.iter())
        .map(|&(_, count)| if count as f64 >= mean { count } else { 0 })
        .sum();
    let mut rest_bins = bins_max - big_count;
    let mut rest_rows = total - big_rows;
    let mut size = rest_rows as f64 / rest_bins as f64;
    let mut bins = 1;
    bounds_where(distinct, |at, filled| {
        if !is_big(at) {
            rest_rows -= distinct[at].1;
        }
        let is_full = is_big(at)
            || filled as f64 >= size
            || (at + 1 < distinct.len()
                && is_big(at + 1)
                && filled as f64 >= (size / 2.0).max(1.0));
        if !is_full || bins >= bins_max {
            return false;
        }
        bins += 1;
        if !is_big(at) {
            rest_bins = rest_bins.saturating_sub(1);
            size = rest_rows as f64 / rest_bins as f64;
        }
        true
    })
}

/// Puts a bound behind each value, but the last, where `is_full(at, rows in the bin)` says so.
fn bounds_where(
    distinct: &[(f32, usize)],
    mut is_full: impl FnMut(usize, usize) -> bool,
) -> Vec<f64> {
    let mut bounds = Vec::new();
    let mut filled = 0;
    for (at, pair) in distinct.windows(2).enumerate() {
        filled += pair[0].1;
        if is_full(at, filled) {
            bounds.push(middle(pair[0].0, pair[1].0));
            filled = 0;
        }
    }
    bounds
}

/// A threshold half-way between two different values, exact in double precision.
fn middle(low: f32, high: f32) -> f64 {
    f64::from(low).midpoint(f64::from(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(values: &[f32], bins_max: usize) -> (ColumnBins, Vec<u8>) {
        let features = Features::new(values, 1).unwrap();
        let sample = sample_rows(values.len(), 1);
        let has_missing = values.iter().any(|value| value.is_nan());
        let bins = ColumnBins::choose(features, 0, &sample, bins_max, has_missing);
        let mapper = bins.mapper();
        let mapped = values.iter().map(|&value| mapper.bin(value)).collect();
        (bins, mapped)
    }

    #[test]
    fn zero_and_missing_are_alone() {
        let values = [
            -1.0,
            -1.0,
            -1.0,
            0.0,
            0.0,
            2.0,
            2.0,
            2.0,
            4.0,
            4.0,
            4.0,
            f32::NAN,
        ];
        let (bins, mapped) = bins(&values, 255);
        assert_eq!(mapped, [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 4]);
        assert_eq!((bins.bin_count(), bins.missing_bin()), (5, Some(4)));
    }

    #[test]
    fn bins_are_bounded_and_in_order() {
        let values: Vec<f32> = (0..5000)
            .map(|at| ((at * 7919) % 4999) as f32 - 1000.0)
            .collect();
        for bins_max in [2, 3, 16, 255] {
            let (bins, mapped) = bins(&values, bins_max);
            assert!(
                bins.bin_count() <= bins_max.max(3),
                "{bins_max}: {}",
                bins.bin_count()
            );
            for (a, bin_a) in values.iter().zip(&mapped) {
                let (b, bin_b) = (values[0], mapped[0]);
                assert!((a < &b) <= (*bin_a <= bin_b) && (a > &b) <= (*bin_a >= bin_b));
            }
        }
    }

    #[test]
    fn thresholds_in_single_precision_decide_alike() {
        for threshold in [
            0.1f64,
            -0.1,
            1e300,
            -1e300,
            1.0,
            1e-46,
            -1e-46,
            f64::from(ZERO),
        ] {
            let single = floor_f32(threshold);
            for value in [
                0.1f32,
                0.1f32.next_down(),
                -0.1,
                f32::MAX,
                f32::MIN,
                0.0,
                1.0,
                1e-45,
            ] {
                assert_eq!(
                    value > single,
                    f64::from(value) > threshold,
                    "{value} {threshold}"
                );
            }
        }
    }
}
