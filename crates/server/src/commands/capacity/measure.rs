//! Figures of this machine: a platform on a folder that is thrown away, filled through the public API.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use leitmotif_demo::songs::{SongSpec, Style, render_song, write_wav};
use leitmotif_demo::tour::TourProgress;
use leitmotif_demo::verses::{Theme, VerseForm, VerseLanguage, VerseSpec, write_verse};
use leitmotif_domain::limits;
use leitmotif_ingest::jobs::process::{DECODER_COMMAND, DecodeOrder};
use serde::Serialize;
use serde_json::{Value, json};

use crate::client::Client;
use crate::commands::import::{import_folder, wait_for_analysis};
use crate::platform::Platform;
use crate::progress::Bars;
use crate::settings::Settings;

/// Tracks of one upsert.
const TRACKS_PER_CALL: usize = 1_000;
/// Tracks written before memory is looked at, so that what every server holds is there.
const TRACKS_FIRST: usize = 10_000;
/// Tracks over which memory and disk are measured.
const TRACKS_MEASURED: usize = 40_000;
/// Songs with lyrics.
const LYRICS: usize = 1_000;

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Workers at a time in `audio_speedup`.
    pub workers: usize,
    /// Seconds that one worker takes for a track with audio.
    pub audio_s: f64,
    /// Tracks in the same time with all workers, over those of one.
    pub audio_speedup: f64,
    /// Seconds that one worker takes for lyrics.
    pub lyrics_s: f64,
    /// Seconds that a track takes to be written.
    pub write_s: f64,
    /// The most a worker's child holds, in MiB.
    pub worker_mb: f64,
    /// The server with an empty catalogue, in MiB.
    pub server_mb: f64,
    /// What a track adds to the server's memory, in bytes.
    pub memory_bytes: f64,
    /// What a track adds on disk, in bytes.
    pub disk_bytes: f64,
    /// What its lyrics and their analysis add.
    pub disk_lyrics_bytes: f64,
    /// What the analysis of its audio adds; the original is not in it.
    pub disk_audio_bytes: f64,
}

/// Measures with songs of a length and all of `workers`.
pub async fn measure(
    seconds: f64,
    songs: usize,
    workers: usize,
    bars: &Bars,
) -> anyhow::Result<Figures> {
    let scratch = tempfile::tempdir().context("cannot make a folder to measure in")?;
    let (data, music) = (scratch.path().join("data"), scratch.path().join("music"));
    render(&music, seconds, [songs, songs * workers], bars)?;
    let settings = |workers| Settings {
        data: data.clone(),
        workers,
        import_roots: vec![music.clone()],
        ..Settings::default()
    };
    let (server_mb, memory_bytes, write_s) = write_tracks(&settings(1), bars).await?;
    let tracks = TRACKS_FIRST + TRACKS_MEASURED;
    let bare_disk = folder_bytes(&data)?;
    let lyrics_s = write_lyrics(&settings(1), bars).await? / LYRICS as f64;
    let lyrics_disk = folder_bytes(&data)?;
    let audio_s = hear(&settings(1), &music.join("one"), bars).await? / songs as f64;
    let audio_disk = folder_bytes(&data)?;
    let all_s = hear(&settings(workers), &music.join("all"), bars).await?;
    Ok(Figures {
        workers,
        audio_s,
        audio_speedup: audio_s * (songs * workers) as f64 / all_s,
        lyrics_s,
        write_s,
        worker_mb: child_peak_mb(&music.join("one"))?,
        server_mb,
        memory_bytes,
        disk_bytes: bare_disk / tracks as f64,
        disk_lyrics_bytes: (lyrics_disk - bare_disk) / LYRICS as f64,
        disk_audio_bytes: (audio_disk - lyrics_disk) / songs as f64,
    })
}

/// Renders the songs of one worker and those of all.
fn render(music: &Path, seconds: f64, counts: [usize; 2], bars: &Bars) -> anyhow::Result<()> {
    let step = "make songs";
    bars.begin(step, counts.iter().sum::<usize>() as u64);
    let mut made = 0;
    for (folder, count) in ["one", "all"].into_iter().zip(counts) {
        let folder = music.join(folder);
        std::fs::create_dir_all(&folder)?;
        for _ in 0..count {
            let style = Style::ALL[made as usize % Style::ALL.len()];
            let song = render_song(&SongSpec::typical(style, made, seconds));
            write_wav(&song, &folder.join(format!("{made}.wav")))?;
            made += 1;
            bars.advance(step, made);
        }
    }
    bars.end(step);
    Ok(())
}

