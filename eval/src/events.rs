//! How fast the log takes listens in over HTTP, and how fast a projection is built from it.
//!
//! Closed loop: each connection sends its next batch when the last one is durable. The listens
//! follow from a seed; their bodies are made before the clock starts.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::random::Random;
use crate::wire::Wire;

/// Tracks of one upsert.
pub const TRACKS_PER_CALL: usize = 1_000;
/// Milliseconds over which the listens are spread: thirty days.
const SPREAD_MS: u64 = 30 * 86_400_000;

#[derive(clap::Args)]
pub struct Args {
    /// A server with an empty tenant, `host:port`.
    #[arg(long)]
    address: String,
    /// API key that may write and manage.
    #[arg(long)]
    key: String,
    /// Listens sent.
    #[arg(long, default_value_t = 1_000_000)]
    listens: usize,
    /// Listens in a batch, at most 5,000.
    #[arg(long, default_value_t = 5_000)]
    batch: usize,
    /// Connections, each with one batch under way.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Tracks of the catalogue.
    #[arg(long, default_value_t = 10_000)]
    tracks: usize,
    /// Listeners.
    #[arg(long, default_value_t = 10_000)]
    listeners: usize,
    /// The last moment of a listen in milliseconds since 1970.
    #[arg(long)]
    until_ms: u64,
    /// Replays timed; the best and the middle one are told.
    #[arg(long, default_value_t = 5)]
    replays: usize,
}

/// Fills a log and replays it: `listens_per_second` durable over HTTP, and
/// `replay_events_per_second` of building the listening state.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    ensure!(args.batch > 0 && args.connections > 0, "nothing to send");
    let mut wire = Wire::open(&args.address, &args.key)?;
    send_tracks(&mut wire, args.tracks)?;
    let bodies = bodies(args);
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|threads| {
        let send = || -> anyhow::Result<()> {
            let mut wire = Wire::open(&args.address, &args.key)?;
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                wire.send("POST", "/api/v1/events", body)?;
            }
            Ok(())
        };
        let senders: Vec<_> = (0..args.connections).map(|_| threads.spawn(send)).collect();
        senders
            .into_iter()
            .try_for_each(|sender| sender.join().ok().context("a sender broke")?)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let mut speeds = Vec::new();
    for _ in 0..args.replays {
        let answer = wire.post("/api/v1/events/replay", &json!({}))?;
        ensure!(answer["is_equal"] == true, "the replay differs: {answer}");
        speeds.push(answer["events_per_second"].as_f64().unwrap_or(0.0));
    }
    speeds.sort_by(f64::total_cmp);
    Ok(json!({
        "listens": args.listens,
        "batch": args.batch,
        "connections": args.connections,
        "seconds": seconds,
        "listens_per_second": args.listens as f64 / seconds,
        "replay_events_per_second": speeds.get(speeds.len() / 2),
        "replay_events_per_second_best": speeds.last(),
        "replay_events_per_second_worst": speeds.first(),
    }))
}

/// Fills a catalogue with so many tracks; track 7 is `e:7`.
pub fn send_tracks(wire: &mut Wire, count: usize) -> anyhow::Result<()> {
    let firsts = (0..count).step_by(TRACKS_PER_CALL);
    firsts
        .map(|first| first..(first + TRACKS_PER_CALL).min(count))
        .try_for_each(|numbers| send_some_tracks(wire, numbers))
}

/// Sends tracks by their numbers, at most [`TRACKS_PER_CALL`].
pub fn send_some_tracks(wire: &mut Wire, numbers: Range<usize>) -> anyhow::Result<()> {
    let track = |i: usize| {
        json!({"title": format!("Song {i}"), "artist": format!("Band {}", i / 12),
            "external_ids": {"e": i.to_string()}})
    };
    let tracks: Vec<Value> = numbers.map(track).collect();
    wire.post("/api/v1/tracks", &json!({ "tracks": tracks }))?;
    Ok(())
}

fn bodies(args: &Args) -> Vec<Vec<u8>> {
    let mut random = Random(1);
    let mut below = |bound: usize| random.index(bound.max(1));
    let count = args.listens;
    let batch = |first: usize| {
        let last = (first + args.batch).min(count);
        let listen = |i: usize| {
            let played_ms = below(200_000);
            let outcome = if played_ms < 60_000 {
                "skipped"
            } else {
                "completed"
            };
            let age = SPREAD_MS * (count - i) as u64 / count as u64;
            json!({"kind": "listen", "occurred_at": args.until_ms - age,
                "listener": format!("listener-{}", below(args.listeners)),
                "track": format!("e:{}", below(args.tracks)), "outcome": outcome,
                "played_ms": played_ms, "track_ms": 200_000, "source": "radio"})
        };
        let events: Vec<Value> = (first..last).map(listen).collect();
        json!({ "events": events }).to_string().into_bytes()
    };
    (0..count).step_by(args.batch).map(batch).collect()
}
