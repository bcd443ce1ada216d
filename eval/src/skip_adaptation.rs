//! What a session gains when skips and plays count at once: simulated listeners hear one track after the
//! other from a server that is told of each as it ends, and the same from one that is told of none before
//! the session is over.
//!
//! The same listener goes through both with the same luck, first through the session that is not told. What
//! was heard in the session is excluded by name in both, so that only what it says of taste differs.

use std::path::PathBuf;

use anyhow::Context;
use leitmotif_demo::listeners::{ListenOutcome, SimulatedListen};
use leitmotif_demo::world::WorldSpec;
use serde_json::{Value, json};

use crate::drawn_world::{DrawnWorld, listener_name, played};
use crate::random::Random;
use crate::server::Server;
use crate::training::trained;
use crate::wire::Wire;

/// What a skipped track is heard of, as a share.
const SKIPPED_SHARE: f64 = 0.15;
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
    let mut sessions = Vec::with_capacity(args.listeners);
    for listener in 0..args.listeners {
        let Some(last) = last_listen(&world, listener) else {
            continue;
        };
        let mut session = Session {
            world: &world,
            ids: &ids,
            wire: &mut wire,
            last,
            now_ms: args.now_ms,
            seed: seed << 32 | listener as u64,
        };
        let untold = session.listen(args.length, false)?;
        let told = session.listen(args.length, true)?;
        sessions.push((untold, told));
    }
    server.stop()?;
    Ok(summary(seed, args.length, &sessions))
}

fn last_listen(world: &DrawnWorld, listener: usize) -> Option<SimulatedListen> {
    let listens = world.simulation.listens.iter().rev();
    let mut own = listens.filter(|listen| listen.listener_index == listener);
    own.next().copied()
}

/// A session of a listener.
struct Session<'w> {
    world: &'w DrawnWorld,
    /// The ids of the songs.
    ids: &'w [String],
    wire: &'w mut Wire,
    /// What the listener heard last, whose moment the session has.
    last: SimulatedListen,
    now_ms: i64,
    seed: u64,
}

impl Session<'_> {
    /// Asks for one track after the other; the tracks played to the end, by their places in the session.
    fn listen(&mut self, length: usize, is_told: bool) -> anyhow::Result<Vec<bool>> {
        let mut random = Random(self.seed);
        let (mut heard, mut played_to_end): (Vec<String>, Vec<bool>) = (Vec::new(), Vec::new());
        let mut previous = None;
        for place in 0..length {
            let luck = random.uniform();
            let asked = json!({"listener": listener_name(self.last.listener_index), "count": 1,
                "placement": "radio", "exclude": heard});
            let answer = self.wire.post("/api/v1/recommendations", &asked)?;
            let id = answer["tracks"][0]["id"].as_str();
            let id = id.context("nothing was recommended")?;
            let track = self.ids.iter().position(|one| one == id);
            let track = track.context("a track of no world was recommended")?;
            let chance = self.world.simulation.oracle.play_probability_at(
                previous,
                self.last.listener_index,
                track,
                self.last.at_ms,
                &self.last.moment,
            );
            let is_played = luck < f64::from(chance.context("a stranger listens")?);
            if is_played {
                previous = Some(track);
            }
            heard.push(id.to_owned());
            played_to_end.push(is_played);
            if is_told {
                // As far back as keeps every play of the session in the past.
                let at_ms = self.now_ms - (length - place) as i64 * STEP_MS;
                let event = played(&self.listen_of(track, is_played), at_ms);
                self.wire
                    .post("/api/v1/events", &json!({"events": [event]}))?;
            }
        }
        Ok(played_to_end)
    }

    fn listen_of(&self, track_index: usize, is_played: bool) -> SimulatedListen {
        let (outcome, share) = match is_played {
            true => (ListenOutcome::Played, 1.0),
            false => (ListenOutcome::Skipped, SKIPPED_SHARE),
        };
        SimulatedListen {
            track_index,
            outcome,
            played_ms: (share * f64::from(self.last.track_ms)) as u32,
            ..self.last
        }
    }
}

/// What was played to the end in the session that was not told, and in the one that was.
type BothSessions = (Vec<bool>, Vec<bool>);

/// Completion of both, and the difference with twice its standard error by listener.
fn summary(seed: u64, length: usize, sessions: &[BothSessions]) -> Value {
    let completed = |session: &[bool]| {
        session.iter().filter(|played| **played).count() as f64 / session.len().max(1) as f64
    };
    let count = sessions.len().max(1) as f64;
    let gains: Vec<f64> = (sessions.iter())
        .map(|(untold, told)| completed(told) - completed(untold))
        .collect();
    let gain = gains.iter().sum::<f64>() / count;
    let variance = gains.iter().map(|one| (one - gain).powi(2)).sum::<f64>() / count;
    let reach = 2.0 * (variance / count).sqrt();
    let mean = |part: &dyn Fn(&BothSessions) -> f64| sessions.iter().map(part).sum::<f64>() / count;
    let half = length / 2;
    json!({
        "seed": seed,
        "sessions": sessions.len(),
        "length": length,
        "completed_untold": mean(&|one| completed(&one.0)),
        "completed_told": mean(&|one| completed(&one.1)),
        "second_half_untold": mean(&|one| completed(&one.0[half..])),
        "second_half_told": mean(&|one| completed(&one.1[half..])),
        "gain": gain,
        "interval": [gain - reach, gain + reach],
    })
}
