//! How soon a play counts: from the answer to the event to a recommendation that is another for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::random::Random;
use crate::wire::Wire;

/// Longest wait for a list to change.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is aimed at for 99 of 100.
const BAR_MS: f64 = 1_000.0;
/// Length of a track where nobody says: longer than any play that is sent.
const TRACK_MS: u64 = 200_000;

#[derive(clap::Args)]
pub struct Args {
    /// The served world, for example `http://127.0.0.1:7700`.
    #[arg(long)]
    url: String,
    /// A key that reads and writes.
    #[arg(long)]
    key: String,
    /// Listeners that are asked about.
    #[arg(long, default_value_t = 100)]
    listeners: usize,
    /// Plays of others a second, all the while.
    #[arg(long, default_value_t = 50.0)]
    plays_per_second: f64,
    /// The moment of the first play in milliseconds since 1970; later than all that the world knows.
    #[arg(long)]
    at_ms: u64,
    /// Seed of the plays of others.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Asks a list, plays its first track, and asks until the list is another.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    ensure!(args.plays_per_second >= 0.0, "a rate is not below 0");
    let address = args.url.trim_end_matches('/');
    let address = address
        .strip_prefix("http://")
        .context("the URL is not http://…")?;
    let open = || Wire::open(address, &args.key);
    let mut wire = open()?;
    let names = listeners(&mut wire)?;
    let asked = &names[..args.listeners.min(names.len())];
    let others = if names.len() > asked.len() {
        &names[asked.len()..]
    } else {
        asked
    };
    ensure!(!asked.is_empty(), "the world has no listeners");
    let tracks = wire.get("/api/v1/tracks?limit=200")?;
    let tracks = texts(&tracks["tracks"], "id");
    ensure!(!tracks.is_empty(), "the world has no tracks");
    let (is_over, played) = (AtomicBool::new(false), AtomicU64::new(0));
    let background = Background {
        listeners: others,
        tracks: &tracks,
        is_over: &is_over,
        played: &played,
        args,
    };
    let mut beside = open()?;
    let began = Instant::now();
    let outcome = std::thread::scope(|threads| {
        let playing = threads.spawn(move || background.play(&mut beside));
        let measured = asked.iter().zip(0..).map(|(name, number)| {
            measure(&mut wire, name, args.at_ms + number).with_context(|| name.clone())
        });
        let measured: anyhow::Result<Vec<Changed>> = measured.collect();
        is_over.store(true, Ordering::Relaxed);
        playing
            .join()
            .ok()
            .context("the plays of others broke off")??;
        measured
    })?;
    let plays = played.load(Ordering::Relaxed);
    summary(outcome, plays, began.elapsed().as_secs_f64())
}

/// How long a list took to change, and how often it was asked for.
struct Changed {
    after_ms: f64,
    asked: u32,
}

fn summary(mut changed: Vec<Changed>, plays: u64, seconds: f64) -> anyhow::Result<Value> {
    changed.sort_by(|a, b| a.after_ms.total_cmp(&b.after_ms));
    let at = |share: f64| {
        let place = ((share * changed.len() as f64).ceil() as usize).clamp(1, changed.len()) - 1;
        changed[place].after_ms
    };
    Ok(json!({
        "listeners": changed.len(),
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "max_ms": at(1.0),
        "asked_max": changed.iter().map(|one| one.asked).max(),
        "plays_beside": plays,
        "plays_beside_per_second": plays as f64 / seconds,
        "is_under_bar": at(0.99) < BAR_MS,
        "bar_ms": BAR_MS,
    }))
}

fn measure(wire: &mut Wire, listener: &str, at_ms: u64) -> anyhow::Result<Changed> {
    let before = list(wire, listener)?;
    let track = before.first().context("the list is empty")?;
    let play = json!({"kind": "listen", "occurred_at": at_ms, "listener": listener, "track": track,
        "outcome": "completed", "played_ms": TRACK_MS, "track_ms": TRACK_MS});
    wire.post("/api/v1/events", &json!({ "events": [play] }))?;
    let answered = Instant::now();
    for asked in 1.. {
        // A heard track leaves the list, whatever else follows from the play.
        let after = list(wire, listener)?;
        if !after.contains(track) && after != before {
            let after_ms = answered.elapsed().as_secs_f64() * 1_000.0;
            return Ok(Changed { after_ms, asked });
        }
        ensure!(answered.elapsed() < PATIENCE, "the list did not change");
    }
    unreachable!("the loop ends by an answer or by patience")
}

fn list(wire: &mut Wire, listener: &str) -> anyhow::Result<Vec<String>> {
    let asked = json!({"listener": listener, "count": 20, "placement": "freshness"});
    let answer = wire.post("/api/v1/recommendations", &asked)?;
    Ok(texts(&answer["tracks"], "id"))
}

fn listeners(wire: &mut Wire) -> anyhow::Result<Vec<String>> {
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = wire.get(&format!("/api/v1/listeners?limit=200{cursor}"))?;
        names.extend(texts(&page["listeners"], "name"));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(names),
        }
    }
}

fn texts(list: &Value, name: &str) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    let texts = items.filter_map(|item| item[name].as_str());
    texts.map(str::to_owned).collect()
}

/// Plays of others that go on meanwhile.
struct Background<'b> {
    listeners: &'b [String],
    tracks: &'b [String],
    is_over: &'b AtomicBool,
    played: &'b AtomicU64,
    args: &'b Args,
}

impl Background<'_> {
    fn play(&self, wire: &mut Wire) -> anyhow::Result<()> {
        if self.args.plays_per_second == 0.0 {
            return Ok(());
        }
        let mut random = Random(self.args.seed);
        let began = Instant::now();
        let mut number = 0_u64;
        while !self.is_over.load(Ordering::Relaxed) {
            let due = Duration::from_secs_f64(number as f64 / self.args.plays_per_second);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            let listener = &self.listeners[random.index(self.listeners.len())];
            let track = &self.tracks[random.index(self.tracks.len())];
            let played_ms = random.index(TRACK_MS as usize);
            let outcome = if played_ms < 60_000 {
                "skipped"
            } else {
                "completed"
            };
            let play = json!({"kind": "listen", "occurred_at": self.args.at_ms + number,
                "listener": listener, "track": track, "outcome": outcome,
                "played_ms": played_ms, "track_ms": TRACK_MS});
            wire.post("/api/v1/events", &json!({ "events": [play] }))?;
            number += 1;
            self.played.store(number, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let changed = (1..=200).rev().map(|number| Changed {
            after_ms: f64::from(number),
            asked: 1,
        });
        let told = summary(changed.collect(), 40, 8.0).unwrap();
        assert_eq!(told["p50_ms"], 100.0);
        assert_eq!(told["p99_ms"], 198.0);
        assert_eq!(told["max_ms"], 200.0);
        assert_eq!(told["plays_beside_per_second"], 5.0);
        assert_eq!(told["is_under_bar"], true);
    }
}
