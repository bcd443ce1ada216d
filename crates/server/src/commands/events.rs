//! `leitmotif events`: the log as it is, and what is built from it.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::query::escape;
use super::{list_of, print, text_of};
use crate::client::Client;
use crate::output;

/// Seconds a follower waits for the next event before it asks again.
const WAIT_S: u64 = 25;
/// Events read at once while following.
const EVENTS_PER_CALL: usize = 200;

#[derive(Subcommand)]
pub enum EventsCommand {
    /// Shows the newest events, and those that come when told to follow.
    Tail(TailArgs),
    /// Shows how far each consumer of the log is.
    Lag,
    /// Builds a projection from the first event and compares its bytes with the one that lives.
    /// Ends with a failure when they differ.
    Replay {
        /// What is built.
        #[arg(long, value_enum, default_value = "listening")]
        projection: Projection,
    },
    /// Drops a projection's stored state and builds it anew.
    Rebuild {
        /// What is built.
        #[arg(long, value_enum, default_value = "listening")]
        projection: Projection,
    },
}

#[derive(clap::Args)]
pub struct TailArgs {
    /// Waits for what comes, until it is stopped.
    #[arg(long, short)]
    follow: bool,
    /// Only events of a kind, for example `listen`.
    #[arg(long)]
    kind: Option<String>,
    /// Only events of a listener: id or name.
    #[arg(long)]
    listener: Option<String>,
    /// Events shown at first, at most 200.
    #[arg(long, short = 'n', default_value_t = 20)]
    count: usize,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Projection {
    /// What listeners did and what happened to tracks.
    Listening,
    /// What scrobbles became, and which of them wait for their track.
    Scrobbles,
    /// What feature views define.
    Features,
}

impl Projection {
    fn input(self) -> Value {
        let name = match self {
            Self::Listening => "listening",
            Self::Scrobbles => "scrobbles",
            Self::Features => "features",
        };
        json!({ "projection": name })
    }
}

/// Does what the subcommand says.
pub async fn run(
    command: EventsCommand,
    client: &Client,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        EventsCommand::Tail(args) => tail(args, client, as_json).await?,
        EventsCommand::Lag => {
            let answer = client.get("/api/v1/events/consumers").await?;
            print(&answer, as_json, print_lag);
        }
        EventsCommand::Replay { projection } => {
            let asked = projection.input();
            let answer = client.post("/api/v1/events/replay", &asked).await?;
            print(&answer, as_json, print_replay);
            if answer["is_equal"] != true {
                return Ok(ExitCode::FAILURE);
            }
        }
        EventsCommand::Rebuild { projection } => {
            let asked = projection.input();
            let answer = client.post("/api/v1/events/rebuild", &asked).await?;
            print(&answer, as_json, |answer| {
                let (name, hash) = (text_of(answer, "projection"), text_of(answer, "sha256"));
                let (through, bytes) = (&answer["through_offset"], &answer["state_bytes"]);
                let seconds = answer["elapsed_ms"].as_f64().unwrap_or(0.0) / 1_000.0;
                println!("{name} rebuilt from {through} events in {seconds:.2} s");
                println!("sha256 {hash}, {bytes} bytes");
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn tail(args: TailArgs, client: &Client, as_json: bool) -> anyhow::Result<()> {
    let mut filter = String::new();
    for (name, value) in [("kind", &args.kind), ("listener", &args.listener)] {
        if let Some(value) = value {
            filter.push_str(&format!("&{name}={}", escape(value)));
        }
    }
    let path = format!("/api/v1/events?order=newest&limit={}{filter}", args.count);
    let newest = newest_events(client, &path, &filter, args.count).await?;
    let head = newest.head;
    let show = |event: &Value| print(event, as_json, print_event);
    newest.events.iter().rev().for_each(show);
    if !args.follow {
        return Ok(());
    }
    let start = format!("/api/v1/events?after_offset={head}");
    let mut place = start;
    while !output::is_closed() {
        let path = format!("{place}&limit={EVENTS_PER_CALL}&wait_s={WAIT_S}{filter}");
        let answer = client.get(&path).await?;
        list_of(&answer, "events").iter().for_each(show);
        place = format!("/api/v1/events?cursor={}", text_of(&answer, "next_cursor"));
    }
    Ok(())
}

struct Newest {
    events: Vec<Value>,
    head: u64,
}

/// Reads backwards until enough was found: a page may be empty though more lies behind it.
async fn newest_events(
    client: &Client,
    path: &str,
    filter: &str,
    count: usize,
) -> anyhow::Result<Newest> {
    let mut answer = client.get(path).await?;
    let head = answer["head_offset"].as_u64().unwrap_or(0);
    let mut events = list_of(&answer, "events").to_vec();
    while events.len() < count && answer["has_more"] == true {
        let cursor = text_of(&answer, "next_cursor");
        let left = count - events.len();
        let path = format!("/api/v1/events?order=newest&limit={left}&cursor={cursor}{filter}");
        answer = client.get(&path).await?;
        events.extend_from_slice(list_of(&answer, "events"));
    }
    Ok(Newest { events, head })
}

fn print_event(event: &Value) {
    println!(
        "{:>9}  {}  {:18} {:22}  {}",
        event["offset"].to_string(),
        text_of(event, "occurred_at"),
        text_of(event, "kind"),
        text_of(event, "listener"),
        event["payload"],
    );
}

fn print_lag(answer: &Value) {
    println!("the log has {} events", answer["head_offset"]);
    for consumer in list_of(answer, "consumers") {
        let seconds = consumer["behind_ms"].as_f64().unwrap_or(0.0) / 1_000.0;
        println!(
            "{:30} at {:>9}  {:>9} events and {seconds:.1} s behind, state {} bytes",
            text_of(consumer, "consumer"),
            consumer["offset"].to_string(),
            consumer["behind_events"].to_string(),
            consumer["state_bytes"],
        );
    }
}

fn print_replay(answer: &Value) {
    let is_equal = answer["is_equal"] == true;
    let verdict = if is_equal { "equal" } else { "DIFFERENT" };
    let name = text_of(answer, "projection");
    println!(
        "{name} through event {}: {verdict}",
        answer["through_offset"]
    );
    println!("live     {}", text_of(answer, "live_sha256"));
    println!("replayed {}", text_of(answer, "replayed_sha256"));
    println!(
        "{} bytes in {:.2} s, {:.0} events/s",
        answer["state_bytes"],
        answer["elapsed_ms"].as_f64().unwrap_or(0.0) / 1_000.0,
        answer["events_per_second"].as_f64().unwrap_or(0.0),
    );
}
