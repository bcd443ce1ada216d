//! The map of a catalogue: trustworthiness and continuity beside the principal plane, time, memory.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use flate2::read::GzDecoder;
use leitmotif_learn::layout::{
    LayoutOptions, LayoutQuality, NeighbourLists, Place, fill_unit_square, lay_out, layout_quality,
    principal_plane,
};
use leitmotif_vectors::{Index, IndexOptions, Metric, SearchOptions};
use serde_json::{Value, json};

use crate::random::Random;
use crate::vectors::clustered;

/// Neighbours that are judged.
const JUDGED_NEIGHBOURS: usize = 15;
/// Breadth of the walk that finds neighbours, as the product has it.
const BREADTH: usize = 96;

/// Choices of the measurement.
#[derive(clap::Args)]
pub struct Args {
    /// Number of drawn vectors.
    #[arg(long, default_value_t = 57_000)]
    count: usize,
    /// Components of a drawn vector.
    #[arg(long, default_value_t = 128)]
    dim: usize,
    /// Seed of the data and of the layout.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Points that are judged, drawn by the seed.
    #[arg(long, default_value_t = 1_000)]
    judged: usize,
    /// Neighbours that pull a point.
    #[arg(long, default_value_t = 15)]
    neighbours: usize,
    /// Rounds of the descent.
    #[arg(long, default_value_t = LayoutOptions::default().rounds)]
    rounds: usize,
    /// Table with a head, `csv` or `csv.gz`, whose columns named by `--columns` are the vectors, each
    /// scaled to a mean of 0 and a deviation of 1; instead of drawn ones.
    #[arg(long)]
    table: Option<PathBuf>,
    /// Names of the columns, separated by commas.
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
    /// Writes the places as `x,y` lines.
    #[arg(long)]
    export: Option<PathBuf>,
}

/// Lays one set of vectors out and judges it.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let (rows, dim) = match &args.table {
        Some(path) => read_table(path, &args.columns)?,
        None => (clustered(args.seed, args.dim, [args.count, 0]).0, args.dim),
    };
    let count = rows.len() / dim;
    let start = Instant::now();
    let metric = if args.table.is_some() {
        Metric::L2
    } else {
        Metric::Cosine
    };
    let mut index = Index::new(dim, metric, IndexOptions::default())?;
    let items = rows.chunks(dim).enumerate();
    index.build_parallel(items.map(|(id, row)| (id as u128, row)), 1)?;
    let index_s = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let options = SearchOptions {
        ef: BREADTH,
        filter: None,
    };
    let mut lists = NeighbourLists::with_capacity(count * args.neighbours);
    for row in rows.chunks(dim) {
        let found = index.search(row, args.neighbours + 1, &options)?;
        lists.push(found.into_iter().map(|one| one.id as u32));
    }
    let neighbours_s = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let plane = principal_plane(&rows, dim);
    let plane_s = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let options = LayoutOptions {
        rounds: args.rounds,
        seed: args.seed,
        ..LayoutOptions::default()
    };
    let mut laid = lay_out(plane.clone(), &lists, &options, &mut |_| true)
        .context("nobody gave the layout up")?;
    let descent_s = start.elapsed().as_secs_f64();
    fill_unit_square(&mut laid);
    if let Some(path) = &args.export {
        export(path, &laid)?;
    }
    let mut random = Random(args.seed);
    let judged: Vec<usize> = (0..args.judged).map(|_| random.index(count)).collect();
    let judge = |places: &[Place]| {
        let found = layout_quality(&rows, dim, places, &judged, JUDGED_NEIGHBOURS);
        found.map(told).context("too few points to judge")
    };
    Ok(json!({
        "points": count,
        "dimensions": dim,
        "judged": judged.len(),
        "neighbours_judged": JUDGED_NEIGHBOURS,
        "map": judge(&laid)?,
        "principal_plane": judge(&plane)?,
        "index_s": index_s,
        "neighbours_s": neighbours_s,
        "principal_plane_s": plane_s,
        "descent_s": descent_s,
        "working_bytes": rows.len() * 4 + count * args.neighbours * 4 + laid.len() * 16,
    }))
}

fn told(quality: LayoutQuality) -> Value {
    json!({
        "trustworthiness": quality.trustworthiness,
        "continuity": quality.continuity,
    })
}

/// Reads columns of numbers; rows in which one is missing are left out.
fn read_table(path: &Path, columns: &[String]) -> anyhow::Result<(Vec<f32>, usize)> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let is_packed = path.extension().is_some_and(|end| end == "gz");
    let reader: Box<dyn BufRead> = if is_packed {
        Box::new(BufReader::new(GzDecoder::new(file)))
    } else {
        Box::new(BufReader::new(file))
    };
    let mut table = csv::Reader::from_reader(reader);
    let head = table.headers()?.clone();
    let place = |name: &String| {
        let found = head.iter().position(|column| column == name);
        found.with_context(|| format!("no column `{name}`"))
    };
    let places: Vec<usize> = columns.iter().map(place).collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(!places.is_empty(), "name the columns with --columns");
    let mut rows: Vec<f32> = Vec::new();
    for record in table.records() {
        let record = record?;
        let numbers = places
            .iter()
            .map(|place| record.get(*place)?.parse::<f32>().ok());
        if let Some(numbers) = numbers.collect::<Option<Vec<f32>>>()
            && numbers.iter().all(|number| number.is_finite())
        {
            rows.extend(numbers);
        }
    }
    let dim = places.len();
    for column in 0..dim {
        let values = || rows.iter().skip(column).step_by(dim).map(|x| f64::from(*x));
        let count = (rows.len() / dim).max(1) as f64;
        let mean = values().sum::<f64>() / count;
        let variance = values().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        let scale = if variance > 0.0 {
            1.0 / variance.sqrt()
        } else {
            0.0
        };
        for x in rows.iter_mut().skip(column).step_by(dim) {
            *x = ((f64::from(*x) - mean) * scale) as f32;
        }
    }
    Ok((rows, dim))
}

fn export(path: &Path, places: &[Place]) -> anyhow::Result<()> {
    let lines: Vec<String> = places
        .iter()
        .map(|[x, y]| format!("{x:.5},{y:.5}"))
        .collect();
    std::fs::write(path, lines.join("\n"))
        .with_context(|| format!("cannot write {}", path.display()))
}
