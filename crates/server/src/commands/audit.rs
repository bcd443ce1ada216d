//! `leitmotif audit`: what imports brought.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use leitmotif_demo::tour::Answer;
use leitmotif_ingest::audit::AuditDocument;
use serde_json::{Value, json};

use super::{list_of, print, text_of};
use crate::client::Client;

/// Rows that are named where an import ends; the audit names more.
const FAULTS_SAID: usize = 10;

#[derive(clap::Args)]
pub struct Args {
    /// An audit by its id; the newest when left out.
    id: Option<String>,
    /// Writes the audit as one file for a browser.
    #[arg(long)]
    html: Option<PathBuf>,
}

/// Shows an audit.
pub async fn run(args: Args, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let id = match args.id {
        Some(id) => id,
        None => {
            let newest = client.get("/api/v1/audits?limit=1").await?;
            let first = list_of(&newest, "audits").first();
            let id = first.map(|audit| text_of(audit, "id").to_owned());
            id.context("nothing has been imported yet: `leitmotif import` writes an audit")?
        }
    };
    let kept = client.get(&format!("/api/v1/audits/{id}")).await?;
    if let Some(path) = &args.html {
        write_html(&kept, path)?;
    }
    print(&kept, as_json, |kept| {
        print_audit(kept);
        if let Some(path) = &args.html {
            println!("the whole audit      {}", path.display());
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// Sends an audit to be kept; answers it with its id.
pub async fn keep_audit(client: &Client, document: &AuditDocument) -> anyhow::Result<Value> {
    let body = json!({ "document": document });
    client.post("/api/v1/audits", &body).await
}

/// Says on standard error which rows an import left out; the exit code of the import tells it too.
///
/// `faults` are those of a table's audit; rows that were used in part are not left out.
pub fn say_left_out(left_out: u64, faults: &[Value]) -> ExitCode {
    if left_out == 0 {
        return ExitCode::SUCCESS;
    }
    let is_left_out = |fault: &&Value| fault.get("is_used") != Some(&Value::Bool(true));
    for fault in faults.iter().filter(is_left_out).take(FAULTS_SAID) {
        let line = fault.get("line").and_then(Value::as_u64).unwrap_or(0);
        eprintln!("line {line}: {}", text_of(fault, "reason"));
    }
    let rows = if left_out == 1 {
        "row was"
    } else {
        "rows were"
    };
    eprintln!("leitmotif: {left_out} {rows} left out; `leitmotif audit` says more");
    ExitCode::FAILURE
}

/// What a server says of a request that it refuses.
pub fn problem_of(answer: &Answer) -> String {
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let pointer = list_of(&document, "errors").first();
    let pointer = pointer.map_or("", |error| text_of(error, "pointer"));
    let detail = text_of(&document, "detail");
    if pointer.is_empty() {
        format!("{detail} (status {})", answer.status)
    } else {
        format!("{detail} at {pointer} (status {})", answer.status)
    }
}

/// Writes an audit as a file of its own.
pub fn write_html(kept: &Value, path: &Path) -> anyhow::Result<()> {
    let document = document_of(kept)?;
    std::fs::write(path, leitmotif_studio::audit_file(&document))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn document_of(kept: &Value) -> anyhow::Result<AuditDocument> {
    let document = kept.get("document").cloned().unwrap_or_default();
    serde_json::from_value(document).context("the server's audit is of another release")
}

/// Prints what is most worth knowing.
pub fn print_audit(kept: &Value) {
    let Ok(document) = document_of(kept) else {
        return;
    };
    let line = |name: &str, value: String| println!("{name:20} {value}");
    let tracks = &document.tracks;
    line("source", document.source.clone());
    line("tracks", tracks.tracks.to_string());
    line("artists", tracks.artists.to_string());
    line("spotify ids", tracks.spotify_ids.to_string());
    let shared = (tracks.shared_id_groups, tracks.shared_id_tracks);
    line(
        "shared ids",
        format!("{}, of {} tracks", shared.0, shared.1),
    );
    line("fallbacks", document.fallback_rows().to_string());
    for date in &tracks.dates {
        line(&format!("dates, {}", date.name), date.count.to_string());
    }
    for table in &document.tables {
        let counts = format!(
            "{} rows in, {} out, {} duplicates, {} not usable, {} changes",
            table.rows_in, table.rows_out, table.duplicate_rows, table.rejected_rows, table.changed
        );
        line(&format!("table {}", table.name), counts);
        if table.clashing_rows > 0 {
            let clashes = format!("{} rows, kept as tracks of their own", table.clashing_rows);
            line("  id of another song", clashes);
        }
        let lists = [
            ("  constant", &table.constant_columns),
            ("  constant where filled", &table.constant_where_filled),
            ("  empty", &table.empty_columns),
        ];
        for (name, columns) in lists {
            if !columns.is_empty() {
                line(name, columns.join(", "));
            }
        }
        for column in &table.columns {
            for one in &column.stand_ins {
                let share = 100.0 * one.share;
                let told = format!(
                    "{} = {}: {} rows, {share:.1} %",
                    column.name, one.value, one.count
                );
                line("  fallback?", told);
            }
        }
        if !table.columns_not_imported.is_empty() {
            line("  not imported", table.columns_not_imported.join(", "));
        }
        if let Some(reason) = &table.left_out_because {
            line("  left out", reason.clone());
        }
        for (one, other) in &table.identical_columns {
            line("  identical", format!("{one} = {other}"));
        }
        for fault in table.faults.iter().take(5) {
            line(&format!("  line {}", fault.line), fault.reason.clone());
        }
    }
    if let Some(found) = &document.reanalysis {
        let counts = format!("{} of {} lyrics", found.tracks, found.tracks_available);
        line("analysed again", counts);
    }
    println!("audit                {}", text_of(kept, "id"));
}
