//! Voice-like movement: partials that glide together, which instruments with fixed pitches do not do.

use super::lanes;
use super::resample::ANALYSIS_RATE_HZ;

/// Range of partials that are followed, in hertz: over the fundamentals of bass and drums, up to where
/// the third formant of voices ends.
const RANGE_HZ: (f64, f64) = (450.0, 3_300.0);
/// Places per octave: 20 cents each, as fine as the window can tell at the top of the range.
const PLACES_PER_OCTAVE: f64 = 60.0;
/// Longest glide between two frames of 46 ms, in places: 80 cents, a vibrato of ±50 cents at 5.5 Hz.
/// A step of the scale is wider, so a melody on an instrument does not count.
const SHIFT_MAX: usize = 4;
/// Compression as in the rhythm bands: partials count by their logarithm.
const COMPRESSION: f32 = 500.0;

/// How partials moved at one timbre frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct GlideFrame {
    /// How much better what vanished fits what appeared when moved up than when moved down, −1..=1.
    pub direction: f32,
    /// Share of the magnitude that moved, 0..=1.
    pub moved: f32,
}

/// Follows partials from frame to frame.
///
/// - Source: after the fluctogram of Lehner, Sonnleitner & Widmer, "Towards light-weight,
///   real-time-capable singing voice detection", ISMIR 2013, and its forerunner, Sonnleitner,
///   Niedermayer, Widmer & Schlüter, "A simple and effective spectral feature for speech detection in
///   mixed audio signals", DAFx 2012: neighbouring spectra on a logarithmic axis are compared at small
///   shifts. Here what stood still is taken off first, so that steady accompaniment does not hide the
///   voice.
/// - Cost: per frame about 170 interpolations and 9 × 170 products.
pub(crate) struct GlideMeter {
    /// Bin and share of the next one for each place.
    places: Vec<(usize, f32)>,
    before: Vec<f32>,
    now: Vec<f32>,
    vanished: Vec<f32>,
    appeared: Vec<f32>,
    frames: Vec<GlideFrame>,
}

impl GlideMeter {
    pub(crate) fn new(window_length: usize) -> Self {
        let bin_hz = f64::from(ANALYSIS_RATE_HZ) / window_length as f64;
        let octaves = (RANGE_HZ.1 / RANGE_HZ.0).log2();
        let count = (octaves * PLACES_PER_OCTAVE) as usize;
        let places: Vec<(usize, f32)> = (0..count)
            .map(|place| {
                let frequency = RANGE_HZ.0 * (place as f64 / PLACES_PER_OCTAVE).exp2();
                let bin = frequency / bin_hz;
                (bin as usize, bin.fract() as f32)
            })
            .collect();
        let padded = places.len() + 2 * SHIFT_MAX;
        Self {
            before: vec![0.0; places.len()],
            now: vec![0.0; places.len()],
            vanished: vec![0.0; places.len()],
            appeared: vec![0.0; padded],
            places,
            frames: Vec::new(),
        }
    }

    /// Adds one frame.
    pub(crate) fn push(&mut self, magnitudes: &[f32]) {
        for (value, &(bin, share)) in self.now.iter_mut().zip(&self.places) {
            let low = magnitudes.get(bin).copied().unwrap_or(0.0);
            let high = magnitudes.get(bin + 1).copied().unwrap_or(0.0);
            *value = low + share * (high - low);
        }
        for value in &mut self.now {
            *value = lanes::ln(COMPRESSION * *value + 1.0);
        }
        let changes = self.now.iter().zip(&self.before);
        let steps = self
            .vanished
            .iter_mut()
            .zip(&mut self.appeared[SHIFT_MAX..]);
        for ((now, before), (vanished, appeared)) in changes.zip(steps) {
            let change = now - before;
            *vanished = (-change).max(0.0);
            *appeared = change.max(0.0);
        }
        let moved = lanes::sum(&self.vanished) + lanes::sum(&self.appeared);
        let whole = lanes::sum(&self.now) + lanes::sum(&self.before);
        let frame = GlideFrame {
            direction: self.direction(),
            moved: if whole > 0.0 { moved / whole } else { 0.0 },
        };
        self.frames.push(frame);
        std::mem::swap(&mut self.before, &mut self.now);
    }

    fn direction(&self) -> f32 {
        let norm = |values: &[f32]| lanes::dot(values, values).sqrt();
        let scale = norm(&self.vanished) * norm(&self.appeared);
        if scale <= 1e-6 {
            return 0.0;
        }
        let fit = |offset: usize| -> f32 {
            let moved = self.appeared.get(offset..).unwrap_or_default();
            lanes::dot(&self.vanished, moved) / scale
        };
        let (mut up, mut down) = (0.0f32, 0.0f32);
        for shift in 1..=SHIFT_MAX {
            up = up.max(fit(SHIFT_MAX + shift));
            down = down.max(fit(SHIFT_MAX - shift));
        }
        up - down
    }

    pub(crate) fn finish(self) -> Vec<GlideFrame> {
        self.frames
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::{Parts, Spectra};
    use super::*;

    /// Ten partials of a tone whose pitch follows `cents` over time.
    fn tone(cents: impl Fn(f64) -> f64) -> Vec<f32> {
        let mut phase = 0.0f64;
        (0..22_050 * 3)
            .map(|index| {
                let time = f64::from(index) / 22_050.0;
                phase += 220.0 * (cents(time) / 1_200.0).exp2() / 22_050.0;
                let partials = (1..=10).map(|partial| {
                    (std::f64::consts::TAU * phase * f64::from(partial)).sin() / f64::from(partial)
                });
                (partials.sum::<f64>() * 0.1) as f32
            })
            .collect()
    }

    fn movement(signal: &[f32]) -> f32 {
        let glides = Spectra::compute(signal, Parts::ALL).glides;
        let inner = &glides[3..glides.len() - 3];
        let sum: f32 = inner
            .iter()
            .map(|frame| frame.direction.abs() * frame.moved)
            .sum();
        sum / inner.len() as f32
    }

    #[test]
    fn a_vibrato_moves_and_a_tremolo_does_not() {
        let steady = movement(&tone(|_| 0.0));
        let sung = movement(&tone(|time| {
            50.0 * (std::f64::consts::TAU * 5.5 * time).sin()
        }));
        let trembling: Vec<f32> = tone(|_| 0.0)
            .into_iter()
            .enumerate()
            .map(|(index, sample)| {
                sample * (1.0 + 0.6 * (index as f32 / 22_050.0 * 5.5 * std::f32::consts::TAU).sin())
            })
            .collect();
        let trembling = movement(&trembling);
        assert!(
            sung > 8.0 * steady && sung > 8.0 * trembling,
            "{sung} {steady} {trembling}"
        );
    }

    #[test]
    fn a_rising_tone_goes_up() {
        let rising = Spectra::compute(&tone(|time| 600.0 * time), Parts::ALL).glides;
        let falling = Spectra::compute(&tone(|time| -600.0 * time), Parts::ALL).glides;
        let mean = |frames: &[GlideFrame]| {
            let inner = &frames[3..frames.len() - 3];
            inner.iter().map(|frame| frame.direction).sum::<f32>() / inner.len() as f32
        };
        assert!(mean(&rising) > 0.1, "{}", mean(&rising));
        assert!(mean(&falling) < -0.1, "{}", mean(&falling));
    }
}
