//! `leitmotif import`: folders and tables.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use leitmotif_demo::tour::TourProgress;
use serde_json::{Value, json};

use super::{Command, audit, histories, list_of, print, rap_scraper, subsonic, tables, text_of};
use crate::client::Client;
use crate::progress::Bars;
use crate::settings::Settings;

/// Time between two looks at the jobs.
const LOOK_EVERY: Duration = Duration::from_millis(300);

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// A folder, a `.jsonl`/`.ndjson` file or a `.csv` file with a header.
    #[arg(required = true)]
    source: Option<PathBuf>,
    /// Ends when everything is written down, while the analysis goes on with the next start.
    #[arg(long)]
    no_wait: bool,
}

/// What other programs and services know.
#[derive(clap::Subcommand)]
enum Other {
    /// Moves in from rap-scraper: tracks, lyrics, earlier analyses, embeddings; then an audit.
    RapScraper(rap_scraper::Args),
    /// Brings a listening history in: ListenBrainz, Spotify, Last.fm.
    Listens(histories::Args),
    /// Learns the ids of a media server (Navidrome and others): tracks, artists, favourites.
    Subsonic(subsonic::Args),
}

/// Lets the folder on the command line be imported by the platform in this very process.
pub fn with_roots(mut settings: Settings, command: &Command) -> Settings {
    if let Command::Import(args) = command
        && let Some(source) = &args.source
        && source.is_dir()
    {
        settings.import_roots.push(source.clone());
    }
    settings
}

/// Imports and waits for the analysis.
pub async fn run(args: Args, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    match args.other {
        Some(Other::RapScraper(args)) => return rap_scraper::run(args, client, as_json).await,
        Some(Other::Listens(args)) => return histories::run(args, client, as_json).await,
        Some(Other::Subsonic(args)) => return subsonic::run(args, client, as_json).await,
        None => {}
    }
    let source = args.source.context("nothing to import")?;
    let bars = Bars::new(as_json);
    let metadata = std::fs::metadata(&source)
        .with_context(|| format!("cannot read `{}`", source.display()))?;
    let mut found = if metadata.is_dir() {
        import_folder(&source, client, &bars).await?
    } else {
        tables::import(&source, client, &bars).await?
    };
    if !args.no_wait {
        let dead = wait_for_analysis(client, &bars).await?;
        if let Some(fields) = found.as_object_mut() {
            fields.insert("failed_analyses".to_owned(), dead.into());
        }
    }
    print(&found, as_json, tables::print_report);
    if found.get("failed_analyses").and_then(Value::as_u64) > Some(0) && !as_json {
        println!("`leitmotif jobs --state dead` says which and why");
    }
    let faults = list_of(&found, "faults");
    let left_out = found.get("left_out").and_then(Value::as_u64);
    Ok(audit::say_left_out(left_out.unwrap_or(0), faults))
}

/// Imports a folder that the server can read, and waits until it is read.
pub async fn import_folder(folder: &Path, client: &Client, bars: &Bars) -> anyhow::Result<Value> {
    let path = folder
        .canonicalize()
        .with_context(|| format!("cannot find `{}`", folder.display()))?;
    let before = client.get("/api/v1/overview").await?;
    let queued = client
        .post("/api/v1/imports", &json!({ "path": path }))
        .await?;
    let job = format!("/api/v1/jobs/{}", text_of(&queued, "job"));
    let step = "read the folder";
    bars.begin(step, 0);
    loop {
        let state = client.get(&job).await?;
        let number = |name: &str| state.get(name).and_then(Value::as_u64).unwrap_or(0);
        bars.begin(step, number("progress_total"));
        bars.advance(step, number("progress_done"));
        match text_of(&state, "state") {
            "done" => break,
            "dead" => anyhow::bail!("{}", text_of(&state, "error")),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
    bars.end(step);
    let after = client.get("/api/v1/overview").await?;
    let tracks = |overview: &Value| overview.get("tracks").and_then(Value::as_u64).unwrap_or(0);
    Ok(json!({
        "tracks": tracks(&after),
        "new_tracks": tracks(&after).saturating_sub(tracks(&before)),
    }))
}

/// Waits until nothing waits or runs; answers how many analyses failed for good.
pub async fn wait_for_analysis(client: &Client, bars: &Bars) -> anyhow::Result<u64> {
    let step = "analyse tracks";
    let mut most = 0;
    loop {
        let overview = client.get("/api/v1/overview").await?;
        let jobs = overview.get("jobs").cloned().unwrap_or_default();
        let count = |name: &str| jobs.get(name).and_then(Value::as_u64).unwrap_or(0);
        let open = count("waiting") + count("running");
        if open > 0 && most == 0 {
            bars.begin(step, open);
        }
        most = most.max(open);
        if open == 0 {
            if most > 0 {
                bars.advance(step, most);
                bars.end(step);
            }
            return dead_analyses(client).await;
        }
        bars.advance(step, most - open);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Counts the analyses that failed for good; an import that was broken off is a dead job too, and none of these.
async fn dead_analyses(client: &Client) -> anyhow::Result<u64> {
    let path = "/api/v1/jobs?state=dead&kind=analyze_track&limit=200";
    let (mut dead, mut cursor) = (0, String::new());
    loop {
        let page = client.get(&format!("{path}{cursor}")).await?;
        dead += list_of(&page, "jobs").len() as u64;
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(dead),
        }
    }
}
