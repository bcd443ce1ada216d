//! What a session gains when skips and plays count at once: simulated listeners hear one track after the
//! other from a server that is told of each as it ends, and the same from one that is told of none before
//! the session is over.
//!
//! The same listener goes through both with the same luck, first through the session that is not told. What
//! was heard in the session is excluded by name in both, so that only what it says of taste differs.

use std::path::PathBuf;

use anyhow::Context;
use leitmotif_demo::listeners::{BothSittings, Sitting, SkipGain};
use leitmotif_demo::world::WorldSpec;
use serde_json::{Value, json};

use crate::drawn_world::{DrawnWorld, listener_name, played};
use crate::server::Server;
use crate::training::trained;
use crate::wire::Wire;

/// Time between two tracks of a session as its events tell it, in milliseconds: what is skipped and what is
/// played lies as near to the next.
const STEP_MS: i64 = 1_000;

#[derive(clap::Args)]
pub struct Args {
    /// The `leitmotif` binary that is measured.
    #[arg(long)]
    server: PathBuf,
    /// Folder for the data, one below it for each world; what is there is left out.
    #[arg(long)]
    data: PathBuf,
    /// Worlds: seeds 1 to this.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// How much tastes move with the moment of the session, which requests do not tell: what is left to
    /// find out by skips.
    #[arg(long, default_value_t = 1.0)]
    moment_strength: f32,
    /// Listeners of a world, each of whom has both sessions.
    #[arg(long, default_value_t = 500)]
    listeners: usize,
    /// The present in milliseconds since 1970, as `date +%s%3N` tells it: sessions run by the server's clock.
    #[arg(long)]
    now_ms: i64,
    /// Tracks of a session.
    #[arg(long, default_value_t = 12)]
    length: usize,
}

/// Fills, trains and listens in every world.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let mut worlds = Vec::new();
    for seed in 1..=args.seeds {
        let world = measure(args, seed)?;
        eprintln!("{world}");
        worlds.push(world);
    }
    Ok(json!({ "moment_strength": args.moment_strength, "worlds": worlds }))
}

fn measure(args: &Args, seed: u64) -> anyhow::Result<Value> {
    let data = args.data.join(seed.to_string());
    std::fs::create_dir_all(&data)?;
    let spec = WorldSpec {
        seed,
        listener_count: args.listeners,
        ..WorldSpec::default()
    };
    let world = DrawnWorld::new(spec, args.moment_strength);
    let server = Server::start(&args.server, &data)?;
    let mut wire = server.wire()?;
    let ids = world.send(&mut wire)?;
    trained(&mut wire, &json!({"promotion": "always"}))?;
    let mut sittings = Vec::with_capacity(args.listeners);
    for listener in 0..args.listeners {
        let sit = || Sitting::of(&world.simulation, listener, seed << 32 | listener as u64);
        let (Some(untold), Some(told)) = (sit(), sit()) else {
            continue;
        };
        let mut room = Room {
            ids: &ids,
            wire: &mut wire,
            now_ms: args.now_ms,
            length: args.length,
        };
        sittings.push(BothSittings {
            untold: room.sit(untold, false)?,
            told: room.sit(told, true)?,
        });
    }
    server.stop()?;
    let mut document = serde_json::to_value(SkipGain::of(&sittings))?;
    document["seed"] = json!(seed);
    document["length"] = json!(args.length);
    Ok(document)
}

/// Where listeners sit.
struct Room<'w> {
    /// The ids of the songs.
    ids: &'w [String],
    wire: &'w mut Wire,
    now_ms: i64,
    length: usize,
}

impl Room<'_> {
    /// Asks for one track after the other; the tracks played to the end, by their places.
    fn sit(&mut self, mut sitting: Sitting<'_>, is_told: bool) -> anyhow::Result<Vec<bool>> {
        let mut heard: Vec<String> = Vec::new();
        for place in 0..self.length {
            let asked = json!({"listener": listener_name(sitting.listener_index()), "count": 1,
                "placement": "radio", "exclude": heard});
            let answer = self.wire.post("/api/v1/recommendations", &asked)?;
            let id = answer["tracks"][0]["id"].as_str();
            let id = id.context("nothing was recommended")?;
            let track = self.ids.iter().position(|one| one == id);
            let listen = track.and_then(|track| sitting.hear(track));
            let listen = listen.context("a track of no world was recommended")?;
            heard.push(id.to_owned());
            if is_told {
                // As far back as keeps every play of the session in the past.
                let at_ms = self.now_ms - (self.length - place) as i64 * STEP_MS;
                let event = played(&listen, at_ms);
                self.wire
                    .post("/api/v1/events", &json!({"events": [event]}))?;
            }
        }
        Ok(sitting.played_to_end())
    }
}
