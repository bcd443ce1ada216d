//! `leitmotif feature backfill`: every entity of a view at moments of the past, row by row into a file.

mod parquet;

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
use crate::commands::query::escape;
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
    /// Apache Parquet; needs a build with the feature `parquet`. Until all rows are there they lie beside the
    /// file, as lines.
    Parquet,
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
    writer: csv::Writer<File>,
    has_header: bool,
}

impl RowSink for Csv {
    fn write(&mut self, row: &Row<'_>) -> anyhow::Result<()> {
        if !self.has_header {
            self.writer
                .write_record(row.iter().map(|(name, _)| *name))?;
            self.has_header = true;
        }
        let cells = row.iter().map(|(_, value)| cell_of(value));
        Ok(self.writer.write_record(cells)?)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.writer.flush()?)
    }
}

/// A value as a cell. Line breaks become blanks, so that a line is a row.
fn cell_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace(['\n', '\r'], " "),
        other => other.to_string(),
    }
}

/// A file to be gone on with.
struct Opened {
    sink: Box<dyn RowSink>,
    /// Whole rows in it.
    rows: usize,
    /// The last of them.
    last: String,
}

impl Opened {
    /// Whether its last row begins with these names and values.
    fn ends_with(&self, format: Format, expected: &Row<'_>) -> bool {
        match format {
            Format::Jsonl | Format::Parquet => {
                serde_json::from_str::<Map<String, Value>>(&self.last).is_ok_and(|row| {
                    expected
                        .iter()
                        .all(|(name, value)| row.get(*name) == Some(value))
                })
            }
            Format::Csv => {
                let mut options = csv::ReaderBuilder::new();
                let reader = options.has_headers(false).from_reader(self.last.as_bytes());
                let mut records = reader.into_records();
                let Some(Ok(record)) = records.next() else {
                    return false;
                };
                let mut cells = expected.iter().zip(record.iter());
                record.len() >= expected.len()
                    && cells.all(|((_, value), cell)| cell_of(value) == cell)
            }
        }
    }
}

/// Opens a file and cuts off a line that was not finished.
fn open(path: &Path, format: Format) -> anyhow::Result<Opened> {
    let context = || format!("cannot write `{}`", path.display());
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(path).with_context(context)?;
    let (mut lines, mut whole_bytes) = (0, 0);
    let mut reader = BufReader::new(&file);
    let (mut line, mut last) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).with_context(context)?;
        if read == 0 || !line.ends_with(b"\n") {
            break;
        }
        lines += 1;
        whole_bytes += read as u64;
        std::mem::swap(&mut line, &mut last);
    }
    file.set_len(whole_bytes).with_context(context)?;
    file.seek(std::io::SeekFrom::End(0)).with_context(context)?;
    let has_header = lines > 0;
    let (sink, rows): (Box<dyn RowSink>, usize) = match format {
        Format::Jsonl | Format::Parquet => (Box::new(JsonLines(BufWriter::new(file))), lines),
        Format::Csv => {
            let writer = csv::Writer::from_writer(file);
            (
                Box::new(Csv { writer, has_header }),
                lines.saturating_sub(1),
            )
        }
    };
    let last = String::from_utf8_lossy(&last).into_owned();
    Ok(Opened { sink, rows, last })
}

