//! Broken files by the hundred thousand, through the code that meets them in service:
//! `cargo run --release --example mutants -- --binary target/release/leitmotif --seeds FOLDER`.
//!
//! Every audio file of the folder is a seed. A mutant is a seed with a few bytes, lengths, blocks or
//! its end changed; it is decoded and analysed in the child process under tight limits, and its tags
//! are read. Lyrics are mutated likewise. Mutant `n` of a seed number is always the same.
#![allow(clippy::unwrap_used, reason = "a measurement may stop")]

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use leitmotif_analysis::lyrics::analyze_lyrics;
use leitmotif_ingest::Error;
use leitmotif_ingest::jobs::{AudioProcess, DecoderProcess};
use leitmotif_ingest::tracks::tags::read_tags;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

/// Bytes at the start, where lengths and formats are told; every second change strikes there.
const HEAD_BYTES: usize = 4_096;

/// Texts in the scripts and forms that lyrics come in.
const TEXTS: [&str; 6] = [
    "We rise in the night, holding on to the light\nEvery step that we take is a step we get right\n\nOh-oh, oh-oh",
    "[00:12.00]First line\n[00:17.20][01:02.50]Second line, sung twice\n[offset:+250]\n[00:11.90]Out of order",
    "Мы идём по ночи, и молчат фонари\nТы со мной помолчи, ты со мной говори",
    "שיר קטן על הים, על החול החם\nنغني معا للبحر والقمر",
    "夜の街を歩いてく\n星が一つ落ちてきた",
    "La la la 🎶🎤 yeah 💔\u{200d}🔥 e\u{301}té\u{fe0f}\nna na na na na na na na na",
];

#[derive(Parser)]
struct Args {
    /// The `leitmotif` binary whose child decodes.
    #[arg(long)]
    binary: PathBuf,
    /// Folder of audio files to start from; short ones give more mutants in a minute.
    #[arg(long)]
    seeds: PathBuf,
    /// Audio mutants.
    #[arg(long, default_value_t = 100_000)]
    files: usize,
    /// Lyrics mutants.
    #[arg(long, default_value_t = 100_000)]
    texts: usize,
    /// The first mutant, to look at one again.
    #[arg(long, default_value_t = 0)]
    from: usize,
    /// Seed of all changes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the mutants that cost a child or a panic.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Children at a time.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Address space of a child in MiB.
    #[arg(long, default_value_t = 256)]
    memory_mb: u64,
    /// Seconds a child may take.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// What became of the audio mutants.
#[derive(Default)]
struct Outcome {
    analysed: usize,
    refused: BTreeMap<String, usize>,
    /// Children that gave no answer: which mutant, and what is known.
    died: Vec<(usize, String)>,
    tag_panics: Vec<usize>,
    slowest: Duration,
}

fn main() {
    let args = Args::parse();
    let seeds = read_seeds(&args.seeds);
    assert!(!seeds.is_empty(), "no audio in `{}`", args.seeds.display());
    let begun = Instant::now();
    let audio = mutate_files(&args, &seeds);
    let audio_s = begun.elapsed().as_secs_f64();
    let text_panics: Vec<usize> = (args.from..args.from + args.texts)
        .filter(|&number| !survives_text(args.seed, number))
        .collect();
    let mut reasons: Vec<(String, usize)> = audio.refused.into_iter().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.1));
    let report = json!({
        "files": args.files,
        "analysed": audio.analysed,
        "refused": reasons.iter().map(|(_, count)| count).sum::<usize>(),
        "reasons": reasons.iter().take(20).collect::<Vec<_>>(),
        "died": audio.died,
        "tag_panics": audio.tag_panics,
        "slowest_ms": audio.slowest.as_millis() as u64,
        "audio_s": audio_s,
        "texts": args.texts,
        "text_panics": text_panics,
    });
    println!("{report}");
}

fn read_seeds(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = (folder.read_dir().unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let extension = path.extension()?.to_str()?.to_owned();
        Some((extension, std::fs::read(path).ok()?))
    };
    paths.into_iter().filter_map(read).collect()
}

