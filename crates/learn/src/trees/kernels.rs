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

/// Leaves of the largest tree whose leaf values lie in one wide register.
pub(super) const SMALL_LEAVES_MAX: usize = 8;

/// A tree of few leaves.
#[derive(Debug, Clone)]
pub(super) struct SmallTree {
    /// Its tests, of whose remaining bits the first half counts.
    steps: Vec<Step>,
    /// The values of its leaves from left to right, 0 behind them.
    values: [f64; SMALL_LEAVES_MAX],
}

impl SmallTree {
    /// Lays a tree out; `None` where it has too many leaves.
    pub(super) fn new(steps: &[Step], leaves: &[f64]) -> Option<Self> {
        let mut values = [0.0; SMALL_LEAVES_MAX];
        values.get_mut(..leaves.len())?.copy_from_slice(leaves);
        let steps = steps.to_vec();
        Some(Self { steps, values })
    }

    /// Bytes on the heap and in the list that holds it.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(self.steps.as_slice())
    }
}

type Narrow = unsafe fn(&[Step], &[Lane]) -> [u32; LANES];
type AddSmall = unsafe fn(&[SmallTree], &[Lane], &mut [f64; LANES]);

/// The loops for one instruction set.
struct Kernels {
    // Invariant: only handed out when the processor has what its functions need.
    narrow: [Narrow; 2],
    add_small: AddSmall,
}

static PLAIN: Kernels = Kernels {
    narrow: [narrow::<0>, narrow::<1>],
    add_small,
};

/// The loops that this processor is best at.
fn chosen() -> &'static Kernels {
    static CHOSEN: OnceLock<&'static Kernels> = OnceLock::new();
    CHOSEN.get_or_init(|| available()[0])
}

/// Takes from one half of a set of bits, all ones at first, those that the tests of a row rule out.
pub(super) fn narrowed<const HALF: usize>(steps: &[Step], viewed: &[Lane]) -> [u32; LANES] {
    // SAFETY: by the invariant of the table the processor supports the kernel.
    unsafe { (chosen().narrow[HALF])(steps, viewed) }
}

