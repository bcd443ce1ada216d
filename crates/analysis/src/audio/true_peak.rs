//! Peaks between the samples, looked for only where they can be.

/// Taps of the interpolation filter over all its phases.
const TAP_COUNT: usize = 48;
/// Rates from which two phases are enough, and from which the samples are, in hertz (BS.1770-4, Annex 2).
const HALF_RATE_HZ: u32 = 96_000;
const FULL_RATE_HZ: u32 = 192_000;
/// Frames that are looked at together: short enough that a loud moment does not make much be interpolated,
/// long enough for the inner loops.
const BLOCK_FRAMES: usize = 64;
/// Longest filter of one phase less one: how far before a block it reaches.
const REACH_MAX: usize = TAP_COUNT / 2 - 1;
/// What rounding may add to a bound.
const ROUNDING: f32 = 1.0 + 1e-5;

/// Finds the highest absolute value of any channel, interpolated between the samples.
///
/// - Shape: `samples` is `[frames × channels]`, interleaved, all finite.
/// - `sample_peak` is the highest absolute sample, under which nothing is looked for.
/// - Cost: O(samples) to bound the blocks, O(48 × samples) in those that may hold the peak; a few per cent
///   of most music.
/// - Source: ITU-R BS.1770-4, Annex 2: four times the rate, twice from 96 kHz, with a windowed sinc of 48
///   taps.
pub(crate) fn true_peak(
    samples: &[f32],
    channel_count: usize,
    sample_rate_hz: u32,
    sample_peak: f32,
) -> f32 {
    if sample_rate_hz >= FULL_RATE_HZ {
        return sample_peak;
    }
    let factor = if sample_rate_hz < HALF_RATE_HZ { 4 } else { 2 };
    let phases = Phase::all(factor);
    let bound = Bound::of(&phases);
    let reach = (TAP_COUNT / factor - 1) * channel_count;
    let block = BLOCK_FRAMES * channel_count;
    let mut peak = sample_peak;
    for start in (0..samples.len()).step_by(block) {
        let end = (start + block).min(samples.len());
        let heard = &samples[start.saturating_sub(reach)..end];
        // Where the signal begins it bends away from the silence before it, which the bound does not see.
        if start < reach || bound.of_block(heard, channel_count) > peak {
            for channel in 0..channel_count {
                let heard = Heard::new(samples, channel_count, channel, start, end);
                peak = phases
                    .iter()
                    .fold(peak, |peak, phase| heard.peak(phase).max(peak));
            }
        }
    }
    peak
}

/// The filter for one place between two samples: weights of the newest sample first.
struct Phase {
    taps: Vec<f32>,
}

impl Phase {
    /// The phases between the samples; that on the samples is their own value.
    fn all(factor: usize) -> Vec<Self> {
        let tap = |index: usize| {
            let from_centre = index as f64 - TAP_COUNT as f64 / 2.0;
            let window =
                0.5 - 0.5 * (std::f64::consts::TAU * index as f64 / TAP_COUNT as f64).cos();
            let angle = from_centre * std::f64::consts::PI / factor as f64;
            (window * angle.sin() / angle) as f32
        };
        (1..factor)
            .map(|phase| Self {
                taps: (phase..TAP_COUNT).step_by(factor).map(tap).collect(),
            })
            .collect()
    }
}

/// How far an interpolated value can lie over the samples: it is near the line between its neighbours, and
/// off it only by how much the signal bends around them.
struct Bound {
    of_samples: f32,
    of_bends: f32,
}

impl Bound {
    /// Splits each filter into weights of its two middle taps, which keep its sum and its centre, and a
    /// rest that is a filter of second differences.
    fn of(phases: &[Phase]) -> Self {
        let mut bound = Self {
            of_samples: 1.0,
            of_bends: 0.0,
        };
        for phase in phases {
            let middle = phase.taps.len() / 2 - 1;
            let sum: f64 = phase.taps.iter().map(|&tap| f64::from(tap)).sum();
            let moment: f64 = (0..)
                .zip(&phase.taps)
                .map(|(at, &tap)| f64::from(at) * f64::from(tap))
                .sum();
            let later = moment - sum * middle as f64;
            let earlier = sum - later;
            let (mut slope, mut bend, mut bends) = (0.0f64, 0.0f64, 0.0f64);
            for (index, &tap) in phase.taps.iter().enumerate() {
                let line = if index == middle {
                    earlier
                } else if index == middle + 1 {
                    later
                } else {
                    0.0
                };
                slope += f64::from(tap) - line;
                bend += slope;
                bends += bend.abs();
            }
            bound.of_samples = bound.of_samples.max((earlier.abs() + later.abs()) as f32);
            bound.of_bends = bound.of_bends.max(bends as f32);
        }
        bound
    }

