//! Audio descriptors: rhythm, harmony, sound.

mod analyzers;
mod beat;
mod character;
mod character_evidence;
mod chords;
mod confidence;
mod confidence_weights;
mod decode;
mod describe;
mod division_features;
mod division_weights;
mod embedding;
mod embedding_statistics;
mod evidence;
mod fingerprint;
mod fluctuation;
mod frames;
mod gating;
mod k_weighting;
mod key;
mod key_changes;
mod key_profiles;
mod lanes;
mod level_weights;
mod loudness;
mod magnitude_spectrum;
mod metre;
mod network;
mod onset;
mod phase_features;
mod phase_weights;
mod reading;
mod reading_features;
mod resample;
mod rhythm;
mod structure;
mod tempo;
mod timbre;
mod true_peak;
mod verdict;
mod voice;
mod waveform;

pub use analyzers::{
    AudioAnalysis, HarmonyAnalyzer, RhythmAnalyzer, SoundAnalyzer, analyze_audio,
    character_evidence, embedding_statistics, fingerprint_audio,
};
pub use confidence::{ConfidenceEvidence, confidence_evidence};
pub use decode::{
    DecodeError, DecodeLimits, DecodedAudio, decode, decode_bytes, decode_with_report,
};
pub use describe::AUDIO_ANALYZER_VERSION;
pub use embedding::{AUDIO_EMBEDDING_DIMENSIONS, AUDIO_EMBEDDING_SPACE};
pub use fingerprint::{Fingerprint, FingerprintIndex, FingerprintMatch, SAME_RECORDING_ERROR_MAX};
pub use loudness::{
    LOUDNESS_CURVE_FLOOR_LUFS, LOUDNESS_CURVE_POINTS_MAX, Loudness, LoudnessCurve,
    measure_loudness, measure_loudness_over_time,
};
pub use resample::{ANALYSIS_RATE_HZ, resample_to_mono};
pub use rhythm::{MetreReading, metre_feature_names, metre_readings};
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
}

#[cfg(test)]
mod tests;
