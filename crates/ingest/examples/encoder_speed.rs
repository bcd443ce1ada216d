//! Measures a lyrics encoder on one thread: songs a second, tokens at once, memory.
//!
//!     cargo run --release -p leitmotif-ingest --features onnx --example encoder_speed FOLDER [WORDS] [SECONDS]
//!
//! `FOLDER` is as the setting `lyrics_encoder` names it; `eval/tools/make_lyrics_encoder.py` writes one of any
//! size. The song has `WORDS` words (300 when left out) of the pieces that the tokenizer of that tool knows.
#![allow(clippy::unwrap_used, reason = "a tool that stops at what goes wrong")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use leitmotif_ingest::lyrics_encoder::{LyricsEncoder, OnnxEncoder};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder: PathBuf = arguments.next().unwrap().into();
    let words: usize = arguments.next().map_or(300, |text| text.parse().unwrap());
    let seconds: u64 = arguments.next().map_or(20, |text| text.parse().unwrap());
    let began = Instant::now();
    let encoder = OnnxEncoder::open(&folder).unwrap();
    let opened = began.elapsed();
    let known = [
        "love", "the", "river", "night", "and", "stone", "you", "sea",
    ];
    let song: Vec<&str> = known.into_iter().cycle().take(words).collect();
    let song = song.join(" ");
    let mut laps = Vec::new();
    let end = Instant::now() + Duration::from_secs(seconds);
    while laps.len() < 5 || Instant::now() < end {
        let began = Instant::now();
        assert!(encoder.embed(&song).unwrap().is_some());
        laps.push(began.elapsed().as_secs_f64());
    }
    laps.sort_by(f64::total_cmp);
    let at = |share: f64| 1e3 * laps[((laps.len() - 1) as f64 * share) as usize];
    println!(
        "{} components, {} tokens at once; opened in {:.2} s",
        encoder.dimensions(),
        encoder.window_tokens(),
        opened.as_secs_f64()
    );
    println!(
        "{words} words: median {:.2} ms (5 % {:.2}, 95 % {:.2}) of {} runs, {:.1} songs/s",
        at(0.5),
        at(0.05),
        at(0.95),
        laps.len(),
        1e3 / at(0.5)
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
    {
        println!("{line}");
    }
}
