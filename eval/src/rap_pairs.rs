//! Rhyming syllable pairs of rap: the learned scorer, fitted on one file and judged on another.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use leitmotif_analysis::lyrics::rap::{RapPair, RapPairModel, RapSyllable};

use crate::calibration::Calibration;
use crate::files::open_text;

/// Columns of a pair file, in order.
const HEADER: [&str; 8] = [
    "rhymes",
    "nucleus_a",
    "nucleus_b",
    "coda_a",
    "coda_b",
    "stress_a",
    "stress_b",
    "bars_apart",
];

#[derive(clap::Args)]
pub struct Args {
    /// Labelled pairs to learn from, tab-separated with a header, plain or gzip.
    #[arg(long)]
    train: PathBuf,
    /// Labelled pairs to judge on, same columns.
    #[arg(long)]
    data: PathBuf,
}

pub fn run(args: &Args) -> anyhow::Result<serde_json::Value> {
    let model = RapPairModel::fit(&read_pairs(&args.train)?);
    let rows = read_pairs(&args.data)?;
    let (mut hits, mut found, mut wanted) = (0usize, 0usize, 0usize);
    let mut outcomes = Vec::with_capacity(rows.len());
    for (pair, rhymes) in &rows {
        outcomes.push((f64::from(model.score(pair)), *rhymes));
        let is_found = model.is_rhyme(pair);
        hits += usize::from(is_found && *rhymes);
        found += usize::from(is_found);
        wanted += usize::from(*rhymes);
    }
    let ratio = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    Ok(serde_json::json!({
        "f1": ratio(2 * hits, found + wanted),
        "precision": ratio(hits, found),
        "recall": ratio(hits, wanted),
        "pairs": rows.len(),
        "calibration": Calibration::of(&outcomes),
    }))
}

/// Reads labelled pairs.
pub fn read_pairs(path: &Path) -> anyhow::Result<Vec<(RapPair, bool)>> {
    let mut lines = open_text(path)?.lines();
    let header = lines.next().transpose()?.unwrap_or_default();
    if header.split('\t').collect::<Vec<_>>() != HEADER {
        bail!(
            "`{}` does not start with the header {HEADER:?}",
            path.display()
        );
    }
    let mut rows = Vec::new();
    for (index, line) in lines.enumerate() {
        let line = line?;
        let row = read_pair(&line)
            .with_context(|| format!("`{}`, line {}", path.display(), index + 2))?;
        rows.push(row);
    }
    Ok(rows)
}

fn read_pair(line: &str) -> anyhow::Result<(RapPair, bool)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [
        rhymes,
        nucleus_a,
        nucleus_b,
        coda_a,
        coda_b,
        stress_a,
        stress_b,
        bars_apart,
    ] = fields.as_slice()
    else {
        bail!("{} columns, need {}", fields.len(), HEADER.len());
    };
    let syllable = |nucleus: &str, coda: &str, stress: &str| RapSyllable {
        nucleus: nucleus.to_owned(),
        coda: coda.to_owned(),
        is_stressed: stress == "1",
    };
    let pair = RapPair {
        first: syllable(nucleus_a, coda_a, stress_a),
        second: syllable(nucleus_b, coda_b, stress_b),
        bars_apart: bars_apart
            .trim()
            .parse()
            .context("bars_apart is no count")?,
    };
    Ok((pair, *rhymes == "1"))
}
