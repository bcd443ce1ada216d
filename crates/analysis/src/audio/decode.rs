//! Encoded bytes in, interleaved samples out. Files are hostile until they have been decoded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as MediaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::AudioBuffer;

/// Bounds on what one file may make us hold in memory.
///
/// The sample memory is at most `seconds_max × rate_hz_max × channel_count_max × 4` bytes, and never
/// more than what the file's packets really decoded to: header claims allocate nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodeLimits {
    /// Longest part decoded, in seconds; the rest of a longer file is not read.
    pub seconds_max: f64,
    /// Most channels accepted.
    pub channel_count_max: usize,
    /// Highest sample rate accepted, in hertz.
    pub sample_rate_hz_max: u32,
    /// Most interleaved samples (frames × channels) held, whatever the other limits say.
    pub sample_count_max: usize,
}

impl Default for DecodeLimits {
    /// Thirty minutes, 8 channels, 384 kHz and 256 Mi samples (1 GiB).
    fn default() -> Self {
        Self {
            seconds_max: 30.0 * 60.0,
            channel_count_max: 8,
            sample_rate_hz_max: 384_000,
            sample_count_max: 256 << 20,
        }
    }
}

/// Why a file gave no samples at all.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No known container or elementary stream was found.
    #[error("cannot recognise the audio format")]
    UnknownFormat(#[source] MediaError),
    /// The container has no audio track, or one of a codec that is not built in.
    #[error("cannot decode the audio codec: {reason}")]
    UnsupportedCodec {
        /// What is missing.
        reason: String,
    },
    /// The stream names more channels or a higher rate than the limits allow.
    #[error("{quantity} is {value}, the limit is {limit}")]
    OverLimit {
        /// `channel count` or `sample rate`.
        quantity: &'static str,
        /// What the stream has.
        value: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The container was recognised, but not one packet could be decoded.
    #[error("the audio stream holds no decodable sample")]
    Empty,
    /// A decoder violated its own invariants on this input.
    #[error("the audio stream is corrupt beyond decoding")]
    Corrupt,
}

/// Samples with an account of what was wrong with the file.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedAudio {
    /// The samples; every one is finite.
    pub audio: AudioBuffer,
    /// Samples that were NaN, infinite or beyond 2³² and became 0.
    pub replaced_sample_count: u64,
    /// Packets that could not be decoded and were skipped.
    pub corrupt_packet_count: u64,
    /// Whether decoding stopped before the end of the file: a limit, a read error, or a change of
    /// rate or channels in mid-stream.
    pub is_partial: bool,
    /// How long the container says that the track is, in milliseconds; a claim, not a count.
    pub stated_ms: Option<u64>,
}

/// Decodes the default audio track of a file.
///
/// - `extension` is a hint only: a wrong one still probes.
/// - Shape: interleaved `[frames × channels]` at the file's own rate, without encoder delay and
///   padding where the container states them (gapless MP3, Vorbis, AAC in MP4).
/// - Errors: [`DecodeError`]; a truncated or damaged file gives the decodable prefix instead.
/// - Cost: O(file), memory bounded by [`DecodeLimits`].
pub fn decode(
    source: Box<dyn MediaSource + '_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
) -> Result<AudioBuffer, DecodeError> {
    decode_with_report(source, extension, limits).map(|decoded| decoded.audio)
}

/// Decodes a file held in memory; see [`decode`].
pub fn decode_bytes(
    bytes: &[u8],
    extension: Option<&str>,
    limits: &DecodeLimits,
) -> Result<AudioBuffer, DecodeError> {
    decode(Box::new(std::io::Cursor::new(bytes)), extension, limits)
}

/// Decodes like [`decode`] and tells what was repaired or left out.
pub fn decode_with_report(
    source: Box<dyn MediaSource + '_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
) -> Result<DecodedAudio, DecodeError> {
    // The decoders are safe Rust, so a bug in one of them can only unwind; a hostile file must not
    // take the worker with it. Nothing outlives the unwound call.
    catch_unwind(AssertUnwindSafe(|| {
        decode_unguarded(source, extension, limits)
    }))
    .unwrap_or(Err(DecodeError::Corrupt))
}

