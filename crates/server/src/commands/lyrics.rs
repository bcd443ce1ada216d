//! `leitmotif lyrics`: the embedding that the catalogue's own lyrics teach.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::query::wait;
use super::{print, text_of};
use crate::client::Client;

#[derive(Subcommand)]
pub enum LyricsCommand {
    /// Shows what was learned from the lyrics.
    Show,
    /// Learns from all lyrics as they are now, and embeds every song.
    Learn,
}

/// Shows the space, or learns it first.
pub async fn run(
    command: LyricsCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    if matches!(command, LyricsCommand::Learn) {
        let queued = client.post("/api/v1/lyrics/space", &json!({})).await?;
        wait(client, text_of(&queued, "job")).await?;
    }
    let learned = client.get("/api/v1/lyrics/space").await?;
    print(&learned, as_json, print_space);
    Ok(ExitCode::SUCCESS)
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
