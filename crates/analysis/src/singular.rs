//! The leading right singular vectors of a sparse matrix.

/// Directions followed beside those wanted, so that the last of these settle.
const SPARE: usize = 16;
/// Passes over the rows. The spectrum of words is flat and its order settles slowly, but the space that
/// the directions span does not change what is near after six.
const PASSES: usize = 6;
/// Share of the largest variance below which a direction is rounding and is given up.
const VARIANCE_MIN: f64 = 1e-10;
/// Sweeps of the eigenvalue solver; it settles in some eight.
const SWEEPS_MAX: usize = 40;

/// A sparse matrix: each row some columns with a value each.
#[derive(Debug, Clone, Default)]
pub struct SparseRows {
    columns: Vec<u32>,
    values: Vec<f32>,
    ends: Vec<usize>,
}

impl SparseRows {
    /// Adds a row; one without entries is left out.
    pub fn push(&mut self, entries: impl Iterator<Item = (u32, f32)>) {
        let before = self.columns.len();
        for (column, value) in entries {
            self.columns.push(column);
            self.values.push(value);
        }
        if self.columns.len() > before {
            self.ends.push(self.columns.len());
        }
    }

    /// Rows.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The entries of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range = start..self.ends[row];
        let values = self.values[range.clone()].iter().copied();
        self.columns[range].iter().copied().zip(values)
    }

    /// The entries of all rows.
    pub fn entries(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.columns
            .iter()
            .copied()
            .zip(self.values.iter().copied())
    }

    /// Gives each entry another value, then each row the length 1.
    pub fn scale_rows(&mut self, value_of: impl Fn(u32, f32) -> f32) {
        let mut start = 0;
        for end in &self.ends {
            let values = &mut self.values[start..*end];
            for (value, column) in values.iter_mut().zip(&self.columns[start..*end]) {
                *value = value_of(*column, *value);
            }
            let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            if length > 0.0 {
                values.iter_mut().for_each(|value| *value /= length);
            }
            start = *end;
        }
    }
}

/// Finds the directions, in the space of columns, along which the rows have most.
///
/// - Shape: `[columns × directions]`, orthonormal, the strongest first; at most `wanted`, fewer where the
///   rows have fewer, none where they are zero. No column of `rows` is beyond `columns`. The largest
///   component of each direction is positive.
/// - Cost: O(passes × entries × wanted), memory 12 bytes × columns × wanted.
/// - Source: Halko, Martinsson & Tropp, "Finding structure with randomness" (2011), algorithm 4.4 on the
///   Gram matrix, which is never formed; the start is fixed.
pub fn leading_directions(
    rows: &SparseRows,
    columns: usize,
    wanted: usize,
    on_pass: &mut dyn FnMut(usize, usize),
) -> Vec<f32> {
    let followed = (wanted + SPARE).min(columns).min(rows.count());
    let mut basis = Basis {
        rows: scattered(columns * followed),
        width: followed,
    };
    basis.make_orthonormal();
    for pass in 1..PASSES {
        basis = basis.through(rows);
        basis.make_orthonormal();
        on_pass(pass, PASSES);
    }
    let through = basis.through(rows);
    let (variances, mut turned) = eigen(products(&basis, &through), basis.width);
    on_pass(PASSES, PASSES);
    let strongest = variances.first().copied().unwrap_or(0.0);
    let kept = variances.iter().take(wanted);
    let kept = kept.take_while(|variance| **variance > strongest * VARIANCE_MIN);
    turned.truncate(kept.count());
    let mut directions = basis.combined(&turned);
    directions.turn_up();
    directions.rows
}

/// Adds a multiple of one slice to another.
pub(crate) fn add_scaled(sum: &mut [f32], factor: f32, term: &[f32]) {
    for (total, value) in sum.iter_mut().zip(term) {
        *total += factor * value;
    }
}

/// Some directions in the space of columns, row-major: `[columns × width]`.
struct Basis {
    rows: Vec<f32>,
    width: usize,
}

impl Basis {
    fn row(&self, column: u32) -> &[f32] {
        &self.rows[column as usize * self.width..][..self.width]
    }

    /// Multiplies by the Gram matrix of the rows, row by row.
    fn through(&self, rows: &SparseRows) -> Self {
        let mut sums = vec![0.0f32; self.rows.len()];
        let mut along = vec![0.0f32; self.width];
        for row in 0..rows.count() {
            along.fill(0.0);
            for (column, value) in rows.row(row) {
                add_scaled(&mut along, value, self.row(column));
            }
            for (column, value) in rows.row(row) {
                let sum = &mut sums[column as usize * self.width..][..self.width];
                add_scaled(sum, value, &along);
            }
        }
        Self {
            rows: sums,
            width: self.width,
        }
    }

