//! `leitmotif tags write`: what was measured goes into the owner's own files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use leitmotif_demo::tour::TourProgress;
use leitmotif_domain::ErrorKind;
use leitmotif_ingest::retag::{
    self, Journal, KnownSound, Measured, TagField, TagPlan, TagValues, values_of,
};
use serde_json::{Value, json};

use super::{list_of, print, text_of};
use crate::client::Client;
use crate::progress::Bars;

/// Name of the undo journal in the data folder.
const JOURNAL_NAME: &str = "tags-undo.jsonl";
/// Problems shown word for word.
const PROBLEMS_SHOWN: usize = 20;
/// Name of the bar.
const STEP: &str = "tags";

#[derive(Subcommand)]
pub enum TagsCommand {
    /// Writes tempo, key, ReplayGain and genre into your files. Shows what would change unless told
    /// to apply it.
    Write(WriteArgs),
}

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("mode").args(["dry_run", "apply", "undo"])))]
pub struct WriteArgs {
    /// Shows what would change, file by file; the default.
    #[arg(long)]
    dry_run: bool,
    /// Changes the files.
    #[arg(long)]
    apply: bool,
    /// Takes back every change that was not taken back yet.
    #[arg(long)]
    undo: bool,
    /// What is written; everything when left out.
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "undo")]
    only: Vec<Field>,
    /// Lowest confidence of a tempo or key that is written, 0 to 1.
    #[arg(long, default_value_t = 0.5, value_parser = fraction)]
    min_confidence: f64,
    /// The undo journal; `tags-undo.jsonl` in the data folder when left out.
    #[arg(long)]
    journal: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Field {
    Bpm,
    Key,
    Replaygain,
    Genre,
}

impl From<Field> for TagField {
    fn from(field: Field) -> Self {
        match field {
            Field::Bpm => Self::Bpm,
            Field::Key => Self::Key,
            Field::Replaygain => Self::ReplayGain,
            Field::Genre => Self::Genre,
        }
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "is no number".to_owned())?;
    if (0.0..=1.0).contains(&number) {
        return Ok(number);
    }
    Err("must be in 0..=1".to_owned())
}

/// What became of the files.
#[derive(Default)]
struct Tally {
    changed: u64,
    unchanged: u64,
    without_file: u64,
    not_current: u64,
    left_alone: u64,
    problems: Vec<String>,
    files: Vec<Value>,
}

/// Writes tags, or takes them back.
pub async fn run(
    command: TagsCommand,
    data: &Path,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let TagsCommand::Write(args) = command;
    let journal = args
        .journal
        .clone()
        .unwrap_or_else(|| data.join(JOURNAL_NAME));
    if args.undo {
        return undo(journal, as_json).await;
    }
    let mut writer = Writer {
        fields: if args.only.is_empty() {
            TagField::ALL.to_vec()
        } else {
            args.only.iter().copied().map(TagField::from).collect()
        },
        confidence_min: args.min_confidence,
        journal: match args.apply {
            true => Some(Journal::open(&journal)?),
            false => None,
        },
        tally: Tally::default(),
        as_json,
    };
    writer.walk(client).await?;
    let tally = writer.tally;
    let document = json!({
        "applied": args.apply, "changed": tally.changed, "unchanged": tally.unchanged,
        "without_file": tally.without_file, "not_current": tally.not_current,
        "left_alone": tally.left_alone, "problems": tally.problems, "files": tally.files,
        "journal": args.apply.then_some(&journal),
    });
    print(&document, as_json, |document| summary(document, args.apply));
    Ok(ExitCode::SUCCESS)
}

fn summary(document: &Value, is_applied: bool) {
    let counts = [
        (
            "changed",
            if is_applied {
                "files changed"
            } else {
                "files would change"
            },
        ),
        ("unchanged", "files hold everything already"),
        ("without_file", "tracks have no file that this command sees"),
        ("not_current", "tracks wait for their analysis"),
        ("left_alone", "files left alone"),
    ];
    for (name, words) in counts {
        println!("{:>8} {words}", document[name].as_u64().unwrap_or(0));
    }
    for problem in list_of(document, "problems") {
        println!("{}", problem.as_str().unwrap_or_default());
    }
    if is_applied {
        println!(
            "`leitmotif tags write --undo` takes it back ({})",
            text_of(document, "journal")
        );
        println!("import the folder again, so that the catalogue knows the files as they are now");
    } else {
        println!("`leitmotif tags write --apply` writes it");
    }
}

