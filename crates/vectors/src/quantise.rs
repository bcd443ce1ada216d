//! Symmetric 8-bit codes with one scale per vector.
//!
//! A component becomes `round(component / scale)` with `scale = max|component| / 127`. Stored codes
//! carry an offset of 128 so that they are unsigned: the widest x86 instruction multiplies unsigned
//! by signed bytes, and the offset then costs one subtraction per query, not one per vector.

/// Bytes of one cache line, the unit in which codes are stored and read.
pub(crate) const LINE_BYTES: usize = 64;

/// The byte of a stored code that stands for zero.
pub(crate) const ZERO_CODE: u8 = 0x80;

/// Components checked in step by [`code_error`]: a cache line of them.
const CHECK_LANES: usize = 16;

/// One cache line of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct CodeLine(pub [u8; LINE_BYTES]);

impl CodeLine {
    pub(crate) const ZERO: Self = Self([ZERO_CODE; LINE_BYTES]);
}

/// What turns a product of codes back into a distance.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C)]
pub(crate) struct Terms {
    /// Length of one code step.
    pub scale: f32,
    /// Squared length of the vector under L2, else 0.
    pub norm: f32,
}

/// A query in codes: `distance = offset + norm − factor · scale · (products − bias)`.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueryCode {
    /// Signed codes, zero padded.
    pub lines: Vec<CodeLine>,
    /// What the offset of the stored codes adds to the sum of products.
    pub bias: i32,
    pub factor: f32,
    pub offset: f32,
}

/// Number of cache lines of a code.
pub(crate) fn code_lines(dimension: usize) -> usize {
    dimension.div_ceil(LINE_BYTES)
}

/// Encodes a finite vector into stored codes; returns the scale and the length of the error.
pub(crate) fn encode(vector: &[f32], lines: &mut [CodeLine]) -> (f32, f32) {
    let largest = vector.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let scale = largest / 127.0;
    lines.fill(CodeLine::ZERO);
    // Below the normal range the division would overflow; such a vector is zero for our purpose.
    if scale < f32::MIN_POSITIVE {
        return (0.0, length(vector.iter().map(|&x| f64::from(x))));
    }
    let inverse = 1.0 / scale;
    for (line, chunk) in lines.iter_mut().zip(vector.chunks(LINE_BYTES)) {
        for (code, component) in line.0.iter_mut().zip(chunk) {
            let step = (component * inverse).round().clamp(-127.0, 127.0) as i8;
            *code = (step as u8) ^ ZERO_CODE;
        }
    }
    let decoded = lines
        .iter()
        .flat_map(|line| line.0.iter())
        .map(|&code| f64::from((code ^ ZERO_CODE) as i8) * f64::from(scale));
    let error = length(
        vector
            .iter()
            .zip(decoded)
            .map(|(&x, decoded)| f64::from(x) - decoded),
    );
    (scale, error)
}

/// Measures the error of a stored code from above; nothing if it is not the code of the vector.
///
/// The check of a snapshot: rounding anew would take several times as long as measuring in steps how
/// far each component is from its code, of which half a step is right.
pub(crate) fn code_error(vector: &[f32], lines: &[CodeLine], scale: f32) -> Option<f32> {
    let largest = vector.iter().fold(0.0f32, |most, &x| {
        // Not `max`, whose rule for NaN keeps the loop from being vectorised.
        if x.abs() > most { x.abs() } else { most }
    });
    let expected = largest / 127.0;
    if expected < f32::MIN_POSITIVE {
        let is_zero = scale == 0.0 && lines.iter().all(|&line| line == CodeLine::ZERO);
        return is_zero.then(|| length(vector.iter().map(|&x| f64::from(x))));
    }
    let inverse = 1.0 / expected;
    let (mut sums, mut worst) = ([0.0f32; CHECK_LANES], [0.0f32; CHECK_LANES]);
    let mut check = |codes: &[u8; CHECK_LANES], vector: &[f32; CHECK_LANES]| {
        for lane in 0..CHECK_LANES {
            let code = f32::from((codes[lane] ^ ZERO_CODE) as i8);
            let off = code - vector[lane] * inverse;
            sums[lane] += off * off;
            worst[lane] = if off.abs() > worst[lane] {
                off.abs()
            } else {
                worst[lane]
            };
        }
    };
    for (at, line) in lines.iter().enumerate() {
        let of_line = &vector[at * LINE_BYTES..vector.len().min((at + 1) * LINE_BYTES)];
        let (whole, rest) = of_line.as_chunks::<CHECK_LANES>();
        let codes = line.0.as_chunks::<CHECK_LANES>().0;
        (codes.iter().zip(whole)).for_each(|(codes, vector)| check(codes, vector));
        for (place, codes) in codes.iter().enumerate().skip(whole.len()) {
            let mut padded = [0.0; CHECK_LANES];
            if place == whole.len() {
                padded[..rest.len()].copy_from_slice(rest);
            }
            check(codes, &padded);
        }
    }
    let sum: f32 = sums.iter().sum();
    // Ours and the encoder's multiplication each err by 127 · 2⁻²⁴ of a step at most.
    let slack = 2e-5;
    let is_code = scale == expected && worst.iter().all(|&off| off <= 0.5 + slack);
    let steps = sum.sqrt() * (1.0 + 1e-4) + slack * (vector.len() as f32).sqrt();
    is_code.then_some(steps * scale)
}