fn mutate_files(args: &Args, seeds: &[(String, Vec<u8>)]) -> Outcome {
    let process = DecoderProcess {
        time_max: Duration::from_secs(args.seconds),
        memory_bytes_max: args.memory_mb << 20,
        ..DecoderProcess::new(args.binary.clone())
    };
    let folder = tempfile::tempdir().unwrap();
    let (next, outcome) = (AtomicUsize::new(0), Mutex::new(Outcome::default()));
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= args.files {
                return;
            }
            if place % 5_000 == 0 {
                eprintln!("{place} of {}", args.files);
            }
            let number = args.from + place;
            let (extension, bytes) = mutant(args.seed, number, seeds);
            let path = folder.path().join(format!("{number}.{extension}"));
            std::fs::write(&path, bytes).unwrap();
            let begun = Instant::now();
            let heard = runtime.block_on(process.analyze(&path, &extension));
            let took = begun.elapsed();
            let is_tagged = catch_unwind(|| read_tags(&path)).is_ok();
            let is_sound = match &heard {
                Ok(_) => true,
                Err(Error::Audio { reason }) => !reason.contains("failed on this file"),
                Err(_) => false,
            };
            match &args.keep {
                Some(kept) if !(is_sound && is_tagged) => {
                    std::fs::copy(&path, kept.join(path.file_name().unwrap())).unwrap();
                }
                _ => {}
            }
            std::fs::remove_file(&path).unwrap();

            let mut outcome = outcome.lock().unwrap();
            outcome.slowest = outcome.slowest.max(took);
            match heard {
                Ok(_) => outcome.analysed += 1,
                Err(Error::Audio { reason }) => *outcome.refused.entry(reason).or_default() += 1,
                Err(error) => outcome.died.push((number, error.to_string())),
            }
            if !is_tagged {
                outcome.tag_panics.push(number);
            }
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..args.workers {
            threads.spawn(work);
        }
    });
    outcome.into_inner().unwrap()
}

/// Chance of one mutant.
struct Chance(ChaCha8Rng);

impl Chance {
    /// Chance that belongs to a mutant: kind 0 is audio, kind 1 is lyrics.
    fn new(seed: u64, kind: u64, number: usize) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(number as u64 * 2 + kind);
        Self(chance)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound.max(1))
    }
}

fn mutant(seed: u64, number: usize, seeds: &[(String, Vec<u8>)]) -> (String, Vec<u8>) {
    let mut chance = Chance::new(seed, 0, number);
    let (extension, bytes) = &seeds[chance.below(seeds.len())];
    let other = &seeds[chance.below(seeds.len())];
    let mut bytes = bytes.clone();
    for _ in 0..=chance.below(8) {
        change(&mut chance, &mut bytes, &other.1);
    }
    // A wrong ending now and then.
    let is_misnamed = chance.below(20) == 0;
    (
        if is_misnamed { &other.0 } else { extension }.clone(),
        bytes,
    )
}

/// Changes bytes in one of the ways in which files break, or are broken on purpose.
fn change(chance: &mut Chance, bytes: &mut Vec<u8>, other: &[u8]) {
    let reach = match chance.below(2) {
        0 => bytes.len().min(HEAD_BYTES),
        _ => bytes.len(),
    };
    let at = chance.below(reach);
    let longest = 1 << chance.below(12);
    let length = 1 + chance.below(longest);
    let end = (at + length).min(bytes.len());
    match chance.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let block = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, block));
        }
        3 => {
            let from = chance.below(other.len());
            let block = other[from..(from + length).min(other.len())].to_vec();
            drop(bytes.splice(at..end, block));
        }
        4 | 5 => {
            // A length or count that lies.
            let lie = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0xffff][chance.below(6)];
            let lie = if chance.below(2) == 0 {
                u32::to_be_bytes(lie)
            } else {
                u32::to_le_bytes(lie)
            };
            for (byte, said) in bytes.iter_mut().skip(at).zip(lie) {
                *byte = said;
            }
        }
        6 => bytes[at..end].fill([0, 0xff, 0x7f, b'<'][chance.below(4)]),
        _ => {
            let bit = 1 << chance.below(8);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bit;
            }
        }
    }
}

fn survives_text(seed: u64, number: usize) -> bool {
    let mut chance = Chance::new(seed, 1, number);
    let mut bytes = TEXTS[chance.below(TEXTS.len())].as_bytes().to_vec();
    let other = TEXTS[chance.below(TEXTS.len())].as_bytes();
    for _ in 0..=chance.below(8) {
        change(&mut chance, &mut bytes, other);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let sane = |text: &str| {
        let analysis = analyze_lyrics(text);
        (analysis.descriptors.iter().chain(&analysis.meaning)).all(|descriptor| {
            (descriptor.confidence).is_none_or(|confidence| (0.0..=1.0).contains(&confidence))
        })
    };
    catch_unwind(|| sane(&text)).is_ok_and(|is_sane| is_sane)
}
