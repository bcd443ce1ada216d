//! Whether knowing the moment of a request makes its answers better, in worlds whose listeners' tastes
//! move with the hour, the kind of day and the activity by a strength that is known.
//!
//! Nothing is rendered: the worlds are drawn, their plays are sent to a server with zone, device and
//! activity, and its own training says what the same answers lose when they are not told the moment.

mod ceiling;

use std::path::PathBuf;

use leitmotif_demo::world::WorldSpec;
use serde_json::{Value, json};

use self::ceiling::Ceiling;
use crate::drawn_world::DrawnWorld;
use crate::server::Server;
use crate::training::trained;

#[derive(clap::Args)]
pub struct Args {
    /// The `leitmotif` binary that is measured.
    #[arg(long)]
    server: PathBuf,
    /// Folder for the data, one below it for each world; what is there is left out.
    #[arg(long)]
    data: PathBuf,
    /// How much tastes move, each measured: 0 is not at all.
    #[arg(long, value_delimiter = ',', default_value = "0,0.5,1")]
    strengths: Vec<f32>,
    /// Worlds of each strength: seeds 1 to this.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Songs of a world.
    #[arg(long, default_value_t = 1_000)]
    songs: usize,
    /// Artists of a world.
    #[arg(long, default_value_t = 90)]
    artists: usize,
    /// Listeners of a world.
    #[arg(long, default_value_t = 1_000)]
    listeners: usize,
    /// Listens of a world.
    #[arg(long, default_value_t = 120_000)]
    listens: usize,
}

/// Draws, fills, trains and reads the report of every world.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut worlds = Vec::new();
    for strength in &args.strengths {
        for seed in 1..=args.seeds {
            let world = measure(args, *strength, seed)?;
            eprintln!("{world}");
            worlds.push(world);
        }
    }
    Ok(json!({ "worlds": worlds }))
}

fn measure(args: &Args, moment_strength: f32, seed: u64) -> anyhow::Result<Value> {
    let data = args.data.join(format!("{moment_strength}-{seed}"));
    std::fs::create_dir_all(&data)?;
    let spec = WorldSpec {
        seed,
        song_count: args.songs,
        artist_count: args.artists,
        listener_count: args.listeners,
        listen_count: args.listens,
        ..WorldSpec::default()
    };
    let world = DrawnWorld::new(spec, moment_strength);
    let ceiling = Ceiling::of(&world.simulation, world.song_count());
    let server = Server::start(&args.server, &data)?;
    world.send(&mut server.wire()?)?;
    let request = json!({"promotion": "always", "report": "brief"});
    let model = trained(&mut server.wire()?, &request)?;
    server.stop()?;
    let report = &model["report"];
    let ladder = &report["ladder"];
    let moments = &report["moments"];
    let ratio = |part: &str| moments[part].as_f64();
    let untold = ratio("untold_ndcg_at_10");
    Ok(json!({
        "strength": moment_strength,
        "seed": seed,
        "listeners": ladder["listeners"],
        "questions": ladder["questions"],
        "blend": ladder["blend"]["ndcg_at_10"],
        "ranked": ladder["ranked"]["ndcg_at_10"],
        "told": moments["told_ndcg_at_10"],
        "untold": untold,
        "gain": moments["difference"],
        "interval": moments["interval"],
        "gain_share": ratio("difference").zip(untold).map(|(gain, untold)| gain / untold),
        "weight": moments["weight"],
        "ceiling_with_moment": ceiling.with_moment,
        "ceiling_without_moment": ceiling.without_moment,
        "columns": report["ranker"]["columns"],
    }))
}
