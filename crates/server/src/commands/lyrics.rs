//! `leitmotif lyrics`: the embedding that the catalogue's own lyrics teach, and the words of an artist.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::query::{escape, wait};
use super::{print, text_of};
use crate::client::Client;

#[derive(Subcommand)]
pub enum LyricsCommand {
    /// Shows what was learned from the lyrics.
    Show,
    /// Learns from all lyrics as they are now, and embeds every song.
    Learn,
    /// Shows the sentence encoder of the settings and what it embedded.
    Encoder,
    /// Embeds every song that the encoder of the settings has not embedded yet.
    Encode,
    /// Counts the different words of an artist, in windows of a fixed length.
    Vocabulary {
        /// The artist.
        artist: String,
        /// Words of a window.
        #[arg(long, default_value_t = 35_000)]
        window: usize,
    },
}

/// Shows a space, or fills it first.
pub async fn run(
    command: LyricsCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    if let LyricsCommand::Vocabulary { artist, window } = &command {
        let path = format!(
            "/api/v1/artists/{}/vocabulary?window={window}",
            escape(artist)
        );
        print(&client.get(&path).await?, as_json, print_vocabulary);
        return Ok(ExitCode::SUCCESS);
    }
    let is_of_encoder = matches!(command, LyricsCommand::Encoder | LyricsCommand::Encode);
    let (path, show): (_, fn(&Value)) = if is_of_encoder {
        ("/api/v1/lyrics/encoder", print_encoder)
    } else {
        ("/api/v1/lyrics/space", print_space)
    };
    if matches!(command, LyricsCommand::Learn | LyricsCommand::Encode) {
        let queued = client.post(path, &json!({})).await?;
        wait(client, text_of(&queued, "job")).await?;
    }
    let found = client.get(path).await?;
    print(&found, as_json, show);
    Ok(ExitCode::SUCCESS)
}

fn print_vocabulary(found: &Value) {
    let cut = match found["is_cut"] == true {
        true => ", and more that were not read",
        false => "",
    };
    println!(
        "{}: {} words in {} lyrics{cut}",
        text_of(found, "artist"),
        found["words"],
        found["tracks"]
    );
    match found["reason"].as_str() {
        Some(reason) => println!("no count: {reason}"),
        None => println!(
            "{} different ones in the first {}, {:.1} in the mean of {} windows",
            found["unique_in_first"],
            found["window_words"],
            found["unique_mean"].as_f64().unwrap_or_default(),
            found["windows"]
        ),
    }
}

fn print_encoder(encoder: &Value) {
    let with_lyrics = &encoder["tracks_with_lyrics"];
    if encoder["space"].is_null() {
        println!("there is no encoder: set `lyrics_encoder` in the settings to its folder");
        return;
    }
    println!(
        "{}, {} components, {} tokens at once",
        text_of(encoder, "space"),
        encoder["dimensions"],
        encoder["window_tokens"]
    );
    println!(
        "{} of {with_lyrics} tracks with lyrics are in it",
        encoder["tracks"]
    );
}

fn print_space(learned: &Value) {
    let with_lyrics = &learned["tracks_with_lyrics"];
    if learned["space"].is_null() {
        let needed = &learned["songs_needed"];
        println!(
            "nothing is learned: `leitmotif lyrics learn` needs the words of {needed} different songs; \
             {with_lyrics} tracks have lyrics"
        );
        return;
    }
    println!(
        "{}, learned {}",
        text_of(learned, "space"),
        text_of(learned, "learned_at")
    );
    println!(
        "{} words of {} different songs, {} components",
        learned["words"], learned["songs"], learned["dimensions"]
    );
    println!(
        "{} of {with_lyrics} tracks with lyrics are in it",
        learned["tracks"]
    );
}
