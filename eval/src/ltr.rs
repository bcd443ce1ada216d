//! Learning to rank on queries with labelled rows: quality of the order, time to fit and to score.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::ValueEnum;
use leitmotif_learn::rank_metrics::graded_ndcg_at;
use leitmotif_learn::trees::{
    BinOptions, Dataset, Ensemble, Examples, Features, Objective, Parameters, fit,
};
use serde_json::{Value, json};

use crate::files::open_text;

/// Rows of the timed predictions: the candidates of one answer.
const CANDIDATES: usize = 200;

/// Timed predictions, of which the median is reported.
const REPEATS: usize = 2000;

/// Timed readings of the model.
const LOADS: usize = 20;

/// Largest column of a file; more would not be a ranking kit but a mistake.
const COLUMN_MAX: usize = 10_000;

/// Files are svmlight rows `label [qid:N] column:value …`, plain or `.gz`; queries come from `qid`
/// or from a file of group sizes beside them, `x.train.query.gz` for `x.train.gz`.
#[derive(clap::Args)]
pub struct Args {
    /// Rows to fit on.
    #[arg(long)]
    train: PathBuf,
    /// Held-out rows.
    #[arg(long)]
    test: PathBuf,
    /// Number of trees.
    #[arg(long, default_value_t = 100)]
    trees: usize,
    /// Most leaves of a tree.
    #[arg(long, default_value_t = 31)]
    leaves: usize,
    /// Share of each tree that is added.
    #[arg(long, default_value_t = 0.1)]
    learning_rate: f64,
    /// Fewest rows of a leaf.
    #[arg(long, default_value_t = 50)]
    min_data: usize,
    /// Seed of everything chosen by chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the fit makes small.
    #[arg(long, value_enum, default_value_t = Goal::Lambdarank)]
    objective: Goal,
    /// Threads of the fit.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Writes the model here in LightGBM's text form.
    #[arg(long)]
    save: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Goal {
    Lambdarank,
    Binary,
    Regression,
}

/// Queries with labelled rows.
struct Ranking {
    values: Vec<f32>,
    column_count: usize,
    labels: Vec<f32>,
    group_sizes: Vec<usize>,
}

/// Fits on one file and reports on the other.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut train = read(&args.train)?;
    let mut test = read(&args.test)?;
    let column_count = train.column_count.max(test.column_count);
    train.widen(column_count);
    test.widen(column_count);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads)
        .build()?;
    let (start, cpu_start) = (Instant::now(), cpu_s());
    let ensemble = pool.install(|| fit_ranking(args, &train))?;
    let fit_s = start.elapsed().as_secs_f64();
    let fit_cpu_s = cpu_s().zip(cpu_start).map(|(end, start)| end - start);
    let mut scores = vec![0.0; test.labels.len()];
    ensemble.predict_into(Features::new(&test.values, column_count)?, &mut scores)?;
    if let Some(path) = &args.save {
        std::fs::write(path, ensemble.to_lightgbm())
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(json!({
        "ndcg@1": test.ndcg(&scores, 1),
        "ndcg@5": test.ndcg(&scores, 5),
        "ndcg@10": test.ndcg(&scores, 10),
        "fit_s": fit_s,
        "fit_cpu_s": fit_cpu_s,
        "predict_us_200x100": predict_us(&ensemble, &test)?,
        "load_ms": load_ms(&ensemble)?,
        "trees": ensemble.tree_count(),
        "queries": test.group_sizes.len(),
    }))
}

fn fit_ranking(args: &Args, train: &Ranking) -> anyhow::Result<Ensemble> {
    let labels: Vec<f32> = match args.objective {
        Goal::Binary => (train.labels.iter())
            .map(|&label| f32::from(u8::from(label > 0.0)))
            .collect(),
        _ => train.labels.clone(),
    };
    let features = Features::new(&train.values, train.column_count)?;
    let examples = Examples {
        group_sizes: &train.group_sizes,
        ..Examples::new(features, &labels)
    };
    let bins = BinOptions {
        seed: args.seed,
        ..BinOptions::default()
    };
    let parameters = Parameters {
        objective: match args.objective {
            Goal::Lambdarank => Objective::LAMBDA_RANK,
            Goal::Binary => Objective::Binary,
            Goal::Regression => Objective::Regression,
        },
        trees: args.trees,
        leaves: args.leaves,
        learning_rate: args.learning_rate,
        leaf_rows_min: args.min_data,
        seed: args.seed,
        ..Parameters::default()
    };
    let dataset = Dataset::new(&examples, &bins)?;
    Ok(fit(&dataset, None, &parameters)?.ensemble)
}

