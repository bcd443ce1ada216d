//! The child that decodes, under the limits it has in service: files that are wide, fast or endless.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use leitmotif_analysis::audio::AudioAnalysis;
use leitmotif_domain::limits;
use leitmotif_ingest::jobs::{AudioProcess, DecoderProcess};

/// What a WAV file says of itself.
struct Wav {
    channel_count: u16,
    rate_hz: u32,
    seconds: u32,
    /// Seconds of sound, after which the file has silence that takes no room on the disk.
    sounding_s: u32,
}

/// Writes clicks on every half second over a tone, in 8 bits.
fn write_wav(path: &Path, wav: &Wav) {
    let block = wav.channel_count;
    let frame_count = wav.rate_hz * wav.seconds;
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(b"RIFF").unwrap();
    let length = frame_count * u32::from(block);
    file.write_all(&(length + 36).to_le_bytes()).unwrap();
    file.write_all(b"WAVEfmt \x10\0\0\0\x01\0").unwrap();
    file.write_all(&wav.channel_count.to_le_bytes()).unwrap();
    file.write_all(&wav.rate_hz.to_le_bytes()).unwrap();
    file.write_all(&(wav.rate_hz * u32::from(block)).to_le_bytes())
        .unwrap();
    file.write_all(&block.to_le_bytes()).unwrap();
    file.write_all(b"\x08\0data").unwrap();
    file.write_all(&length.to_le_bytes()).unwrap();
    let second: Vec<u8> = (0..wav.rate_hz)
        .flat_map(|frame| {
            let tone = (frame * 440 / wav.rate_hz % 2) as u8 * 20;
            let click = u8::from(frame % (wav.rate_hz / 2) < wav.rate_hz / 100) * 80;
            std::iter::repeat_n(118 + tone + click, usize::from(block))
        })
        .collect();
    for _ in 0..wav.sounding_s {
        file.write_all(&second).unwrap();
    }
    let file = file.into_inner().unwrap();
    file.set_len(u64::from(length) + 44).unwrap();
}

/// Analyses it in the child, with the memory that it has in service. Time is not judged here: what else runs
/// on the machine is not known.
fn analyze(wav: &Wav) -> AudioAnalysis {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sound.wav");
    write_wav(&path, wav);
    let process = DecoderProcess {
        time_max: Duration::from_secs(120),
        ..DecoderProcess::new(env!("CARGO_BIN_EXE_leitmotif").into())
    };
    assert_eq!(process.memory_bytes_max, limits::DECODER_MEMORY_BYTES_MAX);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(process.analyze(&path, "wav")).unwrap()
}

fn duration_ms(analysis: &AudioAnalysis) -> u64 {
    let mut descriptors = analysis.descriptors.iter();
    let length = descriptors.find(|one| one.name == "duration_ms").unwrap();
    length.value.as_u64().unwrap()
}

#[test]
fn wide_and_fast_files_are_heard_within_the_limits() {
    for (channel_count, rate_hz) in [(32, 48_000), (2, 192_000), (32, 192_000), (1, 8_000)] {
        let analysis = analyze(&Wav {
            channel_count,
            rate_hz,
            seconds: 6,
            sounding_s: 6,
        });
        assert_eq!(analysis.remarks, [""; 0]);
        assert_eq!(duration_ms(&analysis), 6_000);
        assert!(!analysis.beats_ms.is_empty() && !analysis.embedding.is_empty());
    }
}

#[test]
fn ten_hours_are_heard_as_far_as_the_limits_go() {
    let analysis = analyze(&Wav {
        channel_count: 1,
        rate_hz: 8_000,
        seconds: 36_000,
        sounding_s: limits::ANALYSIS_SECONDS_MAX + 60,
    });
    let minutes = limits::ANALYSIS_SECONDS_MAX / 60;
    let told = format!("only the first {minutes} minutes were heard");
    assert!(
        analysis.remarks[0].starts_with(&told),
        "{:?}",
        analysis.remarks
    );
    assert_eq!(duration_ms(&analysis), 36_000_000);
    let heard_ms = u64::from(limits::ANALYSIS_SECONDS_MAX) * 1_000;
    let last_ms = u64::from(*analysis.beats_ms.last().unwrap());
    assert!(last_ms + 2_000 > heard_ms, "{last_ms}");
}
