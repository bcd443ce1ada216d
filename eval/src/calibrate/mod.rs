//! Fits how the evidence of an answer becomes its confidence, and writes the weights.

pub mod agreement;
pub mod songs;
pub mod verse;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use leitmotif_analysis::logistic::{fit_logistic, probability};
use leitmotif_analysis::lyrics::scansion::ScansionModel;
use serde_json::{Value, json};

use crate::calibration::{Calibration, Outcome};
use crate::rhyme::read_poems;
use crate::stress::lines::scanned_lines;
use crate::stress::read_gold;

/// Folds of the cross-validation.
pub const FOLD_COUNT: usize = 5;
/// Fits the confidences and writes their weights as Rust tables; same inputs, same bytes.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Energy and its like, on songs of the demo's synthesiser; no recording and no kit takes part. The confidences of
    /// tempo and key are fitted with their weights.
    Audio {
        /// Table to write, `crates/analysis/src/audio/confidence_weights.rs`.
        #[arg(long)]
        out: PathBuf,
        /// Songs analysed at the same time.
        #[arg(long, default_value_t = 1)]
        jobs: usize,
    },
    /// Rhyme schemes, on annotated verse: English by models that did not see the author, French by
    /// rule and by spelling, which are not learned.
    Rhyme {
        /// Annotated English verse with authors.
        #[arg(long)]
        english: PathBuf,
        /// Annotated French verse.
        #[arg(long)]
        french: PathBuf,
        /// Table to write, `crates/analysis/src/lyrics/rhyme/confidence_weights.rs`.
        #[arg(long)]
        out: PathBuf,
    },
    /// The scanner of verse, whose weights are not of a confidence but are learned likewise.
    Scansion {
        /// Scanned English verse, as `stress` reads it.
        #[arg(long)]
        train: PathBuf,
        /// Model to write, `crates/analysis/data/scansion_model.json`.
        #[arg(long)]
        out: PathBuf,
    },
}

/// One answer: what it goes by, whether it was right, its style or author, and the fold that its song or
/// author is in.
#[derive(Debug, Clone)]
pub struct Sample {
    pub evidence: Vec<f64>,
    pub is_right: bool,
    pub group: String,
    pub fold: usize,
}

/// Weights of one map: its name in the table, what it is of, and the answers it is fitted on.
struct Table {
    name: &'static str,
    text: &'static str,
    samples: Vec<Sample>,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    match &args.what {
        What::Audio { out, jobs } => {
            let mut agreements = agreement::judge_excerpts(*jobs)?;
            let mut agreement = |descriptor, name, text| Table {
                name,
                text,
                samples: agreements.remove(descriptor).unwrap_or_default(),
            };
            let tables = [
                agreement(
                    "energy",
                    "ENERGY",
                    "Weights of the distance of the halves and of the length, as logarithms, and the offset, of energy.",
                ),
                agreement("danceability", "DANCEABILITY", "The same of danceability."),
                agreement("acousticness", "ACOUSTICNESS", "The same of acousticness."),
                agreement("speechiness", "SPEECHINESS", "The same of speechiness."),
            ];
            write_tables(out, songs::HEADER, "pub(crate)", &tables)
        }
        What::Rhyme {
            english,
            french,
            out,
        } => {
            let tables = rhyme_tables(english, french)?;
            write_tables(out, verse::HEADER, "pub(super)", &tables)
        }
        What::Scansion { train, out } => {
            let lines = scanned_lines(&read_gold(train)?);
            let text = serde_json::to_string(&ScansionModel::fit(&lines))? + "\n";
            std::fs::write(out, text)
                .with_context(|| format!("cannot write `{}`", out.display()))?;
            Ok(json!({"lines": lines.len()}))
        }
    }
}

fn rhyme_tables(english: &Path, french: &Path) -> anyhow::Result<[Table; 6]> {
    let english = verse::judge_english(&read_poems(english, false)?);
    let poems = read_poems(french, false)?;
    let (french, spelled) = (verse::judge_french(&poems), verse::judge_spelled(&poems));
    let table = |name, text, samples| Table {
        name,
        text,
        samples,
    };
    Ok([
        table("VERSE", "Verse on the page, by sound.", english.verse),
        table("SUNG", "Sung lines, by sound.", english.sung),
        table(
            "FRENCH_VERSE",
            "French verse on the page, by rule.",
            french.verse,
        ),
        table("FRENCH_SUNG", "Sung lines in French, by rule.", french.sung),
        table(
            "SPELLED_VERSE",
            "Verse on the page, by spelling.",
            spelled.verse,
        ),
        table("SPELLED_SUNG", "Sung lines, by spelling.", spelled.sung),
    ])
}

fn fit(samples: &[&Sample]) -> Vec<f64> {
    let rows: Vec<(Vec<f64>, bool)> = samples
        .iter()
        .map(|sample| (sample.evidence.clone(), sample.is_right))
        .collect();
    fit_logistic(&rows)
}

/// Confidences of maps that were fitted on the other folds.
pub fn cross_validated(samples: &[Sample]) -> Vec<Outcome> {
    let maps: Vec<Vec<f64>> = (0..FOLD_COUNT)
        .map(|fold| {
            let others = samples.iter().filter(|sample| sample.fold != fold);
            fit(&others.collect::<Vec<_>>())
        })
        .collect();
    samples
        .iter()
        .map(|sample| {
            let weights = &maps[sample.fold % FOLD_COUNT];
            (probability(&sample.evidence, weights), sample.is_right)
        })
        .collect()
}

fn write_tables(
    path: &Path,
    header: &str,
    visibility: &str,
    tables: &[Table],
) -> anyhow::Result<Value> {
    let mut text = header.to_owned();
    let mut report = serde_json::Map::new();
    for table in tables {
        let samples: Vec<&Sample> = table.samples.iter().collect();
        let weights = fit(&samples);
        let numbers: Vec<String> = weights
            .iter()
            .map(|weight| format!("{weight:.4}"))
            .collect();
        writeln!(
            text,
            "\n/// {}\n{visibility} static {}: [f64; {}] = [{}];",
            table.text,
            table.name,
            numbers.len(),
            numbers.join(", ")
        )?;
        let right = table
            .samples
            .iter()
            .filter(|sample| sample.is_right)
            .count();
        report.insert(
            table.name.to_lowercase(),
            json!({
                "weights": numbers,
                "right": right,
                "cross_validated": Calibration::of(&cross_validated(&table.samples)),
            }),
        );
    }
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(Value::Object(report))
}
