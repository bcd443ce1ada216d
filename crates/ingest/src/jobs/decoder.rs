//! The child's side: limits first, then the file.

use std::fs::File;
use std::io::{Read, Write};

use leitmotif_analysis::audio::{
    AudioAnalysis, DecodeLimits, DecodedAudio, analyze_audio, decode_with_report,
};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::jobs::process::{DecodeAnswer, DecodeOrder};

/// Largest order read.
const ORDER_BYTES_MAX: u64 = 64 * 1024;

/// Reads one order, obeys it under its own limits, writes the answer.
///
/// - Errors: only what keeps the child from answering; a bad file is an answer.
pub fn run(input: impl Read, mut output: impl Write) -> Result<(), String> {
    let mut text = Vec::new();
    input
        .take(ORDER_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    let order: DecodeOrder = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    limit(Resource::As, order.memory_bytes_max)?;
    limit(Resource::Cpu, order.cpu_seconds_max)?;
    // The child writes to its pipe only.
    limit(Resource::Fsize, 0)?;
    limit(Resource::Core, 0)?;
    let answer = obey(&order);
    serde_json::to_writer(&mut output, &answer).map_err(|error| error.to_string())?;
    output.flush().map_err(|error| error.to_string())
}

fn limit(resource: Resource, value: u64) -> Result<(), String> {
    let both = Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    setrlimit(resource, both).map_err(|error| format!("cannot limit the decoder: {error}"))
}

fn obey(order: &DecodeOrder) -> DecodeAnswer {
    let refused = |reason: String| DecodeAnswer::Refused { reason };
    let file = match File::open(&order.path) {
        Ok(file) => file,
        Err(error) => return refused(format!("cannot open the file: {error}")),
    };
    let limits = DecodeLimits {
        seconds_max: f64::from(order.audio_seconds_max),
        ..DecodeLimits::default()
    };
    let decoded = match decode_with_report(Box::new(file), Some(&order.extension), &limits) {
        Ok(decoded) => decoded,
        Err(error) => return refused(error.to_string()),
    };
    let analyzed = std::panic::catch_unwind(|| analyze_audio(&decoded.audio));
    match analyzed {
        Ok(Ok(mut analysis)) => {
            tell_of_the_file(&decoded, order, &mut analysis);
            DecodeAnswer::Analysis(Box::new(analysis))
        }
        Ok(Err(error)) => refused(error.to_string()),
        Err(_) => refused("the analysis failed on this file".to_owned()),
    }
}

/// Says what of the file was not heard, and gives the length that its container states where the end was not
/// reached.
fn tell_of_the_file(decoded: &DecodedAudio, order: &DecodeOrder, analysis: &mut AudioAnalysis) {
    let heard_ms = decoded.audio.duration_ms();
    let remarks = &mut analysis.remarks;
    if decoded.is_partial && heard_ms >= u64::from(order.audio_seconds_max) * 1_000 {
        let minutes = f64::from(order.audio_seconds_max) / 60.0;
        remarks.push(format!(
            "only the first {minutes} minutes were heard: all but the length is of them"
        ));
    } else if decoded.is_partial {
        let (minutes, seconds) = (heard_ms / 60_000, heard_ms / 1_000 % 60);
        remarks.push(format!(
            "the file breaks off at {minutes}:{seconds:02}: all but the length is of what comes before"
        ));
    }
    if decoded.corrupt_packet_count > 0 {
        let count = decoded.corrupt_packet_count;
        remarks.push(format!("{count} damaged packets were passed over"));
    }
    if decoded.replaced_sample_count > 0 {
        let count = decoded.replaced_sample_count;
        remarks.push(format!(
            "{count} samples that are no numbers were taken as silence"
        ));
    }
    let stated_ms = decoded
        .stated_ms
        .filter(|stated| decoded.is_partial && *stated > heard_ms);
    let length = analysis
        .descriptors
        .iter_mut()
        .find(|one| one.name == "duration_ms");
    if let (Some(stated_ms), Some(length)) = (stated_ms, length) {
        length.value = stated_ms.into();
        length.method = "container".to_owned();
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_analysis::audio::AudioBuffer;

    use super::*;

    /// A second of silence, of a file with this account.
    fn decoded(is_partial: bool, stated_ms: Option<u64>) -> DecodedAudio {
        DecodedAudio {
            audio: AudioBuffer {
                samples: vec![0.0; 8_000],
                channel_count: 1,
                sample_rate_hz: 8_000,
            },
            replaced_sample_count: 0,
            corrupt_packet_count: 0,
            is_partial,
            stated_ms,
        }
    }

    fn told(decoded: &DecodedAudio, audio_seconds_max: u32) -> (Vec<String>, serde_json::Value) {
        let order = DecodeOrder {
            path: "song.wav".into(),
            extension: "wav".to_owned(),
            memory_bytes_max: 0,
            cpu_seconds_max: 0,
            audio_seconds_max,
        };
        let mut analysis = analyze_audio(&decoded.audio).expect("is analysed");
        tell_of_the_file(decoded, &order, &mut analysis);
        let length = analysis
            .descriptors
            .iter()
            .find(|one| one.name == "duration_ms");
        (analysis.remarks, length.expect("is told").value.clone())
    }

    #[test]
    fn a_whole_file_leaves_nothing_to_say() {
        let (remarks, length) = told(&decoded(false, Some(5_000)), 60);
        assert_eq!(
            (remarks, length),
            (Vec::new(), 1_000.into()),
            "what was counted counts"
        );
    }

    #[test]
    fn what_was_not_heard_is_said_and_the_length_is_the_files() {
        let (remarks, length) = told(&decoded(true, Some(36_000_000)), 1);
        assert!(remarks[0].starts_with("only the first"), "{remarks:?}");
        assert_eq!(length, 36_000_000);
        let mut broken = decoded(true, None);
        broken.corrupt_packet_count = 3;
        let (remarks, length) = told(&broken, 60);
        assert!(remarks[0].contains("breaks off at 0:01"), "{remarks:?}");
        assert!(remarks[1].starts_with("3 damaged packets"), "{remarks:?}");
        assert_eq!(length, 1_000);
    }
}
