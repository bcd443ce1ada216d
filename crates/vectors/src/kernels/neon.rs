//! Kernels for 64-bit Arm, where NEON is always present.

use std::arch::aarch64::*;

use super::Kernels;
use crate::quantise::CodeLine;

pub(super) static NEON: Kernels = Kernels {
    name: "neon",
    dot,
    l2,
    code_products,
};

#[target_feature(enable = "neon")]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let whole = length / 4 * 4;
    let mut sums = [vdupq_n_f32(0.0); 4];
    for (step, start) in (0..whole).step_by(4).enumerate() {
        sums[step % 4] = vfmaq_f32(sums[step % 4], load(&a[start..]), load(&b[start..]));
    }
    sum(sums) + super::plain::dot(&a[whole..length], &b[whole..length])
}

#[target_feature(enable = "neon")]
fn l2(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let whole = length / 4 * 4;
    let mut sums = [vdupq_n_f32(0.0); 4];
    for (step, start) in (0..whole).step_by(4).enumerate() {
        let difference = vsubq_f32(load(&a[start..]), load(&b[start..]));
        sums[step % 4] = vfmaq_f32(sums[step % 4], difference, difference);
    }
    sum(sums) + super::plain::l2(&a[whole..length], &b[whole..length])
}

#[inline]
#[target_feature(enable = "neon")]
fn load(slice: &[f32]) -> float32x4_t {
    let four = &slice[..4];
    // SAFETY: the slice above has four components; the load needs no alignment.
    unsafe { vld1q_f32(four.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
fn sum(sums: [float32x4_t; 4]) -> f32 {
    vaddvq_f32(vaddq_f32(
        vaddq_f32(sums[0], sums[1]),
        vaddq_f32(sums[2], sums[3]),
    ))
}

#[target_feature(enable = "neon")]
fn code_products(query: &[CodeLine], codes: &[CodeLine], slots: &[u32], products: &mut [i32]) {
    for (&slot, product) in slots.iter().zip(products) {
        let code = &codes[slot as usize * query.len()..][..query.len()];
        let mut sums = [vdupq_n_s32(0); 2];
        for (query_line, line) in query.iter().zip(code) {
            for start in (0..64).step_by(8) {
                let unsigned = vreinterpretq_s16_u16(vmovl_u8(load_eight(&line.0[start..])));
                let signed = vmovl_s8(vreinterpret_s8_u8(load_eight(&query_line.0[start..])));
                sums[0] = vmlal_s16(sums[0], vget_low_s16(unsigned), vget_low_s16(signed));
                sums[1] = vmlal_s16(sums[1], vget_high_s16(unsigned), vget_high_s16(signed));
            }
        }
        *product = vaddvq_s32(vaddq_s32(sums[0], sums[1]));
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn load_eight(bytes: &[u8]) -> uint8x8_t {
    let eight = &bytes[..8];
    // SAFETY: the slice above has eight bytes; the load needs no alignment.
    unsafe { vld1_u8(eight.as_ptr()) }
}
