//! Kernels for x86-64: AVX-512 with VNNI, and AVX2 with FMA.

use std::arch::x86_64::*;

use super::Kernels;
use crate::quantise::CodeLine;

pub(super) static AVX512_VNNI: Kernels = Kernels {
    name: "avx512-vnni",
    dot: dot_avx512,
    l2: l2_avx512,
    code_products: code_products_vnni,
};

pub(super) static AVX2: Kernels = Kernels {
    name: "avx2",
    dot: dot_avx2,
    l2: l2_avx2,
    code_products: code_products_avx2,
};

pub(super) fn has_avx512_vnni() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[target_feature(enable = "avx512f")]
fn dot_avx512(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let mut sums = [_mm512_setzero_ps(); 4];
    let mut start = 0;
    let mut lane = 0;
    while start < length {
        let (x, y) = load_pair_avx512(&a[start..length], &b[start..length]);
        sums[lane] = _mm512_fmadd_ps(x, y, sums[lane]);
        lane = (lane + 1) % 4;
        start += 16;
    }
    sum_avx512(sums)
}

#[target_feature(enable = "avx512f")]
fn l2_avx512(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let mut sums = [_mm512_setzero_ps(); 4];
    let mut start = 0;
    let mut lane = 0;
    while start < length {
        let (x, y) = load_pair_avx512(&a[start..length], &b[start..length]);
        let difference = _mm512_sub_ps(x, y);
        sums[lane] = _mm512_fmadd_ps(difference, difference, sums[lane]);
        lane = (lane + 1) % 4;
        start += 16;
    }
    sum_avx512(sums)
}