/// Writes tracks without sound and words: memory of an empty server in MiB, bytes and seconds a track.
async fn write_tracks(settings: &Settings, bars: &Bars) -> anyhow::Result<(f64, f64, f64)> {
    let platform = Platform::start(settings, "capacity", "leitmotif capacity").await?;
    let client = Client::in_process(&platform);
    let server_mb = process_mb("self", "VmRSS:")?;
    send_tracks(&client, 0..TRACKS_FIRST, bars).await?;
    let before_mb = process_mb("self", "VmRSS:")?;
    let begun = Instant::now();
    send_tracks(&client, TRACKS_FIRST..TRACKS_FIRST + TRACKS_MEASURED, bars).await?;
    let write_s = begun.elapsed().as_secs_f64() / TRACKS_MEASURED as f64;
    // What a request needs of the catalogue is read when the first one asks.
    client.post("/api/v1/recommendations", &json!({})).await?;
    let grown_mb = process_mb("self", "VmRSS:")? - before_mb;
    drop(client);
    platform.stop().await?;
    let memory_bytes = grown_mb.max(0.0) * f64::from(1 << 20) / TRACKS_MEASURED as f64;
    Ok((server_mb, memory_bytes, write_s))
}

pub(super) async fn send_tracks(
    client: &Client,
    range: std::ops::Range<usize>,
    bars: &Bars,
) -> anyhow::Result<()> {
    let step = format!("write {} tracks", range.len());
    bars.begin(&step, range.len() as u64);
    for first in range.clone().step_by(TRACKS_PER_CALL) {
        let last = (first + TRACKS_PER_CALL).min(range.end);
        let track = |i: usize| {
            json!({"title": format!("Song number {i}"), "artist": format!("Band {}", i / 12),
                "album": format!("Album {}", i / 10), "genre": "rock", "duration_ms": 180_000 + i,
                "external_ids": {"catalogue": format!("track-{i:08}")}})
        };
        let tracks: Vec<Value> = (first..last).map(track).collect();
        client
            .post("/api/v1/tracks", &json!({ "tracks": tracks }))
            .await?;
        bars.advance(&step, (last - range.start) as u64);
    }
    bars.end(&step);
    Ok(())
}

/// Writes songs with words, and tells the seconds until they are analysed.
async fn write_lyrics(settings: &Settings, bars: &Bars) -> anyhow::Result<f64> {
    let platform = Platform::start(settings, "capacity", "leitmotif capacity").await?;
    let client = Client::in_process(&platform);
    let themes = Theme::ALL;
    let song = |i: usize| {
        let verse = write_verse(&VerseSpec {
            seed: i as u64,
            theme: themes[i % themes.len()],
            form: VerseForm::ALL[i % VerseForm::ALL.len()],
            language: VerseLanguage::English,
            verse_count: 4,
            has_chorus: true,
        });
        json!({"title": format!("Words {i}"), "artist": "Band", "lyrics": verse.text})
    };
    let songs: Vec<Value> = (0..LYRICS).map(song).collect();
    let begun = Instant::now();
    client
        .post("/api/v1/tracks", &json!({ "tracks": songs }))
        .await?;
    wait_for_analysis(&client, bars).await?;
    let seconds = begun.elapsed().as_secs_f64();
    drop(client);
    platform.stop().await?;
    Ok(seconds)
}

/// Imports a folder of songs, and tells the seconds until they are analysed.
async fn hear(settings: &Settings, folder: &Path, bars: &Bars) -> anyhow::Result<f64> {
    let platform = Platform::start(settings, "capacity", "leitmotif capacity").await?;
    let client = Client::in_process(&platform);
    let begun = Instant::now();
    import_folder(folder, &client, bars).await?;
    let dead = wait_for_analysis(&client, bars).await?;
    let seconds = begun.elapsed().as_secs_f64();
    anyhow::ensure!(
        dead == 0,
        "{dead} of the songs made for measuring were not analysed"
    );
    drop(client);
    platform.stop().await?;
    Ok(seconds)
}

/// The most memory that the child which decodes holds on one song, in MiB.
fn child_peak_mb(folder: &Path) -> anyhow::Result<f64> {
    let order = DecodeOrder {
        path: folder.join("0.wav"),
        extension: "wav".to_owned(),
        memory_bytes_max: limits::DECODER_MEMORY_BYTES_MAX,
        cpu_seconds_max: limits::DECODER_MS_MAX / 1_000,
        audio_seconds_max: limits::ANALYSIS_SECONDS_MAX,
    };
    let mut child = Command::new(std::env::current_exe()?)
        .arg(DECODER_COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut input = child.stdin.take().context("the child takes no order")?;
    input.write_all(&serde_json::to_vec(&order)?)?;
    drop(input);
    let process = child.id().to_string();
    let mut peak_mb = 0.0_f64;
    // The most it has held only grows, so that the last look is the one that counts.
    while child.try_wait()?.is_none() {
        peak_mb = peak_mb.max(process_mb(&process, "VmHWM:").unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(peak_mb)
}

/// A line of `/proc/{process}/status`, in MiB.
///
/// - Errors: on systems without `/proc`.
pub fn process_mb(process: &str, field: &str) -> anyhow::Result<f64> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {path}: memory is measured on Linux only"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib
        .with_context(|| format!("no {field} in {path}"))?
        .parse()?;
    Ok(kib / 1_024.0)
}

pub(super) fn folder_bytes(folder: &Path) -> anyhow::Result<f64> {
    let mut total = 0.0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        total += match entry.metadata()? {
            metadata if metadata.is_dir() => folder_bytes(&entry.path())?,
            metadata => metadata.len() as f64,
        };
    }
    Ok(total)
}
