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

/// Filters a programme and measures its power.
///
/// - Shape: `samples` is `[frames × channels]`, interleaved, all finite; steps and blocks that the end
///   cuts off are left out.
/// - Cost: O(frames × channels), one pass over each pair of channels.
/// - Source: ITU-R BS.1770-4, Annex 1. The filters are those of its tables 1 and 2 brought to any rate by
///   the bilinear transform of the analogue filters under them.
pub(crate) fn k_weighted_powers(
    samples: &[f32],
    channel_count: usize,
    sample_rate_hz: u32,
    paces: Paces,
) -> Powers {
    let weights = channel_weights(channel_count);
    let audible: Vec<usize> = (0..channel_count)
        .filter(|&channel| weights[channel] > 0.0)
        .collect();
    let mut powers = Powers::default();
    for channels in audible.chunks(2) {
        // Two channels side by side: each waits for its own last output, and waits overlap.
        match *channels {
            [left, right] => {
                let lanes = [(left, weights[left]), (right, weights[right])];
                add_powers(
                    samples,
                    channel_count,
                    sample_rate_hz,
                    paces,
                    lanes,
                    &mut powers,
                );
            }
            [only] => {
                let lanes = [(only, weights[only])];
                add_powers(
                    samples,
                    channel_count,
                    sample_rate_hz,
                    paces,
                    lanes,
                    &mut powers,
                );
            }
            _ => {}
        }
    }
    powers
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

/// Adds the power of some channels, given with their weights.
fn add_powers<const LANES: usize>(
    samples: &[f32],
    channel_count: usize,
    sample_rate_hz: u32,
    paces: Paces,
    lanes: [(usize, f64); LANES],
    powers: &mut Powers,
) {
    let mut filter = Filter::<LANES>::new(sample_rate_hz);
    let mut fine = Steps::new(paces.fine_frames, &mut powers.fine);
    let mut coarse = Steps::new(paces.coarse_frames, &mut powers.coarse);
    let mut rest = samples;
    while !rest.is_empty() {
        let frame_count = fine.left.min(coarse.left);
        let (part, after) = rest.split_at((frame_count * channel_count).min(rest.len()));
        let squares = filter.sum_of_squares(part, channel_count, lanes.map(|(channel, _)| channel));
        let sum = squares
            .iter()
            .zip(lanes)
            .map(|(sum, (_, weight))| sum * weight);
        let sum: f64 = sum.sum();
        let frame_count = part.len() / channel_count;
        fine.add(sum, frame_count);
        coarse.add(sum, frame_count);
        rest = after;
    }
}

/// Means over steps of the same length, added to what other channels have left.
struct Steps<'a> {
    length: usize,
    left: usize,
    sum: f64,
    index: usize,
    means: &'a mut Vec<f64>,
}

impl<'a> Steps<'a> {
    fn new(length: usize, means: &'a mut Vec<f64>) -> Self {
        let length = length.max(1);
        Self {
            length,
            left: length,
            sum: 0.0,
            index: 0,
            means,
        }
    }

    fn add(&mut self, sum: f64, frame_count: usize) {
        self.sum += sum;
        self.left -= frame_count.min(self.left);
        if self.left > 0 {
            return;
        }
        let mean = self.sum / self.length as f64;
        match self.means.get_mut(self.index) {
            Some(known) => *known += mean,
            None => self.means.push(mean),
        }
        self.index += 1;
        self.sum = 0.0;
        self.left = self.length;
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