/// Adds what small trees say of each row, tree by tree.
pub(super) fn add_small_trees(trees: &[SmallTree], viewed: &[Lane], sums: &mut [f64; LANES]) {
    // SAFETY: by the invariant of the table the processor supports the kernel.
    unsafe { (chosen().add_small)(trees, viewed, sums) }
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

fn add_small(trees: &[SmallTree], viewed: &[Lane], sums: &mut [f64; LANES]) {
    for tree in trees {
        let sets = narrow::<0>(&tree.steps, viewed);
        add_leaves(tree, sets, sums);
    }
}

/// Adds the value of the first leaf that is left to each row.
#[inline(always)]
fn add_leaves(tree: &SmallTree, sets: [u32; LANES], sums: &mut [f64; LANES]) {
    for (sum, set) in sums.iter_mut().zip(sets) {
        *sum += tree.values[set.trailing_zeros() as usize % SMALL_LEAVES_MAX];
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _CMP_GT_OQ, _mm512_add_pd, _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_si256,
        _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_cvtepu32_epi64, _mm512_extracti64x4_epi64,
        _mm512_loadu_pd, _mm512_loadu_ps, _mm512_mask_and_epi32, _mm512_permutexvar_pd,
        _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_si512, _mm512_srli_epi32,
        _mm512_storeu_pd, _mm512_sub_epi32,
    };

    use super::{Kernels, LANES, Lane, SMALL_LEAVES_MAX, SmallTree, Step, add_leaves, narrow_body};

    pub(super) static AVX2: Kernels = Kernels {
        narrow: [narrow_avx2::<0>, narrow_avx2::<1>],
        add_small: add_small_avx2,
    };
    pub(super) static AVX512: Kernels = Kernels {
        narrow: [narrow_avx512::<0>, narrow_avx512::<1>],
        add_small: add_small_avx512,
    };

    #[target_feature(enable = "avx2")]
    fn add_small_avx2(trees: &[SmallTree], viewed: &[Lane], sums: &mut [f64; LANES]) {
        for tree in trees {
            let sets = narrow_avx2::<0>(&tree.steps, viewed);
            add_leaves(tree, sets, sums);
        }
    }

    /// The sets of a tree, and the values of its leaves, stay in registers.
    #[target_feature(enable = "avx512f")]
    fn add_small_avx512(trees: &[SmallTree], viewed: &[Lane], sums: &mut [f64; LANES]) {
        const { assert!(LANES == 16 && SMALL_LEAVES_MAX == 8) };
        let (first, second) = sums.split_at_mut(8);
        // SAFETY: both halves hold eight numbers.
        let (mut low, mut high) = unsafe {
            (
                _mm512_loadu_pd(first.as_ptr()),
                _mm512_loadu_pd(second.as_ptr()),
            )
        };
        for tree in trees {
            let mut sets = _mm512_set1_epi32(-1);
            for step in &tree.steps {
                let values = &viewed[step.view as usize];
                // SAFETY: a lane holds sixteen numbers.
                let values = unsafe { _mm512_loadu_ps(values.as_ptr()) };
                let goes_right =
                    _mm512_cmp_ps_mask::<_CMP_GT_OQ>(values, _mm512_set1_ps(step.threshold));
                let remaining = _mm512_set1_epi32(step.remaining[0].cast_signed());
                sets = _mm512_mask_and_epi32(sets, goes_right, sets, remaining);
            }
            // The place of the lowest bit is the exponent of that bit as a number.
            let lowest = _mm512_and_si512(sets, _mm512_sub_epi32(_mm512_setzero_si512(), sets));
            let bits = _mm512_castps_si512(_mm512_cvtepi32_ps(lowest));
            let places = _mm512_sub_epi32(_mm512_srli_epi32::<23>(bits), _mm512_set1_epi32(127));
            // SAFETY: eight values.
            let values = unsafe { _mm512_loadu_pd(tree.values.as_ptr()) };
            let of_low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(places));
            let of_high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64::<1>(places));
            low = _mm512_add_pd(low, _mm512_permutexvar_pd(of_low, values));
            high = _mm512_add_pd(high, _mm512_permutexvar_pd(of_high, values));
        }
        // SAFETY: both halves have room for eight numbers.
        unsafe {
            _mm512_storeu_pd(first.as_mut_ptr(), low);
            _mm512_storeu_pd(second.as_mut_ptr(), high);
        }
    }

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

    fn number(at: usize) -> u32 {
        (at as u32).wrapping_mul(2_654_435_761) >> 7
    }

    fn viewed() -> Vec<Lane> {
        let lane = |view: usize| {
            std::array::from_fn(|lane| match number(view * LANES + lane) % 11 {
                0 => f32::NAN,
                1 => f32::INFINITY,
                2 => f32::NEG_INFINITY,
                value => value as f32 - 6.0,
            })
        };
        (0..9).map(lane).collect()
    }

    #[test]
    fn every_instruction_set_adds_the_same_of_small_trees() {
        let viewed = viewed();
        for leaves in 1..=SMALL_LEAVES_MAX {
            let tree = |tree: usize| {
                let steps: Vec<Step> = (0..leaves - 1)
                    .map(|at| Step {
                        view: number(at + tree) % 9,
                        threshold: (number(at + 5 * tree) % 9) as f32 - 5.0,
                        // The last leaf is never ruled out.
                        remaining: [!(1 << at), 0],
                    })
                    .collect();
                let values: Vec<f64> = (0..leaves)
                    .map(|at| f64::from(number(at + tree)) / 7.0 - 1e6)
                    .collect();
                SmallTree::new(&steps, &values).unwrap()
            };
            let trees: Vec<SmallTree> = (0..40).map(tree).collect();
            let started: [f64; LANES] = std::array::from_fn(|lane| lane as f64 - 3.0);
            let mut plain = started;
            add_small(&trees, &viewed, &mut plain);
            assert!(leaves == 1 || plain[0] != plain[1]);
            for kernels in available() {
                let mut sums = started;
                // SAFETY: the table is one of those that this processor supports.
                unsafe { (kernels.add_small)(&trees, &viewed, &mut sums) };
                assert_eq!(sums, plain);
            }
        }
        assert!(SmallTree::new(&[], &[0.0; SMALL_LEAVES_MAX + 1]).is_none());
    }

    #[test]
    fn every_instruction_set_rules_out_the_same() {
        let viewed = viewed();
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
