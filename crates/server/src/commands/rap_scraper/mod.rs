//! `leitmotif import rap-scraper`: the catalogue of another program, with all that was said of its
//! tracks, and the audit of what came in.
//!
//! Running it again changes nothing, and so going on after a stop is running it again: what is
//! there already is compared and left alone.

mod counted;
mod database;
mod read;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use leitmotif_demo::tour::{Answer, Call, TourProgress};
use leitmotif_domain::limits;
use leitmotif_ingest::audit::AuditDocument;
use leitmotif_ingest::audit::profile::TableProfile;
use leitmotif_ingest::imports::rap_scraper::SOURCE;
use serde_json::{Value, json};

use super::audit::{keep_audit, print_audit, problem_of, say_left_out, write_html};
use super::import::wait_for_analysis;
use super::import_turn::ImportTurn;
use super::{list_of, print, text_of};
use crate::client::Client;
use crate::progress::Bars;
use database::Database;
use read::{Batch, Sources, TrackRequest, read_all};

/// Batches that wait between reading and sending: with the one in work they bound the memory.
const BATCHES_WAITING: usize = 2;
/// Where tracks go: one whose id names another song of the catalogue stays a track of its own.
const TRACKS_PATH: &str = "/api/v1/tracks?on_clash=keep_both";
/// Statements sent together.
const STATEMENTS_PER_CALL: usize = 2_000;
/// Bytes of statements or vectors sent together.
const BYTES_PER_CALL: usize = 4 * 1024 * 1024;
/// Bytes of one component of a vector as JSON text, at most.
const COMPONENT_BYTES: usize = 16;

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("source").required(true)))]
pub struct Args {
    /// A folder with tracks.jsonl and, where there are such, analysis.jsonl, ml_features.jsonl and
    /// dataset_versions.jsonl: one JSON object a line.
    #[arg(long, group = "source")]
    jsonl: Option<PathBuf>,
    /// The one-table export (`quick_dataset.csv`).
    #[arg(long, group = "source")]
    csv: Option<PathBuf>,
    /// The running database, like `postgres://user@host:5432/rap`. It is only read, in one snapshot.
    /// A password is better left to PGPASSWORD than written where other users of the machine see it.
    #[arg(long, value_name = "DSN", group = "source")]
    pg: Option<String>,
    /// Where the audit is written for a browser.
    #[arg(long, default_value = "leitmotif-audit.html")]
    html: PathBuf,
    /// Ends when everything is written down, while the analysis goes on with the next start.
    #[arg(long)]
    no_wait: bool,
}

/// Imports, keeps the audit, and waits for the analysis.
pub async fn run(args: Args, client: &Client, as_json: bool) -> anyhow::Result<ExitCode> {
    let (jsonl, csv, pg) = (args.jsonl, args.csv, args.pg);
    // What others are told has no password in it.
    let named = jsonl.as_ref().or(csv.as_ref());
    let source = named.map_or("a database of rap-scraper".to_owned(), |path| {
        path.display().to_string()
    });
    // The client of the database waits on its own, which an async thread may not.
    let opened = tokio::task::spawn_blocking(move || -> anyhow::Result<(Sources, u64)> {
        let mut sources = match (jsonl, csv, pg) {
            (Some(folder), _, _) => Sources::of_folder(&folder)?,
            (_, Some(path), _) => Sources::of_table(&path),
            (_, _, Some(dsn)) => Sources::Database(Box::new(Database::open(&dsn)?)),
            (None, None, None) => anyhow::bail!("give `--jsonl`, `--csv` or `--pg`"),
        };
        let bytes = sources.bytes()?;
        Ok((sources, bytes))
    });
    let (sources, bytes) = opened.await??;
    let bars = Bars::new(as_json);
    let mut turn = ImportTurn::begin(&source, client).await?;
    let outcome = import(sources, bytes, client, &bars, &mut turn).await;
    // A catalogue that broke off makes room too, and its own reason is the one to tell.
    let ended = turn.end(client).await;
    let document = outcome?;
    ended?;
    let left_out = document
        .tables
        .iter()
        .map(|table| table.rejected_rows)
        .sum();
    let kept = keep_audit(client, &document).await?;
    write_html(&kept, &args.html)?;
    let mut found = json!({ "audit": kept, "html": args.html });
    if !args.no_wait {
        let dead = wait_for_analysis(client, &bars).await?;
        if let Some(fields) = found.as_object_mut() {
            fields.insert("failed_analyses".to_owned(), dead.into());
        }
    }
    print(&found, as_json, |found| {
        print_audit(found.get("audit").unwrap_or(&Value::Null));
        println!("the whole audit      {}", args.html.display());
        if found.get("failed_analyses").and_then(Value::as_u64) > Some(0) {
            println!("`leitmotif jobs --state dead` says which analyses failed and why");
        }
    });
    Ok(say_left_out(left_out, &[]))
}

