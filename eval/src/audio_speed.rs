//! What the whole audio analysis costs, stage by stage, and what decoding alone would allow.

use std::hint::black_box;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use leitmotif_analysis::analyzer::{Analyzer, TrackInput};
use leitmotif_analysis::audio::{
    AudioBuffer, DecodeLimits, HarmonyAnalyzer, RhythmAnalyzer, analyze_audio, analyze_encoded,
    decode_bytes, decode_in_blocks, draw_waveform, fingerprint_audio, measure_loudness,
    resample_to_mono,
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

/// How many of the longest files are told one by one.
const LONGEST_COUNT: usize = 5;

/// What one file cost.
struct Cost {
    name: String,
    audio_s: f64,
    decode_s: f64,
    stages_s: [f64; STAGES.len()],
    /// From the file to its analysis, block by block, as it is in service.
    whole_s: f64,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut files = Vec::new();
    for path in &args.files {
        files.extend(files_of(path)?);
    }
    files.sort();
    let measured = files.iter().map(|file| measure(file, args.repeats));
    let mut costs = measured.collect::<anyhow::Result<Vec<Cost>>>()?;
    let audio_s: f64 = costs.iter().map(|cost| cost.audio_s).sum();
    anyhow::ensure!(audio_s > 0.0, "there is no sound in what was given");
    let x_realtime = |spent_s: &dyn Fn(&Cost) -> f64| {
        let spent_s: f64 = costs.iter().map(spent_s).sum();
        (audio_s / spent_s.max(1e-9)).round()
    };
    let mut stages = Map::new();
    stages.insert(DECODE.to_owned(), x_realtime(&|cost| cost.decode_s).into());
    for (index, (name, _)) in STAGES.iter().enumerate() {
        let value = x_realtime(&|cost| cost.stages_s[index]);
        stages.insert((*name).to_owned(), value.into());
    }
    let whole = x_realtime(&|cost| cost.whole_s);
    let decode_share = whole / x_realtime(&|cost| cost.decode_s);
    costs.sort_by(|a, b| b.audio_s.total_cmp(&a.audio_s));
    let longest = costs.iter().take(LONGEST_COUNT).map(|cost| {
        json!({
            "file": cost.name,
            "audio_s": cost.audio_s.round(),
            "x_realtime": (cost.audio_s / cost.whole_s).round(),
            "x_realtime_decode": (cost.audio_s / cost.decode_s).round(),
        })
    });
    Ok(json!({
        "files": files.len(),
        "audio_s": audio_s.round(),
        "x_realtime": whole,
        "x_realtime_by_stage": stages,
        "decode_share": (decode_share * 1e3).round() / 1e3,
        "longest": longest.collect::<Vec<Value>>(),
    }))
}

fn measure(file: &Path, repeats: usize) -> anyhow::Result<Cost> {
    let name = file.display().to_string();
    let bytes: Arc<[u8]> = std::fs::read(file).with_context(|| name.clone())?.into();
    let extension = file.extension().and_then(|extension| extension.to_str());
    let limits = DecodeLimits::default();
    let open = || Ok(Box::new(Cursor::new(bytes.clone())) as _);
    let decode = || {
        let sink = &mut |_, block: &[f32]| {
            black_box(block);
            ControlFlow::Continue(())
        };
        decode_in_blocks(open()?, extension, &limits, sink).context("decodes")
    };
    let audio = decode_bytes(&bytes, extension, &limits).with_context(|| name.clone())?;
    let mut stages_s = [0.0; STAGES.len()];
    for ((_, stage), spent_s) in STAGES.iter().zip(&mut stages_s) {
        *spent_s = fastest(repeats, || stage(&audio))?;
    }
    Ok(Cost {
        name,
        audio_s: audio.duration_ms() as f64 / 1_000.0,
        decode_s: fastest(repeats, || made(decode()?))?,
        stages_s,
        whole_s: fastest(repeats, || {
            made(analyze_encoded(&open, extension, &limits)?)
        })?,
    })
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
