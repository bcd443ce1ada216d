//! The audio embedding: statistics of sound, harmony and rhythm, projected to what tells songs apart.

use super::embedding_statistics::STATISTIC_COUNT;

/// Name of the space; vectors of two spaces never meet in one distance.
pub const AUDIO_EMBEDDING_SPACE: &str = "leitmotif-audio-2";

/// Dimensions of the space.
pub const AUDIO_EMBEDDING_DIMENSIONS: usize = 128;

/// Deviations at which a statistic is clipped, so that one absurd statistic is not all there is; the
/// projection was fitted with the same bound.
const CLIP: f64 = 3.0;

/// Centres, scales, offsets, row scales and rows of the projection; see `data/README.md`.
static WEIGHTS: &[u8] = include_bytes!("../../data/audio_embedding.bin");

/// Bytes of the two counts before the numbers.
const HEAD_BYTES: usize = 8;
const CENTRES_AT: usize = HEAD_BYTES;
const SCALES_AT: usize = CENTRES_AT + 4 * STATISTIC_COUNT;
const OFFSETS_AT: usize = SCALES_AT + 4 * STATISTIC_COUNT;
const ROW_SCALES_AT: usize = OFFSETS_AT + 4 * AUDIO_EMBEDDING_DIMENSIONS;
const ROWS_AT: usize = ROW_SCALES_AT + 4 * AUDIO_EMBEDDING_DIMENSIONS;
const ROW_BYTES: usize = 2 * STATISTIC_COUNT;
const WEIGHT_BYTES: usize = ROWS_AT + ROW_BYTES * AUDIO_EMBEDDING_DIMENSIONS;

/// The file was made for these statistics and dimensions, or this does not compile.
const _: () = assert!(include_bytes!("../../data/audio_embedding.bin").len() == WEIGHT_BYTES);

fn floats(at: usize) -> impl Iterator<Item = f64> {
    let bytes = WEIGHTS.get(at..).unwrap_or_default().chunks_exact(4);
    bytes.map(|bytes| {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        f64::from(f32::from_le_bytes(bytes))
    })
}

/// Projects the statistics of a track.
///
/// - Shape: `statistics` as measured for this space, [`STATISTIC_COUNT`]; the result has
///   [`AUDIO_EMBEDDING_DIMENSIONS`] and unit length; cosine or inner product compares. `None` when
///   there is nothing to tell apart.
/// - Cost: one product of a matrix of 128 × 411 with a vector.
/// - Source: linear discriminant analysis with songs as classes, within-class covariance as metric
///   (Dehak et al., "Front-end factor analysis for speaker verification", 2011, III-B), fitted on
///   songs composed and rendered for it and their degraded copies; no outside recordings or weights.
pub(crate) fn project(statistics: &[f64]) -> Option<Vec<f32>> {
    let standard: Vec<f64> = (statistics.iter().zip(floats(CENTRES_AT)))
        .zip(floats(SCALES_AT))
        .map(|((value, centre), scale)| ((value - centre) * scale).clamp(-CLIP, CLIP))
        .collect();
    let rows = WEIGHTS.get(ROWS_AT..).unwrap_or_default();
    let values: Vec<f64> = (rows.chunks_exact(ROW_BYTES))
        .zip(floats(ROW_SCALES_AT).zip(floats(OFFSETS_AT)))
        .map(|(row, (scale, offset))| {
            let codes = row.chunks_exact(2);
            let codes = codes.map(|code| f64::from(i16::from_le_bytes([code[0], code[1]])));
            let dot: f64 = codes.zip(&standard).map(|(code, value)| code * value).sum();
            dot * scale - offset
        })
        .collect();
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    (norm > 0.0 && norm.is_finite())
        .then(|| values.iter().map(|value| (value / norm) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_are_for_these_statistics() {
        let count = |at: usize| {
            let bytes = WEIGHTS
                .get(at..at + 4)
                .and_then(|bytes| bytes.try_into().ok());
            bytes.map(u32::from_le_bytes)
        };
        assert_eq!(count(0), Some(AUDIO_EMBEDDING_DIMENSIONS as u32));
        assert_eq!(count(4), Some(STATISTIC_COUNT as u32));
    }

    #[test]
    fn absurd_statistics_give_a_unit_vector_or_none() {
        for value in [0.0, 1e300, -1e300, f64::INFINITY] {
            let vector = project(&[value; STATISTIC_COUNT]).expect("is finite");
            let norm: f32 = vector.iter().map(|value| value * value).sum();
            assert!((norm - 1.0).abs() < 1e-4, "{value}");
        }
        assert_eq!(project(&[f64::NAN; STATISTIC_COUNT]), None);
    }
}
