//! What many listeners need: memory and disk of what they did, processor time of their answers.

use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, ensure};
use leitmotif_demo::tour::TourProgress;
use leitmotif_domain::limits;
use serde::Serialize;
use serde_json::{Value, json};

use super::measure::{folder_bytes, process_mb, send_tracks};
use crate::client::Client;
use crate::commands::model::wait;
use crate::commands::{list_of, text_of};
use crate::platform::Platform;
use crate::progress::Bars;
use crate::settings::Settings;

/// Tracks that are played.
const TRACKS: usize = 10_000;
/// Plays that are written, divided among as many listeners as that makes.
const PLAYS: usize = 300_000;
/// Fewest listeners, whatever each plays.
const LISTENERS_MIN: usize = 300;
/// One part in so many of the listeners comes before memory is looked at, so that what every server holds is
/// there.
const FIRST_PART: usize = 3;
/// Listeners of one taste, who play the same part of the catalogue.
const TASTES: usize = 40;
/// Answers that are timed.
const ANSWERS: usize = 400;
/// Share of a node's memory that may be filled.
const FILLED: f64 = 0.75;
const SECONDS_A_DAY: f64 = 86_400.0;

#[derive(Debug, Clone, clap::Args)]
pub struct ListenerArgs {
    /// Plans for so many listeners instead, such as 10000000 or 10M.
    #[arg(long, value_parser = super::count)]
    users: Option<u64>,
    /// Plays that each listener has.
    #[arg(long, default_value_t = 200, requires = "users")]
    plays_per_user: usize,
    /// Lists that each listener asks for on a day.
    #[arg(long, default_value_t = 20.0, requires = "users")]
    answers_per_user: f64,
    /// Memory of a node in GiB.
    #[arg(long, default_value_t = 64.0, requires = "users")]
    node_gib: f64,
    /// Cores of a node.
    #[arg(long, default_value_t = 16.0, requires = "users")]
    node_cores: f64,
    /// What a node costs a month, in your currency.
    #[arg(long, requires = "users")]
    node_price: Option<f64>,
}

impl ListenerArgs {
    /// How many listeners to plan for, where that is asked.
    pub fn users(&self) -> Option<u64> {
        self.users
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (1..=100_000).contains(&self.plays_per_user),
            "--plays-per-user is from 1 to 100000"
        );
        let given = [
            ("--answers-per-user", self.answers_per_user),
            ("--node-gib", self.node_gib),
            ("--node-cores", self.node_cores),
            ("--node-price", self.node_price.unwrap_or(1.0)),
        ];
        for (name, value) in given {
            ensure!(
                value > 0.0 && value.is_finite(),
                "{name} is a number above 0"
            );
        }
        Ok(())
    }
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
struct Measured {
    /// Listeners with their plays.
    listeners: usize,
    plays_per_user: usize,
    /// What a listener adds to the server's memory, in bytes.
    memory_bytes_a_user: f64,
    /// What a play adds on disk, in bytes.
    disk_bytes_a_play: f64,
    /// Seconds that a batch of plays takes to be durable, by play.
    write_s_a_play: f64,
    /// Seconds of a training over these plays.
    training_s: f64,
    /// How personal the timed answers were.
    rung: String,
    /// Seconds of a core that an answer of 20 tracks takes.
    answer_s: f64,
}

/// What carries the listeners.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct ListenerPlan {
    memory_gib: f64,
    disk_gb: f64,
    answers_per_second: f64,
    answers_per_second_peak: f64,
    cores_peak: f64,
    /// Nodes that the memory needs, and that the cores do; the more of them is needed.
    nodes_by_memory: u64,
    nodes_by_cores: u64,
    nodes: u64,
    cost_a_month: Option<f64>,
}

/// Measures and plans.
pub async fn run(
    args: &ListenerArgs,
    (peak, busy): (f64, f64),
    bars: &Bars,
) -> anyhow::Result<Value> {
    args.check()?;
    let users = args.users.context("no listeners to plan for")?;
    let measured = measure(args.plays_per_user, bars).await?;
    let plan = plan(args, users, (peak, busy), &measured);
    Ok(json!({
        "users": users,
        "answers_per_user": args.answers_per_user,
        "node": {"gib": args.node_gib, "cores": args.node_cores, "price": args.node_price},
        "peak": peak,
        "busy": busy,
        "measured": measured,
        "extrapolated": plan,
    }))
}

