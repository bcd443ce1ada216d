//! A large catalogue, killed again and again while it is analysed:
//! `cargo run --release --example scale -- --binary target/release/leitmotif --folder FOLDER`.
//!
//! Makes a folder of short songs with lyrics beside them, imports it, kills the server at equal
//! distances and starts it again. At the end every song is there and analysed, none was paid twice,
//! and at most those in flight at a kill were analysed again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "shared with the journeys, of which it uses a part"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use leitmotif_demo::songs::{SongSpec, Style, render_song, write_wav};
use leitmotif_demo::verses::{Theme, VerseForm, VerseLanguage, VerseSpec, write_verse};
use serde_json::json;

#[path = "../tests/journeys/harness.rs"]
mod harness;
#[path = "../tests/journeys/wire.rs"]
mod wire;

use harness::TestServer;

/// Songs rendered; the others are copies with a few samples changed by one step.
const RENDERED: u64 = 200;
/// Songs in a folder.
const PER_FOLDER: u64 = 1_000;
/// Bytes before the first sample of a WAV file of ours.
const WAV_HEAD: usize = 44;

#[derive(Parser)]
struct Args {
    /// The `leitmotif` binary.
    #[arg(long)]
    binary: PathBuf,
    /// Folder for songs and data; songs that are there are used again.
    #[arg(long)]
    folder: PathBuf,
    /// Songs.
    #[arg(long, default_value_t = 100_000)]
    tracks: u64,
    /// Length of a song in seconds.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Kills.
    #[arg(long, default_value_t = 10)]
    kills: u64,
    /// Analysis workers.
    #[arg(long, default_value_t = 2)]
    workers: u64,
}

fn main() {
    let args = Args::parse();
    let (music, data) = (args.folder.join("music"), args.folder.join("data"));
    let begun = Instant::now();
    make_songs(&args, &music);
    eprintln!(
        "{} songs after {:.0} s",
        args.tracks,
        begun.elapsed().as_secs_f64()
    );
    let roots = format!("[{:?}]", music.display().to_string());
    let workers = args.workers.to_string();
    let settings = [
        ("LEITMOTIF_IMPORT_ROOTS", roots.as_str()),
        ("LEITMOTIF_WORKERS", workers.as_str()),
        ("LEITMOTIF_LOG", "warn"),
    ];
    let (begun, mut peak_mb) = (Instant::now(), 0.0_f64);
    for kill in 0..=args.kills {
        let mut server = TestServer::spawn(&args.binary, &data, &settings).unwrap();
        if kill == 0 {
            server
                .wire
                .post("/api/v1/imports", &json!({ "path": music }));
        }
        let until = args.tracks * (kill + 1) / (args.kills + 1);
        wait_for(&server, until);
        let held_mb = held_mb(&server);
        peak_mb = peak_mb.max(held_mb);
        eprintln!(
            "{until} of {} after {:.0} s; the server held {held_mb:.0} MiB at most",
            args.tracks,
            begun.elapsed().as_secs_f64()
        );
        if kill < args.kills {
            server.kill();
        } else {
            report(&args, &server, begun.elapsed(), peak_mb);
        }
    }
}

/// Waits until so many are analysed; all means until nothing waits any more.
fn wait_for(server: &TestServer, until: u64) {
    loop {
        let overview = server.wire.get("/api/v1/overview");
        let count = |place: &str| overview.pointer(place).unwrap().as_u64().unwrap();
        let open = count("/jobs/waiting") + count("/jobs/running");
        if count("/analysed") >= until || (open == 0 && count("/tracks") > 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The most memory the server has held, in MiB; its children are not in it.
fn held_mb(server: &TestServer) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .unwrap();
    kib.parse::<f64>().unwrap() / 1_024.0
}

fn report(args: &Args, server: &TestServer, took: Duration, peak_mb: f64) {
    while server.wire.get("/api/v1/overview")["jobs"]["running"] != 0 {
        std::thread::sleep(Duration::from_millis(100));
    }
    let overview = server.wire.get("/api/v1/overview");
    let jobs = server
        .wire
        .walk("/api/v1/jobs?kind=analyze_track", "jobs", 200);
    let attempts: u64 = jobs
        .iter()
        .map(|job| job["attempts"].as_u64().unwrap())
        .sum();
    let again = attempts.saturating_sub(jobs.len() as u64);
    let counted = server.usage("tracks_analysed");
    let is_right = overview["tracks"] == args.tracks
        && overview["analysed"] == args.tracks
        && counted == args.tracks
        && again <= args.kills * args.workers;
    let found = json!({
        "tracks": overview["tracks"], "analysed": overview["analysed"], "counted": counted,
        "dead": overview["jobs"]["dead"], "kills": args.kills, "analysed_again": again,
        "seconds": took.as_secs_f64(), "tracks_per_second": args.tracks as f64 / took.as_secs_f64(),
        "server_peak_mb": peak_mb, "is_right": is_right,
    });
    println!("{found}");
    assert!(is_right, "something is lost, or was done again");
}

fn make_songs(args: &Args, music: &Path) {
    let rendered = args.folder.join("rendered.wav");
    fs::create_dir_all(music).unwrap();
    let bases: Vec<Vec<u8>> = (0..RENDERED.min(args.tracks))
        .map(|seed| {
            let style = Style::ALL[seed as usize % Style::ALL.len()];
            write_wav(
                &render_song(&SongSpec::typical(style, seed, args.seconds)),
                &rendered,
            )
            .unwrap();
            fs::read(&rendered).unwrap()
        })
        .collect();
    for number in 0..args.tracks {
        let folder = music.join(format!("{:03}", number / PER_FOLDER));
        let path = folder.join(format!("{number:06}.wav"));
        if path.is_file() {
            continue;
        }
        fs::create_dir_all(&folder).unwrap();
        let mut song = bases[(number % RENDERED) as usize].clone();
        // The number in binary, in the lowest bits of the first samples: a hiss at −90 dB.
        for bit in 0..20 {
            song[WAV_HEAD + 2 * bit] ^= (number >> bit & 1) as u8;
        }
        let verse = write_verse(&VerseSpec {
            seed: number,
            theme: Theme::ALL[number as usize % Theme::ALL.len()],
            form: VerseForm::ALL[number as usize % VerseForm::ALL.len()],
            language: VerseLanguage::English,
            verse_count: 2,
            has_chorus: true,
        });
        fs::write(path.with_extension("txt"), verse.text).unwrap();
        fs::write(path, song).unwrap();
    }
}
