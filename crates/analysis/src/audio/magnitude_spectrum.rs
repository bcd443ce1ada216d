//! Magnitudes of the spectrum of a window of samples.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// Transforms windows of one length.
///
/// - Source: the usual split of a real transform into a complex one of half the length (Sorensen et al.,
///   "Real-valued fast Fourier transform algorithms", IEEE TASSP 1987). Two bins come of the same four
///   numbers, and only their magnitudes are kept.
pub(crate) struct MagnitudeSpectrum {
    fft: Arc<dyn Fft<f32>>,
    /// Even samples are real parts, odd ones imaginary parts.
    packed: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    /// Real and imaginary parts of the lower half of the packed spectrum, and of the upper half backwards,
    /// each on its own so that bins are worked on in lanes.
    lower: [Vec<f32>; 2],
    upper: [Vec<f32>; 2],
    /// Cosine and sine of −2πk/length.
    turns: [Vec<f32>; 2],
    magnitudes: Vec<f32>,
    /// Those of the upper half, from the last one.
    from_end: Vec<f32>,
}

impl MagnitudeSpectrum {
    /// Plans a transform of so many samples, a multiple of four.
    pub(crate) fn new(length: usize) -> Self {
        let half = length / 2;
        let fft = FftPlanner::new().plan_fft_forward(half);
        let pair_count = half / 2 + 1;
        let turn = |index: usize| -std::f64::consts::TAU * index as f64 / length as f64;
        let zeros = || vec![0.0f32; pair_count];
        Self {
            packed: vec![Complex::default(); half],
            scratch: vec![Complex::default(); fft.get_inplace_scratch_len()],
            lower: [zeros(), zeros()],
            upper: [zeros(), zeros()],
            turns: [
                (0..pair_count)
                    .map(|index| turn(index).cos() as f32)
                    .collect(),
                (0..pair_count)
                    .map(|index| turn(index).sin() as f32)
                    .collect(),
            ],
            magnitudes: vec![0.0; half + 1],
            from_end: zeros(),
            fft,
        }
    }

    /// Magnitudes of `samples × window`.
    ///
    /// - Shape: both have the planned length; the result has half of it and one.
    pub(crate) fn compute(&mut self, samples: &[f32], window: &[f32]) -> &[f32] {
        let pairs = samples.chunks_exact(2).zip(window.chunks_exact(2));
        for (value, (samples, weights)) in self.packed.iter_mut().zip(pairs) {
            *value = Complex::new(samples[0] * weights[0], samples[1] * weights[1]);
        }
        self.fft
            .process_with_scratch(&mut self.packed, &mut self.scratch);
        self.part();
        self.combine();
        &self.magnitudes
    }

    /// Lays out the packed spectrum: bin `k` of the lower half beside bin `−k`.
    fn part(&mut self) {
        let [re, im] = &mut self.lower;
        for ((re, im), bin) in re.iter_mut().zip(im.iter_mut()).zip(&self.packed) {
            (*re, *im) = (bin.re, bin.im);
        }
        let [re, im] = &mut self.upper;
        (re[0], im[0]) = (self.packed[0].re, self.packed[0].im);
        let backwards = self.packed.iter().rev();
        for ((re, im), bin) in re[1..].iter_mut().zip(im[1..].iter_mut()).zip(backwards) {
            (*re, *im) = (bin.re, bin.im);
        }
    }

    /// Magnitudes of bin `k` and of bin `half − k`, from the spectra of even and odd samples.
    fn combine(&mut self) {
        let pair_count = self.from_end.len();
        let [low_re, low_im] = self.lower.each_ref().map(|part| &part[..pair_count]);
        let [high_re, high_im] = self.upper.each_ref().map(|part| &part[..pair_count]);
        let [cosines, sines] = self.turns.each_ref().map(|part| &part[..pair_count]);
        let from_start = &mut self.magnitudes[..pair_count];
        let from_end = &mut self.from_end[..pair_count];
        for index in 0..pair_count {
            let (a, b) = (low_re[index], low_im[index]);
            let (c, d) = (high_re[index], high_im[index]);
            let (even_re, even_im) = (0.5 * (a + c), 0.5 * (b - d));
            let (odd_re, odd_im) = (0.5 * (b + d), 0.5 * (c - a));
            let (cosine, sine) = (cosines[index], sines[index]);
            let turned_re = odd_re * cosine - odd_im * sine;
            let turned_im = odd_re * sine + odd_im * cosine;
            let norm = |re: f32, im: f32| (re * re + im * im).sqrt();
            from_start[index] = norm(even_re + turned_re, even_im + turned_im);
            from_end[index] = norm(even_re - turned_re, even_im - turned_im);
        }
        let last = self.magnitudes.iter_mut().rev();
        for (magnitude, value) in last.zip(&self.from_end) {
            *magnitude = *value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        for length in [4usize, 8, 64, 2_048] {
            let mut state = 5u32;
            let samples: Vec<f32> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 8) as f32 / (1 << 24) as f32 - 0.5
                })
                .collect();
            let window: Vec<f32> = (0..length)
                .map(|index| 1.0 / (1.0 + index as f32))
                .collect();
            let mut spectrum = MagnitudeSpectrum::new(length);
            let found = spectrum.compute(&samples, &window).to_vec();
            assert_eq!(found.len(), length / 2 + 1);
            for (bin, &found) in found.iter().enumerate() {
                let (mut re, mut im) = (0.0f64, 0.0f64);
                for (index, (sample, weight)) in samples.iter().zip(&window).enumerate() {
                    let turn = (bin * index % length) as f64 / length as f64;
                    let (sine, cosine) = (turn * std::f64::consts::TAU).sin_cos();
                    re += f64::from(sample * weight) * cosine;
                    im -= f64::from(sample * weight) * sine;
                }
                assert!(
                    (f64::from(found) - re.hypot(im)).abs() < 1e-6,
                    "{length} {bin}"
                );
            }
        }
    }
}