fn plan(
    args: &ListenerArgs,
    users: u64,
    (peak, busy): (f64, f64),
    measured: &Measured,
) -> ListenerPlan {
    let users = users as f64;
    let memory_gib = users * measured.memory_bytes_a_user / f64::from(1 << 30);
    let plays = users * args.plays_per_user as f64;
    let answers_per_second = users * args.answers_per_user / SECONDS_A_DAY;
    let answers_per_second_peak = answers_per_second * peak;
    let cores_peak = answers_per_second_peak * measured.answer_s / busy;
    let nodes = |needed: f64, has: f64| ((needed / has).ceil() as u64).max(1);
    let nodes_by_memory = nodes(memory_gib, args.node_gib * FILLED);
    let nodes_by_cores = nodes(cores_peak, args.node_cores);
    let nodes = nodes_by_memory.max(nodes_by_cores);
    ListenerPlan {
        memory_gib,
        disk_gb: plays * measured.disk_bytes_a_play / 1e9,
        answers_per_second,
        answers_per_second_peak,
        cores_peak,
        nodes_by_memory,
        nodes_by_cores,
        nodes,
        cost_a_month: args.node_price.map(|price| price * nodes as f64),
    }
}

/// Fills a platform with listeners, trains it and times answers.
async fn measure(plays_per_user: usize, bars: &Bars) -> anyhow::Result<Measured> {
    let scratch = tempfile::tempdir().context("cannot make a folder to measure in")?;
    let data = scratch.path().join("data");
    let settings = Settings {
        data: data.clone(),
        workers: 1,
        ..Settings::default()
    };
    let listeners = (PLAYS / plays_per_user).max(LISTENERS_MIN);
    let first = listeners / FIRST_PART;
    let platform = Platform::start(&settings, "capacity", "leitmotif capacity").await?;
    let client = Client::in_process(&platform);
    send_tracks(&client, 0..TRACKS, bars).await?;
    let tracks = track_ids(&client).await?;
    send_plays(&client, &tracks, 0..first, plays_per_user, bars).await?;
    // What a request needs of catalogue and listeners is read when one asks.
    client.post("/api/v1/recommendations", &json!({})).await?;
    let (before_mb, before_bytes) = (process_mb("self", "VmRSS:")?, folder_bytes(&data)?);
    let begun = Instant::now();
    send_plays(&client, &tracks, first..listeners, plays_per_user, bars).await?;
    let write_s = begun.elapsed().as_secs_f64();
    client.post("/api/v1/recommendations", &json!({})).await?;
    let grown_mb = (process_mb("self", "VmRSS:")? - before_mb).max(0.0);
    let measured = listeners - first;
    let plays = (measured * plays_per_user) as f64;
    let disk_bytes = folder_bytes(&data)? - before_bytes;
    let step = "train";
    bars.begin(step, 1);
    let begun = Instant::now();
    let queued = client.post("/api/v1/training-runs", &json!({})).await?;
    wait(&client, text_of(&queued, "job")).await?;
    let training_s = begun.elapsed().as_secs_f64();
    bars.advance(step, 1);
    bars.end(step);
    let (answer_s, rung) = time_answers(&client, listeners, bars).await?;
    drop(client);
    platform.stop().await?;
    Ok(Measured {
        listeners: measured,
        plays_per_user,
        memory_bytes_a_user: grown_mb * f64::from(1 << 20) / measured as f64,
        disk_bytes_a_play: disk_bytes.max(0.0) / plays,
        write_s_a_play: write_s / plays,
        training_s,
        rung,
        answer_s,
    })
}

