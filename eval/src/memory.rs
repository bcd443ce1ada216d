//! What a catalogue and its listeners cost in memory: a real server is filled over HTTP and started
//! again, then models of the same size are fitted here.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::matrix::{InteractionMatrix, Triplet};
use leitmotif_learn::neighbours::item_cosine;
use serde_json::{Value, json};

use crate::server::{Server, process_mb};
use crate::world::World;

/// Neighbours kept per track, as the recommender keeps them.
const NEIGHBOURS: usize = 200;
/// Passes of the factorisation; memory and time of one pass do not depend on how many there are.
const PASSES: usize = 2;

/// How long a server is left alone after it has read its log.
const SETTLE: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub struct Args {
    /// The `leitmotif` binary that is measured; without it the models alone are.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Folder for the server's data; it must be empty or missing, and is left as it is afterwards.
    #[arg(long, requires = "server")]
    data: Option<PathBuf>,
    #[command(flatten)]
    world: World,
    /// Listens, the largest number that models are fitted to; they are fitted to a tenth and three tenths
    /// of it too.
    #[arg(long, default_value_t = 10_000_000)]
    listens: usize,
    /// Components of a factor.
    #[arg(long, default_value_t = 64)]
    factors: usize,
}

/// Measures the server, where one is given, and the models.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    ensure!(
        args.world.tracks > 0 && args.world.listeners > 0 && args.listens >= 10,
        "nothing to measure"
    );
    let server = match (&args.server, &args.data) {
        (Some(binary), Some(data)) => measure_server(args, binary, data)?,
        (Some(_), None) => anyhow::bail!("--server needs --data, a folder to fill"),
        _ => Value::Null,
    };
    let mut fits = Vec::new();
    for tenths in [1, 3, 10] {
        fits.push(measure_fit(args, args.listens / 10 * tenths)?);
    }
    Ok(json!({
        "tracks": args.world.tracks,
        "listeners": args.world.listeners,
        "listens": args.listens,
        "server": server,
        "growth": fits.first().zip(fits.last()).map(|(tenth, whole)| growth(tenth, whole)),
        "models": fits,
    }))
}

/// What each listen adds beyond what a tenth of them costs already, and by how much ten times the
/// listens cost more: under 10 is at most linear, since every fit has the same listeners and tracks.
fn growth(tenth: &Value, whole: &Value) -> Value {
    let of = |fit: &Value, name: &str| fit[name].as_f64().unwrap_or(f64::NAN);
    let more = of(whole, "listens") - of(tenth, "listens");
    let ratio = |name: &str| of(whole, name) / of(tenth, name);
    let added = |name: &str| (of(whole, name) - of(tenth, name)) / more;
    json!({
        "table_s_ratio": ratio("table_s"),
        "pass_s_ratio": ratio("pass_s"),
        "neighbours_s_ratio": ratio("neighbours_s"),
        "peak_mb_ratio": ratio("peak_mb"),
        "added_table_us_per_listen": added("table_s") * 1e6,
        "added_pass_us_per_listen": added("pass_s") * 1e6,
        "added_neighbours_us_per_listen": added("neighbours_s") * 1e6,
        "added_peak_bytes_per_listen": added("peak_mb") * f64::from(1 << 20),
    })
}

fn measure_server(args: &Args, binary: &Path, data: &Path) -> anyhow::Result<Value> {
    let filled = fill(&args.world, args.listens, binary, data)?;
    let serving = measure_serving(&args.world, filled["empty_mb"].as_f64(), binary, data)?;
    Ok(json!({ "filled": filled, "serving": serving, "disk_mb": folder_mb(data)? }))
}

/// Fills a fresh folder through a server of its own.
pub fn fill(world: &World, listens: usize, binary: &Path, data: &Path) -> anyhow::Result<Value> {
    let is_used = data
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    ensure!(!is_used, "`{}` is not empty", data.display());
    let server = Server::start(binary, data)?;
    let empty_mb = server.resident_mb()?;
    let begun = Instant::now();
    world.send_tracks(&server)?;
    let tracks_s = begun.elapsed().as_secs_f64();
    eprintln!("{} tracks after {tracks_s:.0} s", world.tracks);
    let begun = Instant::now();
    world.send_listens(&server, listens)?;
    let listens_s = begun.elapsed().as_secs_f64();
    eprintln!("{listens} listens after {listens_s:.0} s");
    let (filled_mb, peak_mb) = (server.resident_mb()?, server.peak_mb()?);
    server.stop()?;
    Ok(json!({
        "empty_mb": empty_mb,
        "filled_mb": filled_mb,
        "peak_mb": peak_mb,
        "tracks_per_second": world.tracks as f64 / tracks_s,
        "listens_per_second": listens as f64 / listens_s,
    }))
}

