//! The `duplicates` measurement: are copies of a recording found by their fingerprints, and nothing
//! else?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use leitmotif_analysis::audio::{
    ANALYSIS_RATE_HZ, DecodeLimits, Fingerprint, FingerprintIndex, SAME_RECORDING_ERROR_MAX,
    decode_bytes, fingerprint_audio, resample_to_mono,
};
use leitmotif_demo::world::{World, WorldSpec};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::audio_embedding::degrade::{Degradation, MEASURED, buffer, degrade, has_ffmpeg};
use crate::random::Random;

/// What is cut off the start of a copy, in seconds; not a multiple of the step between words.
const TRIM_S: usize = 3;

/// Fingerprints of degraded copies against every clip: recall by degradation, and false matches over
/// all pairs of different songs.
#[derive(clap::Args)]
pub struct Args {
    /// Folder with `labels.csv` and the clips.
    #[arg(long)]
    data: PathBuf,
    /// Folder with further copies, each named as its clip but for the ending: a subfolder a kind.
    #[arg(long)]
    copies: Option<PathBuf>,
    /// Songs of the demo world that are compared with each other: all different, all played by one
    /// synthesiser, as loops of one sample pack are.
    #[arg(long, default_value_t = 224)]
    songs: usize,
    /// Clips fingerprinted at the same time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

struct Clip {
    song: String,
    whole: Fingerprint,
    copies: Vec<(String, Fingerprint)>,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.jobs.max(1))
        .build()?;
    let labels = read_labels(&args.data)?;
    let clips: Vec<Clip> = pool.install(|| {
        let read = |(file, song): (String, String)| see(args, &file, song);
        labels
            .into_par_iter()
            .map(read)
            .collect::<anyhow::Result<_>>()
    })?;
    let mut index = FingerprintIndex::default();
    let (mut false_pairs, mut pair_count) = (0, 0);
    for (place, clip) in clips.iter().enumerate() {
        let found = index.add(clip.whole.clone());
        false_pairs += found
            .iter()
            .filter(|(other, _)| clips[*other].song != clip.song)
            .count();
        let others = clips[..place].iter();
        pair_count += others.filter(|other| other.song != clip.song).count();
    }
    let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
    for (place, clip) in clips.iter().enumerate() {
        for (name, copy) in &clip.copies {
            kinds
                .entry(name)
                .or_default()
                .count(&clips, place, copy, &index);
        }
    }
    let nearest = nearest_different(&clips, &pool);
    let one_sound = songs_of_one_sound(args.songs, &pool)?;
    let bytes: usize = clips
        .iter()
        .map(|clip| String::from(clip.whole.clone()).len())
        .sum();
    Ok(json!({
        "clips": clips.len(),
        "threshold": SAME_RECORDING_ERROR_MAX,
        "mp3_skipped": !has_ffmpeg(),
        "copies": kinds.iter().map(|(name, kind)| ((*name).to_owned(), kind.report())).collect::<serde_json::Map<_, _>>(),
        "originals": {"different_pairs": pair_count, "false_matches": false_pairs},
        "different_error_rate": quantiles(nearest),
        "songs_of_one_sound": one_sound,
        "stored_bytes_per_clip": bytes / clips.len().max(1),
    }))
}

/// What became of the copies of one kind.
#[derive(Default)]
struct Kind {
    copies: usize,
    found: usize,
    by_comparison: usize,
    different: usize,
    false_matches: usize,
    errors: Vec<f64>,
}

impl Kind {
    fn count(
        &mut self,
        clips: &[Clip],
        place: usize,
        copy: &Fingerprint,
        index: &FingerprintIndex,
    ) {
        let song = &clips[place].song;
        self.copies += 1;
        self.different += clips.iter().filter(|other| other.song != *song).count();
        let found = index.find(copy);
        self.found += usize::from(found.iter().any(|(other, _)| *other == place));
        self.false_matches += found
            .iter()
            .filter(|(other, _)| clips[*other].song != *song)
            .count();
        if let Some(best) = copy.compare(&clips[place].whole) {
            self.by_comparison += usize::from(best.is_same());
            self.errors.push(best.bit_error_rate);
        }
    }

    fn report(&self) -> Value {
        let share = |count: usize| count as f64 / self.copies.max(1) as f64;
        json!({
            "copies": self.copies,
            "recall": share(self.found),
            "recall_without_index": share(self.by_comparison),
            "different_pairs": self.different,
            "false_matches": self.false_matches,
            "bit_error_rate": quantiles(self.errors.clone()),
        })
    }
}

fn quantiles(mut values: Vec<f64>) -> Value {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * values.len().saturating_sub(1) as f64).round() as usize;
        values.get(place).map(|value| (value * 1e4).round() / 1e4)
    };
    json!({"least": at(0.0), "p01": at(0.01), "median": at(0.5), "p95": at(0.95), "most": at(1.0)})
}

