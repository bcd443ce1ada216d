//! Times loading of a snapshot and what follows: `snapshot_load COUNT DIMENSION [FOLDER]`.
//!
//! Every measurement runs in a process of its own, because memory that one loader freed would be
//! counted to the next: the example starts itself with `mapped` or `owned` and a file. A last one
//! holds `both` and asks them in turn, so that what disturbs one disturbs the other.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use leitmotif_vectors::{Index, IndexOptions, Metric, SearchOptions};

/// Queries of one round; a round is long enough for the clock and short beside a disturbance.
const QUERIES: u64 = 1_000;

/// Rounds of which the median counts.
const ROUNDS: usize = 7;

/// Vectors added after the load, to see what their being elsewhere costs.
const MORE: u64 = 10_000;

/// Vectors without structure would make every walk a scan; these lie around centres.
const CENTRES: u64 = 256;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["both", file] => measure_ratio(Path::new(file)),
        ["mapped" | "owned", file] => measure(args[0] == "mapped", Path::new(file)),
        [count, dimension] => compare(count, dimension, &std::env::temp_dir()),
        [count, dimension, folder] => compare(count, dimension, Path::new(folder)),
        _ => println!("usage: snapshot_load COUNT DIMENSION [FOLDER]"),
    }
}

/// Builds and saves an index, then measures both loaders on it, three times in turn.
fn compare(count: &str, dimension: &str, folder: &Path) {
    let (count, dimension): (u64, u64) = (count.parse().unwrap(), dimension.parse().unwrap());
    let file: PathBuf = folder.join(format!("snapshot_load-{count}-{dimension}"));
    let mut index =
        Index::new(dimension as usize, Metric::Cosine, IndexOptions::default()).unwrap();
    let vectors: Vec<Vec<f32>> = (0..count).map(|at| vector(at, dimension)).collect();
    let items = (0u64..).zip(&vectors);
    let items = items.map(|(at, vector)| (id(at), vector.as_slice()));
    index.build_parallel(items, 0).unwrap();
    let start = Instant::now();
    index.save(&file, 1).unwrap();
    let bytes = std::fs::metadata(&file).unwrap().len();
    println!("saved {} MB in {:?}", bytes >> 20, start.elapsed());
    drop((index, vectors));
    for how in [
        "mapped", "owned", "mapped", "owned", "mapped", "owned", "both",
    ] {
        let program = std::env::current_exe().unwrap();
        let status = Command::new(program).arg(how).arg(&file).status().unwrap();
        assert!(status.success());
    }
    std::fs::remove_file(file).unwrap();
}

fn load(is_mapped: bool, file: &Path) -> Index {
    if is_mapped {
        Index::load(file).unwrap().0
    } else {
        Index::load_bytes(&std::fs::read(file).unwrap()).unwrap().0
    }
}

fn measure_ratio(file: &Path) {
    let indexes = [true, false].map(|is_mapped| load(is_mapped, file));
    let queries = queries(indexes[0].dimension() as u64);
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..3 * ROUNDS {
        for (index, rates) in indexes.iter().zip(&mut rates) {
            rates.push(rate(index, &queries));
        }
    }
    let [mapped, owned] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    let ratio = mapped / owned;
    println!("in turn: mapped {mapped:.0}/s, owned {owned:.0}/s, ratio {ratio:.3}");
}

fn measure(is_mapped: bool, file: &Path) {
    let start = Instant::now();
    let mut index = load(is_mapped, file);
    println!("{}:", if is_mapped { "mapped" } else { "owned" });
    println!("  load {:?}, {}", start.elapsed(), resident());
    let dimension = index.dimension() as u64;
    let queries = queries(dimension);
    let mut rates: Vec<f64> = (0..=ROUNDS).map(|_| rate(&index, &queries)).collect();
    let (first, later) = (rates[0], &mut rates[1..]);
    later.sort_by(f64::total_cmp);
    let median = later[ROUNDS / 2];
    println!(
        "  first 1,000 queries {first:.0}/s, then {median:.0}/s, {}",
        resident()
    );
    let times: Vec<String> = (0..3)
        .map(|at| {
            let new = vector((1 << 41) + at, dimension);
            let start = Instant::now();
            index.upsert(id((1 << 41) + at), &new).unwrap();
            format!("{:?}", start.elapsed())
        })
        .collect();
    println!("  first inserts {}, {}", times.join(", "), resident());
    let vectors: Vec<Vec<f32>> = (0..MORE)
        .map(|at| vector((1 << 42) + at, dimension))
        .collect();
    let items = (0u64..).zip(&vectors);
    let items = items.map(|(at, vector)| (id((1 << 42) + at), vector.as_slice()));
    index.build_parallel(items, 0).unwrap();
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| rate(&index, &queries)).collect();
    rates.sort_by(f64::total_cmp);
    let median = rates[ROUNDS / 2];
    println!("  after {MORE} more {median:.0}/s, {}", resident());
}

fn queries(dimension: u64) -> Vec<Vec<f32>> {
    (0..QUERIES)
        .map(|at| vector((1 << 40) + at, dimension))
        .collect()
}

fn rate(index: &Index, queries: &[Vec<f32>]) -> f64 {
    let start = Instant::now();
    for query in queries {
        let found = index.search(query, 10, &SearchOptions::default());
        assert_eq!(found.unwrap().len(), 10);
    }
    queries.len() as f64 / start.elapsed().as_secs_f64()
}

/// Resident memory of this process, of its own and of files, where the system tells.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let megabytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        number.map_or("?".to_owned(), |kilobytes| (kilobytes >> 10).to_string())
    };
    let (anonymous, file) = (megabytes("RssAnon:"), megabytes("RssFile:"));
    format!("resident {anonymous} MB of its own, {file} MB of files")
}

/// An id as the product has them: all bits used, in no order.
fn id(at: u64) -> u128 {
    u128::from(mix(at)) << 64 | u128::from(mix(!at))
}

fn vector(at: u64, dimension: u64) -> Vec<f32> {
    let centre = mix(at) % CENTRES;
    (0..dimension)
        .map(|axis| uniform(centre << 20 | axis) + 0.7 * uniform((at + CENTRES) << 20 | axis))
        .collect()
}

fn uniform(place: u64) -> f32 {
    (mix(place) >> 40) as f32 / (1 << 24) as f32 - 0.5
}

/// The finaliser of SplitMix64.
fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
