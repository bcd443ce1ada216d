//! Prints the compound sentiment of every line of standard input, to compare with other programs.
//!
//! `cargo run --release -p leitmotif-analysis --example sentiment < LINES`
//! With `--speed` the input is cut into songs and the analysis of all lyrics descriptors is timed.

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
    if std::env::args().any(|argument| argument == "--speed") {
        return time_songs(&text);
    }
    for line in text.lines() {
        println!("{:.4}\t{line}", measure_line(line).compound);
    }
    Ok(())
}

fn time_songs(text: &str) -> Result<(), Box<dyn Error>> {
    let mut songs = vec![String::new()];
    for line in text.lines() {
        let song = songs.last_mut().ok_or("there is always a song")?;
        song.push_str(line);
        song.push('\n');
        if song.chars().count() >= SONG_CHARS {
            songs.push(String::new());
        }
    }
    let mut seen = analyze_lyrics(&songs[0]).descriptors.len();
    for round in 1..=ROUNDS {
        let started = Instant::now();
        for song in &songs {
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
