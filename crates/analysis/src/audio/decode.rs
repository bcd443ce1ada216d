//! Encoded bytes in, interleaved samples out. Files are hostile until they have been decoded.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as MediaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::AudioBuffer;
use super::wide_wave::narrow;

/// Bounds on what one file may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodeLimits {
    /// Longest part decoded, in seconds; the rest of a longer file is not read.
    pub seconds_max: f64,
    /// Most channels accepted.
    pub channel_count_max: usize,
    /// Highest sample rate accepted, in hertz.
    pub sample_rate_hz_max: u32,
    /// Most interleaved samples (frames × channels) decoded, whatever the other limits say.
    pub sample_count_max: usize,
}

impl Default for DecodeLimits {
    /// Thirty minutes, 32 channels, 384 kHz and 352 Mi samples: all of stereo at 96 kHz, 16 minutes at 192 kHz,
    /// 4 of 32 channels at 48 kHz. To decode, mix and meter so many takes as long as to analyse half an hour.
    fn default() -> Self {
        Self {
            seconds_max: 30.0 * 60.0,
            channel_count_max: 32,
            sample_rate_hz_max: 384_000,
            sample_count_max: 352 << 20,
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

/// What all blocks of a stream have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLayout {
    /// Sample rate in hertz, at least one.
    pub sample_rate_hz: u32,
    /// Channel count, at least one.
    pub channel_count: usize,
}

/// How a decoding came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With the end of the file.
    Whole,
    /// At a limit.
    Limit,
    /// At what cannot be read on from, such as a change of rate or channels in mid-stream.
    Broken,
    /// The receiver had enough.
    Stopped,
}

/// An account of a decoding, and of what was wrong with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeReport {
    /// Rate and channels.
    pub layout: AudioLayout,
    /// Frames decoded.
    pub frame_count: u64,
    /// Samples that were NaN, infinite or beyond 2³² and became 0.
    pub replaced_sample_count: u64,
    /// Packets that could not be decoded and were skipped.
    pub corrupt_packet_count: u64,
    /// Why there were no more frames.
    pub ending: Ending,
    /// How long the container says that the track is, in milliseconds; a claim, not a count.
    pub stated_ms: Option<u64>,
}

impl DecodeReport {
    /// How long what was decoded lasts, in whole milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.frame_count.saturating_mul(1_000) / u64::from(self.layout.sample_rate_hz.max(1))
    }
}

/// Samples with an account of what was wrong with the file.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedAudio {
    /// The samples; every one is finite.
    pub audio: AudioBuffer,
    /// What was repaired or left out.
    pub report: DecodeReport,
}

/// Receives a decoded block: interleaved whole frames, every sample finite. It may end the decoding.
pub type BlockSink<'a> = dyn FnMut(AudioLayout, &[f32]) -> ControlFlow<()> + 'a;

/// Decodes the default audio track of a file into one buffer.
///
/// - As [`decode_in_blocks`], but holds all samples: at most `seconds × rate × channels × 4` bytes.
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
    let mut samples = Vec::new();
    let report = decode_in_blocks(source, extension, limits, &mut |_, block| {
        samples.extend_from_slice(block);
        ControlFlow::Continue(())
    })?;
    let audio = AudioBuffer {
        samples,
        channel_count: report.layout.channel_count,
        sample_rate_hz: report.layout.sample_rate_hz,
    };
    Ok(DecodedAudio { audio, report })
}

/// Decodes the default audio track of a file and hands it on block by block.
///
/// - `extension` is a hint only: a wrong one still probes.
/// - Shape: blocks are interleaved `[frames × channels]` at the file's own rate, without encoder delay and
///   padding where the container states them (gapless MP3, Vorbis, AAC in MP4). All have one layout.
/// - Errors: [`DecodeError`], and then the sink got nothing; a truncated or damaged file gives the decodable
///   prefix instead.
/// - Cost: O(file). Memory for what one packet really decodes to: header claims allocate nothing.
pub fn decode_in_blocks(
    source: Box<dyn MediaSource + '_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
    sink: &mut BlockSink<'_>,
) -> Result<DecodeReport, DecodeError> {
    let mut stream = guarded(|| Stream::open(source, extension, limits))?;
    let mut layout = None;
    let mut sample_budget = 0;
    let (mut sample_count, mut replaced_sample_count, mut corrupt_packet_count) = (0, 0, 0);
    let ending = loop {
        match guarded(|| Ok(stream.step())) {
            // What was handed on before a decoder broke is the decodable prefix.
            Err(_) if sample_count > 0 => break Ending::Broken,
            Err(error) => return Err(error),
            Ok(Step::Passed) => continue,
            Ok(Step::Corrupt) => corrupt_packet_count += 1,
            Ok(Step::End(ending)) => break ending,
            Ok(Step::Block(found)) => {
                if *layout.get_or_insert(found) != found {
                    break Ending::Broken;
                }
                if sample_count == 0 {
                    sample_budget = sample_budget_of(found, limits)?;
                }
                let block = &mut stream.block;
                let room = sample_budget - sample_count;
                let is_over = block.len() > room;
                block.truncate(room);
                replaced_sample_count += replace_unsound(block);
                sample_count += block.len();
                if !block.is_empty() && sink(found, block).is_break() {
                    break Ending::Stopped;
                }
                if is_over {
                    break Ending::Limit;
                }
            }
        }
    };
    let layout = layout
        .filter(|_| sample_count > 0)
        .ok_or(DecodeError::Empty)?;
    Ok(DecodeReport {
        layout,
        frame_count: (sample_count / layout.channel_count) as u64,
        replaced_sample_count,
        corrupt_packet_count,
        ending,
        stated_ms: stream.stated_ms,
    })
}

