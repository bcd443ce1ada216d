//! `leitmotif feature backfill`: every entity of a view at moments of the past, row by row into a file.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use leitmotif_demo::tour::TourProgress;
use leitmotif_domain::Timestamp;
use leitmotif_domain::limits::FEATURE_ROWS_MAX;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::commands::{list_of, print};
use crate::progress::Bars;

/// Name of the step.
const STEP: &str = "rows";
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

#[derive(clap::Args)]
pub struct Args {
    /// The view.
    view: String,
    /// The first moment, for example `2026-01-01T00:00:00Z`.
    #[arg(long)]
    from: String,
    /// The last moment; the first alone when left out.
    #[arg(long)]
    to: Option<String>,
    /// Days from one moment to the next.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    every_days: i64,
    /// What counts as known at a moment: what was recorded by then, or all that had occurred.
    #[arg(long, value_enum, default_value = "recorded")]
    known: Known,
    /// The file. One that is there is gone on with, where the same was asked.
    #[arg(long)]
    out: PathBuf,
    /// How rows are written.
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Known {
    /// What had happened and had been recorded.
    Recorded,
    /// What had happened, whenever it was recorded: for imported histories.
    Occurred,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header; lists as JSON.
    Csv,
}

/// One row: join keys, moment, status, then features.
type Row<'a> = [(&'a str, Value)];

/// Where rows go.
trait RowSink {
    /// Writes a row; all rows have the same columns.
    fn write(&mut self, row: &Row<'_>) -> anyhow::Result<()>;
    /// Writes down what is still in memory.
    fn flush(&mut self) -> anyhow::Result<()>;
}

struct JsonLines(BufWriter<File>);

impl RowSink for JsonLines {
    fn write(&mut self, row: &Row<'_>) -> anyhow::Result<()> {
        let object: Map<String, Value> = row
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        writeln!(self.0, "{}", Value::Object(object))?;
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.0.flush()?)
    }
}

struct Csv {
    file: BufWriter<File>,
    has_header: bool,
}

impl RowSink for Csv {
    fn write(&mut self, row: &Row<'_>) -> anyhow::Result<()> {
        if !self.has_header {
            let names: Vec<String> = row.iter().map(|(name, _)| quoted(name)).collect();
            writeln!(self.file, "{}", names.join(","))?;
            self.has_header = true;
        }
        let cell = |(_, value): &(&str, Value)| match value {
            Value::Null => String::new(),
            Value::String(text) => quoted(text),
            other => quoted(&other.to_string()),
        };
        let cells: Vec<String> = row.iter().map(cell).collect();
        writeln!(self.file, "{}", cells.join(","))?;
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.file.flush()?)
    }
}

