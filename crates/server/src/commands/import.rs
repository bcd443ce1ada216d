//! `leitmotif import`: folders and tables.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use leitmotif_demo::tour::{Call, TourProgress};
use leitmotif_ingest::audit::tables::TableAuditor;
use leitmotif_ingest::imports::table::{Row, read_csv, read_jsonl};
use serde_json::{Value, json};

use super::audit::keep_audit;
use super::{Command, histories, list_of, print, rap_scraper, text_of};
use crate::client::Client;
use crate::progress::Bars;
use crate::settings::Settings;

/// Rows sent together.
const ROWS_PER_CALL: usize = 1_000;
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
        None => {}
    }
    let source = args.source.context("nothing to import")?;
    let bars = Bars::new(as_json);
    let metadata = std::fs::metadata(&source)
        .with_context(|| format!("cannot read `{}`", source.display()))?;
    let mut found = if metadata.is_dir() {
        import_folder(&source, client, &bars).await?
    } else {
        import_table(&source, client, &bars).await?
    };
    if !args.no_wait {
        let dead = wait_for_analysis(client, &bars).await?;
        if let Some(fields) = found.as_object_mut() {
            fields.insert("failed_analyses".to_owned(), dead.into());
        }
    }
    print(&found, as_json, |found| {
        for (name, value) in found.as_object().into_iter().flatten() {
            println!("{:18} {value}", name.replace('_', " "));
        }
        if found
            .get("failed_analyses")
            .and_then(Value::as_u64)
            .unwrap_or(0)
            > 0
        {
            println!("`leitmotif jobs --state dead` says which and why");
        }
    });
    Ok(ExitCode::SUCCESS)
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

async fn import_table(path: &Path, client: &Client, bars: &Bars) -> anyhow::Result<Value> {
    let open = || File::open(path).with_context(|| format!("cannot open `{}`", path.display()));
    let ending = path
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let rows: Box<dyn Iterator<Item = Row>> = match ending.as_str() {
        "csv" => Box::new(read_csv(BufReader::new(open()?))?),
        "jsonl" | "ndjson" | "json" => Box::new(read_jsonl(BufReader::new(open()?))),
        other => anyhow::bail!("`{other}` is no table: give a folder, .jsonl or .csv"),
    };
    let step = "write tracks";
    bars.begin(step, 0);
    let mut totals = [0_u64; 3];
    let mut audit = TableAuditor::new(path);
    let mut batch = Vec::new();
    let mut lines = Vec::new();
    for row in rows {
        let (line, value) = row.with_context(|| format!("`{}`", path.display()))?;
        audit.take(&value);
        batch.push(value);
        lines.push(line);
        if batch.len() >= ROWS_PER_CALL {
            send(client, &mut batch, &mut lines, &mut totals).await?;
            bars.begin(step, totals.iter().sum());
            bars.advance(step, totals.iter().sum());
        }
    }
    send(client, &mut batch, &mut lines, &mut totals).await?;
    bars.begin(step, totals.iter().sum());
    bars.advance(step, totals.iter().sum());
    bars.end(step);
    let [created, updated, unchanged] = totals;
    let kept = keep_audit(client, &audit.finish(created + updated)).await?;
    Ok(
        json!({ "created": created, "updated": updated, "unchanged": unchanged,
        "audit": text_of(&kept, "id") }),
    )
}

/// Sends rows; a refused row is named by its line in the file.
async fn send(
    client: &Client,
    batch: &mut Vec<Value>,
    lines: &mut Vec<u64>,
    totals: &mut [u64; 3],
) -> anyhow::Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let body = json!({ "tracks": std::mem::take(batch) })
        .to_string()
        .into_bytes();
    let lines = std::mem::take(lines);
    let call = Call {
        method: "POST",
        path: "/api/v1/tracks".to_owned(),
        content_type: "application/json",
        body,
    };
    let answer = client.send(call).await?;
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status >= 400 {
        let detail = text_of(&document, "detail");
        let pointer = list_of(&document, "errors")
            .first()
            .map(|e| text_of(e, "pointer"));
        let place = pointer
            .and_then(|pointer| pointer.strip_prefix("/tracks/"))
            .and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
        let line = place.and_then(|place| lines.get(place));
        match line {
            Some(line) => anyhow::bail!("line {line}: {detail}"),
            None => anyhow::bail!("{detail} (status {})", answer.status),
        }
    }
    for (total, name) in totals.iter_mut().zip(["created", "updated", "unchanged"]) {
        *total += document.get(name).and_then(Value::as_u64).unwrap_or(0);
    }
    Ok(())
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
            return Ok(count("dead"));
        }
        bars.advance(step, most - open);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
