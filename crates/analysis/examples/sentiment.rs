//! Prints the compound sentiment of every line of standard input, to compare with other programs.
//!
//! `cargo run --release -p leitmotif-analysis --example sentiment < LINES`
//! With `--speed` the input is cut into songs and the analysis of all lyrics descriptors is timed; with
//! `--dump` each song's whole analysis is printed as JSON, to see that a faster program says the same.

use std::error::Error;
use std::io::Read;
use std::time::Instant;

use leitmotif_analysis::lyrics::analyze_lyrics;
use leitmotif_analysis::lyrics::meaning::measure_line;

/// A usual song: the mean of a collection of popular lyrics.
const SONG_CHARS: usize = 1_531;
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let is_asked = |option: &str| std::env::args().any(|argument| argument == option);
    if is_asked("--speed") {
        return time_songs(&songs_of(&text));
    }
    if is_asked("--dump") {
        for song in songs_of(&text) {
            println!("{}", serde_json::to_string(&analyze_lyrics(&song))?);
        }
        return Ok(());
    }
    for line in text.lines() {
        println!("{:.4}\t{line}", measure_line(line).compound);
    }
    Ok(())
}

/// Cuts lines into songs of the usual length.
fn songs_of(text: &str) -> Vec<String> {
    let mut songs = Vec::new();
    let mut song = String::new();
    for line in text.lines() {
        song.push_str(line);
        song.push('\n');
        if song.chars().count() >= SONG_CHARS {
            songs.push(std::mem::take(&mut song));
        }
    }
    songs.push(song);
    songs
}

fn time_songs(songs: &[String]) -> Result<(), Box<dyn Error>> {
    let mut seen = analyze_lyrics(&songs[0]).descriptors.len();
    for round in 1..=ROUNDS {
        let started = Instant::now();
        for song in songs {
            seen += analyze_lyrics(song).descriptors.len();
        }
        let per_second = songs.len() as f64 / started.elapsed().as_secs_f64();
        println!(
            "round {round}: {} songs, {per_second:.0} a second",
            songs.len()
        );
    }
    println!("{seen} descriptors");
    Ok(())
}
