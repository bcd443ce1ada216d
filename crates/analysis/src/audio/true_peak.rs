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

/// Finds the highest absolute value of any channel of a programme that comes in parts, interpolated between
/// the samples.
///
/// - Shape: parts are `[frames × channels]`, interleaved, whole frames, all finite. How the programme is
///   parted does not show: every interpolated value is of its own frames alone.
/// - Cost: O(samples) to bound the blocks, O(48 × samples) in those that may hold the peak; a few per cent
///   of most music. Memory for one part.
/// - Source: ITU-R BS.1770-4, Annex 2: four times the rate, twice from 96 kHz, with a windowed sinc of 48
///   taps.
pub(crate) struct PeakMeter {
    channel_count: usize,
    phases: Vec<Phase>,
    bound: Bound,
    /// The last frames of what was heard, which the filters still reach, and then the new part. Before the
    /// beginning was silence.
    heard: Vec<f32>,
    sample_peak: f32,
    peak: f32,
}

impl PeakMeter {
    pub(crate) fn new(channel_count: usize, sample_rate_hz: u32) -> Self {
        let phases = match sample_rate_hz {
            FULL_RATE_HZ.. => Vec::new(),
            HALF_RATE_HZ.. => Phase::all(2),
            _ => Phase::all(4),
        };
        Self {
            channel_count,
            bound: Bound::of(&phases),
            phases,
            heard: vec![0.0; REACH_MAX * channel_count],
            sample_peak: 0.0,
            peak: 0.0,
        }
    }

    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.sample_peak = self.sample_peak.max(largest(samples.iter().copied()));
        self.peak = self.peak.max(self.sample_peak);
        if self.phases.is_empty() {
            return;
        }
        let reach = REACH_MAX * self.channel_count;
        self.heard.extend_from_slice(samples);
        let blocks = (reach..self.heard.len()).step_by(BLOCK_FRAMES * self.channel_count);
        for start in blocks {
            let end = (start + BLOCK_FRAMES * self.channel_count).min(self.heard.len());
            let block = &self.heard[start - reach..end];
            if self.bound.of_block(block, self.channel_count) <= self.peak {
                continue;
            }
            for channel in 0..self.channel_count {
                let heard = Heard::new(block, self.channel_count, channel);
                let peaks = self.phases.iter().map(|phase| heard.peak(phase));
                self.peak = peaks.fold(self.peak, f32::max);
            }
        }
        self.heard.drain(..self.heard.len() - reach);
    }

    /// Highest sample so far.
    pub(crate) fn sample_peak(&self) -> f32 {
        self.sample_peak
    }

    /// Highest value so far, between samples too.
    pub(crate) fn true_peak(&self) -> f32 {
        self.peak
    }
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
    /// Takes a channel out of the frames of a block and those that the filters reach before it.
    fn new(block: &[f32], channel_count: usize, channel: usize) -> Self {
        let mut samples = [0.0; REACH_MAX + BLOCK_FRAMES];
        let frames = block.chunks_exact(channel_count);
        let frame_count = frames.len() - REACH_MAX;
        for (value, frame) in samples.iter_mut().zip(frames) {
            *value = frame[channel];
        }
        Self {
            frame_count,
            samples,
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

    fn found(
        samples: &[f32],
        channel_count: usize,
        sample_rate_hz: u32,
        part_frames: usize,
    ) -> f32 {
        let mut meter = PeakMeter::new(channel_count, sample_rate_hz);
        for part in samples.chunks(part_frames * channel_count) {
            meter.push(part);
        }
        meter.true_peak()
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
        assert!((found(&tone, 1, 48_000, 1_000) - 1.0).abs() < 0.02);
        assert_eq!(found(&tone, 1, 192_000, 7), largest(tone.iter().copied()));
    }

    proptest! {
        #[test]
        fn no_peak_of_the_reference_is_missed(
            levels in proptest::collection::vec((0.0f32..1.0, 1usize..300), 1..12),
            seed in any::<u32>(),
            smoothness in 0.0f32..0.99,
            channel_count in 1usize..4,
            rate in prop_oneof![Just(22_050u32), Just(44_100), Just(96_000)],
            part_frames in 1usize..500,
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
            let whole = found(&samples, channel_count, rate, samples.len());
            let found = found(&samples, channel_count, rate, part_frames);
            prop_assert_eq!(found, whole);
            let reference = reference(&samples, channel_count, rate);
            prop_assert!((found - reference).abs() <= 2e-6 * reference, "{found} {reference}");
        }
    }
}