fn decode_unguarded(
    source: Box<dyn MediaSource + '_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
) -> Result<DecodedAudio, DecodeError> {
    let stream = MediaSourceStream::new(source, Default::default());
    let mut hint = Hint::new();
    if let Some(extension) = extension {
        hint.with_extension(extension);
    }
    let mut reader = symphonia::default::get_probe()
        .probe(
            &hint,
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .map_err(DecodeError::UnknownFormat)?;
    let unsupported = |reason: &str| DecodeError::UnsupportedCodec {
        reason: reason.to_owned(),
    };
    let track = reader
        .default_track(TrackType::Audio)
        .ok_or_else(|| unsupported("no audio track"))?;
    let track_id = track.id;
    let parameters = track
        .codec_params
        .as_ref()
        .and_then(|parameters| parameters.audio())
        .ok_or_else(|| unsupported("no codec parameters"))?;
    if let Some(channels) = &parameters.channels {
        check_limit(
            "channel count",
            channels.count() as u64,
            limits.channel_count_max as u64,
        )?;
    }
    if let Some(rate) = parameters.sample_rate {
        check_limit(
            "sample rate",
            u64::from(rate),
            u64::from(limits.sample_rate_hz_max),
        )?;
    }
    let stated = track.num_frames.zip(parameters.sample_rate);
    let stated_ms =
        stated.and_then(|(frames, rate)| frames.checked_mul(1_000)?.checked_div(u64::from(rate)));
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| unsupported(&error.to_string()))?;
    let read = read_packets(reader.as_mut(), decoder.as_mut(), track_id, limits)?;
    Ok(DecodedAudio { stated_ms, ..read })
}

fn check_limit(quantity: &'static str, value: u64, limit: u64) -> Result<(), DecodeError> {
    if value > limit {
        return Err(DecodeError::OverLimit {
            quantity,
            value,
            limit,
        });
    }
    Ok(())
}

fn read_packets(
    reader: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    track_id: u32,
    limits: &DecodeLimits,
) -> Result<DecodedAudio, DecodeError> {
    let mut samples: Vec<f32> = Vec::new();
    let mut scratch: Vec<f32> = Vec::new();
    let mut layout: Option<(u32, usize)> = None;
    let mut sample_budget = usize::MAX;
    let mut corrupt_packet_count = 0;
    let mut is_partial = false;
    loop {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(_) => {
                is_partial = true;
                break;
            }
        };
        if packet.track_id != track_id {
            continue;
        }
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(MediaError::DecodeError(_) | MediaError::IoError(_)) => {
                corrupt_packet_count += 1;
                continue;
            }
            Err(_) => {
                is_partial = true;
                break;
            }
        };
        if decoded.frames() == 0 {
            continue;
        }
        let spec = (decoded.spec().rate(), decoded.spec().channels().count());
        match layout {
            None => {
                sample_budget = sample_budget_of(spec, limits)?;
                layout = Some(spec);
            }
            Some(known) if known != spec => {
                is_partial = true;
                break;
            }
            Some(_) => {}
        }
        decoded.copy_to_vec_interleaved(&mut scratch);
        let room = sample_budget.saturating_sub(samples.len());
        samples.extend_from_slice(scratch.get(..room).unwrap_or(&scratch));
        if scratch.len() >= room {
            is_partial = true;
            break;
        }
    }
    let replaced_sample_count = replace_unsound(&mut samples);
    Ok(DecodedAudio {
        audio: audio_of(samples, layout)?,
        replaced_sample_count,
        corrupt_packet_count,
        is_partial,
        stated_ms: None,
    })
}

fn audio_of(samples: Vec<f32>, layout: Option<(u32, usize)>) -> Result<AudioBuffer, DecodeError> {
    let (sample_rate_hz, channel_count) = layout.ok_or(DecodeError::Empty)?;
    if samples.is_empty() {
        return Err(DecodeError::Empty);
    }
    Ok(AudioBuffer {
        samples,
        channel_count,
        sample_rate_hz,
    })
}