async fn undo(path: PathBuf, as_json: bool) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        path.exists(),
        "no journal at `{}`: nothing was written",
        path.display()
    );
    let bars = Bars::new(as_json);
    let report = tokio::task::spawn_blocking(move || {
        let mut journal = Journal::open(&path)?;
        bars.begin(STEP, 0);
        let report = retag::undo(&mut journal, &path, |progress| {
            bars.begin(STEP, progress.total);
            bars.advance(STEP, progress.done);
        });
        bars.end(STEP);
        report
    })
    .await??;
    print(&json!(report), as_json, |report| {
        println!("{:>8} files are as they were", report["restored"]);
        println!(
            "{:>8} changes had not reached their file",
            report["never_written"]
        );
        println!("{:>8} files left alone", report["left_alone"]);
        for problem in list_of(report, "problems") {
            println!("{}", problem.as_str().unwrap_or_default());
        }
    });
    let is_whole = report.left_alone == 0;
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Writer {
    fields: Vec<TagField>,
    confidence_min: f64,
    journal: Option<Journal>,
    tally: Tally,
    as_json: bool,
}

impl Writer {
    /// Goes through every analysed track with audio. A second run finds what the first wrote and
    /// goes on behind it.
    async fn walk(&mut self, client: &Client) -> anyhow::Result<()> {
        let bars = Bars::new(self.as_json);
        let overview = client.get("/api/v1/overview").await?;
        bars.begin(STEP, overview["with_audio"].as_u64().unwrap_or(0));
        let asked = "/api/v1/tracks?has_audio=true&has_analysis=true&limit=200";
        let (mut path, mut done) = (asked.to_owned(), 0);
        loop {
            let page = client.get(&path).await?;
            for track in list_of(&page, "tracks") {
                self.track(track, client).await?;
                done += 1;
                bars.advance(STEP, done);
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("{asked}&cursor={cursor}"),
                None => break,
            }
        }
        bars.end(STEP);
        Ok(())
    }

    async fn track(&mut self, track: &Value, client: &Client) -> anyhow::Result<()> {
        let file = track["external_ids"]["path"].as_str().map(PathBuf::from);
        let Some(file) = file.filter(|file| file.is_absolute() && file.exists()) else {
            self.tally.without_file += 1;
            return Ok(());
        };
        let id = text_of(track, "id");
        let analysis = client.get(&format!("/api/v1/tracks/{id}/analysis")).await?;
        if analysis["is_current"] != true {
            self.tally.not_current += 1;
            return Ok(());
        }
        let wanted = values_of(
            &measured(track, &analysis),
            &self.fields,
            self.confidence_min,
        );
        let content_hash = text_of(&track["audio"], "sha256").to_owned();
        let payload_hash = track["audio"]["payload_sha256"].as_str().map(str::to_owned);
        let mut journal = self.journal.take();
        let (result, journal) = tokio::task::spawn_blocking(move || {
            let known = KnownSound {
                content_hash: &content_hash,
                payload_hash: payload_hash.as_deref(),
            };
            (change(&file, known, &wanted, journal.as_mut()), journal)
        })
        .await?;
        self.journal = journal;
        self.count(result)
    }

    fn count(
        &mut self,
        result: leitmotif_ingest::error::Result<(PathBuf, TagPlan)>,
    ) -> anyhow::Result<()> {
        match result {
            Ok((_, plan)) if plan.changes.is_empty() => self.tally.unchanged += 1,
            Ok((path, plan)) => {
                self.tally.changed += 1;
                self.show(&path, &plan);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {
                self.tally.left_alone += 1;
                if self.tally.problems.len() < PROBLEMS_SHOWN {
                    self.tally.problems.push(error.to_string());
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn show(&mut self, path: &Path, plan: &TagPlan) {
        if self.as_json {
            self.tally
                .files
                .push(json!({"file": path, "changes": plan.changes}));
            return;
        }
        println!("{}", path.display());
        for change in &plan.changes {
            let old = change.old.as_deref().unwrap_or("–");
            println!("    {:10} {old} → {}", change.name.as_str(), change.new);
        }
    }
}

fn change(
    file: &Path,
    known: KnownSound<'_>,
    wanted: &TagValues,
    journal: Option<&mut Journal>,
) -> leitmotif_ingest::error::Result<(PathBuf, TagPlan)> {
    let plan = retag::plan(file, known, wanted)?;
    if let Some(journal) = journal
        && !plan.changes.is_empty()
    {
        retag::apply(&plan, journal)?;
    }
    Ok((file.to_owned(), plan))
}

fn measured(track: &Value, analysis: &Value) -> Measured {
    let find = |name: &str| {
        list_of(analysis, "descriptors")
            .iter()
            .find(|one| one["name"] == name)
    };
    let number = |name: &str| find(name)?["value"].as_f64();
    let confidence = |name: &str| find(name)?["confidence"].as_f64();
    let text = |name: &str| find(name)?["value"].as_str().map(str::to_owned);
    let key = text("key").zip(text("mode"));
    Measured {
        tempo_bpm: number("tempo_bpm").zip(confidence("tempo_bpm")),
        key: key.zip(confidence("key")),
        replaygain_db: number("replaygain_db"),
        sample_peak_dbfs: number("sample_peak_dbfs"),
        genre: track["genre"].as_str().map(str::to_owned),
    }
}
