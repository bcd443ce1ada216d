//! `leitmotif recommend batch`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use leitmotif_demo::tour::TourProgress;
use serde_json::{Value, json};

use super::{print, text_of};
use crate::client::Client;
use crate::progress::Bars;

/// Time between two looks at the job.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const BATCHES: &str = "/api/v1/recommendation-batches";

#[derive(clap::Args)]
pub struct BatchArgs {
    /// Where the lists would be shown; the pipeline of that placement makes them.
    #[arg(long, default_value = "batch")]
    placement: String,
    /// Tracks of each list.
    #[arg(long, default_value_t = 20)]
    count: usize,
    /// File with the names of the listeners, one a line.
    #[arg(long, conflicts_with = "all", required_unless_present = "all")]
    listeners: Option<PathBuf>,
    /// For every listener.
    #[arg(long)]
    all: bool,
    /// File for the rows: JSON lines, or Parquet with one row a track where it ends so and the build has it.
    #[arg(long)]
    out: PathBuf,
}

/// Makes a list for many listeners and writes them into a file.
pub async fn run(args: BatchArgs, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let is_parquet = args
        .out
        .extension()
        .is_some_and(|ending| ending == "parquet");
    anyhow::ensure!(
        !is_parquet || cfg!(feature = "parquet"),
        "this build writes no Parquet: build it with `cargo build --release --features parquet`"
    );
    let listeners = match &args.listeners {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
            Some(names.map(str::to_owned).collect::<Vec<_>>())
        }
    };
    let asked = json!({"placement": args.placement, "count": args.count, "listeners": listeners});
    let queued = client.post(BATCHES, &asked).await?;
    let job = text_of(&queued, "job");
    wait(client, job, "recommend", as_json).await?;
    let path = format!("{BATCHES}/{job}");
    let made = client.get(&path).await?;
    write(&args.out, is_parquet, &format!("{path}/rows"), client).await?;
    print(&made, as_json, |made| {
        println!(
            "{} lists as of event {} in {}, {:.0} a second",
            made["done"],
            made["log_offset"],
            args.out.display(),
            made["listeners_per_second"].as_f64().unwrap_or_default()
        );
    });
    Ok(ExitCode::SUCCESS)
}

/// Waits for the job and shows how far it is, with the time it will take.
pub async fn wait(
    client: &Client,
    job: &str,
    step: &'static str,
    as_json: bool,
) -> anyhow::Result<()> {
    let bars = Bars::new(as_json);
    loop {
        let state = client.get(&format!("/api/v1/jobs/{job}")).await?;
        let count = |name: &str| state.get(name).and_then(Value::as_u64).unwrap_or(0);
        bars.begin(step, count("progress_total"));
        bars.advance(step, count("progress_done"));
        match text_of(&state, "state") {
            "done" => break,
            "dead" => anyhow::bail!("{}", text_of(&state, "error")),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
    bars.end(step);
    Ok(())
}

/// Streams the rows into a file, which appears whole.
async fn write(out: &Path, is_parquet: bool, asked: &str, client: &Client) -> anyhow::Result<()> {
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let file = File::create(&part).with_context(|| format!("cannot write `{}`", part.display()))?;
    let mut rows = Rows::new(BufWriter::new(file), is_parquet)?;
    let mut rest = Vec::new();
    client
        .stream(asked, &mut |bytes: &[u8]| {
            rest.extend_from_slice(bytes);
            let mut start = 0;
            while let Some(length) = rest[start..].iter().position(|byte| *byte == b'\n') {
                rows.write(&rest[start..start + length])?;
                start += length + 1;
            }
            rest.drain(..start);
            Ok(())
        })
        .await?;
    anyhow::ensure!(rest.is_empty(), "the server's answer ended within a row");
    let file = rows.finish()?.into_inner();
    file.map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(std::fs::rename(&part, out)?)
}

/// Where the rows go.
enum Rows {
    Lines(BufWriter<File>),
    #[cfg(feature = "parquet")]
    Parquet(Box<leitmotif_storage::tables::ParquetWriter<BufWriter<File>>>),
}

impl Rows {
    #[cfg_attr(
        not(feature = "parquet"),
        allow(unused_variables, reason = "such a build was refused before")
    )]
    fn new(out: BufWriter<File>, is_parquet: bool) -> anyhow::Result<Self> {
        #[cfg(feature = "parquet")]
        if is_parquet {
            let writer = leitmotif_storage::tables::ParquetWriter::new(out, &flat::columns())?;
            return Ok(Self::Parquet(Box::new(writer)));
        }
        Ok(Self::Lines(out))
    }

    fn write(&mut self, line: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Lines(out) => {
                out.write_all(line)?;
                out.write_all(b"\n")?;
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(writer) => {
                for row in flat::rows(line)? {
                    writer.write(&row)?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<BufWriter<File>> {
        match self {
            Self::Lines(out) => Ok(out),
            #[cfg(feature = "parquet")]
            Self::Parquet(writer) => Ok(writer.finish()?),
        }
    }
}

/// Rows as a flat table: one a track.
#[cfg(feature = "parquet")]
mod flat {
    use leitmotif_recommend::batch::BatchRow;
    use leitmotif_storage::tables::{Cell, Column, ColumnKind};

    pub fn columns() -> Vec<Column> {
        vec![
            Column::new("listener", ColumnKind::Text, "name of the listener"),
            Column::new("rung", ColumnKind::Text, "how personal the list is"),
            Column::new("position", ColumnKind::Integer, "place in the list, from 1"),
            Column::new("track", ColumnKind::Text, "id of the track"),
            Column::new("score", ColumnKind::Real, "what it was ranked by"),
            Column::new(
                "expected_listened_share",
                ColumnKind::Real,
                "share that the listener is expected to hear",
            ),
        ]
    }

    pub fn rows(line: &[u8]) -> anyhow::Result<Vec<Vec<Cell>>> {
        let row: BatchRow = serde_json::from_slice(line)?;
        let places = row.tracks.iter().zip(1_i64..).map(|(track, position)| {
            vec![
                Cell::Text(row.listener.clone()),
                Cell::Text(row.rung.clone()),
                Cell::Integer(position),
                Cell::Text(track.id.to_string()),
                Cell::Real(f64::from(track.score)),
                track
                    .expected_listened_share
                    .map_or(Cell::Null, |share| Cell::Real(f64::from(share))),
            ]
        });
        Ok(places.collect())
    }
}
