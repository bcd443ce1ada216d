//! Audio descriptors: rhythm, harmony, sound.

use std::borrow::Cow;

mod analyzers;
mod beat;
mod character;
mod character_agreement;
mod character_evidence;
mod chords;
mod confidence;
mod confidence_weights;
mod decode;
mod describe;
mod division_features;
mod embedding;
mod embedding_statistics;
mod encoded;
mod evidence;
mod fingerprint;
mod fluctuation;
mod frames;
mod gating;
mod k_weighting;
mod key;
mod key_changes;
mod key_features;
mod key_profiles;
mod key_weights;
mod lanes;
mod loudness;
mod magnitude_spectrum;
mod metre;
mod network;
mod onset;
mod phase_features;
mod reading;
mod reading_features;
mod reading_network;
mod reading_weights;
mod resample;
mod rhythm;
mod segments;
mod structure;
mod survey;
mod tempo;
mod timbre;
mod true_peak;
mod verdict;
mod voice;
mod waveform;
mod wide_wave;

pub use analyzers::{
    AudioAnalysis, HarmonyAnalyzer, RhythmAnalyzer, SoundAnalyzer, analyze_audio,
    character_evidence, embedding_statistics, fingerprint_audio,
};
pub use character_agreement::{CharacterValue, SAME_WITHIN, character_values};
pub use confidence::{ConfidenceEvidence, confidence_evidence, key_profiles};
pub use decode::{
    AudioLayout, BlockSink, DecodeError, DecodeLimits, DecodeReport, DecodedAudio, Ending, decode,
    decode_bytes, decode_in_blocks, decode_with_report,
};
pub use describe::AUDIO_ANALYZER_VERSION;
pub use embedding::{AUDIO_EMBEDDING_DIMENSIONS, AUDIO_EMBEDDING_SPACE};
pub use encoded::{EncodedError, OpenSource, analyze_encoded, mono_in_blocks};
pub use fingerprint::{Fingerprint, FingerprintIndex, FingerprintMatch, SAME_RECORDING_ERROR_MAX};
pub use loudness::{
    LOUDNESS_CURVE_FLOOR_LUFS, LOUDNESS_CURVE_POINTS_MAX, Loudness, LoudnessCurve,
    measure_loudness, measure_loudness_over_time,
};
pub use resample::{ANALYSIS_RATE_HZ, resample_to_mono};
pub use rhythm::{MetreReading, metre_feature_names, metre_readings};
pub use segments::{SEGMENTS_MAX, Segment, Segments};
pub use waveform::{WAVEFORM_COLUMN_COUNT, Waveform, draw_waveform};

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

impl AudioBuffer {
    /// How long it lasts, in whole milliseconds.
    pub fn duration_ms(&self) -> u64 {
        let frames = (self.samples.len() / self.channel_count.max(1)) as u64;
        frames.saturating_mul(1_000) / u64::from(self.sample_rate_hz.max(1))
    }

    /// The frames in parts of a size that stays near the processor, with silence for what is no sound.
    fn parts(&self) -> impl Iterator<Item = Cow<'_, [f32]>> {
        let channel_count = self.channel_count.max(1);
        let whole = self.samples.len() - self.samples.len() % channel_count;
        let parts = self.samples[..whole].chunks(PART_FRAMES * channel_count);
        parts.map(decode::sound_of)
    }
}

/// Frames of a part, near those of a packet of any codec.
const PART_FRAMES: usize = 4_096;

#[cfg(test)]
mod tests;
