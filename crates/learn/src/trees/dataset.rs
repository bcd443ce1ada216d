//! Examples made ready to learn from: every value a bin of a byte.

use rayon::prelude::*;

use super::binning::{BinMapper, ColumnBins, sample_rows};
use super::features::{Examples, Features};
use crate::error::{Error, Result};

/// Columns whose bins lie side by side: one load serves four histograms that fit the L1 cache.
pub(super) const BLOCK: usize = 4;

/// Most bins of a column, so that a bin is a byte.
pub(super) const BINS_MAX: usize = 255;

/// Bins of one row in a block.
pub(super) type Bins = [u8; BLOCK];

/// How columns are made into bins.
#[derive(Debug, Clone, PartialEq)]
pub struct BinOptions {
    /// Most bins of a column, 3..=255.
    pub bins_max: usize,
    /// Columns whose values are categories 0..=65535.
    pub categorical: Vec<usize>,
    /// Seed of the rows that bounds are chosen from, where there are more than 200,000.
    pub seed: u64,
}

impl Default for BinOptions {
    fn default() -> Self {
        Self {
            bins_max: BINS_MAX,
            categorical: Vec::new(),
            seed: 1,
        }
    }
}

/// Examples as bins, which any number of models can be fitted on.
#[derive(Debug, Clone)]
pub struct Dataset {
    pub(super) row_count: usize,
    pub(super) column_count: usize,
    /// Columns with more than one bin, ascending.
    pub(super) used: Vec<usize>,
    /// Bins of each used column.
    pub(super) columns: Vec<ColumnBins>,
    /// `[blocks of four used columns × rows]`, the last block filled up with zeros.
    pub(super) blocks: Vec<Vec<Bins>>,
    pub(super) labels: Vec<f32>,
    pub(super) weights: Option<Vec<f32>>,
    pub(super) inverse_propensities: Option<Vec<f32>>,
    pub(super) initial_scores: Option<Vec<f32>>,
    /// Where each query begins, and the number of rows; empty without queries.
    pub(super) group_bounds: Vec<usize>,
    /// What a model file says about each column.
    pub(super) infos: Vec<String>,
}