    /// Turns and scales the columns so that they are orthonormal, and gives up those that add nothing.
    fn make_orthonormal(&mut self) {
        let (variances, vectors) = eigen(products(self, self), self.width);
        let strongest = variances.first().copied().unwrap_or(0.0);
        let scaled: Vec<Vec<f64>> = (variances.iter().zip(vectors))
            .take_while(|(variance, _)| **variance > strongest * VARIANCE_MIN)
            .map(|(variance, vector)| {
                let scale = 1.0 / variance.sqrt();
                vector.into_iter().map(|value| value * scale).collect()
            })
            .collect();
        *self = self.combined(&scaled);
    }

    /// Makes columns of the columns: each is given by its factors.
    fn combined(&self, factors: &[Vec<f64>]) -> Self {
        let width = factors.len();
        // Column by column of the old basis, so that the inner loop runs along memory.
        let by_column: Vec<Vec<f32>> = (0..self.width)
            .map(|column| factors.iter().map(|one| one[column] as f32).collect())
            .collect();
        let mut rows = vec![0.0f32; self.rows.len() / self.width.max(1) * width];
        if width > 0 {
            let old = self.rows.chunks_exact(self.width);
            for (row, old) in rows.chunks_exact_mut(width).zip(old) {
                for (value, factors) in old.iter().zip(&by_column) {
                    add_scaled(row, *value, factors);
                }
            }
        }
        Self { rows, width }
    }

    /// Makes the largest component of each column positive: the sign of a direction is free.
    fn turn_up(&mut self) {
        if self.width == 0 {
            return;
        }
        let mut largest = vec![0.0f32; self.width];
        for row in self.rows.chunks_exact(self.width) {
            for (most, value) in largest.iter_mut().zip(row) {
                if value.abs() > most.abs() {
                    *most = *value;
                }
            }
        }
        for row in self.rows.chunks_exact_mut(self.width) {
            for (value, most) in row.iter_mut().zip(&largest) {
                *value *= most.signum();
            }
        }
    }
}

/// The products of every column of one basis with every column of another, `[width × width]`.
fn products(one: &Basis, other: &Basis) -> Vec<f64> {
    let width = one.width;
    let mut sums = vec![0.0f64; width * width];
    let rows = one.rows.chunks_exact(width.max(1));
    for (row, other) in rows.zip(other.rows.chunks_exact(width.max(1))) {
        for (sums, value) in sums.chunks_exact_mut(width).zip(row) {
            let value = f64::from(*value);
            for (sum, factor) in sums.iter_mut().zip(other) {
                *sum += value * f64::from(*factor);
            }
        }
    }
    sums
}

/// Eigenvalues of a symmetric matrix, the largest first, with a vector of length 1 for each.
///
/// - Shape: `[size × size]`; the lower triangle is not read.
/// - Source: cyclic Jacobi rotations (Golub & Van Loan, "Matrix computations", 4th ed., 8.5).
fn eigen(mut matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    for row in 0..size {
        for column in 0..row {
            matrix[row * size + column] = matrix[column * size + row];
        }
    }
    // Row `i` is the vector of the eigenvalue that ends at `(i, i)`.
    let mut vectors = vec![0.0f64; size * size];
    (0..size).for_each(|place| vectors[place * size + place] = 1.0);
    let scale = matrix.iter().map(|value| value * value).sum::<f64>().sqrt();
    for _ in 0..SWEEPS_MAX {
        let mut largest = 0.0f64;
        for row in 0..size {
            for column in row + 1..size {
                let apart = matrix[row * size + column];
                largest = largest.max(apart.abs());
                if apart.abs() > scale * f64::EPSILON {
                    let half =
                        (matrix[column * size + column] - matrix[row * size + row]) / (2.0 * apart);
                    let tangent = half.signum() / (half.abs() + (half * half + 1.0).sqrt());
                    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
                    rotate_columns(&mut matrix, size, (row, column), (cosine, tangent * cosine));
                    rotate_rows(&mut matrix, size, (row, column), (cosine, tangent * cosine));
                    rotate_rows(
                        &mut vectors,
                        size,
                        (row, column),
                        (cosine, tangent * cosine),
                    );
                }
            }
        }
        if largest <= scale * f64::EPSILON {
            break;
        }
    }
    let mut pairs: Vec<(f64, Vec<f64>)> = (0..size)
        .map(|place| {
            let vector = vectors[place * size..][..size].to_vec();
            (matrix[place * size + place], vector)
        })
        .collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    pairs.into_iter().unzip()
}

