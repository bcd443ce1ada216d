//! The ladder of models on a fixed split: how good, how fast, how long to fit, how large, and which reasons
//! each can give.
//!
//! Weights of the blend and the trees are learnt on the validation rows with sources fitted on the rows before;
//! for the test all sources are fitted on both.

mod order;
mod sources;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use leitmotif_learn::{InteractionMatrix, rank_metrics, top_k};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::recommend::{Split, read_split};
use order::{Contenders, Order, Weights};
use sources::Source;

/// Depth of the lists that are judged.
const DEPTH: usize = 10;
/// Listeners whose lists are timed one after the other, on one thread.
const TIMED: usize = 1_000;
/// How often each is timed; the fastest counts, for what else the machine does is none of the model's.
const REPEATS: usize = 3;

/// Files of the split, each line `listener TAB item TAB weight`; a name in `.gz` is decompressed.
#[derive(clap::Args)]
pub struct Args {
    /// Rows to fit on.
    #[arg(long)]
    train: PathBuf,
    /// Rows that settle weights and trees, fitted on with the others afterwards.
    #[arg(long)]
    valid: PathBuf,
    /// Held-out rows.
    #[arg(long)]
    test: PathBuf,
    /// Seed of the first factors and of the trees.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What a model costs besides time to answer.
struct Cost {
    fit_s: f64,
    bytes: usize,
}

/// Fits every source, the blend and the order, and reports each on the test rows.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let weighing = read_split(&[&args.train], &args.valid)?;
    let fitted = sources::fit_all(&weighing.matrix, args.seed)?;
    let asked = contenders_of(&weighing, &fitted)?;
    let began = Instant::now();
    let weights = Weights::learn(&asked);
    let weighing_s = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let order = Order::learn(&asked, &weights, args.seed)?;
    let order_s = began.elapsed().as_secs_f64();
    drop((asked, fitted));

    let split = read_split(&[&args.train, &args.valid], &args.test)?;
    let sources = sources::fit_all(&split.matrix, args.seed)?;
    let mut report = serde_json::Map::new();
    for source in &sources {
        let list = |row| source.list(&split.matrix, row, DEPTH);
        let cost = Cost {
            fit_s: source.fit_s,
            bytes: source.bytes(),
        };
        let row = measure(&split, &list, &cost, source.reasons)?;
        report.insert(source.name.to_owned(), row);
    }
    let all = Cost {
        fit_s: sources.iter().map(|source| source.fit_s).sum::<f64>() + weighing_s,
        bytes: sources.iter().map(Source::bytes).sum(),
    };
    let contenders = |row| Contenders::of(&split.matrix, &sources, row);
    let blend = |row| Ok(contenders(row)?.by_blend(&weights));
    let reasons = "each source's share of the score, which sum to it, then what the source says";
    let mut row = measure(&split, &blend, &all, reasons)?;
    row["weights"] = json!(weights.named(&sources));
    report.insert("blend".to_owned(), row);
    let ranked = |row| order.list(&contenders(row)?, &weights);
    let cost = Cost {
        fit_s: all.fit_s + order_s,
        bytes: all.bytes + order.bytes(),
    };
    let reasons = "each column's share of the score along the paths of the trees, which sum to it";
    report.insert(
        "ranked".to_owned(),
        measure(&split, &ranked, &cost, reasons)?,
    );
    Ok(Value::Object(report))
}

/// The contenders of every listener with held-out items, and those items.
fn contenders_of(
    split: &Split,
    sources: &[Source],
) -> anyhow::Result<Vec<(Contenders, HashSet<usize>)>> {
    split
        .asked()
        .par_iter()
        .map(|&row| {
            let contenders = Contenders::of(&split.matrix, sources, row)?;
            Ok((contenders, split.relevant[row].clone()))
        })
        .collect()
}

/// Judges lists of all listeners, and times those of some.
fn measure(
    split: &Split,
    list: &(dyn Fn(usize) -> anyhow::Result<Vec<usize>> + Sync),
    cost: &Cost,
    reasons: &str,
) -> anyhow::Result<Value> {
    let asked = split.asked();
    let lists: Vec<Vec<usize>> = (asked.par_iter())
        .map(|&row| list(row))
        .collect::<anyhow::Result<_>>()?;
    let gains = asked.iter().zip(&lists);
    let ndcg = gains.map(|(&row, list)| rank_metrics::ndcg_at(list, &split.relevant[row], DEPTH));
    let ndcg = ndcg.sum::<f64>() / asked.len().max(1) as f64;
    let mut taken_us = Vec::with_capacity(TIMED);
    for &row in asked.iter().take(TIMED) {
        let mut fastest = f64::INFINITY;
        for _ in 0..REPEATS {
            let began = Instant::now();
            std::hint::black_box(list(row)?);
            fastest = fastest.min(began.elapsed().as_secs_f64() * 1e6);
        }
        taken_us.push(fastest);
    }
    taken_us.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * taken_us.len() as f64) as usize;
        taken_us.get(place.min(taken_us.len().saturating_sub(1)))
    };
    Ok(json!({
        "ndcg@10": ndcg,
        "p50_us": at(0.5).context("nobody was asked")?,
        "p99_us": at(0.99).context("nobody was asked")?,
        "train_s": cost.fit_s,
        "size_bytes": cost.bytes,
        "reasons": reasons,
    }))
}

/// The items that a listener does not know yet, best first.
fn best_unknown(
    mut scores: Vec<f32>,
    matrix: &InteractionMatrix,
    row: usize,
    count: usize,
) -> Vec<usize> {
    for &item in matrix.row(row).0 {
        scores[item as usize] = f32::NEG_INFINITY;
    }
    top_k(&scores, count)
}
