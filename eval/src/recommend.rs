//! Top-n recommendation on a fixed split, all items ranked.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use leitmotif_learn::factorize::{EaseModel, EaseOptions, IalsModel, IalsOptions};
use leitmotif_learn::matrix::{InteractionMatrix, Triplet};
use leitmotif_learn::neighbours::{ItemNeighbours, Rp3BetaOptions, item_cosine, rp3beta};
use leitmotif_learn::{popularity, rank_metrics, top_k};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::files::open_text;

/// Longest list that any measure looks at.
const LIST_LENGTH: usize = 100;

/// Neighbours of item cosine, chosen on the validation part like the other settings.
const COSINE_NEIGHBOURS: usize = 1500;

/// Files of the split, each line `listener TAB item TAB weight`; a name in `.gz` is decompressed.
#[derive(clap::Args)]
pub struct Args {
    /// Rows to fit on.
    #[arg(long)]
    train: PathBuf,
    /// More rows to fit on; settings were chosen on them before.
    #[arg(long)]
    valid: PathBuf,
    /// Held-out rows.
    #[arg(long)]
    test: PathBuf,
    /// Seed of random ranking and of the first factors.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The split with listeners and items numbered by ascending id.
pub struct Split {
    /// What is fitted on.
    pub matrix: InteractionMatrix,
    /// The held-out items of each listener.
    pub relevant: Vec<HashSet<usize>>,
}

impl Split {
    /// The listeners with held-out items.
    pub fn asked(&self) -> Vec<usize> {
        let rows = 0..self.relevant.len();
        rows.filter(|&row| !self.relevant[row].is_empty()).collect()
    }
}

/// Scores every item for a listener of the matrix.
type Scorer<'m> = Box<dyn Fn(usize) -> anyhow::Result<Vec<f32>> + Sync + 'm>;

/// Fits each model on train and valid, and reports it on test.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let split = read_split(&[&args.train, &args.valid], &args.test)?;
    let fits: [(&str, Fit); 6] = [
        ("random", fit_random),
        ("popularity", fit_popularity),
        ("item_cosine", fit_item_cosine),
        ("rp3beta", fit_rp3beta),
        ("ials", fit_ials),
        ("ease", fit_ease),
    ];
    let mut report = serde_json::Map::new();
    for (name, fit) in fits {
        let start = Instant::now();
        let scorer = fit(&split.matrix, args.seed).with_context(|| format!("cannot fit {name}"))?;
        let fit_s = start.elapsed().as_secs_f64();
        report.insert(name.to_owned(), judge(&split, &scorer, fit_s)?);
    }
    Ok(Value::Object(report))
}

type Fit = for<'m> fn(&'m InteractionMatrix, u64) -> anyhow::Result<Scorer<'m>>;

fn fit_random<'m>(matrix: &'m InteractionMatrix, seed: u64) -> anyhow::Result<Scorer<'m>> {
    let item_count = matrix.column_count();
    Ok(Box::new(move |row| {
        let scores = (0..item_count).map(|item| {
            let mut mixed = seed ^ ((row as u64) << 32 | item as u64);
            for _ in 0..2 {
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            }
            (mixed >> 40) as f32
        });
        Ok(scores.collect())
    }))
}

fn fit_popularity<'m>(matrix: &'m InteractionMatrix, _seed: u64) -> anyhow::Result<Scorer<'m>> {
    let counts = popularity::listener_counts(matrix);
    Ok(Box::new(move |_| Ok(counts.clone())))
}

fn fit_item_cosine<'m>(matrix: &'m InteractionMatrix, _seed: u64) -> anyhow::Result<Scorer<'m>> {
    neighbour_scorer(matrix, item_cosine(&matrix.binarize(), COSINE_NEIGHBOURS)?)
}

fn fit_rp3beta<'m>(matrix: &'m InteractionMatrix, _seed: u64) -> anyhow::Result<Scorer<'m>> {
    neighbour_scorer(matrix, rp3beta(matrix, Rp3BetaOptions::default())?)
}

fn neighbour_scorer(
    matrix: &InteractionMatrix,
    neighbours: ItemNeighbours,
) -> anyhow::Result<Scorer<'_>> {
    Ok(Box::new(move |row| {
        Ok(neighbours.score(&binary_row(matrix, row)))
    }))
}