async fn track_ids(client: &Client) -> anyhow::Result<Vec<String>> {
    let (mut ids, mut cursor) = (Vec::with_capacity(TRACKS), String::new());
    loop {
        let page = client
            .get(&format!("/api/v1/tracks?limit=200{cursor}"))
            .await?;
        ids.extend(
            list_of(&page, "tracks")
                .iter()
                .map(|track| text_of(track, "id").to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(ids),
        }
    }
}

/// Sends plays of listeners who each play their own part of the catalogue, every fifth one skipped.
async fn send_plays(
    client: &Client,
    tracks: &[String],
    listeners: Range<usize>,
    plays_per_user: usize,
    bars: &Bars,
) -> anyhow::Result<()> {
    let step = format!("write plays of {} listeners", listeners.len());
    let total = listeners.len() * plays_per_user;
    bars.begin(&step, total as u64);
    let part = tracks.len() / TASTES;
    let play = |number: usize| {
        let (round, at) = (number / listeners.len(), number % listeners.len());
        let listener = listeners.start + at;
        // Odd strides reach every track of a part and differ between listeners.
        let place = (listener * 7 + round * (2 * (listener % 50) + 1)) % part;
        let track = &tracks[listener % TASTES * part + place];
        let is_skip = (round + listener) % 5 == 4;
        json!({"kind": "listen", "occurred_at": 1_700_000_000_000_i64 + number as i64 * 1_000,
            "listener": format!("listener {listener}"), "track": track,
            "outcome": if is_skip { "skipped" } else { "completed" },
            "played_ms": if is_skip { 9_000 } else { 180_000 }, "track_ms": 180_000})
    };
    for first in (0..total).step_by(limits::EVENTS_PER_BATCH_MAX) {
        let last = (first + limits::EVENTS_PER_BATCH_MAX).min(total);
        let events: Vec<Value> = (first..last).map(play).collect();
        client
            .post("/api/v1/events", &json!({ "events": events }))
            .await?;
        bars.advance(&step, last as u64);
    }
    bars.end(&step);
    Ok(())
}

/// Seconds of an answer, one after the other, and the rung of the last.
async fn time_answers(
    client: &Client,
    listeners: usize,
    bars: &Bars,
) -> anyhow::Result<(f64, String)> {
    let step = "answer";
    bars.begin(step, ANSWERS as u64);
    let mut rung = String::new();
    // The first reads the model.
    client
        .post(
            "/api/v1/recommendations",
            &json!({"listener": "listener 0"}),
        )
        .await?;
    let begun = Instant::now();
    for number in 0..ANSWERS {
        let asked = json!({"listener": format!("listener {}", number * 31 % listeners)});
        let answer = client.post("/api/v1/recommendations", &asked).await?;
        text_of(&answer, "rung").clone_into(&mut rung);
        bars.advance(step, number as u64 + 1);
    }
    bars.end(step);
    Ok((begun.elapsed().as_secs_f64() / ANSWERS as f64, rung))
}

/// Prints what was measured and what follows.
pub fn print_text(document: &Value) {
    let (measured, plan) = (&document["measured"], &document["extrapolated"]);
    let number = |of: &Value, name: &str| of[name].as_f64().unwrap_or(0.0);
    println!(
        "measured here, {} listeners with {} plays each",
        measured["listeners"], measured["plays_per_user"]
    );
    println!(
        "  memory      {:.0} B a listener; disk {:.0} B a play; {:.1} µs to write one",
        number(measured, "memory_bytes_a_user"),
        number(measured, "disk_bytes_a_play"),
        number(measured, "write_s_a_play") * 1e6
    );
    println!(
        "  answers     {:.2} ms of a core, {}; a training took {:.1} s",
        number(measured, "answer_s") * 1e3,
        text_of(measured, "rung"),
        number(measured, "training_s")
    );
    println!("\nextrapolated, for {} listeners", document["users"]);
    println!(
        "  memory      {:.1} GiB of what they did; disk {:.1} GB",
        number(plan, "memory_gib"),
        number(plan, "disk_gb")
    );
    println!(
        "  answers     {:.0} a second on average, {:.0} in the busiest hour, {:.1} cores",
        number(plan, "answers_per_second"),
        number(plan, "answers_per_second_peak"),
        number(plan, "cores_peak")
    );
    println!(
        "  nodes       {}: {} by memory, {} by cores",
        plan["nodes"], plan["nodes_by_memory"], plan["nodes_by_cores"]
    );
    if let Some(cost) = plan["cost_a_month"].as_f64() {
        println!("  cost        {cost:.2} a month");
    } else {
        println!("  cost        say what a node costs a month: --node-price PRICE");
    }
    println!();
    println!(
        "Extrapolated means: what a listener, a play and an answer cost here is taken to stay. One process holds a"
    );
    println!(
        "tenant whole, so several nodes mean tenants divided among them. Not in it: the catalogue, the model, vectors."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_million_listeners_by_hand() {
        let args = ListenerArgs {
            users: Some(10_000_000),
            plays_per_user: 100,
            answers_per_user: 8.64,
            node_gib: 64.0,
            node_cores: 4.0,
            node_price: Some(50.0),
        };
        let measured = Measured {
            listeners: 1,
            plays_per_user: 100,
            memory_bytes_a_user: f64::from(1 << 14),
            disk_bytes_a_play: 200.0,
            write_s_a_play: 0.0,
            training_s: 0.0,
            rung: String::new(),
            answer_s: 0.001,
        };
        let found = plan(&args, 10_000_000, (3.0, 0.5), &measured);
        // 10^7 × 2^14 B are 152.6 GiB, of which a node takes 48; 1,000 answers a second, 3,000 at the peak, are
        // 3 cores that may be half busy.
        assert!((found.memory_gib - 152.587).abs() < 1e-2);
        assert_eq!((found.nodes_by_memory, found.nodes_by_cores), (4, 2));
        assert_eq!((found.disk_gb, found.cost_a_month), (200.0, Some(200.0)));
        assert!((found.answers_per_second_peak - 3_000.0).abs() < 1e-6);
    }
}
