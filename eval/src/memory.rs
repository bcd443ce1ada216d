//! What a catalogue and its listeners cost in memory: a real server is filled over HTTP and started
//! again, then models of the same size are fitted here.
//!
//! The world is only as real as memory needs: a listener plays some tracks of a neighbourhood of
//! their own and some that everybody plays, so that neighbour lists fill as they do in life.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use leitmotif_learn::factorize::{IalsModel, IalsOptions};
use leitmotif_learn::matrix::{InteractionMatrix, Triplet};
use leitmotif_learn::neighbours::item_cosine;
use serde_json::{Value, json};

use crate::events::send_tracks;
use crate::random::Random;
use crate::server::{Server, process_mb};

/// Listens of one batch.
const LISTENS_PER_CALL: usize = 5_000;
/// Milliseconds over which the listens are spread: ninety days.
const SPREAD_MS: u64 = 90 * 86_400_000;
/// Tracks around which a listener's own plays lie.
const NEIGHBOURHOOD: usize = 500;
/// Share of plays out of that neighbourhood.
const OWN_SHARE: f64 = 0.7;
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
    /// Tracks of the catalogue.
    #[arg(long, default_value_t = 1_000_000)]
    tracks: usize,
    /// Listeners.
    #[arg(long, default_value_t = 1_000_000)]
    listeners: usize,
    /// Listens, the largest number that models are fitted to; they are fitted to a tenth and three tenths
    /// of it too.
    #[arg(long, default_value_t = 10_000_000)]
    listens: usize,
    /// Components of a factor.
    #[arg(long, default_value_t = 64)]
    factors: usize,
    /// The last moment of a listen in milliseconds since 1970.
    #[arg(long, default_value_t = 1_790_000_000_000)]
    until_ms: u64,
    /// Seed of the world.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Measures the server, where one is given, and the models.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    ensure!(
        args.tracks > 0 && args.listeners > 0 && args.listens >= 10,
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
        "tracks": args.tracks,
        "listeners": args.listeners,
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

/// A play of the world: who and what.
fn plays(args: &Args, count: usize) -> impl Iterator<Item = (usize, usize)> {
    let (tracks, listeners) = (args.tracks, args.listeners);
    let mut random = Random(args.seed);
    (0..count).map(move |_| {
        let listener = random.index(listeners);
        let track = if random.uniform() < OWN_SHARE {
            let home = Random(listener as u64).index(tracks);
            (home + random.index(NEIGHBOURHOOD.min(tracks))) % tracks
        } else {
            // Half of these plays go to the first eighth of the tracks, a fifth to the first hundredth.
            ((random.uniform().powi(3) * tracks as f64) as usize).min(tracks - 1)
        };
        (listener, track)
    })
}

fn measure_server(args: &Args, binary: &Path, data: &Path) -> anyhow::Result<Value> {
    let is_used = data
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    ensure!(!is_used, "`{}` is not empty", data.display());
    let server = Server::start(binary, data)?;
    let empty_mb = server.resident_mb()?;
    let begun = Instant::now();
    send_tracks(&mut server.wire()?, args.tracks)?;
    let tracks_s = begun.elapsed().as_secs_f64();
    eprintln!("{} tracks after {tracks_s:.0} s", args.tracks);
    let begun = Instant::now();
    send_listens(args, &server)?;
    let listens_s = begun.elapsed().as_secs_f64();
    let filled = (server.resident_mb()?, server.peak_mb()?);
    eprintln!("{} listens after {listens_s:.0} s", args.listens);
    server.stop()?;
    let server = Server::start(binary, data)?;
    let answer = server.wire()?.post(
        "/api/v1/recommendations",
        &json!({"listener": "listener-0"}),
    )?;
    let again = (server.resident_mb()?, server.peak_mb()?);
    // The allocator gives back what was needed to build the state alone.
    std::thread::sleep(SETTLE);
    let settled_mb = server.resident_mb()?;
    let pairs = args.listeners.max(args.tracks) as f64;
    Ok(json!({
        "empty_mb": empty_mb,
        "filled_mb": filled.0,
        "filled_peak_mb": filled.1,
        "again_mb": again.0,
        "again_peak_mb": again.1,
        "settled_mb": settled_mb,
        "settled_bytes_per_listener_and_track": (settled_mb - empty_mb) * f64::from(1 << 20) / pairs,
        "again_ready_s": server.ready_after.as_secs_f64(),
        "tracks_per_second": args.tracks as f64 / tracks_s,
        "listens_per_second": args.listens as f64 / listens_s,
        "rung": answer["rung"],
        "disk_mb": folder_mb(data)?,
    }))
}

fn send_listens(args: &Args, server: &Server) -> anyhow::Result<()> {
    let mut wire = server.wire()?;
    let mut random = Random(args.seed ^ 1);
    let mut batch = Vec::with_capacity(LISTENS_PER_CALL);
    let step_ms = SPREAD_MS as f64 / args.listens as f64;
    for (place, (listener, track)) in plays(args, args.listens).enumerate() {
        let played_ms = random.index(200_000);
        let outcome = if played_ms < 60_000 {
            "skipped"
        } else {
            "completed"
        };
        let age_ms = (step_ms * (args.listens - place) as f64) as u64;
        batch.push(
            json!({"kind": "listen", "occurred_at": args.until_ms - age_ms,
            "listener": format!("listener-{listener}"), "track": format!("e:{track}"),
            "outcome": outcome, "played_ms": played_ms, "track_ms": 200_000, "source": "radio"}),
        );
        if batch.len() == LISTENS_PER_CALL || place + 1 == args.listens {
            let events = std::mem::take(&mut batch);
            wire.post("/api/v1/events", &json!({ "events": events }))?;
        }
    }
    Ok(())
}

/// Fits what the recommender fits, and tells what it costs and what a server would hold of it.
fn measure_fit(args: &Args, count: usize) -> anyhow::Result<Value> {
    forget_peak()?;
    let before_mb = process_mb("self", "VmRSS:")?;
    let begun = Instant::now();
    let triplets: Vec<Triplet> = plays(args, count)
        .map(|(row, column)| Triplet {
            row,
            column,
            weight: 1.0,
        })
        .collect();
    let matrix = InteractionMatrix::from_triplets(args.listeners, args.tracks, &triplets)?;
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
        "item_factors_bytes_per_track": per_item(item_factors, args.tracks),
        "neighbours_per_track": per_item(neighbours.entry_count(), args.tracks),
        "neighbours_bytes_per_track": per_item(neighbours.memory_bytes(), args.tracks),
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

fn folder_mb(folder: &Path) -> anyhow::Result<f64> {
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