fn rotate_rows(
    matrix: &mut [f64],
    size: usize,
    (one, other): (usize, usize),
    (cosine, sine): (f64, f64),
) {
    let (above, below) = matrix.split_at_mut(other * size);
    let rows = above[one * size..][..size].iter_mut();
    for (a, b) in rows.zip(&mut below[..size]) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

fn rotate_columns(
    matrix: &mut [f64],
    size: usize,
    (one, other): (usize, usize),
    (cosine, sine): (f64, f64),
) {
    for row in matrix.chunks_exact_mut(size) {
        let (a, b) = (row[one], row[other]);
        (row[one], row[other]) = (cosine * a - sine * b, sine * a + cosine * b);
    }
}

/// Numbers in −1..1 in no order, the same on every call.
fn scattered(count: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        // xorshift64: enough for a start.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn songs(rows: &[&[f32]]) -> SparseRows {
        let mut songs = SparseRows::default();
        for row in rows {
            let entries = (0u32..).zip(row.iter().copied());
            songs.push(entries.filter(|(_, value)| *value != 0.0));
        }
        songs
    }

    #[test]
    fn eigenvalues_of_a_small_matrix_are_those_worked_by_hand() {
        // [[2, 1], [1, 2]] has 3 along (1, 1) and 1 along (1, −1).
        let (values, vectors) = eigen(vec![2.0, 1.0, f64::NAN, 2.0], 2);
        assert!((values[0] - 3.0).abs() < 1e-12 && (values[1] - 1.0).abs() < 1e-12);
        assert!((vectors[0][0] - vectors[0][1]).abs() < 1e-12);
        assert!((vectors[1][0] + vectors[1][1]).abs() < 1e-12);
        let (none, _) = eigen(Vec::new(), 0);
        assert!(none.is_empty());
        let (zero, _) = eigen(vec![0.0; 9], 3);
        assert_eq!(zero, [0.0; 3]);
    }

    #[test]
    fn directions_of_a_small_matrix_are_those_worked_by_hand() {
        // Singular values 5 along the first word, 2 along the sum of the others, and nothing else.
        let songs = songs(&[
            &[3.0, 0.0, 0.0],
            &[4.0, 0.0, 0.0],
            &[0.0, 1.0, 1.0],
            &[0.0, 1.0, 1.0],
        ]);
        let found = leading_directions(&songs, 3, 3, &mut |_, _| {});
        let half = 0.5f32.sqrt();
        let expected = [1.0, 0.0, 0.0, half, 0.0, half];
        assert_eq!(found.len(), expected.len(), "two directions: {found:?}");
        for (value, right) in found.iter().zip(expected) {
            assert!((value - right).abs() < 1e-5, "{found:?}");
        }
    }

    #[test]
    fn nothing_has_no_direction() {
        assert!(leading_directions(&SparseRows::default(), 3, 2, &mut |_, _| {}).is_empty());
        let mut zero = SparseRows::default();
        zero.push([(0, 0.0), (2, 0.0)].into_iter());
        assert!(leading_directions(&zero, 3, 2, &mut |_, _| {}).is_empty());
    }

    #[test]
    fn one_song_has_one_direction() {
        let found = leading_directions(&songs(&[&[0.6, -0.8]]), 2, 2, &mut |_, _| {});
        assert!(
            (found[0] + 0.6).abs() < 1e-6 && (found[1] - 0.8).abs() < 1e-6,
            "{found:?}"
        );
    }

    #[test]
    fn directions_are_orthonormal_and_keep_the_lengths_of_a_full_rank_corpus() {
        let mut state = 7u32;
        let rows: Vec<Vec<f32>> = (0..40)
            .map(|_| {
                (0..12)
                    .map(|_| {
                        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        (state >> 16) as f32 / 65_536.0
                    })
                    .collect()
            })
            .collect();
        let slices: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        let mut passes = Vec::new();
        let found = leading_directions(&songs(&slices), 12, 12, &mut |done, of| {
            passes.push((done, of));
        });
        assert_eq!(
            passes,
            (1..=PASSES).map(|done| (done, PASSES)).collect::<Vec<_>>()
        );
        let basis = Basis {
            rows: found,
            width: 12,
        };
        let gram = products(&basis, &basis);
        for (place, value) in gram.iter().enumerate() {
            let right = if place % 13 == 0 { 1.0 } else { 0.0 };
            assert!((value - right).abs() < 1e-4, "{place}: {value}");
        }
    }
}
