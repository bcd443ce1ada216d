//! A small picture of the waveform for players.

use serde::{Deserialize, Serialize};

use super::AudioBuffer;

/// Columns of the picture: enough for a player's seek bar on a wide screen, 1.6 kB per track.
pub const WAVEFORM_COLUMN_COUNT: usize = 800;

/// Lowest and highest sample of equal slices of a track, channels together.
///
/// - Shape: two vectors of the same length, at most [`WAVEFORM_COLUMN_COUNT`]; fewer when the track
///   has fewer frames.
/// - Units: sample × 127, clipped to −127..=127.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waveform {
    /// Lowest sample of each slice.
    pub minimum: Vec<i8>,
    /// Highest sample of each slice.
    pub maximum: Vec<i8>,
}

/// Draws the waveform. Cost: O(samples), one pass.
pub fn draw_waveform(audio: &AudioBuffer) -> Waveform {
    let mut pen = WaveformPen::new(audio.channel_count);
    pen.push(&audio.samples);
    pen.finish()
}

/// Cells that the extremes are kept in while the length of the track is not known, 2 MB. Up to as many frames
/// a cell is a frame and the slices are exact; of longer tracks each edge of a slice lies within a
/// six-hundredth of its length, since half of the cells are always in use.
const CELL_COUNT_MAX: usize = 1 << 20;

/// Draws the waveform of a track that comes in parts.
#[derive(Debug)]
pub(crate) struct WaveformPen {
    channel_count: usize,
    /// Frames of a cell, a power of two.
    cell_frames: usize,
    /// Lowest and highest sample of each whole cell, quantised: that keeps their order.
    cells: Vec<(i8, i8)>,
    /// The cell that is being filled.
    open: (f32, f32),
    open_frames: usize,
}

impl WaveformPen {
    pub(crate) fn new(channel_count: usize) -> Self {
        Self {
            channel_count: channel_count.max(1),
            cell_frames: 1,
            cells: Vec::new(),
            open: NOTHING,
            open_frames: 0,
        }
    }

    /// Takes in interleaved frames.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        let mut rest = samples;
        while rest.len() >= self.channel_count {
            if self.cell_frames == 1 {
                rest = self.push_frames(rest);
                continue;
            }
            let wanted = (self.cell_frames - self.open_frames) * self.channel_count;
            let whole = rest.len() - rest.len() % self.channel_count;
            let (part, after) = rest.split_at(wanted.min(whole));
            self.open = wider(self.open, extremes(part));
            self.open_frames += part.len() / self.channel_count;
            if self.open_frames == self.cell_frames {
                self.close_cell();
            }
            rest = after;
        }
    }

    /// Makes a cell of each frame, as far as there is room; gives back what is left.
    fn push_frames<'s>(&mut self, samples: &'s [f32]) -> &'s [f32] {
        let frame_count = samples.len() / self.channel_count;
        let room = CELL_COUNT_MAX - self.cells.len();
        let (part, rest) = samples.split_at(frame_count.min(room) * self.channel_count);
        let frames = part.chunks_exact(self.channel_count);
        self.cells.extend(frames.map(|frame| {
            let extremes = frame.iter().map(|sample| (*sample, *sample));
            quantised(extremes.fold(NOTHING, wider))
        }));
        self.merge_cells();
        rest
    }

    fn close_cell(&mut self) {
        self.cells.push(quantised(self.open));
        (self.open, self.open_frames) = (NOTHING, 0);
        self.merge_cells();
    }

    /// Makes one cell of two once there are as many as there may be.
    fn merge_cells(&mut self) {
        if self.cells.len() == CELL_COUNT_MAX {
            for index in 0..CELL_COUNT_MAX / 2 {
                let ((low, high), (next_low, next_high)) =
                    (self.cells[2 * index], self.cells[2 * index + 1]);
                self.cells[index] = (low.min(next_low), high.max(next_high));
            }
            self.cells.truncate(CELL_COUNT_MAX / 2);
            self.cell_frames *= 2;
        }
    }

    pub(crate) fn finish(mut self) -> Waveform {
        let frame_count = self.cells.len() * self.cell_frames + self.open_frames;
        if self.open_frames > 0 {
            self.cells.push(quantised(self.open));
        }
        let column_count = WAVEFORM_COLUMN_COUNT.min(frame_count);
        let cell_of = |column: usize| match column == column_count {
            true => self.cells.len(),
            false => column * frame_count / column_count / self.cell_frames,
        };
        let mut waveform = Waveform::default();
        for column in 0..column_count {
            let cells = self.cells.get(cell_of(column)..cell_of(column + 1));
            let cells = cells.unwrap_or_default().iter();
            let wider = |a: (i8, i8), b: (i8, i8)| (a.0.min(b.0), a.1.max(b.1));
            let (lowest, highest) = cells.copied().reduce(wider).unwrap_or_default();
            waveform.minimum.push(lowest);
            waveform.maximum.push(highest);
        }
        waveform
    }
}