    /// Most that any filter can make of these interleaved frames.
    fn of_block(&self, heard: &[f32], channel_count: usize) -> f32 {
        let level = largest(heard.iter().copied());
        let (before, after) = (heard, heard.get(2 * channel_count..).unwrap_or_default());
        let between = heard.get(channel_count..).unwrap_or_default();
        let bends = after.iter().zip(between).zip(before);
        let bend = largest(bends.map(|((after, between), before)| after - 2.0 * between + before));
        (level * self.of_samples + bend * self.of_bends) * ROUNDING
    }
}

/// Largest absolute value; of finite numbers it is that of their bits, and whole numbers compare in lanes.
pub(crate) fn largest(values: impl Iterator<Item = f32>) -> f32 {
    let bits = values.map(|value| value.abs().to_bits() as i32);
    f32::from_bits(bits.fold(0, i32::max) as u32)
}

/// One channel of a block with what comes before it.
struct Heard {
    frame_count: usize,
    samples: [f32; REACH_MAX + BLOCK_FRAMES],
}

impl Heard {
    fn new(
        samples: &[f32],
        channel_count: usize,
        channel: usize,
        start: usize,
        end: usize,
    ) -> Self {
        let mut heard = [0.0; REACH_MAX + BLOCK_FRAMES];
        let first = (start / channel_count).saturating_sub(REACH_MAX);
        let skipped = REACH_MAX - (start / channel_count - first);
        let frames = samples[first * channel_count..end].chunks_exact(channel_count);
        for (value, frame) in heard[skipped..].iter_mut().zip(frames) {
            *value = frame[channel];
        }
        Self {
            frame_count: (end - start) / channel_count,
            samples: heard,
        }
    }

    fn peak(&self, phase: &Phase) -> f32 {
        let mut sums = [0.0f32; BLOCK_FRAMES];
        for (age, &tap) in phase.taps.iter().enumerate() {
            let from = REACH_MAX - age;
            for (sum, sample) in sums
                .iter_mut()
                .zip(&self.samples[from..from + BLOCK_FRAMES])
            {
                *sum += tap * sample;
            }
        }
        largest(sums.into_iter().take(self.frame_count))
    }
}

#[cfg(test)]
mod tests {
    use ebur128::{EbuR128, Mode};
    use proptest::prelude::*;

    use super::*;

    /// What the reference meter finds.
    fn reference(samples: &[f32], channel_count: usize, sample_rate_hz: u32) -> f32 {
        let mut meter = EbuR128::new(channel_count as u32, sample_rate_hz, Mode::TRUE_PEAK)
            .expect("takes the layout");
        meter.add_frames_f32(samples).expect("whole frames");
        (0..channel_count as u32)
            .map(|channel| meter.true_peak(channel).expect("has the channel"))
            .fold(0.0, f64::max) as f32
    }

    fn found(samples: &[f32], channel_count: usize, sample_rate_hz: u32) -> f32 {
        let sample_peak = largest(samples.iter().copied());
        true_peak(samples, channel_count, sample_rate_hz, sample_peak)
    }

    #[test]
    fn a_tone_between_its_samples_peaks_at_its_amplitude() {
        // A quarter of the rate at 45 degrees: every sample is the root of a half of the amplitude.
        let tone: Vec<f32> = (0..4_800)
            .map(|index| {
                let fade = (index.min(4_799 - index) as f32 / 480.0).min(1.0);
                let phase = std::f32::consts::FRAC_PI_2 * ((index % 4) as f32 + 0.5);
                fade * phase.sin()
            })
            .collect();
        assert!((largest(tone.iter().copied()) - 0.5f32.sqrt()).abs() < 1e-4);
        assert!((found(&tone, 1, 48_000) - 1.0).abs() < 0.02);
        assert_eq!(found(&tone, 1, 192_000), largest(tone.iter().copied()));
    }

    proptest! {
        #[test]
        fn no_peak_of_the_reference_is_missed(
            levels in proptest::collection::vec((0.0f32..1.0, 1usize..300), 1..12),
            seed in any::<u32>(),
            smoothness in 0.0f32..0.99,
            channel_count in 1usize..4,
            rate in prop_oneof![Just(22_050u32), Just(44_100), Just(96_000)],
        ) {
            let mut state = seed;
            let mut held = 0.0f32;
            let samples: Vec<f32> = levels
                .iter()
                .flat_map(|&(level, frames)| std::iter::repeat_n(level, frames * channel_count))
                .map(|level| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let noise = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
                    held = held * smoothness + noise * (1.0 - smoothness);
                    held * level
                })
                .collect();
            let (found, reference) = (found(&samples, channel_count, rate), reference(&samples, channel_count, rate));
            prop_assert!((found - reference).abs() <= 2e-6 * reference, "{found} {reference}");
        }
    }
}
