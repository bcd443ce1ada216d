//! `leitmotif import listens`: the history that another service kept of somebody.
//!
//! A listen is known by its listener, moment and words, so that running it again changes nothing,
//! and going on after a stop is running it again.

mod read;
mod summary;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use leitmotif_demo::tour::TourProgress;
use leitmotif_ingest::imports::archive::{Part, parts_of};
use leitmotif_ingest::imports::histories::HistoryFormat;
use serde_json::{Value, json};

use super::print;
use crate::client::Client;
use crate::progress::Bars;
use read::{Batch, read_all};
use summary::Summary;

/// Batches that wait between reading and sending: with the one in work they bound the memory.
const BATCHES_WAITING: usize = 2;

#[derive(clap::Args)]
pub struct Args {
    /// Files as they were downloaded: .json, .jsonl, .csv, any of them as .gz, or the .zip.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Whose listens they are; needed where the rows do not say it.
    #[arg(long)]
    listener: Option<String>,
    /// What the files are; recognised when left out.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// An export or a dump of ListenBrainz.
    Listenbrainz,
    /// The extended streaming history of Spotify.
    Spotify,
    /// A table of scrobbles of Last.fm.
    Lastfm,
}

impl Format {
    fn history(self) -> HistoryFormat {
        match self {
            Self::Listenbrainz => HistoryFormat::ListenBrainz,
            Self::Spotify => HistoryFormat::Spotify,
            Self::Lastfm => HistoryFormat::LastFm,
        }
    }
}

/// Reads the files on one thread and sends their listens on another; ends with what came of it.
pub async fn run(args: Args, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut parts = Vec::new();
    let mut summary = Summary::default();
    for path in &args.files {
        let found = parts_of(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let (wanted, other): (Vec<_>, Vec<_>) = found.into_iter().partition(is_history);
        parts.extend(wanted);
        summary
            .files_passed_over
            .extend(other.iter().map(Part::name));
    }
    anyhow::ensure!(!parts.is_empty(), "no history in the files that were given");
    let bars = Bars::new(as_json);
    let step = "import listens, KB read";
    bars.begin(
        step,
        parts.iter().map(|part| part.bytes).sum::<u64>() / 1_024,
    );
    let (sender, mut batches) = tokio::sync::mpsc::channel(BATCHES_WAITING);
    let format = args.format.map(Format::history);
    let listener = args.listener;
    let reader = std::thread::Builder::new()
        .name("history-reader".to_owned())
        .spawn(move || read_all(&parts, format, listener.as_deref(), &sender))?;
    while let Some(batch) = batches.recv().await {
        send(client, &batch, &mut summary).await?;
        bars.advance(step, batch.bytes_read / 1_024);
    }
    reader
        .join()
        .ok()
        .context("the reader of the files broke")??;
    bars.end(step);
    print(&summary.document(), as_json, summary::print_text);
    Ok(ExitCode::SUCCESS)
}

/// Files of a zip that hold listens; a file that was named is one whatever it is called.
fn is_history(part: &Part) -> bool {
    let Some(inner) = &part.inner else {
        return true;
    };
    let inner = inner.to_lowercase();
    let name = inner.rsplit('/').next().unwrap_or_default();
    let is_spotify = name.ends_with(".json")
        && (name.starts_with("streaming_history_audio") || name.starts_with("endsong"));
    let is_listenbrainz = name.ends_with(".jsonl")
        && (inner.starts_with("listens/")
            || inner.contains("/listens/")
            || name == "listens.jsonl");
    is_spotify || is_listenbrainz || name.ends_with(".csv")
}

/// Sends a batch; what is counted of its rows is counted once they are kept.
async fn send(client: &Client, batch: &Batch, summary: &mut Summary) -> anyhow::Result<()> {
    summary.add_rows(batch);
    if batch.listens.is_empty() {
        return Ok(());
    }
    let body = json!({"listener": batch.listener, "listens": batch.listens});
    let answer: Value = client.post("/api/v1/listens", &body).await?;
    summary.add_answer(&answer);
    Ok(())
}