/// Starts a server on a filled folder, asks for one recommendation, which reads what the folder has,
/// and leaves it alone for a while.
pub fn measure_serving(
    world: &World,
    empty_mb: Option<f64>,
    binary: &Path,
    data: &Path,
) -> anyhow::Result<Value> {
    let server = Server::start(binary, data)?;
    let asked = Instant::now();
    let answer = server.wire()?.post(
        "/api/v1/recommendations",
        &json!({"listener": "listener-0"}),
    )?;
    let first_answer_s = asked.elapsed().as_secs_f64();
    let answered_mb = server.resident_mb()?;
    // The allocator gives back what was needed to build the state alone.
    std::thread::sleep(SETTLE);
    let (settled_mb, peak_mb) = (server.resident_mb()?, server.peak_mb()?);
    let pairs = world.listeners.max(world.tracks) as f64;
    let beyond_empty = settled_mb - empty_mb.unwrap_or(0.0);
    let ready_s = server.ready_after.as_secs_f64();
    server.stop()?;
    Ok(json!({
        "ready_s": ready_s,
        "first_answer_s": first_answer_s,
        "rung": answer["rung"],
        "answered_mb": answered_mb,
        "settled_mb": settled_mb,
        "peak_mb": peak_mb,
        "is_under_2_gb": peak_mb * f64::from(1 << 20) < 2e9,
        "settled_bytes_per_listener_and_track": beyond_empty * f64::from(1 << 20) / pairs,
    }))
}

/// Fits what the recommender fits, and tells what it costs and what a server would hold of it.
fn measure_fit(args: &Args, count: usize) -> anyhow::Result<Value> {
    forget_peak()?;
    let before_mb = process_mb("self", "VmRSS:")?;
    let begun = Instant::now();
    let triplets: Vec<Triplet> = args
        .world
        .plays(count)
        .map(|(row, column)| Triplet {
            row,
            column,
            weight: 1.0,
        })
        .collect();
    let matrix =
        InteractionMatrix::from_triplets(args.world.listeners, args.world.tracks, &triplets)?;
    drop(triplets);
    let table_s = begun.elapsed().as_secs_f64();
    let options = IalsOptions {
        factors: args.factors,
        iterations: PASSES,
        ..IalsOptions::default()
    };
    let begun = Instant::now();
    let taste = IalsModel::fit(&matrix, options)?;
    let pass_s = begun.elapsed().as_secs_f64() / (PASSES as f64 + 0.5);
    eprintln!("{count} listens: a pass takes {pass_s:.1} s");
    let begun = Instant::now();
    let neighbours = item_cosine(&matrix.binarize(), NEIGHBOURS)?;
    let neighbours_s = begun.elapsed().as_secs_f64();
    let per_item = |bytes: usize, count: usize| bytes as f64 / count as f64;
    let item_factors = size_of_val(taste.item_factors());
    Ok(json!({
        "listens": count,
        "entries": matrix.entry_count(),
        "table_s": table_s,
        "pass_s": pass_s,
        "neighbours_s": neighbours_s,
        "fit_mb": process_mb("self", "VmRSS:")? - before_mb,
        "peak_mb": process_mb("self", "VmHWM:")?,
        "item_factors_bytes_per_track": per_item(item_factors, args.world.tracks),
        "neighbours_per_track": per_item(neighbours.entry_count(), args.world.tracks),
        "neighbours_bytes_per_track": per_item(neighbours.memory_bytes(), args.world.tracks),
        "held_by_a_server_mb": mb(item_factors + neighbours.memory_bytes()),
    }))
}

/// Lets the peak of this process begin anew.
fn forget_peak() -> anyhow::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5").context("the peak cannot be measured anew")
}

fn mb(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

pub fn folder_mb(folder: &Path) -> anyhow::Result<f64> {
    let mut total = 0.0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        total += match entry.metadata()? {
            metadata if metadata.is_dir() => folder_mb(&entry.path())?,
            metadata => mb(metadata.len() as usize),
        };
    }
    Ok(total)
}