/// Loads up to 16 components of two slices of one length, zeros behind the end.
#[inline]
#[target_feature(enable = "avx512f")]
fn load_pair_avx512(a: &[f32], b: &[f32]) -> (__m512, __m512) {
    debug_assert_eq!(a.len(), b.len());
    if a.len() >= 16 && b.len() >= 16 {
        // SAFETY: both slices have 16 components to read; the loads need no alignment.
        unsafe { (_mm512_loadu_ps(a.as_ptr()), _mm512_loadu_ps(b.as_ptr())) }
    } else {
        let count = a.len().min(b.len()).min(15);
        let mask = (1u16 << count) - 1;
        // SAFETY: the mask leaves out every component past the end of either slice.
        unsafe {
            (
                _mm512_maskz_loadu_ps(mask, a.as_ptr()),
                _mm512_maskz_loadu_ps(mask, b.as_ptr()),
            )
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sum_avx512(sums: [__m512; 4]) -> f32 {
    let left = _mm512_add_ps(sums[0], sums[1]);
    let right = _mm512_add_ps(sums[2], sums[3]);
    _mm512_reduce_add_ps(_mm512_add_ps(left, right))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn code_products_vnni(query: &[CodeLine], codes: &[CodeLine], slots: &[u32], products: &mut [i32]) {
    // Fixed lengths keep the query in registers: dimensions up to 128, 256, 384, 512 and 768.
    match query.len() {
        1 => code_products_vnni_fixed::<1>(query, codes, slots, products),
        2 => code_products_vnni_fixed::<2>(query, codes, slots, products),
        4 => code_products_vnni_fixed::<4>(query, codes, slots, products),
        6 => code_products_vnni_fixed::<6>(query, codes, slots, products),
        8 => code_products_vnni_fixed::<8>(query, codes, slots, products),
        12 => code_products_vnni_fixed::<12>(query, codes, slots, products),
        _ => {
            for (&slot, product) in slots.iter().zip(products) {
                let code = &codes[slot as usize * query.len()..][..query.len()];
                let mut sum = _mm512_setzero_si512();
                for (query_line, line) in query.iter().zip(code) {
                    sum = _mm512_dpbusd_epi32(sum, load_avx512(line), load_avx512(query_line));
                }
                *product = _mm512_reduce_add_epi32(sum);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn code_products_vnni_fixed<const LINES: usize>(
    query: &[CodeLine],
    codes: &[CodeLine],
    slots: &[u32],
    products: &mut [i32],
) {
    let mut query_lines = [_mm512_setzero_si512(); LINES];
    for (register, line) in query_lines.iter_mut().zip(query) {
        *register = load_avx512(line);
    }
    let product_of = |slot: u32| {
        let code = &codes[slot as usize * LINES..][..LINES];
        let mut sum = _mm512_setzero_si512();
        for line in 0..LINES {
            sum = _mm512_dpbusd_epi32(sum, load_avx512(&code[line]), query_lines[line]);
        }
        sum
    };
    let (fours, rest) = slots.as_chunks::<4>();
    let (products_of_four, products_of_rest) = products.split_at_mut(fours.len() * 4);
    for (four, out) in fours.iter().zip(products_of_four.chunks_exact_mut(4)) {
        let sums = reduce_four_avx512(four.map(product_of));
        out.copy_from_slice(&sums);
    }
    for (&slot, product) in rest.iter().zip(products_of_rest) {
        *product = _mm512_reduce_add_epi32(product_of(slot));
    }
}

/// Sums the lanes of four registers together, in a third of the steps of four sums alone.
#[inline]
#[target_feature(enable = "avx512f,avx2,sse4.1")]
fn reduce_four_avx512([a, b, c, d]: [__m512i; 4]) -> [i32; 4] {
    let halves =
        |x: __m512i| _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64::<1>(x));
    let left = _mm256_hadd_epi32(halves(a), halves(b));
    let right = _mm256_hadd_epi32(halves(c), halves(d));
    let both = _mm256_hadd_epi32(left, right);
    let sums = _mm_add_epi32(
        _mm256_castsi256_si128(both),
        _mm256_extracti128_si256::<1>(both),
    );
    [
        _mm_extract_epi32::<0>(sums),
        _mm_extract_epi32::<1>(sums),
        _mm_extract_epi32::<2>(sums),
        _mm_extract_epi32::<3>(sums),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_avx512(line: &CodeLine) -> __m512i {
    // SAFETY: a line is 64 bytes and aligned to 64.
    unsafe { _mm512_load_si512(line.0.as_ptr().cast()) }
}

#[target_feature(enable = "avx2,fma")]
fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let whole = length / 8 * 8;
    let mut sums = [_mm256_setzero_ps(); 4];
    for (step, start) in (0..whole).step_by(8).enumerate() {
        let (x, y) = (load_avx2(&a[start..]), load_avx2(&b[start..]));
        sums[step % 4] = _mm256_fmadd_ps(x, y, sums[step % 4]);
    }
    sum_avx2(sums) + super::plain::dot(&a[whole..length], &b[whole..length])
}

#[target_feature(enable = "avx2,fma")]
fn l2_avx2(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let whole = length / 8 * 8;
    let mut sums = [_mm256_setzero_ps(); 4];
    for (step, start) in (0..whole).step_by(8).enumerate() {
        let difference = _mm256_sub_ps(load_avx2(&a[start..]), load_avx2(&b[start..]));
        sums[step % 4] = _mm256_fmadd_ps(difference, difference, sums[step % 4]);
    }
    sum_avx2(sums) + super::plain::l2(&a[whole..length], &b[whole..length])
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_avx2(slice: &[f32]) -> __m256 {
    let eight = &slice[..8];
    // SAFETY: the slice above has eight components; the load needs no alignment.
    unsafe { _mm256_loadu_ps(eight.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_avx2(sums: [__m256; 4]) -> f32 {
    let all = _mm256_add_ps(
        _mm256_add_ps(sums[0], sums[1]),
        _mm256_add_ps(sums[2], sums[3]),
    );
    let half = _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps::<1>(all));
    let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
    _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
}

#[target_feature(enable = "avx2")]
fn code_products_avx2(query: &[CodeLine], codes: &[CodeLine], slots: &[u32], products: &mut [i32]) {
    for (&slot, product) in slots.iter().zip(products) {
        let code = &codes[slot as usize * query.len()..][..query.len()];
        let mut sums = [_mm256_setzero_si256(); 2];
        for (query_line, line) in query.iter().zip(code) {
            for (quarter, start) in (0..64).step_by(16).enumerate() {
                // `maddubs` would saturate, so both sides are widened to 16 bits first.
                let unsigned = _mm256_cvtepu8_epi16(load_sixteen(&line.0[start..]));
                let signed = _mm256_cvtepi8_epi16(load_sixteen(&query_line.0[start..]));
                let pairs = _mm256_madd_epi16(unsigned, signed);
                sums[quarter % 2] = _mm256_add_epi32(sums[quarter % 2], pairs);
            }
        }
        let all = _mm256_add_epi32(sums[0], sums[1]);
        let half = _mm_add_epi32(
            _mm256_castsi256_si128(all),
            _mm256_extracti128_si256::<1>(all),
        );
        let pair = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
        *product = _mm_cvtsi128_si32(_mm_add_epi32(pair, _mm_shuffle_epi32::<1>(pair)));
    }
}

#[inline]
#[target_feature(enable = "sse2")]
fn load_sixteen(bytes: &[u8]) -> __m128i {
    let sixteen = &bytes[..16];
    // SAFETY: the slice above has sixteen bytes; the load needs no alignment.
    unsafe { _mm_loadu_si128(sixteen.as_ptr().cast()) }
}