fn fit_ials<'m>(matrix: &'m InteractionMatrix, seed: u64) -> anyhow::Result<Scorer<'m>> {
    let options = IalsOptions {
        seed,
        ..IalsOptions::default()
    };
    let model = IalsModel::fit(matrix, options)?;
    Ok(Box::new(move |row| {
        let mut scores = vec![0.0; model.item_count()];
        let factor = model.user_factor(row).context("listener has no factor")?;
        model.score(factor, &mut scores);
        Ok(scores)
    }))
}

fn fit_ease<'m>(matrix: &'m InteractionMatrix, _seed: u64) -> anyhow::Result<Scorer<'m>> {
    let model = EaseModel::fit(&matrix.binarize(), EaseOptions::default())?;
    Ok(Box::new(move |row| {
        Ok(model.score(&binary_row(matrix, row))?)
    }))
}

/// The items of a listener, each once.
pub fn binary_row(matrix: &InteractionMatrix, row: usize) -> Vec<(usize, f32)> {
    (matrix.row(row).0.iter())
        .map(|&item| (item as usize, 1.0))
        .collect()
}

/// Ranks all unseen items for every listener with held-out items and averages the measures.
fn judge(split: &Split, scorer: &Scorer<'_>, fit_s: f64) -> anyhow::Result<Value> {
    let listeners = split.asked();
    let lists: Vec<Vec<usize>> = listeners
        .par_iter()
        .map(|&row| {
            let mut scores = scorer(row)?;
            for &item in split.matrix.row(row).0 {
                scores[item as usize] = f32::NEG_INFINITY;
            }
            Ok(top_k(&scores, LIST_LENGTH))
        })
        .collect::<anyhow::Result<_>>()?;
    let mean = |measure: fn(&[usize], &HashSet<usize>, usize) -> f64, k: usize| {
        let sum: f64 = (listeners.iter().zip(&lists))
            .map(|(&row, list)| measure(list, &split.relevant[row], k))
            .sum();
        sum / listeners.len().max(1) as f64
    };
    let item_count = split.matrix.column_count();
    let exposure = rank_metrics::exposure_counts(lists.iter().map(Vec::as_slice), 20, item_count);
    Ok(json!({
        "recall@20": mean(rank_metrics::recall_at, 20),
        "ndcg@10": mean(rank_metrics::ndcg_at, 10),
        "ndcg@100": mean(rank_metrics::ndcg_at, 100),
        "hit@10": mean(rank_metrics::hit_at, 10),
        "mrr@10": mean(rank_metrics::reciprocal_rank_at, 10),
        "coverage@20": rank_metrics::coverage(&exposure),
        "gini@20": rank_metrics::gini(&exposure),
        "fit_s": fit_s,
    }))
}

/// Reads rows to fit on and held-out rows.
pub fn read_split(fitted: &[&Path], held_out: &Path) -> anyhow::Result<Split> {
    let parts = fitted.iter().map(|path| read_rows(path));
    let fitted = parts.collect::<anyhow::Result<Vec<_>>>()?.concat();
    let held_out = read_rows(held_out)?;
    let all = || fitted.iter().chain(&held_out);
    let listeners = numbered(all().map(|row| row.0));
    let items = numbered(all().map(|row| row.1));
    let triplets: Vec<Triplet> = (fitted.iter())
        .map(|&(listener, item, weight)| Triplet {
            row: listeners[&listener],
            column: items[&item],
            weight,
        })
        .collect();
    let mut relevant = vec![HashSet::new(); listeners.len()];
    for (listener, item, _) in &held_out {
        relevant[listeners[listener]].insert(items[item]);
    }
    Ok(Split {
        matrix: InteractionMatrix::from_triplets(listeners.len(), items.len(), &triplets)?,
        relevant,
    })
}

fn numbered(ids: impl Iterator<Item = u64>) -> HashMap<u64, usize> {
    let sorted: BTreeSet<u64> = ids.collect();
    sorted.into_iter().zip(0..).collect()
}

fn read_rows(path: &Path) -> anyhow::Result<Vec<(u64, u64, f32)>> {
    let mut rows = Vec::new();
    for (number, line) in open_text(path)?.lines().enumerate() {
        let line = line.with_context(|| format!("cannot read `{}`", path.display()))?;
        let row = parse_row(&line)
            .with_context(|| format!("bad line {} of `{}`", number + 1, path.display()))?;
        rows.push(row);
    }
    Ok(rows)
}

fn parse_row(line: &str) -> Option<(u64, u64, f32)> {
    let mut fields = line.split('\t');
    let listener = fields.next()?.parse().ok()?;
    let item = fields.next()?.parse().ok()?;
    Some((listener, item, fields.next()?.parse().ok()?))
}
