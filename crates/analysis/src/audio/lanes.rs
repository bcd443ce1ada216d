//! Sums and logarithms in lanes: the order of additions that lets a processor do eight at once.
//!
//! A sum of floats from first to last waits for each addition, because another order rounds otherwise. These
//! fix another order, the same on every machine.

/// Additions that go on side by side: two registers of four, so that one's latency hides the other's.
const LANES: usize = 8;

/// Sum of `combine` over pairs, as many as the shorter slice has.
pub(crate) fn sum_of_pairs(a: &[f32], b: &[f32], combine: impl Fn(f32, f32) -> f32) -> f32 {
    let count = a.len().min(b.len());
    let (a, b) = (&a[..count], &b[..count]);
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let rest: f32 = rest.map(|(&a, &b)| combine(a, b)).sum();
    let mut sums = [0.0f32; LANES];
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += combine(a[lane], b[lane]);
        }
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    (((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))) + rest
}

/// Scalar product.
#[inline]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum_of_pairs(a, b, |a, b| a * b)
}

/// Sum.
#[inline]
pub(crate) fn sum(values: &[f32]) -> f32 {
    sum_of_pairs(values, values, |value, _| value)
}

/// Sum of squares in double precision of a signal that comes in parts; how it is parted does not show.
#[derive(Debug, Default)]
pub(crate) struct RunningPower {
    sums: [f64; LANES],
    /// What does not fill the lanes yet.
    rest: Vec<f32>,
    pub(crate) sample_count: usize,
}

impl RunningPower {
    pub(crate) fn push(&mut self, mut samples: &[f32]) {
        self.sample_count += samples.len();
        if !self.rest.is_empty() {
            let missing = (LANES - self.rest.len()).min(samples.len());
            let (first, others) = samples.split_at(missing);
            self.rest.extend_from_slice(first);
            samples = others;
            if self.rest.len() < LANES {
                return;
            }
            add_squares(&mut self.sums, &self.rest);
            self.rest.clear();
        }
        let chunks = samples.chunks_exact(LANES);
        self.rest.extend_from_slice(chunks.remainder());
        add_squares(&mut self.sums, samples);
    }

    /// Mean of the squares; 0 of nothing.
    pub(crate) fn mean(&self) -> f64 {
        let rest: f64 = self.rest.iter().map(|&value| square(value)).sum();
        (self.sums.iter().sum::<f64>() + rest) / self.sample_count.max(1) as f64
    }
}

/// Adds the squares of whole chunks.
fn add_squares(sums: &mut [f64; LANES], samples: &[f32]) {
    // Kept out of memory, where they would be waited for.
    let mut local = *sums;
    for chunk in samples.chunks_exact(LANES) {
        for lane in 0..LANES {
            local[lane] += square(chunk[lane]);
        }
    }
    *sums = local;
}

fn square(value: f32) -> f64 {
    f64::from(value) * f64::from(value)
}

/// Natural logarithm of a positive, normal number; without branches, so that loops over it run in lanes.
///
/// - Within 2 units in the last place of the true value, which is what the C library's is held to.
/// - The number is taken apart into 2ᵉ·m with m in √½..√2; with s = (m − 1)/(m + 1) the series
///   ln m = 2(s + s³/3 + s⁵/5 + …) has an error under 10⁻⁹ after five terms.
#[inline(always)]
pub(crate) fn ln(value: f32) -> f32 {
    /// Bits of √½.
    const HALF_ROOT: i32 = 0x3f35_04f3;
    let bits = value.to_bits() as i32;
    let exponent = bits.wrapping_sub(HALF_ROOT) >> 23;
    let mantissa = f32::from_bits(bits.wrapping_sub(exponent << 23) as u32);
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let z = s * s;
    let series = z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0))));
    let near_one = 2.0 * (s + s * series);
    exponent as f32 * std::f32::consts::LN_2 + near_one
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_are_sums_at_any_length() {
        for count in 0..40u16 {
            let values: Vec<f32> = (0..count).map(f32::from).collect();
            let squares: u32 = (0..u32::from(count)).map(|value| value * value).sum();
            assert_eq!(sum(&values), f32::from((0..count).sum::<u16>()));
            assert_eq!(dot(&values, &values), squares as f32);
            for part in 1..12 {
                let mut power = RunningPower::default();
                values.chunks(part).for_each(|samples| power.push(samples));
                let mean = f64::from(squares) / f64::from(count.max(1));
                assert_eq!(power.mean(), mean, "{count} by {part}");
            }
            let shorter = &values[..usize::from(count / 2)];
            assert_eq!(dot(shorter, &values), dot(shorter, shorter));
        }
    }

    #[test]
    fn logarithms_of_round_numbers() {
        assert_eq!(ln(1.0), 0.0);
        for (power, value) in [(1, 2.0), (-1, 0.5), (-30, 1.0 / 1_073_741_824.0)] {
            let expected = power as f32 * std::f32::consts::LN_2;
            assert!(
                (ln(value) - expected).abs() <= 2e-7 * expected.abs(),
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn logarithms_are_those_of_the_library(value in 1e-37f32..1e37, near in 0.5f32..2.0) {
            for value in [value, near, value.sqrt()] {
                let expected = f64::from(value).ln();
                let error = (f64::from(ln(value)) - expected).abs();
                prop_assert!(error <= 2.5e-7 * expected.abs().max(1e-7), "{value}: {error}");
            }
        }
    }
}
