//! A whole training over generated logs: time by stage and memory at each size, how both grow, and what
//! the server that answers from the model takes.
//!
//! Each size has a folder of its own, and each step a process of its own: filling, training, serving.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value, json};

use crate::memory::{fill, folder_mb, measure_serving};
use crate::server::Server;
use crate::wire::Wire;
use crate::world::World;

/// How often a training is asked how far it is.
const POLL: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub struct Args {
    /// The `leitmotif` binary that is measured.
    #[arg(long)]
    server: PathBuf,
    /// Folder for the data, one below it for each size. What is filled already is trained again.
    #[arg(long)]
    data: PathBuf,
    /// Listens of each size, in rising order.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000000,3000000,10000000"
    )]
    listens: Vec<usize>,
    /// Listens of each listener, on the average.
    #[arg(long, default_value_t = 10)]
    listens_per_listener: usize,
    /// Tracks of the catalogue, the same at each size; as many as listeners where left out.
    #[arg(long)]
    tracks: Option<usize>,
    /// The last moment of a listen in milliseconds since 1970.
    #[arg(long, default_value_t = 1_790_000_000_000)]
    until_ms: u64,
    /// Seed of the worlds.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Fills, trains and serves at each size.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    ensure!(
        args.tracks != Some(0) && args.listens_per_listener > 0,
        "nothing to train on"
    );
    let mut sizes = Vec::new();
    for listens in &args.listens {
        let measured = measure(args, *listens)?;
        eprintln!("{measured}");
        sizes.push(measured);
    }
    let growth = sizes.first().zip(sizes.last());
    Ok(json!({
        "growth": growth.map(|(first, last)| growth_of(first, last)),
        "sizes": sizes,
    }))
}

fn measure(args: &Args, listens: usize) -> anyhow::Result<Value> {
    let listeners = (listens / args.listens_per_listener).max(1);
    let world = World {
        tracks: args.tracks.unwrap_or(listeners),
        listeners,
        until_ms: args.until_ms,
        seed: args.seed,
    };
    let data = args.data.join(listens.to_string());
    let noted = args.data.join(format!("{listens}.json"));
    let filled: Value = match std::fs::read(&noted) {
        Ok(noted) => serde_json::from_slice(&noted)?,
        Err(_) => {
            std::fs::create_dir_all(&args.data)?;
            let filled = fill(&world, listens, &args.server, &data)?;
            std::fs::write(&noted, filled.to_string())?;
            filled
        }
    };
    let training = train(&args.server, &data)?;
    let empty_mb = filled["empty_mb"].as_f64();
    let serving = measure_serving(&world, empty_mb, &args.server, &data)?;
    Ok(json!({
        "listens": listens,
        "listeners": world.listeners,
        "tracks": world.tracks,
        "filled": filled,
        "training": training,
        "serving": serving,
        "disk_mb": folder_mb(&data)?,
    }))
}

/// Trains in a server that has nothing else to do.
fn train(binary: &Path, data: &Path) -> anyhow::Result<Value> {
    let server = Server::start(binary, data)?;
    let mut wire = server.wire()?;
    let begun = Instant::now();
    let model = trained(&mut wire, &json!({"promotion": "always"}))?;
    let total_s = begun.elapsed().as_secs_f64();
    let report = &model["report"];
    let mut stages = Map::new();
    for stage in report["stages"].as_array().into_iter().flatten() {
        let seconds = stage["duration_ms"].as_f64().unwrap_or(f64::NAN) / 1_000.0;
        let name = stage["stage"].as_str().context("a stage has no name")?;
        stages.insert(name.to_owned(), json!(seconds));
    }
    let peak_mb = server.peak_mb()?;
    server.stop()?;
    Ok(json!({
        "total_s": total_s,
        "stages_s": stages,
        "peak_mb": peak_mb,
        "ladder": report["ladder"],
        "ranker": report["ranker"],
    }))
}

/// Trains and answers the model with its whole report.
pub fn trained(wire: &mut Wire, request: &Value) -> anyhow::Result<Value> {
    let queued = wire.post("/api/v1/training-runs", request)?;
    let id = queued["job"].as_str().context("the training has no id")?;
    let path = format!("/api/v1/jobs/{id}");
    loop {
        let job = wire.get(&path)?;
        match job["state"].as_str().unwrap_or_default() {
            "done" => break,
            "dead" => bail!("the training failed: {job}"),
            _ => std::thread::sleep(POLL),
        }
    }
    let models = wire.get("/api/v1/models?limit=1")?;
    let id = models["models"][0]["id"].as_str();
    let id = id.context("the training left no model")?;
    // A listing leaves the longest parts out.
    wire.get(&format!("/api/v1/models/{id}"))
}

/// How many times the last size took what the first did; `listens` is what linear growth would be.
fn growth_of(first: &Value, last: &Value) -> Value {
    let of = |size: &Value, path: &str| size.pointer(path).and_then(Value::as_f64);
    let ratio = |path: &str| Some(of(last, path)? / of(first, path)?);
    let stages = last["training"]["stages_s"].as_object();
    let stages: Map<String, Value> = (stages.into_iter().flatten())
        .map(|(name, _)| {
            (
                name.clone(),
                json!(ratio(&format!("/training/stages_s/{name}"))),
            )
        })
        .collect();
    json!({
        "listens": ratio("/listens"),
        "total_s": ratio("/training/total_s"),
        "stages_s": stages,
        "peak_mb": ratio("/training/peak_mb"),
    })
}
