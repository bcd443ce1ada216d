//! Next-track prediction on session logs: every prefix of every test session, all items ranked.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use leitmotif_learn::sequence::{
    ScoreBoard, SequentialRules, SequentialRulesOptions, SessionNeighbours,
    SessionNeighboursOptions,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::files::open_text;

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
}

/// Recommends the next items of a running session.
type Recommender<'m> = Box<dyn Fn(&[u32], &mut ScoreBoard) -> Vec<(u32, f32)> + Sync + 'm>;

/// Fits each model on the first file and judges it on the second.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let train = read_sessions(&args.train)?;
    let test = read_sessions(&args.test)?;
    let item_count = item_count([&train, &test]);
    let mut report = serde_json::Map::new();
    for (name, fit) in MODELS {
        let start = Instant::now();
        let recommender = fit(&train, item_count).with_context(|| format!("cannot fit {name}"))?;
        let fit_s = start.elapsed().as_secs_f64();
        report.insert(
            name.to_owned(),
            judge(&test, item_count, &recommender, fit_s),
        );
    }
    Ok(Value::Object(report))
}

type Fit = fn(&[Vec<u32>], usize) -> anyhow::Result<Recommender<'static>>;

const MODELS: [(&str, Fit); 5] = [
    ("popularity", fit_popularity),
    ("sequential_rules", fit_rules),
    ("session_neighbours", |train, items| {
        fit_neighbours(train, items, None)
    }),
    ("session_neighbours_served", fit_served),
    ("session_neighbours_near", |train, items| {
        fit_neighbours(train, items, Some(NEAR_PLACES))
    }),
];

/// Sessions that the product keeps.
const SERVED_SESSIONS: usize = 50_000;
/// Chosen on the last tenth of the training sessions.
const NEAR_PLACES: f32 = 5.0;

fn fit_popularity(train: &[Vec<u32>], item_count: usize) -> anyhow::Result<Recommender<'static>> {
    let mut board = ScoreBoard::new(item_count);
    for &item in train.iter().flatten() {
        board.add(item, 1.0);
    }
    let best = board.take_top(LIST_LENGTH);
    Ok(Box::new(move |_, _| best.clone()))
}

fn fit_rules(train: &[Vec<u32>], item_count: usize) -> anyhow::Result<Recommender<'static>> {
    let rules = SequentialRules::fit(train, item_count, SequentialRulesOptions::default())?;
    Ok(Box::new(move |session, board| {
        rules.recommend(session, LIST_LENGTH, board)
    }))
}

fn fit_neighbours(
    train: &[Vec<u32>],
    item_count: usize,
    place_decay: Option<f32>,
) -> anyhow::Result<Recommender<'static>> {
    let options = SessionNeighboursOptions {
        place_decay,
        ..SessionNeighboursOptions::default()
    };
    let index = SessionNeighbours::fit(train, item_count, options)?;
    Ok(Box::new(move |session, board| {
        index.recommend(session, LIST_LENGTH, board)
    }))
}

/// As the product compares: the newest sessions alone, few of them with each other.
fn fit_served(train: &[Vec<u32>], item_count: usize) -> anyhow::Result<Recommender<'static>> {
    let options = SessionNeighboursOptions {
        candidate_sessions: 100,
        neighbours: 50,
        last_items: 10,
        place_decay: None,
    };
    let newest = &train[train.len().saturating_sub(SERVED_SESSIONS)..];
    let index = SessionNeighbours::fit(newest, item_count, options)?;
    Ok(Box::new(move |session, board| {
        index.recommend(session, LIST_LENGTH, board)
    }))
}

/// Rank of the true next item from 0, for every prefix, and what that is worth.
fn judge(test: &[Vec<u32>], item_count: usize, recommender: &Recommender, fit_s: f64) -> Value {
    let ranks: Vec<Option<usize>> = (test.par_iter())
        .map_init(
            || ScoreBoard::new(item_count),
            |board, session| {
                (1..session.len())
                    .map(|at| {
                        let list = recommender(&session[..at], board);
                        list.iter().position(|&(item, _)| item == session[at])
                    })
                    .collect::<Vec<_>>()
            },
        )
        .flatten_iter()
        .collect();
    let mut value = summarise(&ranks);
    value["fit_s"] = json!(fit_s);
    value["us_per_query"] = json!(median_query_us(test, item_count, recommender));
    value
}

/// Hit rate, reciprocal rank and NDCG of lists cut at 20.
pub fn summarise(ranks: &[Option<usize>]) -> Value {
    let mean = |worth: fn(usize) -> f64| {
        let sum: f64 = (ranks.iter().flatten())
            .filter(|&&rank| rank < LIST_LENGTH)
            .map(|&rank| worth(rank))
            .sum();
        sum / ranks.len().max(1) as f64
    };
    json!({
        "hr@20": mean(|_| 1.0),
        "mrr@20": mean(|rank| 1.0 / (rank as f64 + 1.0)),
        "ndcg@20": mean(|rank| 1.0 / (rank as f64 + 2.0).log2()),
        "prefixes": ranks.len(),
    })
}

/// Median over blocks of the mean time of a query on one thread.
fn median_query_us(test: &[Vec<u32>], item_count: usize, recommender: &Recommender) -> f64 {
    const BLOCKS: usize = 9;
    const QUERIES: usize = 400;
    let mut board = ScoreBoard::new(item_count);
    let prefixes: Vec<&[u32]> = (test.iter())
        .flat_map(|session| (1..session.len()).map(|at| &session[..at]))
        .collect();
    let stride = (prefixes.len() / (BLOCKS * QUERIES)).max(1);
    let sampled: Vec<&[u32]> = prefixes.into_iter().step_by(stride).collect();
    let mut times: Vec<f64> = (sampled.chunks(QUERIES))
        .map(|block| {
            let start = Instant::now();
            for prefix in block {
                std::hint::black_box(recommender(prefix, &mut board));
            }
            start.elapsed().as_secs_f64() * 1e6 / block.len() as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}

/// One more than the highest item number.
pub fn item_count(logs: [&[Vec<u32>]; 2]) -> usize {
    let items = logs.into_iter().flatten().flatten();
    items.max().map_or(0, |&item| item as usize + 1)
}

/// Reads one session a line.
pub fn read_sessions(path: &Path) -> anyhow::Result<Vec<Vec<u32>>> {
    let mut sessions = Vec::new();
    for (number, line) in open_text(path)?.lines().enumerate() {
        let line = line.with_context(|| format!("cannot read `{}`", path.display()))?;
        let session: Result<Vec<u32>, _> = line.split_whitespace().map(str::parse).collect();
        let session =
            session.with_context(|| format!("bad line {} of `{}`", number + 1, path.display()))?;
        sessions.push(session);
    }
    Ok(sessions)
}
