//! Power as a listener weighs it: the K-weighting of BS.1770 and the sums of squares behind every loudness.

/// Weight of a surround channel (BS.1770-4, table 3).
const SURROUND_WEIGHT: f64 = 1.41;
/// State under which the filter is at rest, −600 dB: nothing of it reaches a gate, and numbers too small
/// to be normal would slow the filter down by an order of magnitude.
const AT_REST: f64 = 1e-30;

/// Mean K-weighted power, channels added up by their weights, at two paces.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Powers {
    /// One a step of so many frames as were asked for.
    pub fine: Vec<f64>,
    /// One a block of so many frames as were asked for.
    pub coarse: Vec<f64>,
}

/// Frames of a step and of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paces {
    pub fine_frames: usize,
    pub coarse_frames: usize,
}

/// Filters a programme that comes in parts and measures its power.
///
/// - Shape: parts are `[frames × channels]`, interleaved, whole frames, all finite. How the programme is
///   parted does not show: samples are filtered from one end of a step or block to the next. Steps and
///   blocks that the end cuts off are left out.
/// - Cost: O(frames × channels), one pass over each pair of channels; memory for a step, and 16 bytes for
///   each step and block measured.
/// - Source: ITU-R BS.1770-4, Annex 1. The filters are those of its tables 1 and 2 brought to any rate by
///   the bilinear transform of the analogue filters under them.
pub(crate) struct PowerMeter {
    channel_count: usize,
    /// Two channels side by side: each waits for its own last output, and waits overlap.
    pairs: Vec<Voices<2>>,
    odd: Option<Voices<1>>,
    fine: Pace,
    coarse: Pace,
    /// What does not reach the next end of a step or block yet.
    waiting: Vec<f32>,
    powers: Powers,
}

impl PowerMeter {
    pub(crate) fn new(channel_count: usize, sample_rate_hz: u32, paces: Paces) -> Self {
        let weights = channel_weights(channel_count);
        let audible: Vec<(usize, f64)> = (0..)
            .zip(weights)
            .filter(|&(_, weight)| weight > 0.0)
            .collect();
        let pairs = audible.chunks_exact(2);
        let odd = pairs.remainder().first();
        Self {
            channel_count,
            odd: odd.map(|&only| Voices::new([only], sample_rate_hz)),
            pairs: pairs
                .map(|pair| Voices::new([pair[0], pair[1]], sample_rate_hz))
                .collect(),
            fine: Pace::new(paces.fine_frames),
            coarse: Pace::new(paces.coarse_frames),
            waiting: Vec::new(),
            powers: Powers::default(),
        }
    }

    pub(crate) fn push(&mut self, samples: &[f32]) {
        let mut rest = samples;
        while !rest.is_empty() {
            let wanted = self.fine.left.min(self.coarse.left) * self.channel_count;
            if self.waiting.is_empty() && rest.len() >= wanted {
                let (part, after) = rest.split_at(wanted);
                self.measure(part);
                rest = after;
                continue;
            }
            let (part, after) = rest.split_at((wanted - self.waiting.len()).min(rest.len()));
            self.waiting.extend_from_slice(part);
            rest = after;
            if self.waiting.len() == wanted {
                let mut whole = std::mem::take(&mut self.waiting);
                self.measure(&whole);
                whole.clear();
                self.waiting = whole;
            }
        }
    }

    /// Measures the frames up to the next end of a step or block.
    fn measure(&mut self, frames: &[f32]) {
        let frame_count = frames.len() / self.channel_count;
        for pair in &mut self.pairs {
            pair.add(frames, self.channel_count);
        }
        if let Some(odd) = &mut self.odd {
            odd.add(frames, self.channel_count);
        }
        if self.fine.is_over_after(frame_count) {
            let mean = self.take_mean(0, self.fine.length);
            self.powers.fine.push(mean);
        }
        if self.coarse.is_over_after(frame_count) {
            let mean = self.take_mean(1, self.coarse.length);
            self.powers.coarse.push(mean);
        }
    }

    /// Mean power since the last end at a pace, 0 being the fine one and 1 the coarse one.
    fn take_mean(&mut self, pace: usize, frame_count: usize) -> f64 {
        let pairs = self.pairs.iter_mut().map(|pair| &mut pair.sums[pace]);
        let odd = self.odd.iter_mut().map(|odd| &mut odd.sums[pace]);
        let means = pairs
            .chain(odd)
            .map(|sum| std::mem::take(sum) / frame_count as f64);
        means.sum()
    }

    pub(crate) fn finish(self) -> Powers {
        self.powers
    }
}

/// Weights of the channels in the usual order: left, right, centre, low frequencies, surrounds; without the
/// low frequencies where there are four or five. What comes after is not part of the programme.
fn channel_weights(channel_count: usize) -> Vec<f64> {
    let known: &[f64] = match channel_count {
        4 => &[1.0, 1.0, SURROUND_WEIGHT, SURROUND_WEIGHT],
        5 => &[1.0, 1.0, 1.0, SURROUND_WEIGHT, SURROUND_WEIGHT],
        _ => &[1.0, 1.0, 1.0, 0.0, SURROUND_WEIGHT, SURROUND_WEIGHT],
    };
    let mut weights = known.to_vec();
    weights.resize(channel_count, 0.0);
    weights
}

