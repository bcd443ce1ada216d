//! Stress of verse: the scanner, fitted on scanned lines of one file and judged on another.

pub mod lines;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use leitmotif_analysis::lyrics::scansion::{Metre, ScannedLine, Scanner, ScansionModel};
use serde_json::{Value, json};

use crate::files::open_text;
use lines::{GoldLine, metre_named, read_lines, scanned_lines};

#[derive(clap::Args)]
pub struct Args {
    /// Scanned verse to learn from, tab-separated: index, syllable, `+` or `-`, and metre in the seventh
    /// column; an empty line after each line of verse. Plain or gzip.
    #[arg(long)]
    train: PathBuf,
    /// Scanned verse to judge on, same columns.
    #[arg(long)]
    test: PathBuf,
}

/// What was right of one line.
#[derive(Debug, Clone)]
pub struct JudgedLine {
    /// Name of the metre in the file.
    pub metre: String,
    /// Syllables.
    pub count: usize,
    /// Syllables whose stress was told.
    pub right: usize,
    /// Syllables that a strictly iambic line would have right.
    pub iambic: usize,
    /// Syllables that words alone have right: their stress in the dictionary, none on small words.
    pub words_alone: usize,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let model = ScansionModel::fit(&scanned_lines(&read_gold(&args.train)?));
    let judged = judge(&model, &read_gold(&args.test)?);
    let mut by_metre: BTreeMap<&str, Vec<&JudgedLine>> = BTreeMap::new();
    for line in &judged {
        by_metre.entry(&line.metre).or_default().push(line);
    }
    let others = judged
        .iter()
        .filter(|line| metre_named(&line.metre) != Metre::Iambic);
    let exact = judged.iter().filter(|line| line.right == line.count);
    let all: Vec<&JudgedLine> = judged.iter().collect();
    let by_metre: BTreeMap<&str, Value> = by_metre
        .into_iter()
        .map(|(metre, lines)| (metre, told(&lines)))
        .collect();
    let mut summary = told(&all);
    summary["line_exact"] = json!(exact.count() as f64 / judged.len().max(1) as f64);
    summary["not_iambic"] = told(&others.collect::<Vec<_>>());
    summary["by_metre"] = json!(by_metre);
    Ok(summary)
}

/// Reads a file of scanned verse.
pub fn read_gold(path: &Path) -> anyhow::Result<Vec<GoldLine>> {
    let mut text = String::new();
    open_text(path)?.read_to_string(&mut text)?;
    Ok(read_lines(&text))
}

/// Scans each line by itself: files of scanned verse do not say which lines are of one poem.
pub fn judge(model: &ScansionModel, gold: &[GoldLine]) -> Vec<JudgedLine> {
    let mut scanner = Scanner::new(model);
    let lines = scanned_lines(gold);
    let judged = gold.iter().zip(&lines).map(|(gold, line)| {
        let equal = |told: &mut dyn Iterator<Item = bool>| {
            told.zip(&line.stresses)
                .filter(|(told, stress)| told == *stress)
                .count()
        };
        JudgedLine {
            metre: gold.metre.clone(),
            count: line.stresses.len(),
            right: equal(&mut scanner.scan(&line.words).stresses()),
            iambic: equal(&mut (0..).map(|at| at % 2 == 1)),
            words_alone: equal(&mut words_alone(line)),
        }
    });
    judged.collect()
}

fn words_alone(line: &ScannedLine) -> impl Iterator<Item = bool> + '_ {
    line.words.iter().flat_map(|word| {
        let syllables = word.syllables.iter();
        syllables.map(|syllable| syllable.stress > 0 && !word.is_small)
    })
}

fn told(lines: &[&JudgedLine]) -> Value {
    let sum = |part: fn(&JudgedLine) -> usize| lines.iter().map(|line| part(line)).sum::<usize>();
    let count = sum(|line| line.count);
    let share = |part: usize| part as f64 / count.max(1) as f64;
    json!({
        "accuracy": share(sum(|line| line.right)),
        "always_iambic": share(sum(|line| line.iambic)),
        "words_alone": share(sum(|line| line.words_alone)),
        "n_syllables": count,
        "n_lines": lines.len(),
    })
}