/// Most samples to keep of a stream of this rate and channel count.
fn sample_budget_of(
    (sample_rate_hz, channel_count): (u32, usize),
    limits: &DecodeLimits,
) -> Result<usize, DecodeError> {
    check_limit(
        "channel count",
        channel_count as u64,
        limits.channel_count_max as u64,
    )?;
    check_limit(
        "sample rate",
        sample_rate_hz.into(),
        limits.sample_rate_hz_max.into(),
    )?;
    if sample_rate_hz == 0 || channel_count == 0 {
        return Err(DecodeError::Empty);
    }
    let frame_count_max = (limits.seconds_max.max(0.0) * f64::from(sample_rate_hz)) as usize;
    let by_memory = limits.sample_count_max - limits.sample_count_max % channel_count;
    Ok(frame_count_max.saturating_mul(channel_count).min(by_memory))
}

/// Largest sample that is taken for sound, 2³²: floats that were never scaled down from 32-bit integers
/// are below it. The squares in a spectrum of larger ones leave the range of `f32`.
const SAMPLE_MAX: f32 = 4_294_967_296.0;

/// The sample, or silence for NaN, infinity and what no recording holds.
pub(crate) fn sound(sample: f32) -> f32 {
    if sample.abs() <= SAMPLE_MAX {
        sample
    } else {
        0.0
    }
}

