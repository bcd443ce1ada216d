//! `leitmotif tracks`: the catalogue, by age or in the order of a descriptor.

use std::process::ExitCode;

use serde_json::Value;

use super::search::query_text;
use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(clap::Args)]
pub struct TracksArgs {
    /// Words that title, artist or album contain.
    words: Vec<String>,
    /// The artist, exactly but for case.
    #[arg(long)]
    artist: Option<String>,
    /// The genre, exactly but for case.
    #[arg(long)]
    genre: Option<String>,
    /// Orders by any descriptor with a number, a plugin's too: `tempo_bpm`, `energy`, `rhyme_density_ratio`.
    #[arg(long, value_name = "DESCRIPTOR")]
    sort: Option<String>,
    /// The greatest first; what is not known comes last either way.
    #[arg(long, requires = "sort")]
    descending: bool,
    /// Tracks on the page, 1 to 200.
    #[arg(long, default_value_t = 50)]
    count: usize,
    /// `next_cursor` of the page before.
    #[arg(long)]
    cursor: Option<String>,
}

/// Prints a page of tracks.
pub async fn run(args: TracksArgs, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let words = args.words.join(" ");
    let asked = [
        ("q", Some(words).filter(|words| !words.is_empty())),
        ("artist", args.artist),
        ("genre", args.genre),
        ("sort", args.sort),
        ("order", args.descending.then(|| "desc".to_owned())),
        ("cursor", args.cursor),
    ];
    let rest = query_text(asked.into_iter());
    let path = format!("/api/v1/tracks?limit={}{rest}", args.count);
    let answer = client.get(&path).await?;
    print(&answer, as_json, |answer| {
        let values = answer.pointer("/sort/values").and_then(Value::as_array);
        for (place, track) in list_of(answer, "tracks").iter().enumerate() {
            let value = values.and_then(|values| values.get(place));
            let told = value.map(|value| match value.as_f64() {
                Some(number) => format!("{number:10.3}  "),
                None => format!("{:>10}  ", "unknown"),
            });
            let (title, artist) = (text_of(track, "title"), text_of(track, "artist"));
            let id = text_of(track, "id");
            println!("{}{title} · {artist}  {id}", told.unwrap_or_default());
        }
        if let Some(next) = answer.get("next_cursor").and_then(Value::as_str) {
            println!("more with --cursor {next}");
        }
    });
    Ok(ExitCode::SUCCESS)
}
