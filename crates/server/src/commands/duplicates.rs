//! `leitmotif duplicates`: recordings that are in the catalogue more than once.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::query::wait;
use super::{list_of, print, text_of};
use crate::client::Client;

#[derive(clap::Args)]
pub struct DuplicatesArgs {
    /// Shows what the last search found instead of searching again.
    #[arg(long)]
    no_search: bool,
}

/// Searches for duplicates and prints the groups.
pub async fn run(args: DuplicatesArgs, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    if !args.no_search {
        let queued = client.post("/api/v1/duplicates", &json!({})).await?;
        wait(client, text_of(&queued, "job")).await?;
    }
    let mut groups = Vec::new();
    let mut path = "/api/v1/duplicates?limit=200".to_owned();
    let fingerprinted = loop {
        let page = client.get(&path).await?;
        groups.extend_from_slice(list_of(&page, "groups"));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/duplicates?limit=200&cursor={cursor}"),
            None => break page["fingerprinted"].clone(),
        }
    };
    let document = json!({"fingerprinted": fingerprinted, "groups": groups});
    print(&document, as_json, |document| {
        for group in list_of(document, "groups") {
            let shared = group["shared_id"].as_str();
            let shared = shared.map_or(String::new(), |id| format!("  shared id {id}"));
            println!(
                "{}  {}{shared}",
                text_of(group, "id"),
                text_of(group, "state")
            );
            for track in list_of(group, "tracks") {
                print_track(track, track["id"] == group["canonical"]);
            }
        }
        let count = list_of(document, "groups").len();
        println!(
            "{count} groups among {} tracks with a fingerprint",
            document["fingerprinted"]
        );
    });
    Ok(ExitCode::SUCCESS)
}

fn print_track(track: &Value, is_canonical: bool) {
    let mark = if is_canonical { "*" } else { " " };
    let seconds = track["duration_ms"].as_u64().unwrap_or(0) / 1_000;
    let differing = track["bit_error_rate"].as_f64();
    let differing = differing.map_or(String::new(), |share| format!("{:.1} %", 100.0 * share));
    println!(
        "  {mark} {}  {:5} {seconds:4} s  {differing:>6}  {} · {}",
        text_of(track, "id"),
        text_of(track, "extension"),
        text_of(track, "title"),
        text_of(track, "artist"),
    );
}
