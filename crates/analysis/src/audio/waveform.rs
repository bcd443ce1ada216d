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
    let channel_count = audio.channel_count.max(1);
    let frame_count = audio.samples.len() / channel_count;
    let column_count = WAVEFORM_COLUMN_COUNT.min(frame_count);
    let mut waveform = Waveform::default();
    for column in 0..column_count {
        let start = column * frame_count / column_count * channel_count;
        let end = (column + 1) * frame_count / column_count * channel_count;
        let slice = audio.samples.get(start..end).unwrap_or_default();
        let (lowest, highest) = extremes(slice);
        waveform.minimum.push(quantise(lowest));
        waveform.maximum.push(quantise(highest));
    }
    waveform
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
    if low.is_finite() && high.is_finite() {
        (low, high)
    } else {
        (0.0, 0.0)
    }
}

fn quantise(sample: f32) -> i8 {
    (sample.clamp(-1.0, 1.0) * 127.0).round() as i8
}

#[cfg(test)]
mod tests {
    use super::*;

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