impl Dataset {
    /// Chooses bins and maps every value to its own.
    ///
    /// - Errors: [`Error::Mismatch`], [`Error::InvalidRow`] and [`Error::TooLarge`] for parts that
    ///   do not belong together, [`Error::InvalidOption`], [`Error::OutOfRange`] for a column or
    ///   category.
    /// - Cost: O(sample × log sample) and O(rows × log bins) a column; a byte a value and
    ///   4 to 12 bytes a row, on all threads of the current pool.
    /// - Source: bins as LightGBM chooses them (Ke et al. 2017): few distinct values have a bin
    ///   each, many share bins of equal size, 0 and NaN are alone.
    pub fn new(examples: &Examples<'_>, options: &BinOptions) -> Result<Self> {
        examples.check()?;
        let features = examples.features;
        check_options(options, features.column_count())?;
        let sample = sample_rows(features.row_count(), options.seed);
        let ranges = column_ranges(features);
        check_finite(features, &ranges)?;
        let all: Vec<ColumnBins> = (0..features.column_count())
            .into_par_iter()
            .map(|column| {
                if options.categorical.contains(&column) {
                    return ColumnBins::choose_categories(features, column, options.bins_max);
                }
                let has_missing = ranges[column].has_missing;
                let (sample, bins_max) = (&sample, options.bins_max);
                Ok(ColumnBins::choose(
                    features,
                    column,
                    sample,
                    bins_max,
                    has_missing,
                ))
            })
            .collect::<Result<_>>()?;
        let infos = (all.iter().zip(&ranges))
            .map(|(bins, range)| info(bins, range))
            .collect();
        let is_used = |column: &usize| all[*column].bin_count() > 1;
        let used: Vec<usize> = (0..all.len()).filter(is_used).collect();
        let columns: Vec<ColumnBins> = used.iter().map(|&column| all[column].clone()).collect();
        let mappers: Vec<(usize, BinMapper)> = (used.iter().zip(&columns))
            .map(|(&column, bins)| (column, bins.mapper()))
            .collect();
        let blocks = mappers
            .par_chunks(BLOCK)
            .map(|block| map_block(features, block))
            .collect();
        let mut group_bounds = Vec::new();
        if !examples.group_sizes.is_empty() {
            group_bounds.push(0);
            group_bounds.extend(examples.group_sizes.iter().scan(0, |end, size| {
                *end += size;
                Some(*end)
            }));
        }
        Ok(Self {
            row_count: features.row_count(),
            column_count: features.column_count(),
            used,
            columns,
            blocks,
            labels: examples.labels.to_vec(),
            weights: examples.weights.map(<[f32]>::to_vec),
            inverse_propensities: examples.inverse_propensities.map(<[f32]>::to_vec),
            initial_scores: examples.initial_scores.map(<[f32]>::to_vec),
            group_bounds,
            infos,
        })
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Number of columns, those with a single value included.
    pub fn column_count(&self) -> usize {
        self.column_count
    }

    /// Bin of a used column in a row.
    pub(super) fn bin(&self, row: usize, used_column: usize) -> u8 {
        self.blocks[used_column / BLOCK][row][used_column % BLOCK]
    }
}

fn check_options(options: &BinOptions, column_count: usize) -> Result<()> {
    if !(3..=BINS_MAX).contains(&options.bins_max) {
        return Err(Error::InvalidOption {
            name: "bins_max",
            value: options.bins_max as f64,
            allowed: "3 to 255",
        });
    }
    match (options.categorical.iter()).find(|&&column| column >= column_count) {
        Some(&index) => Err(Error::OutOfRange {
            axis: "column",
            index,
            count: column_count,
        }),
        None => Ok(()),
    }
}

/// Infinity would be at both ends of a threshold that is clamped in a model file.
fn check_finite(features: Features<'_>, ranges: &[ColumnRange]) -> Result<()> {
    if ranges.iter().all(|range| !range.is_infinite()) {
        return Ok(());
    }
    let mut rows = features.rows().enumerate();
    let found = rows.find_map(|(row, values)| {
        let value = values.iter().find(|value| value.is_infinite());
        value.map(|&value| (row, value))
    });
    match found {
        Some((row, value)) => Err(Error::InvalidRow {
            name: "feature (finite or NaN)",
            row,
            value,
        }),
        None => Ok(()),
    }
}

fn map_block(features: Features<'_>, block: &[(usize, BinMapper)]) -> Vec<Bins> {
    (features.rows())
        .map(|row| {
            let mut bins = [0; BLOCK];
            for (bin, (column, mapper)) in bins.iter_mut().zip(block) {
                *bin = mapper.bin(row[*column]);
            }
            bins
        })
        .collect()
}

/// What a column spans.
#[derive(Clone, Copy)]
struct ColumnRange {
    least: f32,
    most: f32,
    has_missing: bool,
}

impl ColumnRange {
    fn is_infinite(&self) -> bool {
        self.least == f32::NEG_INFINITY || self.most == f32::INFINITY
    }
}

fn column_ranges(features: Features<'_>) -> Vec<ColumnRange> {
    let nothing = ColumnRange {
        least: f32::INFINITY,
        most: f32::NEG_INFINITY,
        has_missing: false,
    };
    let mut ranges = vec![nothing; features.column_count()];
    for row in features.rows() {
        for (range, &value) in ranges.iter_mut().zip(row) {
            range.least = range.least.min(value);
            range.most = range.most.max(value);
            range.has_missing |= value.is_nan();
        }
    }
    ranges
}

/// What LightGBM writes about a column: its range, its categories or nothing.
fn info(bins: &ColumnBins, range: &ColumnRange) -> String {
    if bins.bin_count() <= 1 || range.least > range.most {
        return "none".to_owned();
    }
    match bins {
        ColumnBins::Categorical { categories } => {
            let names: Vec<String> = categories.iter().map(u32::to_string).collect();
            names.join(":")
        }
        ColumnBins::Numerical { .. } => format!("[{}:{}]", range.least, range.most),
    }
}