fn length(components: impl Iterator<Item = f64>) -> f32 {
    components.map(|x| x * x).sum::<f64>().sqrt() as f32
}

impl QueryCode {
    /// Takes over stored codes as a query.
    pub(crate) fn set_codes(&mut self, stored: &[CodeLine]) {
        self.lines.clear();
        self.lines.extend_from_slice(stored);
        let mut sum = 0i32;
        for line in &mut self.lines {
            for code in &mut line.0 {
                *code ^= ZERO_CODE;
                sum += i32::from(*code as i8);
            }
        }
        self.bias = 128 * sum;
    }

    /// Turns a sum of code products into a distance.
    #[inline(always)]
    pub(crate) fn distance(&self, terms: Terms, products: i32) -> f32 {
        self.offset + terms.norm - self.factor * terms.scale * (products - self.bias) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_a_hand_worked_vector() {
        let mut lines = [CodeLine::ZERO];
        let (scale, error) = encode(&[127.0, -63.6, 0.4, 0.0], &mut lines);
        assert_eq!(scale, 1.0);
        assert_eq!(lines[0].0[..5], [255, 64, 128, 128, 128]);
        assert!((error - (0.16f32 + 0.16).sqrt()).abs() < 1e-5);
        let mut query = QueryCode::default();
        query.set_codes(&lines);
        assert_eq!(query.bias, 128 * (127 - 64));
    }

    #[test]
    fn errors_of_codes_are_bounded_and_foreign_codes_are_found() {
        for dimension in [1, 16, 17, 63, 64, 65, 130] {
            let vector: Vec<f32> = (0..dimension)
                .map(|at| ((at * 37 + 11) % 101) as f32 / 50.0 - 1.0)
                .collect();
            let mut lines = vec![CodeLine::ZERO; code_lines(dimension)];
            let (scale, error) = encode(&vector, &mut lines);
            let bound = code_error(&vector, &lines, scale).unwrap();
            assert!(
                (error..=error * 1.001 + scale * 1e-3).contains(&bound),
                "{dimension}"
            );
            assert_eq!(code_error(&vector, &lines, scale * 1.01), None);
            for at in 0..lines.len() * LINE_BYTES {
                let mut changed = lines.clone();
                changed[at / LINE_BYTES].0[at % LINE_BYTES] ^= 2;
                assert_eq!(
                    code_error(&vector, &changed, scale),
                    None,
                    "{dimension}, {at}"
                );
            }
        }
    }

    #[test]
    fn tiny_and_zero_vectors_have_no_codes() {
        let mut lines = [CodeLine::ZERO];
        for vector in [[0.0f32; 3], [1e-44; 3]] {
            let (scale, error) = encode(&vector, &mut lines);
            assert_eq!(scale, 0.0);
            assert!(error.is_finite());
            assert_eq!(lines[0], CodeLine::ZERO);
            assert!(code_error(&vector, &lines, 0.0).is_some());
            assert_eq!(code_error(&vector, &lines, 1.0), None);
        }
    }
}