/// A cell, quoted where it must be. Line breaks become blanks, so that a line is a row.
fn quoted(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if text.contains([',', '"']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

/// Opens a file and cuts off a line that was not finished; says how many rows are in it.
fn open(path: &Path, format: Format) -> anyhow::Result<(Box<dyn RowSink>, usize)> {
    let context = || format!("cannot write `{}`", path.display());
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(path).with_context(context)?;
    let (mut lines, mut whole_bytes) = (0, 0);
    let mut reader = BufReader::new(&file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).with_context(context)?;
        if read == 0 || !line.ends_with(b"\n") {
            break;
        }
        lines += 1;
        whole_bytes += read as u64;
    }
    file.set_len(whole_bytes).with_context(context)?;
    file.seek(std::io::SeekFrom::End(0)).with_context(context)?;
    let writer = BufWriter::new(file);
    Ok(match format {
        Format::Jsonl => (Box::new(JsonLines(writer)), lines),
        Format::Csv => {
            let sink = Csv {
                file: writer,
                has_header: lines > 0,
            };
            (Box::new(sink), lines.saturating_sub(1))
        }
    })
}

/// Writes the rows: entities in the order of their ids, the moments of each one after the other.
pub async fn run(args: Args, client: &Client, as_json: bool) -> anyhow::Result<()> {
    let moments = moments_of(&args)?;
    let (keys, entities) = entities_of(&args.view, client).await?;
    let (mut sink, done) = open(&args.out, args.format)?;
    let total = entities.len() * moments.len();
    ensure!(
        done <= total,
        "`{}` has {done} rows, {total} were asked for: it is of something else",
        args.out.display()
    );
    let bars = Bars::new(as_json);
    bars.begin(STEP, total as u64);
    let mut written = done / moments.len() * moments.len();
    let mut to_pass_over = done - written;
    let per_call = (FEATURE_ROWS_MAX / moments.len()).max(1);
    let rest = entities.get(done / moments.len()..).unwrap_or_default();
    for chunk in rest.chunks(per_call) {
        let asked = ask(&args, &keys, chunk, &moments);
        let path = format!("/api/v1/features/{}/rows", args.view);
        let answer = client.post(&path, &asked).await?;
        let names: Vec<&str> = list_of(&answer, "features")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let owners = chunk
            .iter()
            .flat_map(|entity| moments.iter().map(move |_| entity));
        for (entity, row) in owners.zip(list_of(&answer, "rows")) {
            written += 1;
            if to_pass_over > 0 {
                to_pass_over -= 1;
                continue;
            }
            let parts = keys.iter().map(String::as_str).zip(entity.iter().cloned());
            let head = [("at", row["at"].clone()), ("status", row["status"].clone())];
            let values = names
                .iter()
                .copied()
                .zip(list_of(row, "values").iter().cloned());
            let whole: Vec<(&str, Value)> = parts.chain(head).chain(values).collect();
            sink.write(&whole)?;
        }
        sink.flush()?;
        bars.advance(STEP, written as u64);
    }
    bars.end(STEP);
    let summary = json!({"rows": total, "written": total - done, "out": args.out});
    print(&summary, as_json, |_| {
        println!("{total} rows in {}", args.out.display());
    });
    Ok(())
}

fn ask(args: &Args, keys: &[String], chunk: &[Vec<Value>], moments: &[Timestamp]) -> Value {
    let mut columns = Map::new();
    for (place, key) in keys.iter().enumerate() {
        let value = |entity: &Vec<Value>| entity.get(place).cloned().unwrap_or(Value::Null);
        let column = chunk
            .iter()
            .flat_map(|entity| moments.iter().map(move |_| value(entity)));
        columns.insert(key.clone(), column.collect());
    }
    let at: Vec<Timestamp> = chunk.iter().flat_map(|_| moments.iter().copied()).collect();
    let known = match args.known {
        Known::Recorded => "recorded",
        Known::Occurred => "occurred",
    };
    json!({"entities": columns, "at": at, "known": known})
}

fn moments_of(args: &Args) -> anyhow::Result<Vec<Timestamp>> {
    let first = Timestamp::parse(&args.from)?;
    let last = match &args.to {
        Some(text) => Timestamp::parse(text)?,
        None => first,
    };
    ensure!(first <= last, "`{}` is after `{last}`", args.from);
    let step_ms = args.every_days.saturating_mul(DAY_MS);
    let count = last.since_ms(first) / step_ms + 1;
    ensure!(
        count <= FEATURE_ROWS_MAX as i64,
        "{count} moments, at most {FEATURE_ROWS_MAX}: write them in parts"
    );
    Ok((0..count)
        .map(|place| first.plus_ms(place * step_ms))
        .collect())
}

/// The join keys of a view, and every entity it has; those without a name any more are left out.
async fn entities_of(
    view: &str,
    client: &Client,
) -> anyhow::Result<(Vec<String>, Vec<Vec<Value>>)> {
    let mut entities = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/features/{view}/entities?limit=200{cursor}");
        let page = client.get(&path).await?;
        for entity in list_of(&page, "entities") {
            let parts = entity.as_array().cloned().unwrap_or_default();
            if !parts.iter().any(Value::is_null) {
                entities.push(parts);
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                let keys = list_of(&page, "join_keys").iter();
                let keys = keys.filter_map(|key| key.as_str().map(str::to_owned));
                return Ok((keys.collect(), entities));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_gone_on_with_behind_its_last_whole_row() {
        let folder = tempfile::tempdir().unwrap();
        for (format, head) in [(Format::Jsonl, ""), (Format::Csv, "a,b\n")] {
            let path = folder.path().join(format!("rows{head:?}"));
            let row = [("a", json!(1.5)), ("b", json!("x, \"y\"\nz"))];
            let (mut sink, done) = open(&path, format).unwrap();
            assert_eq!(done, 0);
            sink.write(&row).unwrap();
            sink.flush().unwrap();
            drop(sink);
            let mut cut = OpenOptions::new().append(true).open(&path).unwrap();
            cut.write_all(b"{\"a\": 2").unwrap();
            let (mut sink, done) = open(&path, format).unwrap();
            assert_eq!(done, 1);
            sink.write(&row).unwrap();
            sink.flush().unwrap();
            let line = match format {
                Format::Jsonl => "{\"a\":1.5,\"b\":\"x, \\\"y\\\"\\nz\"}\n",
                Format::Csv => "1.5,\"x, \"\"y\"\" z\"\n",
            };
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text, format!("{head}{line}{line}"));
        }
    }
}
