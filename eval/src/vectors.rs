//! Recall and speed of vector search against exact search.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use leitmotif_vectors::{Index, IndexOptions, Metric, SearchOptions};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::random::Random;

/// Neighbours asked for and judged.
const K: usize = 10;

/// Dimensions in which the points of one cluster spread.
const INTRINSIC_DIMENSION: usize = 24;

const CLUSTER_COUNT: usize = 256;

const EF: [usize; 11] = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384];

/// Choices of the measurement.
#[derive(clap::Args)]
pub struct Args {
    /// Number of vectors.
    #[arg(long, default_value_t = 100_000)]
    count: usize,
    /// Components of a vector.
    #[arg(long, default_value_t = 128)]
    dim: usize,
    /// Number of queries, each asked on one thread.
    #[arg(long, default_value_t = 1_000)]
    queries: usize,
    /// Seed of the data and of the index.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads that build the index; 0 means all.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Folder for the data as raw little-endian files, for measuring other libraries on it.
    #[arg(long)]
    export: Option<PathBuf>,
}

/// Measures one index over a range of breadths; the best of three passes counts.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let (base, queries) = clustered(args.seed, args.dim, [args.count, args.queries]);
    let truth = exact_neighbours(&base, &queries, args.dim);
    if let Some(folder) = &args.export {
        export(folder, &base, &queries, &truth)?;
    }
    let options = IndexOptions {
        seed: args.seed,
        ..IndexOptions::default()
    };
    let mut index = Index::new(args.dim, Metric::Cosine, options)?;
    let start = Instant::now();
    let items = base.chunks(args.dim).enumerate();
    index.build_parallel(items.map(|(id, vector)| (id as u128, vector)), args.threads)?;
    let build_s = start.elapsed().as_secs_f64();
    let mut rows = Vec::new();
    for ef in EF {
        let options = SearchOptions { ef, filter: None };
        let mut best_s = f64::INFINITY;
        let mut hits = 0usize;
        for _ in 0..3 {
            let start = Instant::now();
            let mut found = Vec::with_capacity(args.queries);
            for query in queries.chunks(args.dim) {
                found.push(index.search(query, K, &options)?);
            }
            best_s = best_s.min(start.elapsed().as_secs_f64());
            hits = (found.iter().zip(&truth))
                .map(|(found, truth)| {
                    let truth: HashSet<u128> = truth.iter().map(|&id| u128::from(id)).collect();
                    found.iter().filter(|n| truth.contains(&n.id)).count()
                })
                .sum();
        }
        rows.push(json!({
            "ef": ef,
            "recall@10": hits as f64 / (args.queries * K) as f64,
            "qps": (args.queries as f64 / best_s).round(),
            "build_s": build_s,
            "bytes": index.memory_bytes(),
        }));
    }
    Ok(Value::Array(rows))
}

/// Draws unit vectors around cluster centres whose sizes fall like 1/rank: so many of a first set and of
/// a second.
pub fn clustered(seed: u64, dim: usize, [count, queries]: [usize; 2]) -> (Vec<f32>, Vec<f32>) {
    let mut random = Random(seed);
    let clusters: Vec<(Vec<f32>, Vec<f32>)> = (0..CLUSTER_COUNT)
        .map(|_| {
            let centre = random.normals(dim);
            (centre, random.normals(dim * INTRINSIC_DIMENSION))
        })
        .collect();
    let weights = (1..=CLUSTER_COUNT).map(|rank| 1.0 / rank as f64);
    let total: f64 = weights.clone().sum();
    let cumulative: Vec<f64> = weights
        .scan(0.0, |sum, weight| {
            *sum += weight / total;
            Some(*sum)
        })
        .collect();
    let mut draw = |count: usize| {
        let mut points = Vec::with_capacity(count * dim);
        for _ in 0..count {
            let at = cumulative.partition_point(|&sum| sum < random.uniform());
            let (centre, axes) = &clusters[at.min(CLUSTER_COUNT - 1)];
            let mut point = centre.clone();
            for axis in axes.chunks(dim) {
                let offset = 0.3 * random.normal();
                (point.iter_mut().zip(axis)).for_each(|(x, direction)| *x += offset * direction);
            }
            for component in &mut point {
                *component += 0.05 * random.normal();
            }
            let length = point.iter().map(|x| x * x).sum::<f32>().sqrt();
            points.extend(point.iter().map(|x| x / length));
        }
        points
    };
    (draw(count), draw(queries))
}

fn exact_neighbours(base: &[f32], queries: &[f32], dim: usize) -> Vec<Vec<u32>> {
    queries
        .par_chunks(dim)
        .map(|query| {
            let mut products: Vec<(f32, u32)> = (base.chunks(dim).zip(0u32..))
                .map(|(vector, id)| {
                    let product = vector.iter().zip(query).map(|(a, b)| a * b).sum();
                    (product, id)
                })
                .collect();
            let nearest_first = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0);
            if products.len() > K {
                products.select_nth_unstable_by(K - 1, nearest_first);
                products.truncate(K);
            }
            products.sort_unstable_by(nearest_first);
            products.into_iter().map(|(_, id)| id).collect()
        })
        .collect()
}

fn export(folder: &Path, base: &[f32], queries: &[f32], truth: &[Vec<u32>]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let floats = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let ids = truth.iter().flatten().flat_map(|id| id.to_le_bytes());
    let files: [(&str, Vec<u8>); 3] = [
        ("base.f32", floats(base)),
        ("query.f32", floats(queries)),
        ("truth.u32", ids.collect()),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}
