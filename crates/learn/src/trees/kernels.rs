//! The inner loop of scoring and explaining, chosen once per process for the processor at hand.
#![allow(unsafe_code)] // one loop compiled for wider registers, tested against the plain one

use std::sync::OnceLock;

use super::views::{LANES, Lane};

/// A test as one comparison: right when the viewed value is above the threshold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Place of the view.
    pub(super) view: u32,
    /// Largest value that goes left.
    pub(super) threshold: f32,
    /// Bits that remain when the row goes right, by halves.
    pub(super) remaining: [u32; 2],
}

type Narrow = unsafe fn(&[Step], &[Lane]) -> [u32; LANES];

/// The loop for one instruction set.
struct Kernels {
    // Invariant: only handed out when the processor has what its functions need.
    narrow: [Narrow; 2],
}

static PLAIN: Kernels = Kernels {
    narrow: [narrow::<0>, narrow::<1>],
};

/// Takes from one half of a set of bits, all ones at first, those that the tests of a row rule out.
pub(super) fn narrowed<const HALF: usize>(steps: &[Step], viewed: &[Lane]) -> [u32; LANES] {
    static CHOSEN: OnceLock<&'static Kernels> = OnceLock::new();
    let kernels = CHOSEN.get_or_init(|| available()[0]);
    // SAFETY: by the invariant of the table the processor supports the kernel.
    unsafe { (kernels.narrow[HALF])(steps, viewed) }
}

/// What this processor can run, best first; the last is always the plain one.
fn available() -> Vec<&'static Kernels> {
    let mut found: Vec<&'static Kernels> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            found.push(&x86::AVX512);
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            found.push(&x86::AVX2);
        }
    }
    found.push(&PLAIN);
    found
}

/// It stays a function of its own, because inlined its sets do not stay in vector registers.
#[inline(never)]
fn narrow<const HALF: usize>(steps: &[Step], viewed: &[Lane]) -> [u32; LANES] {
    narrow_body::<HALF>(steps, viewed)
}

#[inline(always)]
fn narrow_body<const HALF: usize>(steps: &[Step], viewed: &[Lane]) -> [u32; LANES] {
    let mut sets = [u32::MAX; LANES];
    for step in steps {
        let values = &viewed[step.view as usize];
        let (threshold, remaining) = (step.threshold, step.remaining[HALF]);
        for lane in 0..LANES {
            // All ones unless the row goes right; the compiler makes this a few vector instructions.
            let is_left = u32::from(values[lane] > threshold).wrapping_sub(1);
            sets[lane] &= remaining | is_left;
        }
    }
    sets
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Kernels, LANES, Lane, Step, narrow_body};

    pub(super) static AVX2: Kernels = Kernels {
        narrow: [narrow_avx2::<0>, narrow_avx2::<1>],
    };
    pub(super) static AVX512: Kernels = Kernels {
        narrow: [narrow_avx512::<0>, narrow_avx512::<1>],
    };

    #[target_feature(enable = "avx2")]
    fn narrow_avx2<const HALF: usize>(steps: &[Step], viewed: &[Lane]) -> [u32; LANES] {
        narrow_body::<HALF>(steps, viewed)
    }

    #[target_feature(enable = "avx512f")]
    fn narrow_avx512<const HALF: usize>(steps: &[Step], viewed: &[Lane]) -> [u32; LANES] {
        narrow_body::<HALF>(steps, viewed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_rules_out_the_same() {
        let number = |at: usize| (at as u32).wrapping_mul(2_654_435_761) >> 7;
        let viewed: Vec<Lane> = (0..9)
            .map(|view| {
                std::array::from_fn(|lane| match number(view * LANES + lane) % 11 {
                    0 => f32::NAN,
                    1 => f32::INFINITY,
                    2 => f32::NEG_INFINITY,
                    value => value as f32 - 6.0,
                })
            })
            .collect();
        let steps: Vec<Step> = (0..40)
            .map(|at| Step {
                view: number(at) % 9,
                threshold: (number(at + 99) % 9) as f32 - 5.0,
                remaining: [number(at + 7) | 1, number(at + 8) | 2],
            })
            .collect();
        for count in [0, 1, 7, 40] {
            for kernels in available() {
                for half in 0..2 {
                    // SAFETY: the table is one of those that this processor supports.
                    let got = unsafe { (kernels.narrow[half])(&steps[..count], &viewed) };
                    // SAFETY: the plain loop needs nothing.
                    let plain = unsafe { (PLAIN.narrow[half])(&steps[..count], &viewed) };
                    assert_eq!(got, plain);
                }
            }
        }
    }
}