/// Where in a step or block of a pace we are.
struct Pace {
    length: usize,
    left: usize,
}

impl Pace {
    fn new(length: usize) -> Self {
        let length = length.max(1);
        Self {
            length,
            left: length,
        }
    }

    fn is_over_after(&mut self, frame_count: usize) -> bool {
        self.left -= frame_count.min(self.left);
        let is_over = self.left == 0;
        if is_over {
            self.left = self.length;
        }
        is_over
    }
}

/// Some channels with their weights, and their power since the last end at either pace.
struct Voices<const LANES: usize> {
    channels: [usize; LANES],
    weights: [f64; LANES],
    filter: Filter<LANES>,
    sums: [f64; 2],
}

impl<const LANES: usize> Voices<LANES> {
    fn new(lanes: [(usize, f64); LANES], sample_rate_hz: u32) -> Self {
        Self {
            channels: lanes.map(|(channel, _)| channel),
            weights: lanes.map(|(_, weight)| weight),
            filter: Filter::new(sample_rate_hz),
            sums: [0.0; 2],
        }
    }

    fn add(&mut self, frames: &[f32], channel_count: usize) {
        let squares = self
            .filter
            .sum_of_squares(frames, channel_count, self.channels);
        let weighted = squares
            .iter()
            .zip(self.weights)
            .map(|(sum, weight)| sum * weight);
        let sum: f64 = weighted.sum();
        self.sums = self.sums.map(|before| before + sum);
    }
}

/// Both filters of the K-weighting, for some channels at once.
struct Filter<const LANES: usize> {
    shelf: Shelf,
    /// Feedback of the high-pass; its numerator is 1, −2, 1.
    high_pass: [f64; 2],
    shelf_state: [[f64; 2]; LANES],
    high_pass_state: [[f64; 2]; LANES],
}

/// The shelf that stands for the head.
#[derive(Clone, Copy)]
struct Shelf {
    numerator: [f64; 3],
    feedback: [f64; 2],
}

impl<const LANES: usize> Filter<LANES> {
    fn new(sample_rate_hz: u32) -> Self {
        let warped = |frequency_hz: f64| {
            (std::f64::consts::PI * frequency_hz / f64::from(sample_rate_hz)).tan()
        };
        let k = warped(1_681.974_450_955_533);
        let quality = 0.707_175_236_955_419_6;
        let high = 10f64.powf(3.999_843_853_973_347 / 20.0);
        let band = high.powf(0.499_666_774_154_541_6);
        let scale = 1.0 / (1.0 + k / quality + k * k);
        let shelf = Shelf {
            numerator: [
                (high + band * k / quality + k * k) * scale,
                2.0 * (k * k - high) * scale,
                (high - band * k / quality + k * k) * scale,
            ],
            feedback: [
                2.0 * (k * k - 1.0) * scale,
                (1.0 - k / quality + k * k) * scale,
            ],
        };
        let k = warped(38.135_470_876_024_44);
        let quality = 0.500_327_037_323_877_3;
        let scale = 1.0 / (1.0 + k / quality + k * k);
        Self {
            shelf,
            high_pass: [
                2.0 * (k * k - 1.0) * scale,
                (1.0 - k / quality + k * k) * scale,
            ],
            shelf_state: [[0.0; 2]; LANES],
            high_pass_state: [[0.0; 2]; LANES],
        }
    }

    /// Filters interleaved frames and returns each channel's sum of squares.
    fn sum_of_squares(
        &mut self,
        frames: &[f32],
        channel_count: usize,
        channels: [usize; LANES],
    ) -> [f64; LANES] {
        let [b0, b1, b2] = self.shelf.numerator;
        let [a1, a2] = self.shelf.feedback;
        let [c1, c2] = self.high_pass;
        let (mut shelf, mut high_pass) = (self.shelf_state, self.high_pass_state);
        let mut squares = [0.0; LANES];
        for frame in frames.chunks_exact(channel_count) {
            for lane in 0..LANES {
                // The newest state comes last in each sum, so that only it is waited for.
                let [one, two] = shelf[lane];
                let new = (f64::from(frame[channels[lane]]) - a2 * two) - a1 * one;
                let bright = (b2 * two + b1 * one) + b0 * new;
                shelf[lane] = [new, one];
                let [one, two] = high_pass[lane];
                let new = (bright - c2 * two) - c1 * one;
                let out = (two - 2.0 * one) + new;
                high_pass[lane] = [new, one];
                squares[lane] += out * out;
            }
        }
        let rest =
            |state: [f64; 2]| state.map(|value| if value.abs() < AT_REST { 0.0 } else { value });
        self.shelf_state = shelf.map(rest);
        self.high_pass_state = high_pass.map(rest);
        squares
    }
}