/// Reads on a thread of its own and sends on this one; answers the findings.
async fn import(
    sources: Sources,
    bytes: u64,
    client: &Client,
    bars: &Bars,
    turn: &mut ImportTurn,
) -> anyhow::Result<AuditDocument> {
    let step = "import, KB read";
    bars.begin(step, bytes / 1_024);
    let (sender, mut batches) = tokio::sync::mpsc::channel(BATCHES_WAITING);
    let reader = std::thread::Builder::new()
        .name("import-reader".to_owned())
        .spawn(move || read_all(sources, &sender))?;
    let mut sending = Sending {
        client,
        refused: HashSet::new(),
        renamed: HashMap::new(),
        outcomes: BTreeMap::new(),
    };
    let mut kilobytes = 0;
    loop {
        // A database may let wait, and the turn is to be kept meanwhile.
        let next = tokio::time::timeout(turn.beat, batches.recv()).await;
        turn.keep(kilobytes, client).await?;
        match next {
            Err(_) => {}
            Ok(None) => break,
            Ok(Some(batch)) => {
                kilobytes = batch.bytes_read / 1_024;
                sending.batch(batch).await?;
                bars.advance(step, kilobytes);
            }
        }
    }
    let read = reader.join().ok().context("the reader broke")?;
    let (audit, mut profiles) = read?;
    bars.end(step);
    sending.settle(&mut profiles);
    Ok(audit.finish(profiles))
}

/// How a track is named before its own id is known.
fn reference(row_id: i64) -> String {
    format!("{SOURCE}:{row_id}")
}

/// What became of the rows of a table.
#[derive(Default)]
struct Outcome {
    changed: u64,
    /// Lines and the ids in them under which another song is in the catalogue.
    clashes: Vec<(u64, Vec<String>)>,
    /// Line, reason, whether the row was used in part.
    faults: Vec<(u64, String, bool)>,
}

/// The sending half.
struct Sending<'c> {
    client: &'c Client,
    /// Tracks that the server did not take; what is said of them is not sent.
    refused: HashSet<i64>,
    /// Our ids of tracks whose own id names another song here, as one of another database may.
    renamed: HashMap<i64, String>,
    outcomes: BTreeMap<usize, Outcome>,
}

