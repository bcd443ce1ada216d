//! Sums of gradients by bin.

use rayon::prelude::*;

use super::dataset::{BLOCK, Bins, Dataset};
use super::objective::Gradient;

/// Sum of gradients and of hessians.
pub(super) type Sums = [f64; 2];

/// Rows whose gradients are brought into order first; below, four gathers cost less than a copy.
const COPY_ROWS_MIN: usize = 64;

/// Sums of one column by bin, in blocks of columns as the bins are.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    /// `[blocks][bins of the columns of the block, one after the other]`.
    blocks: Vec<Vec<Sums>>,
}

/// Where the bins of each column are in a histogram.
pub(super) struct Layout {
    /// First bin of each column in its block.
    starts: Vec<usize>,
    bin_counts: Vec<usize>,
    /// Columns that the tree sees.
    is_seen: Vec<bool>,
}

impl Layout {
    pub(super) fn new(dataset: &Dataset, is_seen: Vec<bool>) -> Self {
        let bin_counts: Vec<usize> = dataset
            .columns
            .iter()
            .map(|bins| bins.bin_count())
            .collect();
        let starts = (0..bin_counts.len())
            .map(|column| bin_counts[column - column % BLOCK..column].iter().sum())
            .collect();
        Self {
            starts,
            bin_counts,
            is_seen,
        }
    }

    pub(super) fn is_seen(&self, column: usize) -> bool {
        self.is_seen[column]
    }

    /// Moves the sums of some columns out, one after the other, and leaves zeros.
    fn take(&self, columns: std::ops::Range<usize>, sums: &mut [[Sums; 256]; BLOCK]) -> Vec<Sums> {
        let bin_counts = &self.bin_counts[columns];
        let mut taken = Vec::with_capacity(bin_counts.iter().sum());
        for (lane, sums) in sums.iter_mut().enumerate() {
            // Lanes without a column have all their rows in bin 0.
            let bin_count = bin_counts.get(lane).copied();
            let used = &mut sums[..bin_count.unwrap_or(1)];
            if bin_count.is_some() {
                taken.extend_from_slice(used);
            }
            used.fill([0.0; 2]);
        }
        taken
    }

    fn columns_of(&self, block: usize) -> std::ops::Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.bin_counts.len())
    }
}

impl Histogram {
    /// Sums the gradients of rows; the same for any number of threads, one block being one task.
    pub(super) fn of_rows(
        dataset: &Dataset,
        layout: &Layout,
        rows: &[u32],
        gradients: &[Gradient],
    ) -> Self {
        let is_all = rows.len() == dataset.row_count;
        let ordered: Vec<Gradient>;
        let source = if is_all {
            Source::All(gradients)
        } else if rows.len() >= COPY_ROWS_MIN {
            ordered = rows.iter().map(|&row| gradients[row as usize]).collect();
            Source::Ordered(rows, &ordered)
        } else {
            Source::Gathered(rows, gradients)
        };
        let zeros = || Box::new([[[0f64; 2]; 256]; BLOCK]);
        let blocks = (dataset.blocks.par_iter().enumerate())
            .map_init(zeros, |sums, (block, bins)| {
                let columns = layout.columns_of(block);
                if !columns.clone().any(|column| layout.is_seen[column]) {
                    return Vec::new();
                }
                source.add_to(bins, sums);
                layout.take(columns, sums)
            })
            .collect();
        Self { blocks }
    }

    /// Takes the sums of some rows away, which leaves those of the others.
    pub(super) fn subtract(&mut self, other: &Self) {
        for (mine, other) in self.blocks.iter_mut().zip(&other.blocks) {
            for (mine, other) in mine.iter_mut().zip(other) {
                mine[0] -= other[0];
                mine[1] -= other[1];
            }
        }
    }

    /// Sums of a column by bin.
    pub(super) fn column(&self, layout: &Layout, column: usize) -> &[Sums] {
        let start = layout.starts[column];
        &self.blocks[column / BLOCK][start..start + layout.bin_counts[column]]
    }
}

/// Gradients of rows in the cheapest order.
enum Source<'g> {
    All(&'g [Gradient]),
    Ordered(&'g [u32], &'g [Gradient]),
    Gathered(&'g [u32], &'g [Gradient]),
}

impl Source<'_> {
    fn add_to(&self, bins: &[Bins], sums: &mut [[Sums; 256]; BLOCK]) {
        match self {
            Self::All(gradients) => {
                for (bins, &gradient) in bins.iter().zip(*gradients) {
                    add(sums, *bins, gradient);
                }
            }
            Self::Ordered(rows, gradients) => {
                for (&row, &gradient) in rows.iter().zip(*gradients) {
                    add(sums, bins[row as usize], gradient);
                }
            }
            Self::Gathered(rows, gradients) => {
                for &row in *rows {
                    add(sums, bins[row as usize], gradients[row as usize]);
                }
            }
        }
    }
}

#[inline(always)]
fn add(sums: &mut [[Sums; 256]; BLOCK], bins: Bins, gradient: Gradient) {
    let [slope, curvature] = gradient.map(f64::from);
    for (sums, bin) in sums.iter_mut().zip(bins) {
        let cell = &mut sums[bin as usize];
        cell[0] += slope;
        cell[1] += curvature;
    }
}
