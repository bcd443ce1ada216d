//! `leitmotif import FILE`: a table of tracks, and the audit of what came in.
//!
//! A row that cannot be used is left out and named; the others go in. Reading a table again changes
//! nothing, and so going on after a stop is running the import again.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use leitmotif_demo::tour::{Call, TourProgress};
use leitmotif_ingest::audit::AuditDocument;
use leitmotif_ingest::audit::tables::TableAuditor;
use leitmotif_ingest::imports::lines::{Row, read_objects};
use leitmotif_ingest::imports::table::read_csv;
use serde_json::{Value, json};

use super::audit::{keep_audit, problem_of};
use super::import_turn::ImportTurn;
use super::{list_of, text_of};
use crate::client::Client;
use crate::progress::Bars;

/// Rows sent together.
const ROWS_PER_CALL: usize = 1_000;
/// Bytes of rows sent together: well under the bound of a body.
const BYTES_PER_CALL: usize = 3 * 1024 * 1024;

/// Imports a table; answers what came of it, as it is printed.
///
/// - Errors: no table, a server that cannot be reached. What was sent before is kept.
pub async fn import(path: &Path, client: &Client, bars: &Bars) -> anyhow::Result<Value> {
    let rows = rows_of(path)?;
    let mut turn = ImportTurn::begin(&path.display().to_string(), client).await?;
    let outcome = import_rows(rows, path, client, bars, &mut turn).await;
    // A table that broke off makes room too, and its own reason is the one to tell.
    let ended = turn.end(client).await;
    let report = outcome?;
    ended?;
    Ok(report)
}

async fn import_rows(
    rows: Rows,
    path: &Path,
    client: &Client,
    bars: &Bars,
    turn: &mut ImportTurn,
) -> anyhow::Result<Value> {
    let mut importing = Importing {
        client,
        turn,
        bars,
        auditor: TableAuditor::new(path),
        waiting: Vec::new(),
        waiting_bytes: 0,
        totals: [0; 5],
        rows: 0,
    };
    bars.begin(STEP, 0);
    for row in rows {
        importing.rows += 1;
        match row {
            Ok((line, row)) => {
                if let Some(track) = importing.auditor.take(line, row) {
                    importing.send_later(line, track.body().to_string()).await?;
                }
            }
            Err(fault) => importing.auditor.broken(fault),
        }
    }
    importing.send().await?;
    bars.end(STEP);
    let [created, updated, unchanged, lyrics_cut, clashes] = importing.totals;
    let document = importing.auditor.finish(created + updated);
    let kept = keep_audit(client, &document).await?;
    let mut report = report_of(&document);
    if let Some(fields) = report.as_object_mut() {
        fields.insert("created".to_owned(), created.into());
        fields.insert("updated".to_owned(), updated.into());
        fields.insert("unchanged".to_owned(), unchanged.into());
        fields.insert("lyrics_cut".to_owned(), lyrics_cut.into());
        fields.insert("id_clashes".to_owned(), clashes.into());
        fields.insert("audit".to_owned(), text_of(&kept, "id").into());
    }
    Ok(report)
}

const STEP: &str = "write tracks";
/// What is counted of what the server answers.
const TOTALS: [&str; 5] = ["created", "updated", "unchanged", "lyrics_cut", "clashes"];

type Rows = Box<dyn Iterator<Item = Row>>;

fn rows_of(path: &Path) -> anyhow::Result<Rows> {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    anyhow::ensure!(
        matches!(ending.as_str(), "csv" | "jsonl" | "ndjson" | "json"),
        "`{ending}` is no table: give a folder, .jsonl or .csv"
    );
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let reader = BufReader::new(file);
    if ending == "csv" {
        let rows = read_csv(reader).with_context(|| format!("`{}`", path.display()))?;
        return Ok(Box::new(rows));
    }
    Ok(Box::new(read_objects(reader)))
}

fn report_of(document: &AuditDocument) -> Value {
    let Some(table) = document.tables.first() else {
        return json!({});
    };
    json!({
        "rows": table.rows_in,
        "duplicates": table.duplicate_rows,
        "left_out": table.rejected_rows,
        "faults": table.faults,
        "not_imported": table.columns_not_imported,
    })
}

struct Importing<'c> {
    client: &'c Client,
    turn: &'c mut ImportTurn,
    bars: &'c Bars,
    auditor: TableAuditor,
    /// Lines and tracks that are sent together.
    waiting: Vec<(u64, String)>,
    waiting_bytes: usize,
    /// Tracks that are new, changed, as they were; tracks with lyrics that were cut, and with an id of another
    /// song.
    totals: [u64; 5],
    rows: u64,
}

impl Importing<'_> {
    async fn send_later(&mut self, line: u64, body: String) -> anyhow::Result<()> {
        self.waiting_bytes += body.len();
        self.waiting.push((line, body));
        if self.waiting.len() >= ROWS_PER_CALL || self.waiting_bytes >= BYTES_PER_CALL {
            self.send().await?;
        }
        Ok(())
    }

    /// Sends what waits. When one of the tracks is refused, each is sent alone, so that it is known
    /// which.
    async fn send(&mut self) -> anyhow::Result<()> {
        self.turn.keep(self.rows, self.client).await?;
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() && self.post(&waiting).await?.is_some() {
            for one in &waiting {
                if let Some(reason) = self.post(std::slice::from_ref(one)).await? {
                    self.auditor.refused(one.0, reason);
                }
            }
        }
        self.bars.begin(STEP, self.rows);
        self.bars.advance(STEP, self.rows);
        Ok(())
    }

    /// Sends tracks together; answers why they were refused, if a row can be blamed for it.
    ///
    /// A row may name an id of another song that came in before: then both are kept.
    async fn post(&mut self, tracks: &[(u64, String)]) -> anyhow::Result<Option<String>> {
        let bodies: Vec<&str> = tracks.iter().map(|(_, body)| body.as_str()).collect();
        let call = Call {
            method: "POST",
            path: "/api/v1/tracks?on_clash=keep_both".to_owned(),
            content_type: "application/json",
            body: format!("{{\"tracks\":[{}]}}", bodies.join(",")).into_bytes(),
        };
        let answer = self.client.send(call).await?;
        if matches!(answer.status, 400 | 404 | 409 | 413 | 422) {
            return Ok(Some(problem_of(&answer)));
        }
        anyhow::ensure!(
            answer.status < 400,
            "{}; what was sent before is kept, and the same command goes on from there",
            problem_of(&answer)
        );
        let document: Value = serde_json::from_slice(&answer.body)?;
        for (total, name) in self.totals.iter_mut().zip(TOTALS) {
            *total += document.get(name).and_then(Value::as_u64).unwrap_or(0);
        }
        for ((line, _), track) in tracks.iter().zip(list_of(&document, "tracks")) {
            let ids = list_of(track, "clashes").iter().filter_map(Value::as_str);
            let ids: Vec<String> = ids.map(str::to_owned).collect();
            if !ids.is_empty() {
                self.auditor.clashed(*line, &ids);
            }
        }
        Ok(None)
    }
}

/// Prints what came of an import.
pub fn print_report(report: &Value) {
    for (name, value) in report.as_object().into_iter().flatten() {
        match value {
            Value::Array(names) if name == "not_imported" && !names.is_empty() => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                println!("{:18} {}", "not imported", names.join(", "));
            }
            Value::String(text) => println!("{:18} {text}", name.replace('_', " ")),
            Value::Number(number) => println!("{:18} {number}", name.replace('_', " ")),
            _ => {}
        }
    }
}
