//! The child's side: limits first, then the file.

use std::fs::File;
use std::io::{Read, Write};

use leitmotif_analysis::audio::{
    AudioAnalysis, DecodeLimits, DecodeReport, EncodedError, Ending, analyze_encoded,
};

use crate::jobs::child::{confine, read_order};
use crate::jobs::process::{DecodeAnswer, DecodeOrder};

/// Largest order read.
const ORDER_BYTES_MAX: u64 = 64 * 1024;

/// Reads one order, obeys it under its own limits, writes the answer.
///
/// - Errors: only what keeps the child from answering; a bad file is an answer.
pub fn run(input: impl Read, mut output: impl Write) -> Result<(), String> {
    let order: DecodeOrder = read_order(input, ORDER_BYTES_MAX)?;
    confine(order.memory_bytes_max, order.cpu_seconds_max)?;
    let answer = obey(&order);
    serde_json::to_writer(&mut output, &answer).map_err(|error| error.to_string())?;
    output.flush().map_err(|error| error.to_string())
}

fn obey(order: &DecodeOrder) -> DecodeAnswer {
    let limits = DecodeLimits {
        seconds_max: f64::from(order.audio_seconds_max),
        ..DecodeLimits::default()
    };
    let open = || Ok(Box::new(File::open(&order.path)?) as _);
    let analyzed =
        std::panic::catch_unwind(|| analyze_encoded(&open, Some(&order.extension), &limits));
    match analyzed {
        Ok(Ok((mut analysis, report))) => {
            tell_of_the_file(&report, &mut analysis);
            DecodeAnswer::Analysis(Box::new(analysis))
        }
        Ok(Err(error)) => DecodeAnswer::Refused {
            reason: with_cause(&error),
        },
        Err(_) => DecodeAnswer::Refused {
            reason: "the analysis failed on this file".to_owned(),
        },
    }
}

/// What is wrong, and why if an error of the system is behind it.
fn with_cause(error: &EncodedError) -> String {
    match error {
        EncodedError::Open(cause) => format!("{error}: {cause}"),
        _ => error.to_string(),
    }
}

/// Says what of the file was not heard, and gives the length that its container states where the end was not
/// reached.
fn tell_of_the_file(report: &DecodeReport, analysis: &mut AudioAnalysis) {
    let heard_ms = report.duration_ms();
    let remarks = &mut analysis.remarks;
    let (minutes, seconds) = (heard_ms / 60_000, heard_ms / 1_000 % 60);
    match report.ending {
        Ending::Whole | Ending::Stopped => {}
        Ending::Limit if seconds == 0 => remarks.push(format!(
            "only the first {minutes} minutes were heard: all but the length is of them"
        )),
        Ending::Limit => remarks.push(format!(
            "only the first {minutes}:{seconds:02} minutes were heard: all but the length is of them"
        )),
        Ending::Broken => remarks.push(format!(
            "the file breaks off at {minutes}:{seconds:02}: all but the length is of what comes before"
        )),
    }
    if report.corrupt_packet_count > 0 {
        let count = report.corrupt_packet_count;
        remarks.push(format!("{count} damaged packets were passed over"));
    }
    if report.replaced_sample_count > 0 {
        let count = report.replaced_sample_count;
        remarks.push(format!(
            "{count} samples that are no numbers were taken as silence"
        ));
    }
    let stated_ms = report
        .stated_ms
        .filter(|stated| report.ending != Ending::Whole && *stated > heard_ms);
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
    use leitmotif_analysis::audio::{AudioBuffer, AudioLayout, analyze_audio};

    use super::*;

    /// A second of a file with this account.
    fn report(ending: Ending, stated_ms: Option<u64>) -> DecodeReport {
        DecodeReport {
            layout: AudioLayout {
                sample_rate_hz: 8_000,
                channel_count: 1,
            },
            frame_count: 8_000,
            replaced_sample_count: 0,
            corrupt_packet_count: 0,
            ending,
            stated_ms,
        }
    }

    fn told(report: &DecodeReport) -> (Vec<String>, serde_json::Value) {
        let silence = AudioBuffer {
            samples: vec![0.0; 8_000],
            channel_count: 1,
            sample_rate_hz: 8_000,
        };
        let mut analysis = analyze_audio(&silence).expect("is analysed");
        tell_of_the_file(report, &mut analysis);
        let length = analysis
            .descriptors
            .iter()
            .find(|one| one.name == "duration_ms");
        (analysis.remarks, length.expect("is told").value.clone())
    }

    #[test]
    fn a_whole_file_leaves_nothing_to_say() {
        let (remarks, length) = told(&report(Ending::Whole, Some(5_000)));
        assert_eq!(
            (remarks, length),
            (Vec::new(), 1_000.into()),
            "what was counted counts"
        );
    }

    #[test]
    fn what_was_not_heard_is_said_and_the_length_is_the_files() {
        let (remarks, length) = told(&report(Ending::Limit, Some(36_000_000)));
        let limited = "only the first 0:01 minutes were heard";
        assert!(remarks[0].starts_with(limited), "{remarks:?}");
        assert_eq!(length, 36_000_000);
        let whole_minutes = DecodeReport {
            frame_count: 8_000 * 60 * 20,
            ..report(Ending::Limit, None)
        };
        let limited = "only the first 20 minutes were heard";
        assert!(told(&whole_minutes).0[0].starts_with(limited));
        let mut broken = report(Ending::Broken, None);
        broken.corrupt_packet_count = 3;
        let (remarks, length) = told(&broken);
        assert!(remarks[0].contains("breaks off at 0:01"), "{remarks:?}");
        assert!(remarks[1].starts_with("3 damaged packets"), "{remarks:?}");
        assert_eq!(length, 1_000);
    }
}
