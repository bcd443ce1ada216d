//! `leitmotif export`: the catalogue as files that say what is in them.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use leitmotif_api::native::exports::ExportTable;
use leitmotif_demo::tour::TourProgress;
use leitmotif_ingest::tracks::files::hash_file;
use sha2::{Digest, Sha256};

use super::export_manifest::{Exported, manifest};
use super::{list_of, print, text_of};
use crate::client::Client;
use crate::progress::Bars;

#[derive(clap::Args)]
pub struct ExportArgs {
    /// Folder for the tables and `manifest.json`; made when it is not there.
    #[arg(long)]
    out: PathBuf,
    /// File format; `parquet` needs a build with that feature.
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// Also the words of the tracks, where the key may read them.
    #[arg(long)]
    with_lyrics: bool,
    /// Also the embeddings.
    #[arg(long)]
    with_embeddings: bool,
    /// Also the plays, each listener under a pseudonym, private sessions left out.
    #[arg(long)]
    with_listens: bool,
}

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// Ending and name of the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// Media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Writes the tables and their manifest.
pub async fn run(args: ExportArgs, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let is_possible = args.format == Format::Jsonl || cfg!(feature = "parquet");
    anyhow::ensure!(
        is_possible,
        "this build writes no Parquet: build it with `cargo build --release --features parquet`"
    );
    let out = &args.out;
    fs::create_dir_all(out).with_context(|| format!("cannot make `{}`", out.display()))?;
    let bars = Bars::new(as_json);
    let mut files = Vec::new();
    for table in ExportTable::ALL {
        let is_wanted = match table {
            ExportTable::Tracks | ExportTable::Descriptors => true,
            ExportTable::Embeddings => args.with_embeddings,
            ExportTable::Listens => args.with_listens,
        };
        if is_wanted {
            files.push(export(table, &args, client, &bars).await?);
        }
    }
    let document = manifest(&files, args.format, args.with_lyrics);
    let text = format!("{document:#}\n");
    replace(&out.join("manifest.json"), |file| {
        Ok(file.write_all(text.as_bytes())?)
    })?;
    print(&document, as_json, |document| {
        for file in list_of(document, "distribution") {
            println!(
                "{:20} {:>9} rows {:>12} bytes",
                text_of(file, "name"),
                file["rows"],
                file["contentSize"]
            );
        }
        println!(
            "content {}",
            text_of(&document["leitmotif"], "contentSha256")
        );
        println!("{}", out.join("manifest.json").display());
    });
    Ok(ExitCode::SUCCESS)
}

/// Streams a table into its file: what arrives is hashed, written, and held no longer than a line.
async fn export(
    table: ExportTable,
    args: &ExportArgs,
    client: &Client,
    bars: &Bars,
) -> anyhow::Result<Exported> {
    let with_lyrics = args.with_lyrics && table == ExportTable::Tracks;
    let name = format!("{}.{}", table.name(), args.format.as_str());
    let path = args.out.join(&name);
    let part = part_of(&path);
    let file = File::create(&part).with_context(|| format!("cannot write `{}`", part.display()))?;
    let mut sink = Sink::new(BufWriter::new(file), args.format, table, with_lyrics)?;
    let asked = format!("/api/v1/exports/{}?with_lyrics={with_lyrics}", table.name());
    let (mut content, mut rest, mut row_count) = (Sha256::new(), Vec::new(), 0_u64);
    bars.begin(&name, 0);
    client
        .stream(&asked, &mut |bytes: &[u8]| {
            content.update(bytes);
            rest.extend_from_slice(bytes);
            let mut start = 0;
            while let Some(length) = rest[start..].iter().position(|byte| *byte == b'\n') {
                sink.write(&rest[start..start + length])?;
                start += length + 1;
                row_count += 1;
            }
            rest.drain(..start);
            bars.advance(&name, row_count);
            Ok(())
        })
        .await?;
    anyhow::ensure!(rest.is_empty(), "the server's answer ended within a row");
    let file = sink
        .finish()?
        .into_inner()
        .map_err(|error| error.into_error())?;
    file.sync_all()?;
    drop(file);
    fs::rename(&part, &path)?;
    bars.end(&name);
    let size_bytes = fs::metadata(&path)?.len();
    Ok(Exported {
        table,
        columns: table.columns(with_lyrics),
        name,
        row_count,
        size_bytes,
        sha256: hash_file(&path)?,
        content_sha256: hex::encode(content.finalize()),
    })
}

/// Where the rows of a table go.
enum Sink {
    Lines(BufWriter<File>),
    #[cfg(feature = "parquet")]
    Parquet(
        Box<leitmotif_storage::tables::ParquetWriter<BufWriter<File>>>,
        Vec<leitmotif_storage::tables::Column>,
    ),
}

impl Sink {
    #[cfg_attr(
        not(feature = "parquet"),
        allow(unused_variables, reason = "lines need no schema")
    )]
    fn new(
        out: BufWriter<File>,
        format: Format,
        table: ExportTable,
        with_lyrics: bool,
    ) -> anyhow::Result<Self> {
        match format {
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let columns = table.columns(with_lyrics);
                let writer = leitmotif_storage::tables::ParquetWriter::new(out, &columns)?;
                Ok(Self::Parquet(Box::new(writer), columns))
            }
            _ => Ok(Self::Lines(out)),
        }
    }

    fn write(&mut self, line: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Lines(out) => {
                out.write_all(line)?;
                out.write_all(b"\n")?;
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(writer, columns) => {
                writer.write(&leitmotif_storage::tables::parse_row(columns, line)?)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<BufWriter<File>> {
        match self {
            Self::Lines(out) => Ok(out),
            #[cfg(feature = "parquet")]
            Self::Parquet(writer, _) => Ok(writer.finish()?),
        }
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

/// Puts a file in its place whole.
fn replace(path: &Path, write: impl FnOnce(&mut File) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let part = part_of(path);
    let mut file =
        File::create(&part).with_context(|| format!("cannot write `{}`", part.display()))?;
    write(&mut file)?;
    file.sync_all()?;
    Ok(fs::rename(&part, path)?)
}
