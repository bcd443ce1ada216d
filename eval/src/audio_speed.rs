//! What the whole audio analysis costs, stage by stage, and what decoding alone would allow.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use leitmotif_analysis::analyzer::{Analyzer, TrackInput};
use leitmotif_analysis::audio::{
    AudioBuffer, DecodeLimits, HarmonyAnalyzer, RhythmAnalyzer, analyze_audio, decode_bytes,
    draw_waveform, fingerprint_audio, measure_loudness, resample_to_mono,
};
use serde_json::{Map, Value, json};

#[derive(clap::Args)]
pub struct Args {
    /// Audio files, or folders of them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Times each stage is run; the fastest counts, as anything beside it only slows it down.
    #[arg(long, default_value_t = 3)]
    repeats: usize,
}

/// A stage by name; those that share spectra in the whole analysis make their own here.
type Stage = (&'static str, fn(&AudioBuffer) -> anyhow::Result<()>);

const STAGES: [Stage; 7] = [
    ("to mono at the analysis rate", |audio| {
        made(resample_to_mono(audio)?)
    }),
    ("loudness, range, true peak", |audio| {
        made(measure_loudness(audio))
    }),
    ("waveform", |audio| made(draw_waveform(audio))),
    ("fingerprint, with its spectra", |audio| {
        made(fingerprint_audio(audio)?)
    }),
    ("rhythm, with its spectra", |audio| {
        made(RhythmAnalyzer.analyze(&input(audio))?)
    }),
    ("harmony, with its spectra", |audio| {
        made(HarmonyAnalyzer.analyze(&input(audio))?)
    }),
    ("everything, spectra shared", |audio| {
        made(analyze_audio(audio)?)
    }),
];
const DECODE: &str = "decode";

/// Keeps what was made from being left out, since nobody reads it.
fn made<T>(result: T) -> anyhow::Result<()> {
    black_box(result);
    Ok(())
}

fn input(audio: &AudioBuffer) -> TrackInput<'_> {
    TrackInput {
        audio: Some(audio),
        lyrics: None,
    }
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut files = Vec::new();
    for path in &args.files {
        files.extend(files_of(path)?);
    }
    files.sort();
    let (mut audio_s, mut decode_s) = (0.0, 0.0);
    let mut stages_s = [0.0; STAGES.len()];
    for file in &files {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        let extension = file.extension().and_then(|extension| extension.to_str());
        let decode = || decode_bytes(&bytes, extension, &DecodeLimits::default());
        let audio = decode().with_context(|| file.display().to_string())?;
        audio_s += audio.duration_ms() as f64 / 1_000.0;
        decode_s += fastest(args.repeats, || made(decode()?))?;
        for ((_, stage), spent_s) in STAGES.iter().zip(&mut stages_s) {
            *spent_s += fastest(args.repeats, || stage(&audio))?;
        }
    }
    anyhow::ensure!(audio_s > 0.0, "there is no sound in what was given");
    let x_realtime = |spent_s: f64| (audio_s / spent_s.max(1e-9)).round();
    let named = STAGES.iter().map(|(name, _)| *name).zip(stages_s);
    let stages: Map<String, Value> = [(DECODE, decode_s)]
        .into_iter()
        .chain(named)
        .map(|(name, spent_s)| (name.to_owned(), x_realtime(spent_s).into()))
        .collect();
    let analysis_s = stages_s.last().copied().unwrap_or_default();
    Ok(json!({
        "files": files.len(),
        "audio_s": audio_s.round(),
        "x_realtime": x_realtime(decode_s + analysis_s),
        "x_realtime_by_stage": stages,
        "decode_share": (decode_s / (decode_s + analysis_s) * 1e3).round() / 1e3,
    }))
}

/// Seconds of the fastest of some runs.
fn fastest(repeats: usize, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut fastest_s = f64::INFINITY;
    for _ in 0..repeats.max(1) {
        let start = Instant::now();
        work()?;
        fastest_s = fastest_s.min(start.elapsed().as_secs_f64());
    }
    Ok(fastest_s)
}

/// The audio files of a folder, or the file itself.
fn files_of(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let is_audio = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|one| matches!(one, "ogg" | "mp3" | "flac" | "wav" | "m4a"))
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).with_context(|| path.display().to_string())? {
        found.push(entry?.path());
    }
    found.retain(is_audio);
    Ok(found)
}
