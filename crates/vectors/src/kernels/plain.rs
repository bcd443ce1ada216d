//! Portable kernels: the reference the others are tested against.

use super::Kernels;
use crate::quantise::CodeLine;

pub(super) static PLAIN: Kernels = Kernels {
    name: "plain",
    dot,
    l2,
    code_products,
};

/// Independent partial sums, so that the compiler may use vector registers.
const LANES: usize = 8;

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    fold(a, b, |x, y| x * y)
}

pub(super) fn l2(a: &[f32], b: &[f32]) -> f32 {
    fold(a, b, |x, y| (x - y) * (x - y))
}

#[inline(always)]
fn fold(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = (a_chunks.remainder().iter())
        .zip(b_chunks.remainder())
        .map(|(&x, &y)| term(x, y))
        .sum();
    let mut sums = [0.0f32; LANES];
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += term(x[lane], y[lane]);
        }
    }
    sums.iter().sum::<f32>() + tail
}

pub(super) fn code_products(
    query: &[CodeLine],
    codes: &[CodeLine],
    slots: &[u32],
    products: &mut [i32],
) {
    for (&slot, product) in slots.iter().zip(products) {
        let code = &codes[slot as usize * query.len()..][..query.len()];
        let mut sum = 0i32;
        for (query_line, line) in query.iter().zip(code) {
            for (&signed, &unsigned) in query_line.0.iter().zip(&line.0) {
                sum += i32::from(signed as i8) * i32::from(unsigned);
            }
        }
        *product = sum;
    }
}
