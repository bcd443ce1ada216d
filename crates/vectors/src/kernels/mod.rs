//! Inner loops, chosen once per process for the processor at hand.
#![allow(unsafe_code)] // SIMD intrinsics; each kernel has a plain twin and is tested against it

use std::sync::OnceLock;

use crate::quantise::CodeLine;

#[cfg(target_arch = "aarch64")]
mod neon;
mod plain;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

type PairKernel = unsafe fn(&[f32], &[f32]) -> f32;
type CodesKernel = unsafe fn(&[CodeLine], &[CodeLine], &[u32], &mut [i32]);

/// One set of inner loops for one instruction set.
pub(crate) struct Kernels {
    name: &'static str,
    // Invariant: a table is only handed out when the processor has what its functions need.
    dot: PairKernel,
    l2: PairKernel,
    code_products: CodesKernel,
}

impl Kernels {
    /// Sums the products of components; the shorter slice decides the length.
    #[inline]
    pub(crate) fn dot(&self, a: &[f32], b: &[f32]) -> f32 {
        // SAFETY: by the invariant of the table the processor supports the kernel.
        unsafe { (self.dot)(a, b) }
    }

    /// Sums the squared differences of components; the shorter slice decides the length.
    #[inline]
    pub(crate) fn l2(&self, a: &[f32], b: &[f32]) -> f32 {
        // SAFETY: by the invariant of the table the processor supports the kernel.
        unsafe { (self.l2)(a, b) }
    }

    /// Sums unsigned × signed byte products of each slot's stored code with the query's code.
    ///
    /// One call serves a whole list of slots, so the choice of kernel costs one jump per list.
    #[inline]
    pub(crate) fn code_products(
        &self,
        query: &[CodeLine],
        codes: &[CodeLine],
        slots: &[u32],
        products: &mut [i32],
    ) {
        // SAFETY: by the invariant of the table the processor supports the kernel.
        unsafe { (self.code_products)(query, codes, slots, products) }
    }
}

/// Returns the best kernels of this processor.
pub(crate) fn kernels() -> &'static Kernels {
    static CHOSEN: OnceLock<&'static Kernels> = OnceLock::new();
    CHOSEN.get_or_init(|| available()[0])
}

/// Names the instruction set in use: `avx512-vnni`, `avx2`, `neon` or `plain`.
pub fn active_kernels() -> &'static str {
    kernels().name
}

/// Lists the kernels this processor can run, best first; the last is always the plain one.
fn available() -> Vec<&'static Kernels> {
    let mut found: Vec<&'static Kernels> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512_vnni() {
            found.push(&x86::AVX512_VNNI);
        }
        if x86::has_avx2() {
            found.push(&x86::AVX2);
        }
    }
    #[cfg(target_arch = "aarch64")]
    found.push(&neon::NEON);
    found.push(&plain::PLAIN);
    found
}

/// Asks the processor to fetch an element soon; an index past the end is ignored.
#[inline(always)]
pub(crate) fn prefetch<T>(slice: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if index < slice.len() {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the index is inside the slice, and a prefetch reads nothing into the program.
        unsafe { _mm_prefetch(slice.as_ptr().add(index).cast(), _MM_HINT_T0) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, index);
}