/// The decoders are safe Rust, so a bug in one of them can only unwind; a hostile file must not take the worker
/// with it. A stream that unwound is not asked again.
fn guarded<T>(work: impl FnOnce() -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(DecodeError::Corrupt))
}

/// What one packet brought.
enum Step {
    /// Frames, in the stream's block.
    Block(AudioLayout),
    /// Nothing for us.
    Passed,
    /// Nothing that can be decoded.
    Corrupt,
    End(Ending),
}

/// An opened file.
struct Stream<'a> {
    reader: Box<dyn FormatReader + 'a>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    stated_ms: Option<u64>,
    /// Channels of a file that is read as if it had one.
    narrowed_from: Option<usize>,
    block: Vec<f32>,
    /// Samples of such a file that do not fill a frame yet.
    left_over: Vec<f32>,
}

impl<'a> Stream<'a> {
    fn open(
        source: Box<dyn MediaSource + 'a>,
        extension: Option<&str>,
        limits: &DecodeLimits,
    ) -> Result<Self, DecodeError> {
        let (source, narrowed_from) = narrow(source);
        let stream = MediaSourceStream::new(source, Default::default());
        let mut hint = Hint::new();
        if let Some(extension) = extension {
            hint.with_extension(extension);
        }
        let reader = symphonia::default::get_probe()
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
        let stated_count = parameters
            .channels
            .as_ref()
            .map(|channels| channels.count());
        if let Some(channel_count) = narrowed_from.or(stated_count) {
            check_channels(channel_count, limits)?;
        }
        if let Some(rate_hz) = parameters.sample_rate {
            check_rate(rate_hz, limits)?;
        }
        let frame_count = track
            .num_frames
            .map(|count| count / narrowed_from.unwrap_or(1) as u64);
        let stated = frame_count.zip(parameters.sample_rate);
        let stated_ms = stated
            .and_then(|(frames, rate)| frames.checked_mul(1_000)?.checked_div(u64::from(rate)));
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| unsupported(&error.to_string()))?;
        Ok(Self {
            reader,
            decoder,
            track_id,
            stated_ms,
            narrowed_from,
            block: Vec::new(),
            left_over: Vec::new(),
        })
    }

    fn step(&mut self) -> Step {
        let packet = match self.reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Step::End(Ending::Whole),
            Err(_) => return Step::End(Ending::Broken),
        };
        if packet.track_id != self.track_id {
            return Step::Passed;
        }
        let decoded = match self.decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(MediaError::DecodeError(_) | MediaError::IoError(_)) => return Step::Corrupt,
            Err(_) => return Step::End(Ending::Broken),
        };
        if decoded.frames() == 0 {
            return Step::Passed;
        }
        let layout = AudioLayout {
            sample_rate_hz: decoded.spec().rate(),
            channel_count: decoded.spec().channels().count(),
        };
        let Some(channel_count) = self.narrowed_from else {
            decoded.copy_to_vec_interleaved(&mut self.block);
            return Step::Block(layout);
        };
        decoded.copy_to_vec_interleaved(&mut self.block);
        self.left_over.append(&mut self.block);
        let whole = self.left_over.len() - self.left_over.len() % channel_count;
        self.block.extend(self.left_over.drain(..whole));
        Step::Block(AudioLayout {
            channel_count,
            ..layout
        })
    }
}

fn check_channels(channel_count: usize, limits: &DecodeLimits) -> Result<(), DecodeError> {
    let (value, limit) = (channel_count as u64, limits.channel_count_max as u64);
    check_limit("channel count", value, limit)
}

fn check_rate(rate_hz: u32, limits: &DecodeLimits) -> Result<(), DecodeError> {
    check_limit(
        "sample rate",
        rate_hz.into(),
        limits.sample_rate_hz_max.into(),
    )
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

/// Most samples to take of a stream of this rate and channel count.
fn sample_budget_of(
    AudioLayout {
        sample_rate_hz,
        channel_count,
    }: AudioLayout,
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
fn sound(sample: f32) -> f32 {
    if sample.abs() <= SAMPLE_MAX {
        sample
    } else {
        0.0
    }
}

/// The samples, with silence for those that are no sound.
pub(crate) fn sound_of(samples: &[f32]) -> Cow<'_, [f32]> {
    // Without a branch, so that all are looked at in lanes: hardly any part has one.
    let is_sound = samples.iter().fold(true, |is_sound, sample| {
        is_sound & (sample.abs() <= SAMPLE_MAX)
    });
    if is_sound {
        return Cow::Borrowed(samples);
    }
    Cow::Owned(samples.iter().map(|&sample| sound(sample)).collect())
}

/// Turns samples that are no sound into silence and counts them.
fn replace_unsound(samples: &mut [f32]) -> u64 {
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
        assert!(decoded.report.ending == Ending::Limit);
        let wide = wav(1, 16, 33, 44_100, &pcm16(100, 33), 6_600);
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
        assert_eq!(decoded.report.replaced_sample_count, 3);
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