impl Sending<'_> {
    async fn batch(&mut self, batch: Batch) -> anyhow::Result<()> {
        let table = batch.table;
        self.tracks(table, batch.tracks).await?;
        let mut bodies = Vec::new();
        let mut bytes = 0;
        for (row_id, _, body) in batch.statements {
            if self.refused.contains(&row_id) {
                continue;
            }
            let body = self.addressed(row_id, body)?;
            bytes += body.len();
            bodies.push(body);
            if bodies.len() >= STATEMENTS_PER_CALL || bytes >= BYTES_PER_CALL {
                self.statements(table, std::mem::take(&mut bodies)).await?;
                bytes = 0;
            }
        }
        self.statements(table, bodies).await?;
        self.vectors(table, batch.vectors).await
    }

    fn outcome(&mut self, table: usize) -> &mut Outcome {
        self.outcomes.entry(table).or_default()
    }

    /// Sends tracks together. When one of them is refused, each is sent alone, so that it is known
    /// which.
    async fn tracks(&mut self, table: usize, tracks: Vec<TrackRequest>) -> anyhow::Result<()> {
        if tracks.is_empty() {
            return Ok(());
        }
        let bodies = tracks.iter().map(|track| track.body.to_string());
        let answer = self.post(TRACKS_PATH, "tracks", bodies).await?;
        if answer.status < 400 {
            self.taken(table, &tracks, &answer);
            return Ok(());
        }
        for mut track in tracks {
            self.one_track(table, &mut track).await?;
        }
        Ok(())
    }

    /// Sends one track; an id that belongs to another track of the catalogue is left out rather than
    /// the two becoming one.
    async fn one_track(&mut self, table: usize, track: &mut TrackRequest) -> anyhow::Result<()> {
        let mut answer = self
            .post(TRACKS_PATH, "tracks", [track.body.to_string()].into_iter())
            .await?;
        if answer.status == 409 {
            let ids = json!({ SOURCE: track.row_id.to_string() });
            if let Some(fields) = track.body.as_object_mut() {
                fields.insert("external_ids".to_owned(), ids);
            }
            let reason = problem_of(&answer);
            let fault = (track.line, reason, true);
            self.outcome(table).faults.push(fault);
            let again = [track.body.to_string()].into_iter();
            answer = self.post(TRACKS_PATH, "tracks", again).await?;
        }
        if answer.status >= 400 {
            self.refused.insert(track.row_id);
            let fault = (track.line, problem_of(&answer), false);
            self.outcome(table).faults.push(fault);
            return Ok(());
        }
        self.taken(table, std::slice::from_ref(track), &answer);
        Ok(())
    }

    /// Counts what became of tracks.
    fn taken(&mut self, table: usize, tracks: &[TrackRequest], answer: &Answer) {
        let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let count = |name: &str| document.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.outcome(table).changed += count("created") + count("updated");
        for (track, kept) in tracks.iter().zip(list_of(&document, "tracks")) {
            let ids = list_of(kept, "clashes").iter().filter_map(Value::as_str);
            let ids: Vec<String> = ids.map(str::to_owned).collect();
            if ids.contains(&reference(track.row_id)) {
                let id = text_of(kept, "id").to_owned();
                self.renamed.insert(track.row_id, id);
            }
            if !ids.is_empty() {
                self.outcome(table).clashes.push((track.line, ids));
            }
        }
    }

    /// How the track of a row is named here.
    fn name_of(&self, row_id: i64) -> String {
        let renamed = self.renamed.get(&row_id);
        renamed.cloned().unwrap_or_else(|| reference(row_id))
    }

    /// A statement about the track of a row, under the name that it has here.
    fn addressed(&self, row_id: i64, body: String) -> anyhow::Result<String> {
        let Some(id) = self.renamed.get(&row_id) else {
            return Ok(body);
        };
        let mut statement: Value = serde_json::from_str(&body)?;
        if let Some(fields) = statement.as_object_mut() {
            fields.insert("track".to_owned(), id.as_str().into());
        }
        Ok(statement.to_string())
    }

    async fn statements(&mut self, table: usize, bodies: Vec<String>) -> anyhow::Result<()> {
        if bodies.is_empty() {
            return Ok(());
        }
        let path = "/api/v1/statements";
        let answer = self.post(path, "statements", bodies.into_iter()).await?;
        self.count_changed(table, path, &answer)
    }

    async fn vectors(
        &mut self,
        table: usize,
        vectors: Vec<(String, i64, Vec<f32>)>,
    ) -> anyhow::Result<()> {
        let mut by_space: BTreeMap<String, Vec<(i64, Vec<f32>)>> = BTreeMap::new();
        for (space, row_id, vector) in vectors {
            if !self.refused.contains(&row_id) {
                by_space.entry(space).or_default().push((row_id, vector));
            }
        }
        for (space, vectors) in by_space {
            let path = format!("/api/v1/spaces/{space}/vectors");
            let dimension = vectors.first().map_or(1, |(_, vector)| vector.len());
            let fitting = BYTES_PER_CALL / (dimension * COMPONENT_BYTES).max(1);
            for part in vectors.chunks(fitting.clamp(1, limits::VECTORS_PER_BATCH_MAX)) {
                let bodies = part.iter().map(|(row_id, vector)| {
                    json!({ "track": self.name_of(*row_id), "vector": vector }).to_string()
                });
                let answer = self.post(&path, "vectors", bodies).await?;
                self.count_changed(table, &path, &answer)?;
            }
        }
        Ok(())
    }

    fn count_changed(&mut self, table: usize, path: &str, answer: &Answer) -> anyhow::Result<()> {
        anyhow::ensure!(answer.status < 400, "{path}: {}", problem_of(answer));
        let document: Value = serde_json::from_slice(&answer.body)?;
        let changed = document.get("changed").and_then(Value::as_u64);
        self.outcome(table).changed += changed.unwrap_or(0);
        Ok(())
    }

    /// Sends objects under one name; answers that a row can be blamed for come back, others end the
    /// import, which may then be run again.
    async fn post(
        &self,
        path: &str,
        name: &str,
        bodies: impl Iterator<Item = String>,
    ) -> anyhow::Result<Answer> {
        let mut body = format!("{{\"{name}\":[");
        for (place, one) in bodies.enumerate() {
            if place > 0 {
                body.push(',');
            }
            body.push_str(&one);
        }
        body.push_str("]}");
        let call = Call {
            method: "POST",
            path: path.to_owned(),
            content_type: "application/json",
            body: body.into_bytes(),
        };
        let answer = self.client.send(call).await?;
        let is_of_a_row = matches!(answer.status, 0..400 | 400 | 404 | 409 | 422);
        anyhow::ensure!(is_of_a_row, "{path}: {}", problem_of(&answer));
        Ok(answer)
    }

    /// Enters what the server said into the tables of the audit.
    fn settle(&mut self, profiles: &mut [TableProfile]) {
        for (table, outcome) in std::mem::take(&mut self.outcomes) {
            let Some(profile) = profiles.get_mut(table) else {
                continue;
            };
            profile.counts.changed += outcome.changed;
            for (line, ids) in outcome.clashes {
                profile.clashed(line, &ids);
            }
            for (line, reason, is_used) in outcome.faults {
                if is_used {
                    profile.damaged(line, reason);
                } else {
                    profile.counts.rows_out = profile.counts.rows_out.saturating_sub(1);
                    profile.reject(line, reason);
                }
            }
        }
    }
}
