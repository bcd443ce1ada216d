//! Audio descriptors: rhythm, harmony, sound.

/// Decoded audio.
///
/// - Shape: `samples` is `[frames × channels]`, interleaved, nominally in −1.0..=1.0.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioBuffer {
    /// Interleaved samples.
    pub samples: Vec<f32>,
    /// Channel count, at least one.
    pub channel_count: usize,
    /// Sample rate in hertz.
    pub sample_rate_hz: u32,
}