/// Extremes of no samples.
const NOTHING: (f32, f32) = (f32::INFINITY, f32::NEG_INFINITY);

fn wider(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0.min(b.0), a.1.max(b.1))
}

fn quantised((lowest, highest): (f32, f32)) -> (i8, i8) {
    if lowest.is_finite() && highest.is_finite() {
        (quantise(lowest), quantise(highest))
    } else {
        (0, 0)
    }
}

/// Lowest and highest sample, in eight lanes so that the loop vectorises; NaN is passed over.
fn extremes(slice: &[f32]) -> (f32, f32) {
    let mut lowest = [f32::INFINITY; 8];
    let mut highest = [f32::NEG_INFINITY; 8];
    let chunks = slice.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for lane in 0..8 {
            lowest[lane] = lowest[lane].min(chunk[lane]);
            highest[lane] = highest[lane].max(chunk[lane]);
        }
    }
    let low = lowest
        .iter()
        .chain(rest)
        .fold(f32::INFINITY, |low, &sample| low.min(sample));
    let high = highest
        .iter()
        .chain(rest)
        .fold(f32::NEG_INFINITY, |high, &sample| high.max(sample));
    (low, high)
}

/// Rounds half away from zero; by truncation, since there are two for every frame of a song and rounding is a
/// call where the processor's instructions for it are not taken for granted.
fn quantise(sample: f32) -> i8 {
    let scaled = sample.clamp(-1.0, 1.0) * 127.0;
    let whole = scaled as i8;
    let rest = scaled - f32::from(whole);
    whole + i8::from(rest >= 0.5) - i8::from(rest <= -0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_rounds_as_rounding_does() {
        let halves = (-260_i16..=260).map(|half| f32::from(half) / 254.0);
        let beside = halves.flat_map(|one| [one.next_down(), one, one.next_up()]);
        for sample in beside.chain([f32::NAN, f32::INFINITY, -9.0]) {
            let rounded = (sample.clamp(-1.0, 1.0) * 127.0).round() as i8;
            assert_eq!(quantise(sample), rounded, "{sample}");
        }
    }

    #[test]
    fn finds_extremes_of_each_slice() {
        let mut samples = vec![0.0; 1600 * 2];
        samples[5] = 1.0;
        samples[3199] = -0.5;
        let audio = AudioBuffer {
            samples,
            channel_count: 2,
            sample_rate_hz: 44_100,
        };
        let waveform = draw_waveform(&audio);
        assert_eq!((waveform.minimum.len(), waveform.maximum.len()), (800, 800));
        assert_eq!((waveform.maximum[1], waveform.minimum[799]), (127, -64));
    }

    #[test]
    fn parts_do_not_show_and_long_tracks_keep_their_slices() {
        // A step up in the middle: of any length it is at the middle column.
        for frame_count in [900, 50_001, CELL_COUNT_MAX + 12_345, 5 * CELL_COUNT_MAX] {
            let sample = |frame: usize| if frame < frame_count / 2 { 0.25 } else { 0.75 };
            let samples: Vec<f32> = (0..frame_count).map(sample).collect();
            let mut whole = WaveformPen::new(1);
            whole.push(&samples);
            let mut parted = WaveformPen::new(1);
            samples.chunks(1_152).for_each(|part| parted.push(part));
            let waveform = whole.finish();
            assert_eq!(waveform, parted.finish(), "{frame_count}");
            assert_eq!((waveform.maximum[398], waveform.minimum[401]), (32, 95));
        }
    }

    #[test]
    fn short_and_empty_tracks() {
        for frame_count in [0, 1, 3] {
            let audio = AudioBuffer {
                samples: vec![f32::NAN; frame_count],
                channel_count: 1,
                sample_rate_hz: 8_000,
            };
            assert_eq!(draw_waveform(&audio).minimum.len(), frame_count);
        }
    }
}