/// Turns samples that are no sound into silence and counts them.
pub(crate) fn replace_unsound(samples: &mut [f32]) -> u64 {
    let mut replaced_count = 0;
    for sample in samples {
        let kept = sound(*sample);
        replaced_count += u64::from(kept.to_bits() != sample.to_bits());
        *sample = kept;
    }
    replaced_count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PCM WAV with full control over what its header claims.
    fn wav(
        format_tag: u16,
        bits: u16,
        channels: u16,
        rate_hz: u32,
        data: &[u8],
        claim: u32,
    ) -> Vec<u8> {
        let block = channels * bits / 8;
        let mut file = Vec::new();
        file.extend_from_slice(b"RIFF");
        file.extend_from_slice(&claim.saturating_add(36).to_le_bytes());
        file.extend_from_slice(b"WAVEfmt ");
        file.extend_from_slice(&16u32.to_le_bytes());
        file.extend_from_slice(&format_tag.to_le_bytes());
        file.extend_from_slice(&channels.to_le_bytes());
        file.extend_from_slice(&rate_hz.to_le_bytes());
        file.extend_from_slice(&(rate_hz.saturating_mul(block.into())).to_le_bytes());
        file.extend_from_slice(&block.to_le_bytes());
        file.extend_from_slice(&bits.to_le_bytes());
        file.extend_from_slice(b"data");
        file.extend_from_slice(&claim.to_le_bytes());
        file.extend_from_slice(data);
        file
    }

    fn pcm16(frame_count: usize, channels: usize) -> Vec<u8> {
        (0..frame_count * channels)
            .flat_map(|index| ((index % 1000) as i16).to_le_bytes())
            .collect()
    }

    fn report(
        bytes: &[u8],
        extension: &str,
        limits: &DecodeLimits,
    ) -> Result<DecodedAudio, DecodeError> {
        decode_with_report(
            Box::new(std::io::Cursor::new(bytes)),
            Some(extension),
            limits,
        )
    }

    #[test]
    fn decodes_pcm_whatever_the_extension_says() {
        let data = pcm16(5000, 2);
        let file = wav(1, 16, 2, 44_100, &data, data.len() as u32);
        for extension in ["wav", "mp3", "flac", "ogg", "", "exe"] {
            let decoded = report(&file, extension, &DecodeLimits::default()).expect("decodes");
            assert_eq!(decoded.audio.samples.len(), 10_000, "{extension}");
            assert_eq!(
                (decoded.audio.channel_count, decoded.audio.sample_rate_hz),
                (2, 44_100)
            );
        }
    }

    #[test]
    fn a_header_claim_allocates_nothing() {
        let data = pcm16(300, 2);
        let file = wav(1, 16, 2, 44_100, &data, u32::MAX - 36);
        let decoded = report(&file, "wav", &DecodeLimits::default()).expect("the prefix decodes");
        assert!(decoded.audio.samples.len() <= 600);
        assert!(decoded.audio.samples.capacity() < 1 << 20);
    }

    #[test]
    fn truncated_files_give_a_prefix_or_an_error() {
        let data = pcm16(2000, 1);
        let file = wav(1, 16, 1, 22_050, &data, data.len() as u32);
        for keep in 0..file.len().min(200) {
            let prefix = file.get(..keep).expect("in range");
            let _ = report(prefix, "wav", &DecodeLimits::default());
        }
        let decoded = report(&file[..1044], "wav", &DecodeLimits::default()).expect("prefix");
        assert!(decoded.audio.samples.len() <= 500 && !decoded.audio.samples.is_empty());
    }

    #[test]
    fn garbage_is_an_error() {
        let mut state = 1u32;
        let noise: Vec<u8> = (0..20_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        for magic in [
            &b"RIFF"[..],
            b"fLaC",
            b"OggS",
            b"ID3\x04",
            b"\xff\xfb\x90",
            b"FORM",
            b"",
        ] {
            let mut file = magic.to_vec();
            file.extend_from_slice(&noise);
            if let Ok(audio) = decode_bytes(&file, None, &DecodeLimits::default()) {
                assert!(audio.samples.iter().all(|sample| sample.is_finite()));
            }
        }
        assert!(decode_bytes(&[], Some("mp3"), &DecodeLimits::default()).is_err());
    }

    #[test]
    fn limits_hold() {
        let data = pcm16(22_050 * 4, 1);
        let file = wav(1, 16, 1, 22_050, &data, data.len() as u32);
        let limits = DecodeLimits {
            seconds_max: 1.5,
            ..DecodeLimits::default()
        };
        let decoded = report(&file, "wav", &limits).expect("decodes");
        assert_eq!(decoded.audio.samples.len(), 33_075);
        assert!(decoded.is_partial);
        let wide = wav(1, 16, 12, 44_100, &pcm16(100, 12), 2400);
        assert!(decode_bytes(&wide, Some("wav"), &DecodeLimits::default()).is_err());
        let fast = wav(1, 16, 1, 900_000, &pcm16(100, 1), 200);
        assert!(matches!(
            decode_bytes(&fast, Some("wav"), &DecodeLimits::default()),
            Err(DecodeError::OverLimit {
                quantity: "sample rate",
                ..
            })
        ));
    }

    #[test]
    fn what_is_no_sound_becomes_silence_and_is_counted() {
        let beyond = SAMPLE_MAX.next_up();
        let values = [0.5f32, f32::NAN, f32::INFINITY, -0.25, -beyond, SAMPLE_MAX];
        let data: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let file = wav(3, 32, 1, 44_100, &data, data.len() as u32);
        let decoded = report(&file, "wav", &DecodeLimits::default()).expect("decodes");
        assert_eq!(
            decoded.audio.samples,
            vec![0.5, 0.0, 0.0, -0.25, 0.0, SAMPLE_MAX]
        );
        assert_eq!(decoded.replaced_sample_count, 3);
    }

    #[test]
    fn huge_samples_are_analysed_without_a_panic() {
        let mut state = 1_u32;
        let mut huge = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from_bits(state)
        };
        let samples: Vec<f32> = (0..44_100).map(|_| huge()).collect();
        for rate in [44_100, 22_050] {
            let mut audio = AudioBuffer {
                samples: samples.clone(),
                channel_count: 1,
                sample_rate_hz: rate,
            };
            assert!(super::super::analyze_audio(&audio).is_ok(), "as they are");
            replace_unsound(&mut audio.samples);
            assert!(super::super::analyze_audio(&audio).is_ok(), "decoded");
        }
    }
}
