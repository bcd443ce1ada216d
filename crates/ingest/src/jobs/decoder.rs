//! The child's side: limits first, then the file.

use std::fs::File;
use std::io::{Read, Write};

use leitmotif_analysis::audio::{DecodeLimits, analyze_audio, decode};
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
    let audio = match decode(Box::new(file), Some(&order.extension), &limits) {
        Ok(audio) => audio,
        Err(error) => return refused(error.to_string()),
    };
    let analyzed = std::panic::catch_unwind(|| analyze_audio(&audio));
    match analyzed {
        Ok(Ok(analysis)) => DecodeAnswer::Analysis(Box::new(analysis)),
        Ok(Err(error)) => refused(error.to_string()),
        Err(_) => refused("the analysis failed on this file".to_owned()),
    }
}
