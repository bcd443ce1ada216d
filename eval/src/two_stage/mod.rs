//! Two stages on session logs: generators offer candidates, a learned ranker orders them.
//!
//! The ranker learns from the last tenth of the training sessions, with generators fitted on the
//! nine tenths before; for the test all generators are fitted on all training sessions.

mod rows;
mod sources;

use std::path::PathBuf;
use std::time::Instant;

use leitmotif_learn::sequence::ScoreBoard;
use leitmotif_learn::trees::{
    BinOptions, Dataset, Ensemble, Examples, Features, Objective, Parameters, fit,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::random::Random;
use crate::sessions::{item_count, read_sessions, summarise};
use rows::{COLUMNS, ItemCounts, row_of};
use sources::{Candidate, SOURCES, Sources};

/// Share of the training sessions, the latest, that the ranker learns from.
const RANKER_SHARE: f64 = 0.1;
/// Share of the ranker's queries that decide when it has learnt enough.
const VALIDATION_SHARE: usize = 10;
/// Candidates of a training query: beyond these the order says little.
const TRAINING_CANDIDATES: usize = 250;
/// Length of the judged lists.
const LIST_LENGTH: usize = 20;

/// One session a line, item numbers from 1 in the order of play; a name in `.gz` is decompressed.
#[derive(clap::Args)]
pub struct Args {
    /// Sessions to fit on, oldest first.
    #[arg(long)]
    train: PathBuf,
    /// Sessions to predict.
    #[arg(long)]
    test: PathBuf,
    /// Prefixes that the ranker learns from.
    #[arg(long, default_value_t = 30_000)]
    queries: usize,
    /// Seed of the choice of prefixes and of the ranker.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A prefix and what came next.
type Query<'s> = (&'s [u32], u32);

/// Fits both stages and judges every prefix of the test sessions.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let train = read_sessions(&args.train)?;
    let test = read_sessions(&args.test)?;
    let item_count = item_count([&train, &test]);
    let start = Instant::now();
    let cut = train.len() - (train.len() as f64 * RANKER_SHARE) as usize;
    let ranker = fit_ranker(&train[..cut], &train[cut..], item_count, args)?;
    let ranker_fit_s = start.elapsed().as_secs_f64();
    let stage = Stage {
        sources: Sources::fit(&train, item_count)?,
        counts: ItemCounts::of(&train, item_count),
    };
    let mut report = judge(&stage, &ranker, &test, item_count)?;
    report["ranker_fit_s"] = json!(ranker_fit_s);
    report["trees"] = json!(ranker.tree_count());
    report["columns"] = json!(COLUMNS);
    Ok(report)
}

/// The first stage, and what the second reads of items.
struct Stage {
    sources: Sources,
    counts: ItemCounts,
}

impl Stage {
    fn rows(&self, prefix: &[u32], candidates: &[Candidate]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(candidates.len() * COLUMNS);
        for candidate in candidates {
            row_of(&self.sources, &self.counts, prefix, candidate, &mut rows);
        }
        rows
    }
}

/// Rows of several queries on end.
#[derive(Default)]
struct Table {
    values: Vec<f32>,
    labels: Vec<f32>,
    group_sizes: Vec<usize>,
}

impl Table {
    fn examples(&self) -> anyhow::Result<Examples<'_>> {
        Ok(Examples {
            group_sizes: &self.group_sizes,
            ..Examples::new(Features::new(&self.values, COLUMNS)?, &self.labels)
        })
    }
}

fn fit_ranker(
    before: &[Vec<u32>],
    after: &[Vec<u32>],
    item_count: usize,
    args: &Args,
) -> anyhow::Result<Ensemble> {
    let stage = Stage {
        sources: Sources::fit(before, item_count)?,
        counts: ItemCounts::of(before, item_count),
    };
    let queries = sampled(&prefixes(after), args.queries, args.seed);
    let validation_count = queries.len() / VALIDATION_SHARE;
    let (validation, training) = queries.split_at(validation_count);
    let training = table(&stage, training, item_count);
    let validation = table(&stage, validation, item_count);
    let parameters = Parameters {
        objective: Objective::LAMBDA_RANK,
        trees: 400,
        leaves: 63,
        learning_rate: 0.06,
        leaf_rows_min: 100,
        feature_fraction: 0.7,
        early_stopping: Some(40),
        ndcg_at: LIST_LENGTH,
        seed: args.seed,
        ..Parameters::default()
    };
    let dataset = Dataset::new(&training.examples()?, &BinOptions::default())?;
    Ok(fit(&dataset, Some(&validation.examples()?), &parameters)?.ensemble)
}

