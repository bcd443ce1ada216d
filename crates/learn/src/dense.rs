//! Small dense linear algebra: what the models need, no more.

use rayon::prelude::*;

use crate::error::{Error, Result};

/// Rows of a panel of the blocked factorisation; a panel of doubles then fits the L2 cache.
const BLOCK: usize = 64;

/// Right-hand sides solved together; their partial sums fit the vector registers.
const SIDES: usize = 16;

/// Rows of a partial product, fixed so that sums do not depend on the number of threads.
const GRAM_CHUNK: usize = 512;

/// Sums products in eight lanes, which the compiler turns into vector instructions.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let tail: f32 = tail.map(|(x, y)| x * y).sum();
    let mut lanes = [0f32; 8];
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

fn dot_f64(a: &[f64], b: &[f64]) -> f64 {
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let tail: f64 = tail.map(|(x, y)| x * y).sum();
    let mut lanes = [0f64; 8];
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f64>() + tail
}

/// Adds a multiple of one slice to another.
pub(crate) fn add_scaled(sum: &mut [f32], factor: f32, term: &[f32]) {
    for (x, y) in sum.iter_mut().zip(term) {
        *x += factor * y;
    }
}

/// Computes `YᵀY` for `rows` of `width` components, row-major, the same for any number of threads.
pub(crate) fn gram(rows: &[f32], width: usize) -> Vec<f32> {
    let partials: Vec<Vec<f32>> = rows
        .par_chunks(GRAM_CHUNK * width)
        .map(|chunk| {
            let mut partial = vec![0f32; width * width];
            for row in chunk.chunks_exact(width) {
                for (sums, &factor) in partial.chunks_exact_mut(width).zip(row) {
                    add_scaled(sums, factor, row);
                }
            }
            partial
        })
        .collect();
    let mut sum = vec![0f64; width * width];
    for partial in partials {
        (sum.iter_mut().zip(&partial)).for_each(|(total, &x)| *total += f64::from(x));
    }
    sum.into_iter().map(|x| x as f32).collect()
}

/// Solves `A x = b` in place for a small symmetric positive definite `A`; destroys `A`.
///
/// - Shape: `matrix` is `[n × n]` row-major of which the lower triangle is read, `side` is `[n]`.
/// - Errors: [`Error::NotPositiveDefinite`].
pub(crate) fn solve_small(matrix: &mut [f32], side: &mut [f32]) -> Result<()> {
    let size = side.len();
    for row in 0..size {
        let (above, rest) = matrix.split_at_mut(row * size);
        let current = &mut rest[..size];
        for column in 0..row {
            let other = &above[column * size..][..size];
            let sum = dot(&current[..column], &other[..column]);
            current[column] = (current[column] - sum) / other[column];
        }
        let pivot = current[row] - dot(&current[..row], &current[..row]);
        if !(pivot > 0.0 && pivot.is_finite()) {
            return Err(Error::NotPositiveDefinite { row });
        }
        current[row] = pivot.sqrt();
    }
    for row in 0..size {
        let line = &matrix[row * size..][..size];
        side[row] = (side[row] - dot(&line[..row], &side[..row])) / line[row];
    }
    for row in (0..size).rev() {
        let line = &matrix[row * size..][..size];
        let value = side[row] / line[row];
        side[row] = value;
        add_scaled(&mut side[..row], -value, &line[..row]);
    }
    Ok(())
}

/// Inverts a symmetric positive definite matrix by a blocked Cholesky factorisation.
///
/// - Shape: `[n × n]` row-major; the lower triangle is read, the whole inverse returned.
/// - Errors: [`Error::NotPositiveDefinite`].
/// - Cost: O(n³) time on all threads, 2 n² doubles.
pub(crate) fn invert(mut matrix: Vec<f64>, size: usize) -> Result<Vec<f64>> {
    cholesky(&mut matrix, size)?;
    let mut inverse = vec![0f64; size * size];
    inverse
        .par_chunks_mut(SIDES * size)
        .enumerate()
        .for_each(|(block, rows)| solve_unit_sides(&matrix, size, block * SIDES, rows));
    Ok(inverse)
}

