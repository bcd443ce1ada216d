//! From an encoded file to its analysis without ever holding its samples.

use std::ops::ControlFlow;

use symphonia::core::io::MediaSource;

use super::analyzers::{AudioAnalysis, conclude};
use super::decode::{AudioLayout, DecodeError, DecodeLimits, DecodeReport, decode_in_blocks};
use super::frames::{Parts, Spectra, SpectraMeter};
use super::resample::{ANALYSIS_RATE_HZ, MonoMixer};
use super::survey::{Survey, Surveyor};
use crate::analyzer::AnalysisError;

/// Longest mono signal that is kept from the first pass, in seconds: 53 MB. Longer tracks are decoded again
/// for the spectra, which costs a third more time; songs are not.
const KEPT_SECONDS_MAX: usize = 600;

/// Why an encoded file has no analysis.
#[derive(Debug, thiserror::Error)]
pub enum EncodedError {
    /// The file cannot be opened, or not a second time.
    #[error("cannot open the file")]
    Open(#[source] std::io::Error),
    /// It gave no samples.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Its samples cannot be analysed.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
}

/// Opens the file anew, from its start.
pub type OpenSource<'a> = dyn Fn() -> std::io::Result<Box<dyn MediaSource>> + 'a;

/// Analyses an encoded file as [`super::analyze_audio`] does its samples, which are seen block by block.
///
/// - `extension` is a hint only: a wrong one still probes.
/// - Errors: [`EncodedError`]; a truncated or damaged file is analysed as far as it decodes, and the report
///   says so.
/// - Cost: O(file); files over ten minutes are decoded twice. Memory is 35 kB per second of music for the
///   spectra, and up to 53 MB for the signal while it is heard, whatever the rate and channels.
pub fn analyze_encoded(
    open: &OpenSource<'_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
) -> Result<(AudioAnalysis, DecodeReport), EncodedError> {
    analyze_within(KEPT_SECONDS_MAX, open, extension, limits)
}

/// Keeps so many seconds of the signal at most.
fn analyze_within(
    kept_seconds_max: usize,
    open: &OpenSource<'_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
) -> Result<(AudioAnalysis, DecodeReport), EncodedError> {
    let room_count = kept_seconds_max * ANALYSIS_RATE_HZ as usize;
    let (mut survey, report) = survey(room_count, open, extension, limits)?;
    let spectra = match survey.mono.take() {
        Some(mono) => Spectra::compute(&mono, Parts::ALL),
        None => spectra_again(&survey, open, extension, limits)?,
    };
    Ok((conclude(survey, &spectra), report))
}

fn survey(
    room_count: usize,
    open: &OpenSource<'_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
) -> Result<(Survey, DecodeReport), EncodedError> {
    let mut surveyor: Option<Surveyor> = None;
    let report = each_block(open, extension, limits, |layout, block| {
        let surveyor = match &mut surveyor {
            Some(surveyor) => surveyor,
            None => {
                // Laid aside at once: while a signal that grows is copied it needs half as much again.
                let room = Vec::with_capacity(room_count);
                let new = Surveyor::new(layout.channel_count, layout.sample_rate_hz, room)?;
                surveyor.insert(new)
            }
        };
        surveyor.push(block)
    })?;
    let surveyor = surveyor.ok_or(DecodeError::Empty)?;
    Ok((surveyor.finish()?, report))
}

/// Decodes the file a second time, for the spectra.
fn spectra_again(
    survey: &Survey,
    open: &OpenSource<'_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
) -> Result<Spectra, EncodedError> {
    let mut meter = SpectraMeter::new(&survey.power, Parts::ALL);
    let mut mixer: Option<MonoMixer> = None;
    each_block(open, extension, limits, |layout, block| {
        let mixer = match &mut mixer {
            Some(mixer) => mixer,
            None => mixer.insert(MonoMixer::new(layout.channel_count, layout.sample_rate_hz)?),
        };
        mixer.push(block, &mut |samples| meter.push(samples))
    })?;
    if let Some(mixer) = mixer {
        mixer.finish(&mut |samples| meter.push(samples))?;
    }
    Ok(meter.finish())
}

/// Hands the sound of an encoded file on as mono of a rate, in parts of any length.
///
/// - Shape: one channel, the mean of all, every sample finite.
/// - Errors: [`EncodedError`]; a damaged file is handed on as far as it decodes, and the report says so.
/// - Cost: O(file), memory bounded by a block.
pub fn mono_in_blocks(
    open: &OpenSource<'_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
    rate_hz: u32,
    give: &mut dyn FnMut(&[f32]),
) -> Result<DecodeReport, EncodedError> {
    let mut mixer: Option<MonoMixer> = None;
    let report = each_block(open, extension, limits, |layout, block| {
        let mixer = match &mut mixer {
            Some(mixer) => mixer,
            None => {
                let (channel_count, from_hz) = (layout.channel_count, layout.sample_rate_hz);
                mixer.insert(MonoMixer::to_rate(channel_count, from_hz, rate_hz)?)
            }
        };
        mixer.push(block, give)
    })?;
    if let Some(mixer) = mixer {
        mixer.finish(give)?;
    }
    Ok(report)
}

/// Hands every block to something that may fail, and stops with its error.
fn each_block(
    open: &OpenSource<'_>,
    extension: Option<&str>,
    limits: &DecodeLimits,
    mut take: impl FnMut(AudioLayout, &[f32]) -> Result<(), AnalysisError>,
) -> Result<DecodeReport, EncodedError> {
    let source = open().map_err(EncodedError::Open)?;
    let mut failure = None;
    let report = decode_in_blocks(source, extension, limits, &mut |layout, block| match take(
        layout, block,
    ) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failure = Some(error);
            ControlFlow::Break(())
        }
    })?;
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(report),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::{AudioBuffer, analyze_audio};
    use super::*;

    /// A tune in a PCM WAV: a note of every channel a quarter of a second, all of a scale.
    fn tune(channel_count: u16, rate_hz: u32, seconds: u32) -> (Vec<u8>, AudioBuffer) {
        let sample = |index: u32| {
            let (frame, channel) = (
                index / u32::from(channel_count),
                index % u32::from(channel_count),
            );
            let second = f64::from(frame) / f64::from(rate_hz);
            let step = (f64::from(channel) * 5.0 + (second * 4.0).floor() * 7.0) % 12.0;
            let hertz = 220.0 * (step / 12.0).exp2();
            let fade = 1.0 - (second * 4.0).fract();
            (8_000.0 * fade * (std::f64::consts::TAU * hertz * second).sin()) as i16
        };
        let values: Vec<i16> = (0..rate_hz * seconds * u32::from(channel_count))
            .map(sample)
            .collect();
        let data: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let samples = values.iter().map(|&value| f32::from(value) / 32_768.0);
        let audio = AudioBuffer {
            samples: samples.collect(),
            channel_count: channel_count.into(),
            sample_rate_hz: rate_hz,
        };
        let (length, block) = (data.len() as u32, channel_count * 2);
        let mut file = Vec::new();
        file.extend_from_slice(b"RIFF");
        file.extend_from_slice(&(36 + length).to_le_bytes());
        file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0");
        file.extend_from_slice(&channel_count.to_le_bytes());
        file.extend_from_slice(&rate_hz.to_le_bytes());
        file.extend_from_slice(&(rate_hz * u32::from(block)).to_le_bytes());
        file.extend_from_slice(&block.to_le_bytes());
        file.extend_from_slice(b"\x10\0data");
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&data);
        (file, audio)
    }

    fn opened(file: &[u8]) -> impl Fn() -> std::io::Result<Box<dyn MediaSource>> {
        let file = file.to_vec();
        move || Ok(Box::new(Cursor::new(file.clone())))
    }

    #[test]
    fn blocks_and_a_second_decoding_do_not_show() {
        for (channel_count, rate_hz) in [(1, 22_050), (2, 44_100), (6, 48_000), (2, 8_000)] {
            let (file, audio) = tune(channel_count, rate_hz, 12);
            let whole = analyze_audio(&audio).expect("is analysed");
            assert!(!whole.embedding.is_empty() && !whole.beats_ms.is_empty());
            for kept_seconds_max in [60, 5] {
                let limits = DecodeLimits::default();
                let (analysis, report) =
                    analyze_within(kept_seconds_max, &opened(&file), Some("wav"), &limits)
                        .expect("is analysed");
                assert!(analysis == whole, "{channel_count} at {rate_hz}");
                assert_eq!(report.duration_ms(), 12_000);
            }
        }
    }

    #[test]
    fn many_channels_and_high_rates_are_heard() {
        let limits = DecodeLimits::default();
        for (channel_count, rate_hz) in [(32, 8_000), (27, 11_025), (2, 192_000)] {
            let (file, audio) = tune(channel_count, rate_hz, 4);
            let (analysis, report) =
                analyze_encoded(&opened(&file), Some("wav"), &limits).expect("is analysed");
            assert_eq!(report.layout.channel_count, usize::from(channel_count));
            assert!(analysis == analyze_audio(&audio).expect("is analysed"));
        }
        let (file, _) = tune(33, 8_000, 1);
        let refused = analyze_encoded(&opened(&file), Some("wav"), &limits);
        let reason = refused.expect_err("has too many channels").to_string();
        assert_eq!(reason, "channel count is 33, the limit is 32");
    }

    #[test]
    fn the_sound_is_handed_on_at_any_rate() {
        let limits = DecodeLimits::default();
        for (channel_count, from_hz) in [(1, 22_050), (2, 44_100), (2, 8_000)] {
            let (file, _) = tune(channel_count, from_hz, 4);
            for rate_hz in [8_000, 22_050, 44_100] {
                let (mut count, mut peak) = (0, 0.0_f32);
                let mut take = |samples: &[f32]| {
                    count += samples.len();
                    peak = samples.iter().fold(peak, |peak, one| peak.max(one.abs()));
                };
                let open = opened(&file);
                mono_in_blocks(&open, Some("wav"), &limits, rate_hz, &mut take).expect("decodes");
                assert_eq!(count, 4 * rate_hz as usize, "{from_hz} to {rate_hz}");
                // The tune is written with an amplitude of 8,000 of 32,768.
                assert!((0.15..0.35).contains(&peak), "{peak}");
            }
        }
    }

    #[test]
    fn what_cannot_be_opened_or_analysed_is_said() {
        let limits = DecodeLimits::default();
        let gone = || Err(std::io::ErrorKind::NotFound.into());
        assert!(matches!(
            analyze_encoded(&gone, None, &limits),
            Err(EncodedError::Open(_))
        ));
        let (file, _) = tune(1, 500, 4);
        assert!(matches!(
            analyze_encoded(&opened(&file), None, &limits),
            Err(EncodedError::Analysis(_))
        ));
    }
}