/// Prefixes whose next item is among the candidates: the others teach no order.
fn table(stage: &Stage, queries: &[Query<'_>], item_count: usize) -> Table {
    let parts: Vec<(Vec<f32>, Vec<f32>)> = (queries.par_iter())
        .map_init(
            || ScoreBoard::new(item_count),
            |board, &(prefix, next)| {
                let mut candidates = stage.sources.candidates(prefix, board);
                candidates.truncate(TRAINING_CANDIDATES);
                let labels: Vec<f32> = (candidates.iter())
                    .map(|candidate| f32::from(u8::from(candidate.item == next)))
                    .collect();
                let is_found = labels.contains(&1.0);
                is_found.then(|| (stage.rows(prefix, &candidates), labels))
            },
        )
        .flatten_iter()
        .collect();
    let mut table = Table::default();
    for (values, labels) in parts {
        table.values.extend(values);
        table.group_sizes.push(labels.len());
        table.labels.extend(labels);
    }
    table
}

/// What became of one prefix.
struct Outcome {
    /// Rank of the next item, from 0, in each source's own list.
    of_source: [Option<usize>; SOURCES],
    is_candidate: bool,
    ranked: Option<usize>,
}

fn judge(
    stage: &Stage,
    ranker: &Ensemble,
    test: &[Vec<u32>],
    item_count: usize,
) -> anyhow::Result<Value> {
    let queries = prefixes(test);
    let start = Instant::now();
    let outcomes: Vec<Outcome> = (queries.par_iter())
        .map_init(
            || ScoreBoard::new(item_count),
            |board, &(prefix, next)| outcome(stage, ranker, prefix, next, board),
        )
        .collect::<anyhow::Result<_>>()?;
    let us_per_query = start.elapsed().as_secs_f64() * 1e6 / queries.len().max(1) as f64;
    let mut singles = serde_json::Map::new();
    let mut best = Value::Null;
    for (source, name) in Sources::NAMES.iter().enumerate() {
        let ranks: Vec<_> = outcomes.iter().map(|one| one.of_source[source]).collect();
        let measured = summarise(&ranks);
        if best["ndcg@20"].as_f64().unwrap_or(-1.0) < measured["ndcg@20"].as_f64().unwrap_or(0.0) {
            best = measured.clone();
            best["name"] = json!(name);
        }
        singles.insert((*name).to_owned(), measured);
    }
    let ranks: Vec<_> = outcomes.iter().map(|one| one.ranked).collect();
    let found = outcomes.iter().filter(|one| one.is_candidate).count();
    let ranked = summarise(&ranks);
    let lift = ranked["ndcg@20"]
        .as_f64()
        .zip(best["ndcg@20"].as_f64())
        .map(|(a, b)| a / b);
    Ok(json!({
        "sources": singles,
        "best_single": best,
        "ranked": ranked,
        "lift_ndcg@20": lift,
        "candidate_recall": found as f64 / outcomes.len().max(1) as f64,
        "us_per_query_all_threads": us_per_query,
    }))
}

fn outcome(
    stage: &Stage,
    ranker: &Ensemble,
    prefix: &[u32],
    next: u32,
    board: &mut ScoreBoard,
) -> anyhow::Result<Outcome> {
    let candidates = stage.sources.candidates(prefix, board);
    let rows = stage.rows(prefix, &candidates);
    let mut scores = vec![0.0; candidates.len()];
    ranker.predict_into(Features::new(&rows, COLUMNS)?, &mut scores)?;
    let mut of_source = [None; SOURCES];
    let Some(place) = candidates.iter().position(|one| one.item == next) else {
        return Ok(Outcome {
            of_source,
            is_candidate: false,
            ranked: None,
        });
    };
    for (rank, offer) in of_source.iter_mut().zip(&candidates[place].offers) {
        *rank = offer.map(|offer| usize::from(offer.rank));
    }
    let score = scores[place];
    let is_before = |other: usize| {
        scores[other] > score || (scores[other] == score && candidates[other].item < next)
    };
    let ranked = (0..candidates.len())
        .filter(|&other| is_before(other))
        .count();
    Ok(Outcome {
        of_source,
        is_candidate: true,
        ranked: Some(ranked),
    })
}

fn prefixes(sessions: &[Vec<u32>]) -> Vec<Query<'_>> {
    (sessions.iter())
        .flat_map(|session| (1..session.len()).map(|at| (&session[..at], session[at])))
        .collect()
}

/// So many of the queries, in a random order.
fn sampled<'s>(queries: &[Query<'s>], count: usize, seed: u64) -> Vec<Query<'s>> {
    let mut random = Random(seed);
    let mut left = queries.to_vec();
    (0..count.min(queries.len()))
        .map(|_| left.swap_remove(random.index(left.len())))
        .collect()
}
