//! Detrended fluctuation analysis of the level: how danceable the movement of a track is.

use super::frames::RHYTHM_FPS;

/// Shortest and longest window in seconds, and the factor between windows (Streich & Herrera 2005).
const WINDOW_RANGE_S: (f64, f64) = (0.31, 10.0);
const WINDOW_RATIO: f64 = 1.1;
/// Windows that the longest one must fit in a track; with fewer its residual is a single accident.
const WINDOWS_MIN: usize = 3;
/// Scales needed for an exponent.
const SCALES_MIN: usize = 8;
/// Windows overlap by this share of their length.
const OVERLAP: usize = 4;
/// Frames added to a window before its logarithm, against the bend at short windows (same paper).
const SHORT_WINDOW_BIAS: f64 = 3.0;

/// Mean scaling exponent of the level over windows from 0.3 to 10 s.
///
/// - Shape: `levels` are root mean squares of frames at [`RHYTHM_FPS`].
/// - Units: without one; 0.5 is a level that is random from frame to frame, 1.0 one that drifts like
///   pink noise, 1.5 a random walk. Strong regular beats lie lowest.
/// - `None` for a track too short for [`SCALES_MIN`] scales, or a level that never changes.
/// - Cost: O(levels + windows) by running sums.
/// - Source: Streich & Herrera, "Detrended fluctuation analysis of music signals: danceability
///   estimation and further semantic characterization", AES 118, 2005. Frames are 11.6 ms for 10 ms,
///   windows overlap by three quarters instead of all but one frame.
pub(crate) fn scaling_exponent(levels: &[f32]) -> Option<f64> {
    let sums = Sums::new(levels);
    let longest = ((WINDOW_RANGE_S.1 * RHYTHM_FPS) as usize).min(levels.len() / WINDOWS_MIN);
    let mut scales: Vec<(f64, f64)> = Vec::new();
    let mut window_s = WINDOW_RANGE_S.0;
    loop {
        let window = (window_s * RHYTHM_FPS).round() as usize;
        if window > longest {
            break;
        }
        let residual = sums.mean_residual(window);
        if residual <= 1e-9 {
            return None;
        }
        scales.push(((window as f64 + SHORT_WINDOW_BIAS).ln(), residual.ln()));
        window_s *= WINDOW_RATIO;
    }
    let (first, last) = (scales.first()?, scales.last()?);
    // The mean of the local slopes telescopes to the slope between the ends.
    (scales.len() >= SCALES_MIN).then(|| (last.1 - first.1) / (last.0 - first.0))
}

/// Running sums of the integrated level, from which the residual of a linear fit over any window
/// follows without reading the window.
struct Sums {
    /// Sums of y, of y × index and of y².
    sums: Vec<[f64; 3]>,
}

impl Sums {
    fn new(levels: &[f32]) -> Self {
        let count = levels.len().max(1) as f64;
        let mean = levels.iter().map(|&level| f64::from(level)).sum::<f64>() / count;
        let mut running = [0.0; 3];
        let mut sums = Vec::with_capacity(levels.len() + 1);
        sums.push(running);
        let mut integrated = 0.0;
        for (index, &level) in levels.iter().enumerate() {
            integrated += f64::from(level) - mean;
            running[0] += integrated;
            running[1] += integrated * index as f64;
            running[2] += integrated * integrated;
            sums.push(running);
        }
        Self { sums }
    }

    /// Root mean square distance from straight lines through windows of a length.
    fn mean_residual(&self, window: usize) -> f64 {
        let length = window as f64;
        let step = (window / OVERLAP).max(1);
        let (mut total, mut count) = (0.0, 0.0);
        let mut from = 0;
        while let (Some(low), Some(high)) = (self.sums.get(from), self.sums.get(from + window)) {
            let [y, xy, yy] = [0, 1, 2].map(|part| high[part] - low[part]);
            let centre = from as f64 + (length - 1.0) / 2.0;
            let spread = length * (length * length - 1.0) / 12.0;
            let slope_part = xy - centre * y;
            let residual = yy - y * y / length - slope_part * slope_part / spread;
            total += (residual / length).max(0.0);
            count += 1.0;
            from += step;
        }
        (total / f64::max(count, 1.0)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize) -> Vec<f32> {
        let mut state = 99u32;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32
            })
            .collect()
    }

    #[test]
    fn noise_and_walks_have_their_exponents() {
        let white = noise(20_000);
        let walk: Vec<f32> = white
            .iter()
            .scan(0.0, |sum, value| {
                *sum += value - 0.5;
                Some(*sum)
            })
            .collect();
        let exponent = scaling_exponent(&white).expect("is long");
        assert!((exponent - 0.5).abs() < 0.06, "{exponent}");
        let exponent = scaling_exponent(&walk).expect("is long");
        assert!((exponent - 1.5).abs() < 0.12, "{exponent}");
    }

    #[test]
    fn the_residual_is_that_of_a_fitted_line() {
        let sums = Sums::new(&[1.0, 4.0, 2.0, 8.0]);
        // Integrated: −2.75, −2.5, −4.25, 0; its fitted line over all leaves these squares.
        let y = [-2.75f64, -2.5, -4.25, 0.0];
        let mean = y.iter().sum::<f64>() / 4.0;
        let slope = (0..4)
            .map(|i| (i as f64 - 1.5) * (y[i] - mean))
            .sum::<f64>()
            / 5.0;
        let squares: f64 = (0..4)
            .map(|i| (y[i] - mean - slope * (i as f64 - 1.5)).powi(2))
            .sum();
        assert!((sums.mean_residual(4) - (squares / 4.0).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn what_is_short_or_constant_has_none() {
        assert_eq!(scaling_exponent(&[]), None);
        assert_eq!(scaling_exponent(&noise(100)), None);
        assert_eq!(scaling_exponent(&[0.5; 5_000]), None);
    }
}