/// Writes the rows: entities in the order of their ids, the moments of each one after the other.
pub async fn run(args: Args, client: &Client, as_json: bool) -> anyhow::Result<()> {
    parquet::check(args.format)?;
    let moments = moments_of(&args)?;
    let (keys, entities) = entities_of(&args.view, client).await?;
    let rows_path = parquet::rows_path(&args.out, args.format);
    let mut file = open(&rows_path, args.format)?;
    let (total, done) = (entities.len() * moments.len(), file.rows);
    ensure!(
        goes_on(&file, args.format, &keys, &entities, &moments),
        "the {done} rows in `{}` are not the first of the {total} that were asked for: they are of \
         something else, or entities came since; write to another file",
        rows_path.display()
    );
    let bars = Bars::new(as_json);
    bars.begin(STEP, total as u64);
    let mut written = done / moments.len() * moments.len();
    let mut to_pass_over = done - written;
    let per_call = (FEATURE_ROWS_MAX / moments.len()).max(1);
    let rest = entities.get(done / moments.len()..).unwrap_or_default();
    for chunk in rest.chunks(per_call) {
        let asked = ask(&args, &keys, chunk, &moments);
        let path = format!("/api/v1/features/{}/rows", escape(&args.view));
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
            file.sink.write(&whole)?;
        }
        file.sink.flush()?;
        bars.advance(STEP, written as u64);
    }
    bars.end(STEP);
    if args.format == Format::Parquet {
        drop(file);
        let path = format!("/api/v1/features/{}", escape(&args.view));
        let view = client.get(&path).await?;
        parquet::convert(&rows_path, &args.out, &keys, &view)?;
    }
    let summary = json!({"rows": total, "written": total - done, "out": args.out});
    print(&summary, as_json, |_| {
        println!("{total} rows in {}", args.out.display());
    });
    Ok(())
}

/// Whether the last row of a file is the one that should stand there.
fn goes_on(
    file: &Opened,
    format: Format,
    keys: &[String],
    entities: &[Vec<Value>],
    moments: &[Timestamp],
) -> bool {
    let Some(last) = file.rows.checked_sub(1) else {
        return true;
    };
    let (Some(entity), Some(at)) = (
        entities.get(last / moments.len()),
        moments.get(last % moments.len()),
    ) else {
        return false;
    };
    let parts = keys.iter().map(String::as_str).zip(entity.iter().cloned());
    let expected: Vec<(&str, Value)> = parts.chain([("at", json!(at))]).collect();
    file.ends_with(format, &expected)
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
        let path = format!(
            "/api/v1/features/{}/entities?limit=200{cursor}",
            escape(view)
        );
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
            let mut file = open(&path, format).unwrap();
            assert_eq!(file.rows, 0);
            file.sink.write(&row).unwrap();
            file.sink.flush().unwrap();
            drop(file);
            let mut cut = OpenOptions::new().append(true).open(&path).unwrap();
            cut.write_all(b"{\"a\": 2").unwrap();
            let mut file = open(&path, format).unwrap();
            assert_eq!(file.rows, 1);
            file.sink.write(&row).unwrap();
            file.sink.flush().unwrap();
            let line = match format {
                Format::Jsonl | Format::Parquet => "{\"a\":1.5,\"b\":\"x, \\\"y\\\"\\nz\"}\n",
                Format::Csv => "1.5,\"x, \"\"y\"\" z\"\n",
            };
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(text, format!("{head}{line}{line}"));
        }
    }

    #[test]
    fn a_file_of_something_else_is_not_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let moments = [0, DAY_MS].map(Timestamp::from_ms);
        let keys = ["track".to_owned()];
        let entities = ["a", "b", "c"].map(|id| vec![json!(id)]);
        for format in [Format::Jsonl, Format::Csv] {
            let path = folder.path().join("rows");
            let mut file = open(&path, format).unwrap();
            assert!(goes_on(&file, format, &keys, &entities, &moments), "empty");
            for (id, at) in [("a", moments[0]), ("a", moments[1]), ("b", moments[0])] {
                let row = [("track", json!(id)), ("at", json!(at)), ("plays", json!(1))];
                file.sink.write(&row).unwrap();
            }
            file.sink.flush().unwrap();
            let file = open(&path, format).unwrap();
            assert_eq!(file.rows, 3);
            let check = |keys: &[String], entities: &[Vec<Value>], moments: &[Timestamp]| {
                goes_on(&file, format, keys, entities, moments)
            };
            assert!(check(&keys, &entities, &moments));
            assert!(!check(&keys, &entities[1..], &moments), "one came before");
            assert!(!check(&keys, &entities[..1], &moments), "fewer were asked");
            assert!(!check(&keys, &entities, &moments[1..]), "other moments");
            std::fs::remove_file(&path).unwrap();
        }
    }
}