/// Median time to score the candidates of one answer on this thread.
fn predict_us(ensemble: &Ensemble, test: &Ranking) -> anyhow::Result<f64> {
    let row_count = CANDIDATES.min(test.labels.len());
    let features = Features::new(
        &test.values[..row_count * test.column_count],
        test.column_count,
    )?;
    let mut scores = vec![0.0; row_count];
    let mut times = Vec::with_capacity(REPEATS);
    for _ in 0..REPEATS {
        let start = Instant::now();
        ensemble.predict_into(std::hint::black_box(features), &mut scores)?;
        std::hint::black_box(&mut scores);
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Best time to read the model from its text.
fn load_ms(ensemble: &Ensemble) -> anyhow::Result<f64> {
    let text = ensemble.to_lightgbm();
    let mut best_ms = f64::INFINITY;
    for _ in 0..LOADS {
        let start = Instant::now();
        let loaded = Ensemble::from_lightgbm(&text)?;
        best_ms = best_ms.min(start.elapsed().as_secs_f64() * 1e3);
        if &loaded != ensemble {
            bail!("the model does not come back from its text");
        }
    }
    Ok(best_ms)
}

/// Processor time of this process so far, where the system tells.
fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

impl Ranking {
    fn ndcg(&self, scores: &[f64], k: usize) -> f64 {
        let (mut sum, mut start) = (0.0, 0);
        for &size in &self.group_sizes {
            let rows = start..start + size;
            sum += graded_ndcg_at(&self.labels[rows.clone()], &scores[rows], k);
            start += size;
        }
        sum / self.group_sizes.len().max(1) as f64
    }

    /// Appends columns of zeros.
    fn widen(&mut self, column_count: usize) {
        if column_count == self.column_count {
            return;
        }
        let mut values = vec![0.0; self.labels.len() * column_count];
        let rows = values.chunks_exact_mut(column_count);
        for (wide, row) in rows.zip(self.values.chunks_exact(self.column_count)) {
            wide[..row.len()].copy_from_slice(row);
        }
        (self.values, self.column_count) = (values, column_count);
    }
}

/// A row of a file: label, query and values by column.
type Row = (f32, Option<u64>, Vec<(usize, f32)>);

fn read(path: &Path) -> anyhow::Result<Ranking> {
    let mut text = String::new();
    open_text(path)?
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let row = parse_row(line)
            .with_context(|| format!("bad line {} of `{}`", number + 1, path.display()))?;
        rows.push(row);
    }
    let columns = rows.iter().flat_map(|row| &row.2).map(|pair| pair.0);
    let column_count = columns.max().map_or(1, |most| most + 1);
    if column_count > COLUMN_MAX {
        bail!(
            "`{}` has {column_count} columns, at most {COLUMN_MAX}",
            path.display()
        );
    }
    let mut values = vec![0f32; rows.len() * column_count];
    for (row, target) in rows.iter().zip(values.chunks_exact_mut(column_count)) {
        row.2
            .iter()
            .for_each(|&(column, value)| target[column] = value);
    }
    let group_sizes = match rows.first() {
        Some((_, Some(_), _)) => (rows.chunk_by(|a, b| a.1 == b.1))
            .map(<[Row]>::len)
            .collect(),
        _ => read_group_sizes(path)?,
    };
    if group_sizes.iter().sum::<usize>() != rows.len() {
        bail!(
            "queries of `{}` do not add up to its {} rows",
            path.display(),
            rows.len()
        );
    }
    Ok(Ranking {
        values,
        column_count,
        labels: rows.iter().map(|row| row.0).collect(),
        group_sizes,
    })
}

fn parse_row(line: &str) -> Option<Row> {
    let mut words = line.split('#').next()?.split_ascii_whitespace();
    let label = words.next()?.parse().ok()?;
    let (mut query, mut values) = (None, Vec::new());
    for word in words {
        let (column, value) = word.split_once(':')?;
        if column == "qid" {
            query = Some(value.parse().ok()?);
        } else {
            values.push((column.parse().ok()?, value.parse().ok()?));
        }
    }
    Some((label, query, values))
}

/// Reads `x.query` or `x.query.gz` beside `x` or `x.gz`.
fn read_group_sizes(path: &Path) -> anyhow::Result<Vec<usize>> {
    let shown = path.to_string_lossy();
    let stem = shown.strip_suffix(".gz").unwrap_or(&shown);
    let candidates = [format!("{stem}.query"), format!("{stem}.query.gz")];
    let Some(found) = candidates.iter().find(|name| Path::new(name).exists()) else {
        bail!(
            "`{shown}` has no `qid:` and no `{}` beside it",
            candidates[0]
        );
    };
    let mut sizes = Vec::new();
    for line in open_text(Path::new(found))?.lines() {
        let line = line?;
        if !line.trim().is_empty() {
            let size = line.trim().parse();
            sizes.push(size.with_context(|| format!("bad size `{line}` in `{found}`"))?);
        }
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        let row = parse_row("2 qid:7 1:0.5 16:-3 # note").unwrap();
        assert_eq!(row, (2.0, Some(7), vec![(1, 0.5), (16, -3.0)]));
        assert_eq!(parse_row("0 3:1").unwrap(), (0.0, None, vec![(3, 1.0)]));
        assert!(parse_row("0 3").is_none());
        assert!(parse_row("").is_none());
    }
}