fn cholesky(matrix: &mut [f64], size: usize) -> Result<()> {
    for start in (0..size).step_by(BLOCK) {
        let end = (start + BLOCK).min(size);
        let panel: Vec<f64> = (start..end)
            .flat_map(|row| &matrix[row * size..][..start])
            .copied()
            .collect();
        let below = &mut matrix[start * size..];
        below
            .par_chunks_mut(size)
            .enumerate()
            .for_each(|(offset, row)| {
                let (known, block) = row.split_at_mut(start);
                let width = (end - start).min(offset + 1);
                if start > 0 {
                    for (entry, line) in block[..width].iter_mut().zip(panel.chunks_exact(start)) {
                        *entry -= dot_f64(known, line);
                    }
                }
            });
        factor_diagonal(below, size, start, end)?;
        let diagonal: Vec<f64> = (0..end - start)
            .flat_map(|row| &below[row * size + start..][..end - start])
            .copied()
            .collect();
        (below[(end - start) * size..].par_chunks_mut(size)).for_each(|row| {
            let block = &mut row[start..end];
            for (column, line) in diagonal.chunks_exact(end - start).enumerate() {
                let sum = dot_f64(&block[..column], &line[..column]);
                block[column] = (block[column] - sum) / line[column];
            }
        });
    }
    Ok(())
}

/// Factors the block on the diagonal; `below` begins with its first row.
fn factor_diagonal(below: &mut [f64], size: usize, start: usize, end: usize) -> Result<()> {
    for row in 0..end - start {
        let (above, rest) = below.split_at_mut(row * size);
        let current = &mut rest[start..end];
        for column in 0..row {
            let other = &above[column * size + start..][..end - start];
            let sum = dot_f64(&current[..column], &other[..column]);
            current[column] = (current[column] - sum) / other[column];
        }
        let pivot = current[row] - dot_f64(&current[..row], &current[..row]);
        if !(pivot > 0.0 && pivot.is_finite()) {
            return Err(Error::NotPositiveDefinite { row: start + row });
        }
        current[row] = pivot.sqrt();
    }
    Ok(())
}

/// Solves for the unit vectors from `first` on; writes one solution per row.
fn solve_unit_sides(factor: &[f64], size: usize, first: usize, rows: &mut [f64]) {
    let mut sides = vec![[0f64; SIDES]; size];
    for side in 0..rows.len() / size {
        sides[first + side][side] = 1.0;
    }
    // Rows before the first unit stay zero.
    for row in first..size {
        let line = &factor[row * size..][..size];
        let mut sums = sides[row];
        for (&weight, known) in line[first..row].iter().zip(&sides[first..row]) {
            for lane in 0..SIDES {
                sums[lane] -= weight * known[lane];
            }
        }
        sides[row] = sums.map(|sum| sum / line[row]);
    }
    for row in (0..size).rev() {
        let line = &factor[row * size..][..size];
        let values = sides[row].map(|sum| sum / line[row]);
        sides[row] = values;
        for (&weight, sums) in line[..row].iter().zip(&mut sides[..row]) {
            for lane in 0..SIDES {
                sums[lane] -= weight * values[lane];
            }
        }
    }
    for (side, row) in rows.chunks_exact_mut(size).enumerate() {
        (row.iter_mut().zip(&sides)).for_each(|(entry, lanes)| *entry = lanes[side]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_worked_system() {
        let mut side = [10.0, 9.0];
        solve_small(&mut [4.0, 0.0, 2.0, 3.0], &mut side).unwrap();
        assert!((side[0] - 1.5).abs() < 1e-6 && (side[1] - 2.0).abs() < 1e-6);
        let singular = solve_small(&mut [1.0, 0.0, 1.0, 1.0], &mut [1.0, 1.0]);
        assert_eq!(singular, Err(Error::NotPositiveDefinite { row: 1 }));
    }

    #[test]
    fn inverse_times_matrix_is_one() {
        for size in [1usize, 5, 64, 65, 150] {
            let at = |row: usize, column: usize| {
                let wave = ((row * column) as f64 * 0.37).sin() * 0.4;
                if row == column {
                    size as f64 + 1.0
                } else {
                    wave
                }
            };
            let matrix: Vec<f64> = (0..size * size).map(|i| at(i / size, i % size)).collect();
            let inverse = invert(matrix, size).unwrap();
            for row in 0..size {
                for column in 0..size {
                    let product: f64 = (0..size)
                        .map(|k| inverse[row * size + k] * at(k, column))
                        .sum();
                    let expected = f64::from(u8::from(row == column));
                    assert!(
                        (product - expected).abs() < 1e-10,
                        "{size}: {row}, {column}"
                    );
                }
            }
        }
        assert!(invert(vec![1.0, 0.0, 2.0, 1.0], 2).is_err());
    }
}