/// The least bit error rate of every pair of different songs, at whatever offset.
fn nearest_different(clips: &[Clip], pool: &rayon::ThreadPool) -> Vec<f64> {
    let of_clip = |(place, clip): (usize, &Clip)| -> Vec<f64> {
        let others = clips[..place]
            .iter()
            .filter(|other| other.song != clip.song);
        let rates = others.filter_map(|other| clip.whole.compare(&other.whole));
        rates.map(|best| best.bit_error_rate).collect()
    };
    pool.install(|| {
        clips
            .par_iter()
            .enumerate()
            .flat_map_iter(of_clip)
            .collect()
    })
}

/// Different songs that share every sound: what the index takes for one recording, and how near they
/// come.
fn songs_of_one_sound(count: usize, pool: &rayon::ThreadPool) -> anyhow::Result<Value> {
    let world = World::new(WorldSpec {
        song_count: count,
        ..WorldSpec::default()
    });
    let print = |place: usize| -> anyhow::Result<Clip> {
        let song = world.render(place).context("a song of the world")?;
        let audio = decode_bytes(&song.wav, Some("wav"), &DecodeLimits::default())?;
        let whole = fingerprint_audio(&buffer(resample_to_mono(&audio)?))?;
        Ok(Clip {
            song: place.to_string(),
            whole,
            copies: Vec::new(),
        })
    };
    let clips: Vec<Clip> = pool.install(|| {
        (0..count)
            .into_par_iter()
            .map(print)
            .collect::<anyhow::Result<_>>()
    })?;
    let mut index = FingerprintIndex::default();
    let found = clips.iter().map(|clip| index.add(clip.whole.clone()).len());
    let false_matches: usize = found.sum();
    Ok(json!({
        "songs": count,
        "pairs": count * count.saturating_sub(1) / 2,
        "false_matches": false_matches,
        "bit_error_rate": quantiles(nearest_different(&clips, pool)),
    }))
}

/// Files with the song each is of: clips of one song are no false match.
fn read_labels(data: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let path = data.join("labels.csv");
    let mut reader = csv::Reader::from_path(&path).with_context(|| path.display().to_string())?;
    let mut labels = Vec::new();
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row?;
        let file = row.get("file").context("no column `file`")?.clone();
        let song = row.get("song").filter(|song| !song.is_empty());
        labels.push((file.clone(), song.unwrap_or(&file).clone()));
    }
    Ok(labels)
}

fn read_mono(path: &Path) -> anyhow::Result<Vec<f32>> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let extension = path.extension().and_then(|extension| extension.to_str());
    let audio = decode_bytes(&bytes, extension, &DecodeLimits::default())
        .with_context(|| path.display().to_string())?;
    Ok(resample_to_mono(&audio)?)
}

fn see(args: &Args, file: &str, song: String) -> anyhow::Result<Clip> {
    let samples = read_mono(&args.data.join(file))?;
    let mut random = Random(23);
    let print = |samples: Vec<f32>| fingerprint_audio(&buffer(samples));
    let mut copies = Vec::new();
    for (name, degradation) in MEASURED {
        if degradation != Degradation::Mp3 || has_ffmpeg() {
            let spoiled = degrade(&samples, degradation, &mut random)?;
            copies.push((name.to_owned(), print(spoiled)?));
        }
    }
    let start = (TRIM_S * ANALYSIS_RATE_HZ as usize).min(samples.len());
    copies.push((
        format!("start_trimmed_{TRIM_S}s"),
        print(samples[start..].to_vec())?,
    ));
    let all = [
        Degradation::PinkNoise(20.0),
        Degradation::LowPass(4_500.0),
        Degradation::Speed(0.99),
    ];
    let mut worn = samples[start..].to_vec();
    for degradation in all {
        worn = degrade(&worn, degradation, &mut random)?;
    }
    copies.push(("trimmed_noise_low_pass_slower".to_owned(), print(worn)?));
    copies.extend(given(args, file)?);
    Ok(Clip {
        song,
        whole: print(samples)?,
        copies,
    })
}

/// Copies that somebody else made of a clip.
fn given(args: &Args, file: &str) -> anyhow::Result<Vec<(String, Fingerprint)>> {
    let stem = Path::new(file).with_extension("");
    let mut copies = Vec::new();
    for folder in args.copies.iter().map(std::fs::read_dir) {
        for kind in folder? {
            let kind = kind?;
            for copy in std::fs::read_dir(kind.path())? {
                let path = copy?.path();
                if path.with_extension("").file_name() == stem.file_name() {
                    let samples = read_mono(&path)?;
                    let name = kind.file_name().to_string_lossy().into_owned();
                    copies.push((name, fingerprint_audio(&buffer(samples))?));
                }
            }
        }
    }
    Ok(copies)
}
